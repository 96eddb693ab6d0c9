"""Files that appear whole or not at all: written beside the target, flushed to the disk, then renamed over it.

What goes into them is the other modules' business; which version of a file is public is the publication's.
"""

import errno
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from guatecompras.errors import StoreError

_PART = re.compile(r"\..+\.part-(?P<host>.+)-(?P<pid>\d+)-[0-9a-f]{8}", re.DOTALL)

# What a person can mend; any other OSError is raised as it is.
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` (not yet created); on a clean exit it is synced and becomes `path`.

    After an exception `path` is as it was and the temporary file is gone. The folder must exist. Raises StoreError when
    the disk is full, read-only or not permitted, or the folder is missing.
    """
    if not path.parent.is_dir():
        raise StoreError(f"cannot write {path}: the folder does not exist")
    part = path.with_name(f".{path.name}.part-{_host()}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        yield part
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            raise StoreError(f"cannot write {path}: {os.strerror(error.errno)}") from error
        raise
    finally:
        with suppress(OSError):  # gone after the rename; and cleaning must not hide the first error
            part.unlink()


def sweep(folder: Path) -> list[Path]:
    """Remove the part files in `folder` whose process, on this host, no longer runs; returns them, sorted.

    Parts of other hosts are left alone: nothing here can tell whether their writer lives.
    """
    dead = [path for path in sorted(folder.iterdir()) if is_orphan(path)]
    for path in dead:
        path.unlink(missing_ok=True)
    return dead


def is_orphan(path: Path) -> bool:
    match = _PART.fullmatch(path.name)
    return match is not None and match["host"] == _host() and not _runs(int(match["pid"]))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's process
        return True
    return True


def _host() -> str:
    return re.sub(r"[^\w.-]", "_", socket.gethostname()) or "localhost"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
