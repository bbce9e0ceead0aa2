"""Objects in S3, Google Cloud Storage and Azure Blob Storage, through obstore."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError, UnknownConfigurationKeyError
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from consumer.audio.reference import Location, Reference, forbidden
from consumer.audio.refusals import first_line, translated
from consumer.audio.source import Body, DamagedTransferError, quoted
from consumer.errors import ExitCode, FatalError, ObjectUnavailableError, Reason, TransientError

if TYPE_CHECKING:  # names that obstore has for type checkers only
    from obstore import GetOptions, GetResult

_VENDORS = ("aws_", "google_", "azure_")
_PIECE = 1 << 20
_PROBE = ".speakerstream-check"  # the key asked for by `check`; it need not exist
_LONGEST_KEY = 1024  # bytes of UTF-8 for S3 and Google, characters for Azure


class StoreSource:
    """Reads `s3://bucket/key`, `gs://bucket/key`, `az://container/key` and `abfs://...`.

    `options` are obstore's configuration keys with their vendor's prefix (`aws_endpoint`,
    `aws_region`, `google_service_account`, `azure_storage_account_name`, ...) and `allow_http`
    ("true" for an endpoint without TLS). What is not named comes from the environment, as
    AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL or AWS_WEB_IDENTITY_TOKEN_FILE.

    Raises FatalError(SETTINGS) for a key that belongs to no store.
    """

    def __init__(self, options: Mapping[str, str], *, connect_s: float, total_s: float) -> None:
        for name in options:
            if not name.startswith(_VENDORS) and name != "allow_http":
                raise FatalError(
                    ExitCode.SETTINGS,
                    f"store_options: {name!r} is not known: use allow_http or a key of obstore "
                    "that begins with aws_, google_ or azure_",
                )
        self._options = dict(options)
        self._client = {
            "connect_timeout": timedelta(seconds=connect_s),
            "timeout": timedelta(seconds=total_s),
            # Options given for the client make obstore pass over this variable.
            "allow_http": options.get("allow_http", os.environ.get("AWS_ALLOW_HTTP", "")).lower()
            == "true",
        }
        self._stores: dict[tuple[str, str], ObjectStore] = {}
        self._lock = Lock()

    @contextmanager
    def open(self, location: Location, reference: Reference, deadline: float) -> Iterator[Body]:
        """Open an object; see `Source.open`."""
        claims: GetOptions = {}
        if reference.etag is not None:
            claims["if_match"] = quoted(reference.etag)
        if reference.version_id is not None:
            claims["version"] = reference.version_id
        key = location.key
        if len(key if location.scheme in ("az", "abfs") else key.encode()) > _LONGEST_KEY:
            raise forbidden(str(location), "its key is longer than the store's can be")
        store = self._store(location)
        try:
            result = obstore.get(store, key, options=claims)
        except (BaseError, OSError) as error:
            raise translated(error, location, reference.version_id) from None
        yield Body(result.meta["size"], _pieces(result, location))

    def check(self, location: Location, deadline: float) -> None:
        """See `Source.check`: the store answers for a key below the prefix, be it with "no"."""
        key = "/".join((*location.segments, _PROBE))
        try:
            obstore.get(self._store(location), key)
        except (BaseError, OSError) as error:
            text = str(error)
            if "NoSuchBucket" in text or "ContainerNotFound" in text:
                raise ObjectUnavailableError(
                    Reason.OBJECT_MISSING,
                    f"{location.scheme}://{location.authority} does not exist",
                ) from None
            # Without the right to list, S3 answers 403 for a key that does not exist.
            verdict = translated(error, location)
            if not isinstance(verdict, ObjectUnavailableError):
                raise verdict from None

    def close(self) -> None:
        """Give the clients up."""
        with self._lock:
            self._stores.clear()

    def _store(self, location: Location) -> ObjectStore:
        with self._lock:
            place = (location.scheme, location.authority)
            if place not in self._stores:
                try:
                    self._stores[place] = self._build(location)
                except (UnknownConfigurationKeyError, BaseError, ValueError) as error:
                    raise FatalError(
                        ExitCode.SETTINGS,
                        f"store_options do not fit {location.scheme}://{location.authority}: "
                        f"{first_line(error)}",
                    ) from None
            return self._stores[place]

    def _build(self, location: Location) -> ObjectStore:
        # The caller retries, with a backoff that it can be stopped in.
        common: dict[str, Any] = {
            "client_options": self._client,
            "retry_config": {"max_retries": 0, "retry_timeout": timedelta(0)},
        }
        match location.scheme:
            case "s3":
                return S3Store(location.authority, config=self._config("aws_"), **common)
            case "gs":
                return GCSStore(location.authority, config=self._config("google_"), **common)
        container, _, host = location.authority.partition("@")
        config = self._config("azure_")
        if host:
            config["azure_storage_account_name"] = host.partition(".")[0]
        return AzureStore(container, config=config, **common)

    def _config(self, vendor: str) -> Any:
        return {name: value for name, value in self._options.items() if name.startswith(vendor)}


def _pieces(result: "GetResult", location: Location) -> Iterator[bytes]:
    try:
        for piece in result.stream(min_chunk_size=_PIECE):
            yield bytes(piece)
    except (BaseError, OSError) as error:
        raise DamagedTransferError(
            TransientError(f"{location} broke off: {first_line(error)}")
        ) from None
