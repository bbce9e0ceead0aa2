"""What object stores say when they hand an object out to nobody, or not to us, or not now."""

import re

from obstore.exceptions import (
    InvalidPathError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from consumer.audio.reference import Location, forbidden
from consumer.errors import (
    ObjectUnavailableError,
    PermanentError,
    Reason,
    SpeakerstreamError,
    TransientError,
)

_ANSWER = "Server returned non-2xx status code: "  # what obstore puts before a store's own words
_CODE = re.compile(r"<Code>([A-Za-z.]+)</Code>")
# Refusals of who we are, not of one object: they pass when the credentials are put right.
_OUR_CREDENTIALS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "RequestTimeTooSkewed",
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
)
# Refusals of one object with another status than 403 and 404. All others may be of the settings
# (region, endpoint) or of load, and are waited for.
_OF_THE_OBJECT = {
    **dict.fromkeys(("NoSuchKey", "NoSuchVersion", "BlobNotFound"), Reason.OBJECT_MISSING),
    "MethodNotAllowed": Reason.OBJECT_MISSING,  # S3's answer for a version that deletes
    **dict.fromkeys(
        (
            "KeyTooLongError",
            "InvalidURI",
            "InvalidUri",
            "InvalidObjectName",
            "XMinioInvalidObjectName",
            "InvalidResourceName",
            "InvalidObjectState",  # archived, as the next two
            "BlobArchived",
            "BlobBeingRehydrated",
        ),
        Reason.OBJECT_DENIED,
    ),
}
# Of all that is sent, an event chooses key, etag and version: only the last can be "an argument".
_OF_THE_VERSION = ("InvalidArgument", "InvalidVersionId", "InvalidQueryParameterValue")


def translated(
    error: Exception, location: Location, version_id: str | None = None
) -> SpeakerstreamError:
    """What an error of obstore means for the object at `location`.

    `version_id` is the one that was asked for. Stores put request details into their texts: only
    codes and first lines leave here.
    """
    code = _code(error)
    if isinstance(error, FileNotFoundError | NotFoundError):
        return ObjectUnavailableError(Reason.OBJECT_MISSING, f"{location} does not exist")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | PermissionError):
        if code in _OUR_CREDENTIALS:
            return TransientError(f"the store of {location} refuses our credentials: {code}")
        return ObjectUnavailableError(Reason.OBJECT_DENIED, f"{location} may not be read (403)")
    if isinstance(error, PreconditionError):
        return PermanentError(
            Reason.OBJECT_CHANGED, f"{location} has another etag than the event says"
        )
    if isinstance(error, InvalidPathError):
        return forbidden(str(location), "the store cannot hold such a key")
    of_the_object = _OF_THE_OBJECT.get(code)
    if of_the_object is None and version_id is not None and code in _OF_THE_VERSION:
        of_the_object = Reason.OBJECT_MISSING
    if of_the_object is not None:
        return ObjectUnavailableError(of_the_object, f"{location} cannot be had: {code}")
    return TransientError(f"{location} cannot be read: {first_line(error)}")


def _code(error: Exception) -> str:
    """The store's own name for its refusal, "" if it gives none."""
    # The key stands before the answer, and again in what comes for debugging after it.
    told = str(error).partition("\n\nDebug source:")[0]
    _, answered, answer = told.rpartition(_ANSWER)
    found = _CODE.search(answer) if answered else None
    return found[1] if found is not None else ""


def first_line(error: Exception) -> str:
    """An error in a line, without a query string."""
    return str(error).strip().partition("\n")[0].partition("?")[0][:300]
