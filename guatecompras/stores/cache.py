"""Copies of published objects on this machine, as fresh as what is listed, bounded in age and size.

A copy says by its time of change which object it is: the object's own, and in the microseconds a digest of its ETag. Its time
of access is when it was last asked for.
"""

import math
import os
import time
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from guatecompras.formats.atomic import part_of, sweep, sync
from guatecompras.stores.s3 import Found
from guatecompras.stores.workplace import STALE_AFTER, acting, made

# Copies that were asked for within the last hour stay: somebody may be about to open them.
KEPT_SECONDS = 3600.0
# Copies that nobody asked for in a month go.
UNUSED_SECONDS = 30 * 86400.0
_AT_ONCE = 4


class Cache:
    """Folders of copies under `root`; `limit`: bytes that `bound` leaves."""

    def __init__(self, root: Path, limit: int) -> None:
        self.root, self.limit = root, limit
        self._incoming = root / "incoming"

    def filled(
        self,
        path: str,
        listed: Mapping[str, Found],
        wanted: Mapping[str, Found],
        fetch: Callable[[str, Found, Path], None],
    ) -> Path:
        """The folder of copies of `path`, with those that are wanted and none that is not listed as it is any more.

        `fetch(name, found, file)` brings one. Processes that fill the same folder do not disturb each other.
        """
        folder = self.root / "public" / path
        with acting(f"write {folder}"):
            for copy in _files(folder):
                name = copy.relative_to(folder).as_posix()
                if name not in listed or not _is_copy(copy, listed[name]):
                    copy.unlink(missing_ok=True)
            with ThreadPoolExecutor(_AT_ONCE, "fetch") as pool:
                list(pool.map(lambda one: self._bring(folder / one[0], one[1], fetch, one[0]), wanted.items()))
        return folder

    def _bring(self, copy: Path, found: Found, fetch: Callable[[str, Found, Path], None], name: str) -> None:
        with suppress(FileNotFoundError):
            _mark(copy, found)  # used now
            return
        # Not beside the copy: what is half there must not look like a file of the version.
        part = part_of(made(self._incoming) / copy.name)
        try:
            fetch(name, found, part)
            sync(part)
            _mark(part, found)
            while True:
                copy.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):  # `bound` has just removed the empty folder
                    part.replace(copy)
                    break
        finally:
            part.unlink(missing_ok=True)

    def bound(self) -> None:
        """Remove what nobody used for long, then the least recently used beyond the limit."""
        with acting(f"tidy {self.root}"):
            sweep(self._incoming, STALE_AFTER)
            now = time.time()
            used = sorted(_use(copy) for copy in _files(self.root / "public"))
            excess = sum(size for _, size, _ in used) - self.limit
            for last, size, copy in used:
                idle = now - last
                if idle > UNUSED_SECONDS or (excess > 0 and idle > KEPT_SECONDS):
                    copy.unlink(missing_ok=True)
                    excess -= size
            for parent, _, _ in os.walk(self.root / "public", topdown=False):
                with suppress(OSError):  # not empty
                    Path(parent).rmdir()


def _files(folder: Path) -> list[Path]:
    return [Path(parent) / name for parent, _, names in os.walk(folder) for name in names]


def _use(copy: Path) -> tuple[float, int, Path]:
    """When a copy was last asked for, and its size; nothing of one that is gone."""
    try:
        status = copy.stat()
    except FileNotFoundError:
        return math.inf, 0, copy
    return status.st_atime, status.st_size, copy


def _microseconds(found: Found) -> int:
    return int(found.modified.timestamp()) * 1_000_000 + zlib.crc32(found.etag.encode()) % 1_000_000


def _is_copy(copy: Path, found: Found) -> bool:
    try:
        status = copy.stat()
    except FileNotFoundError:
        return False
    return status.st_size == found.bytes and status.st_mtime_ns // 1000 == _microseconds(found)


def _mark(copy: Path, found: Found) -> None:
    os.utime(copy, ns=(time.time_ns(), _microseconds(found) * 1000))
