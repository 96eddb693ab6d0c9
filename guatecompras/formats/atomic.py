"""Files that appear whole or not at all: written beside the target, flushed to the disk, then renamed over it.

What goes into them is the other modules' business; which version of a file is public is the publication's.
"""

import errno
import math
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from guatecompras.errors import StoreError

_PART = re.compile(r"\..+\.part-(?P<host>.+)-(?P<pid>\d+)-[0-9a-f]{8}", re.DOTALL)
_NUMBER = re.compile(r"\(os error (\d+)\)")

# What a person can mend; any other OSError is raised as it is.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` (not yet created); on a clean exit it is synced and becomes `path`.

    After an exception `path` is as it was and the temporary file is gone. The folder must exist. Raises StoreError when
    the disk is full, read-only or not permitted, or the folder is missing.
    """
    if not path.parent.is_dir():
        raise StoreError(f"cannot write {path}: the folder does not exist")
    part = part_of(path)
    try:
        yield part
        sync(part)
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        if reason := disk_fault(error):
            raise StoreError(f"cannot write {path}: {reason}") from error
        raise
    finally:
        with suppress(OSError):  # gone after the rename; and cleaning must not hide the first error
            part.unlink()


def disk_fault(error: OSError) -> str:
    """What is wrong with the disk, if a person can mend it, else empty. Polars gives the number in its words alone."""
    told = _NUMBER.search(str(error))
    number = error.errno or (int(told[1]) if told else 0)
    return os.strerror(number) if number in DISK_ERRORS else ""


def part_of(path: Path) -> Path:
    """A new name beside `path` for what is to become it (a file or a folder); it says whose it is, for `sweep`."""
    return path.with_name(f".{path.name}.part-{_host()}-{os.getpid()}-{secrets.token_hex(4)}")


def sweep(folder: Path, stale_after: float = math.inf) -> list[Path]:
    """Remove the parts (files, folders) in `folder` that nobody will finish; returns them, sorted. No folder, no parts.

    Those are the parts of this host whose process no longer runs, and those of other hosts, where nothing here can tell
    whether their writer lives, that were not touched for `stale_after` seconds.
    """
    dead = [path for path in _entries(folder) if _is_orphan(path, stale_after)]
    for path in dead:
        remove(path)
    return dead


def remove(path: Path) -> None:
    """Remove a file or a folder with all it holds, as far as it can be; what is gone already is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def age(path: Path) -> float:
    """Seconds since a file or folder was last touched (below 0 when the clock was set back); 0 when it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _is_orphan(path: Path, stale_after: float) -> bool:
    match = _PART.fullmatch(path.name)
    if match is None:
        return False
    return not _runs(int(match["pid"])) if match["host"] == _host() else age(path) > stale_after


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


def sync(path: Path) -> None:
    """Have what was written to a file or folder put on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
