"""The folder of this machine where months are worked on: what runs have made so far, by month and version, and who is at it.

What is made there is `month.py`'s business; where it is published to, the stores'.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from guatecompras.errors import GuatecomprasError, StoreError
from guatecompras.formats.atomic import age, part_of, remove, sweep
from guatecompras.publication import is_version

# A run that pauses between two of its stages is taken for dead after this many seconds.
STALE_AFTER = 12 * 3600.0


class Workplace:
    """Work by month, each with a lock that all who are at it share; to remove work of a month one has to be alone."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def work(self, month: str) -> Path:
        return made(self.root / month)

    @contextmanager
    def working(self, month: str, version: str) -> Iterator[None]:
        folder = self.work(month) / version
        with locked(folder.parent / ".lock", fcntl.LOCK_SH):
            touch(folder)
            try:
                yield
            finally:
                # The pause until the next stage, perhaps in another process, counts from here.
                touch(folder)

    def tidy(self, month: str, keep: list[str]) -> None:
        """Remove parts of dead processes, and work that nobody has touched for STALE_AFTER seconds, but of the versions `keep`."""
        work = self.work(month)
        for parent, _, _ in os.walk(work):
            sweep(Path(parent), STALE_AFTER)
        left: list[Path] = []
        # Who works on the month now may be at any of its versions; then a later run will find the same to remove.
        with suppress(BlockingIOError), locked(work / ".lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            left = set_aside(work, keep)
        for path in left:
            remove(path)


# What both stores do on this machine's disk.


def made(folder: Path) -> Path:
    """The folder, created if need be."""
    with acting(f"create {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path, kind: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold a lock file; it is given back with this process, however that ends.

    Raises BlockingIOError when `kind` says not to wait and others hold the lock.
    """
    with ExitStack() as stack:
        with acting(f"lock {path}"):
            # Closing it gives the lock back.
            fcntl.flock(stack.enter_context(open(path, "ab")), kind)
        yield


@contextmanager
def acting(act: str) -> Iterator[None]:
    """Disk errors as StoreErrors that say what could not be done."""
    try:
        yield
    except (GuatecomprasError, BlockingIOError):
        raise
    except OSError as error:
        raise StoreError(f"cannot {act}: {error.strerror or error}") from error


def set_aside(folder: Path, keep: list[str]) -> list[Path]:
    """Rename the stale versions in `folder` to parts of this process, so that no one can find them half removed."""
    found = [path for path in folder.iterdir() if is_version(path.name)] if folder.is_dir() else []
    return [path.rename(part_of(path)) for path in found if path.name not in keep and age(path) > STALE_AFTER]


def touch(folder: Path) -> None:
    """Note that a folder is in use now, if it is there."""
    with suppress(FileNotFoundError):
        os.utime(folder)
