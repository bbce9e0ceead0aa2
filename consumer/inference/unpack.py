"""The files in a `.nemo` archive, onto disk.

NeMo's own unpacking needs `tarfile.data_filter`, which Python has from 3.11.4 on. This needs no
filter, because it takes only a file's bytes from the archive: no links, owners, modes or devices.
"""

import shutil
import tarfile
from pathlib import Path, PurePosixPath


class UnsafeArchiveError(ValueError):
    """An archive holds what a `.nemo` file has no use for; the message names it."""


def unpack(archive: Path, folder: Path) -> None:
    """Write the regular files of `archive` (tar, also compressed) under `folder`, which is empty.

    Raises `UnsafeArchiveError` at the first member that is neither a file nor a directory, or whose
    name is absolute or has a `..`; `tarfile.TarError`, `OSError`, `EOFError` or `zlib.error` for a
    damaged archive. What was written until then stays in `folder`.
    """
    with tarfile.open(archive) as tar:
        for member in tar:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                raise UnsafeArchiveError(f"its member {member.name!r} leads out of it")
            target = folder / name
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                raise UnsafeArchiveError(f"its member {member.name!r} is no regular file")
            target.parent.mkdir(parents=True, exist_ok=True)
            with content, target.open("xb") as file:
                shutil.copyfileobj(content, file)
