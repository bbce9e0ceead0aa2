"""Access to a schema registry that speaks Confluent's API."""

from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from schemas.errors import RegistryUnavailableError, UnknownSchemaError

COMPATIBILITY = "FULL_TRANSITIVE"
"""The level of subjects: readers and writers of all versions understand each other."""

_TIMEOUT_S = 5
_NOT_FOUND = 404


class RegistryClient(Protocol):
    """What the codec asks of a registry."""

    def schema(self, schema_id: int) -> str:
        """The schema with this id, as JSON.

        Raises:
            UnknownSchemaError: the registry says there is none.
            RegistryUnavailableError: it gave no answer.
        """
        ...

    def id_of(self, subject: str, schema: str) -> int:
        """The id of a schema under a subject; errors as for `schema`."""
        ...


class ConfluentRegistry:
    """A registry by URL. Registers a schema that is missing only when `register` is set.

    Args:
        url: base URL; several, comma-separated, are tried in turn.
        config: further properties of confluent-kafka's SchemaRegistryClient (authentication, TLS).
        register: let `id_of` register the schema instead of only looking it up.
    """

    def __init__(
        self, url: str, config: Mapping[str, Any] | None = None, register: bool = False
    ) -> None:
        # Late: pulls in an HTTP client, which only users of a registry need.
        from confluent_kafka.schema_registry import SchemaRegistryClient

        # No retries inside: callers hold the clock and must keep polling meanwhile.
        defaults = {"timeout": _TIMEOUT_S, "max.retries": 0}
        self._url = url
        self._register = register
        self._client = SchemaRegistryClient({"url": url, **defaults, **(config or {})})

    def schema(self, schema_id: int) -> str:
        """See `RegistryClient.schema`."""
        try:
            return self._client.get_schema(schema_id).schema_str or ""
        except Exception as error:
            self._raise(error, f"schema id {schema_id} is not in the registry")

    def id_of(self, subject: str, schema: str) -> int:
        """See `RegistryClient.id_of`."""
        from confluent_kafka.schema_registry import Schema

        typed = Schema(schema, "AVRO")
        try:
            if self._register:
                return self._client.register_schema(subject, typed)
            found = self._client.lookup_schema(subject, typed).schema_id
        except Exception as error:
            self._raise(
                error,
                f"today's schema is not registered under {subject}; "
                "run `speakerstream schemas --register`",
            )
        if found is None:
            raise RegistryUnavailableError(f"{self._url} answered without an id for {subject}")
        return found

    def register(self, subject: str, schema: str) -> int:
        """Register a schema; a subject that is new gets `COMPATIBILITY`. Errors as for `id_of`."""
        from confluent_kafka.schema_registry import Schema

        try:
            known = subject in self._client.get_subjects()
            number = self._client.register_schema(subject, Schema(schema, "AVRO"))
            if not known:  # a level that somebody chose later is theirs
                self._client.set_compatibility(subject, COMPATIBILITY)
        except Exception as error:
            self._raise(error, f"{subject} cannot be registered")
        return number

    def problems(self, subject: str, schema: str) -> list[str]:
        """Why a schema does not fit a subject, one sentence each; empty when it does.

        Raises:
            RegistryUnavailableError: the registry gave no answer.
        """
        from confluent_kafka.schema_registry import Schema

        try:
            if subject not in self._client.get_subjects():
                return [f"{subject} is not registered; run `speakerstream schemas --register`"]
            level = str(self._client.get_compatibility(subject))
            fits = self._client.test_compatibility(subject, Schema(schema, "AVRO"))
        except Exception as error:
            self._raise(error, f"{subject} has no version or no compatibility level of its own")
        found = []
        if level != COMPATIBILITY:
            found.append(f"{subject} has the compatibility {level}; set it to {COMPATIBILITY}")
        if not fits:
            found.append(f"today's schema does not fit what is registered under {subject}")
        return found

    def _raise(self, error: Exception, unknown: str) -> NoReturn:
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        if isinstance(error, SchemaRegistryError) and error.http_status_code == _NOT_FOUND:
            raise UnknownSchemaError(f"{unknown} ({self._url}: {error})") from error
        # Everything else (no connection, time-out, 5xx, 401) says nothing about the event.
        raise RegistryUnavailableError(
            f"the schema registry at {self._url} gave no answer: {error}"
        ) from error
