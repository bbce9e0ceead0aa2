"""Objects in local directories."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from consumer.audio.reference import Location, Reference, forbidden
from consumer.audio.source import Body
from consumer.errors import ObjectUnavailableError, PermanentError, Reason, TransientError

_PIECE = 1 << 20
_NEVER = (errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EMLINK)  # of this path, ever


class FileSource:
    """Reads `file://`. Below an allowed prefix no symbolic link is followed.

    The path is walked one directory at a time, each opened relative to the one before
    (`openat`): a link swapped in between check and use is refused, too. The prefix itself is the
    operator's and may be a link. A file's etag has the form obstore's LocalStore gives it; file
    systems keep no versions, so a version_id says nothing here.
    """

    @contextmanager
    def open(self, location: Location, reference: Reference, deadline: float) -> Iterator[Body]:
        """Open a regular file; see `Source.open`."""
        descriptor = _open(location)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise forbidden(str(location), "it is not a regular file")
            if reference.etag is not None and reference.etag.strip('"') != _etag(status):
                raise PermanentError(
                    Reason.OBJECT_CHANGED, f"{location} has another etag than the event says"
                )
            yield Body(status.st_size, _pieces(descriptor, location))
        finally:
            os.close(descriptor)

    def check(self, location: Location, deadline: float) -> None:
        """See `Source.check`: the prefix is a readable directory (or file)."""
        path = "/" + location.key
        if not os.access(path, os.R_OK):
            raise ObjectUnavailableError(
                Reason.OBJECT_MISSING, f"{path} does not exist or cannot be read by this user"
            )

    def close(self) -> None:
        """Nothing is kept open."""


def _pieces(descriptor: int, location: Location) -> Iterator[bytes]:
    try:
        while piece := os.read(descriptor, _PIECE):
            yield piece
    except OSError as error:  # a network file system, perhaps
        raise TransientError(f"{location} cannot be read: {error.strerror}") from None


def _etag(status: os.stat_result) -> str:
    return f"{status.st_ino:x}-{status.st_mtime_ns // 1000:x}-{status.st_size:x}"


def _open(location: Location) -> int:
    root = "/" + "/".join(location.segments[: location.prefix_length])
    below = location.segments[location.prefix_length :]
    # O_NONBLOCK: a FIFO without a writer would otherwise block this thread for ever.
    as_file = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    as_directory = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY
    try:
        if not below:  # the prefix names one file
            return os.open(root, as_file & ~os.O_NOFOLLOW)
        directory = _open_root(root, as_directory)
        for segment in below[:-1]:
            try:
                deeper = os.open(segment, as_directory | os.O_NOFOLLOW, dir_fd=directory)
            finally:
                os.close(directory)
            directory = deeper
        try:
            return os.open(below[-1], as_file, dir_fd=directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise _translated(error, location) from None


def _open_root(root: str, flags: int) -> int:
    """Without its prefix no object can be there: that is the store's outage, not an object's."""
    try:
        return os.open(root, flags)
    except FileNotFoundError:
        raise TransientError(
            f"the allowed prefix {root} is not there: mount its file system, or correct "
            "allowed_prefixes"
        ) from None


def _translated(error: OSError, location: Location) -> Exception:
    match error:
        case FileNotFoundError():
            return ObjectUnavailableError(Reason.OBJECT_MISSING, f"{location} does not exist")
        case PermissionError():
            return ObjectUnavailableError(
                Reason.OBJECT_DENIED, f"{location} cannot be read by this user"
            )
        case NotADirectoryError():  # of O_DIRECTORY | O_NOFOLLOW on a link, too
            return forbidden(str(location), "a part of its path is a file or a symbolic link")
    if error.errno in _NEVER:
        return forbidden(str(location), f"{os.strerror(error.errno or 0)} (symbolic link?)")
    return TransientError(f"{location} cannot be read: {error.strerror}")
