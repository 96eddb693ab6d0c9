"""Where a publication is kept: one small interface, and the local folder behind it.

`publication/` is public: versions of months, which appear whole, and `index.json`, the only file that ever changes, with what
is made of it alone (`derive`). `work/` is private: what a run has made so far, by month and version. What is written there is
`publication.py`'s business.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import orjson

from guatecompras import signing
from guatecompras.errors import GuatecomprasError, StoreError
from guatecompras.formats.atomic import age, part_of, remove, replacing, sweep, sync
from guatecompras.publication import MANIFEST, empty_index, is_version, read_index, versions_of

Json = dict[str, Any]

# A run that pauses between two of its stages is taken for dead after this many seconds.
STALE_AFTER = 12 * 3600.0


class Store(Protocol):
    """A publication's home. All errors are StoreError, one line."""

    uri: str

    def work(self, month: str) -> Path:
        """The folder on this machine for a month's work in progress."""
        ...

    def working(self, month: str, version: str) -> AbstractContextManager[None]:
        """Hold on to a version's work: `tidy` of no process removes it meanwhile, nor for a good while after."""
        ...

    def put_version(self, month: str, version: str, files: Mapping[str, Path]) -> None:
        """Put a version's files (relative name -> file) in place, all or none; one that is there already stays."""
        ...

    def version_folder(self, month: str, version: str, names: Collection[str] | None = None) -> Path:
        """A folder on this machine where the files of a version can be read: those named, or all."""
        ...

    def retire(self, month: str, version: str, keep: Collection[str]) -> None:
        """Remove a version's files but those named; what is gone already is no error."""
        ...

    def index(self) -> Json:
        """The index as it is now."""
        ...

    def update_index(self, change: Callable[[Json], Json]) -> Json:
        """Replace the index by `change` of it, sealed, atomically and one writer at a time; returns the new one."""
        ...

    def derive(self, name: str, make: Callable[[Json], bytes]) -> None:
        """Write a public file beside the index that is made of it alone, as it is now; nothing is written where nothing changed.

        It is no part of the switch: it may be behind when a run died before it was written.
        """
        ...

    def tidy(self, month: str) -> None:
        """Remove what dead runs left of a month; other live runs of it are not disturbed."""
        ...


def open_store(uri: str) -> Store:
    """A store by its URI: a folder, as a path or `file://…`. Raises StoreError for anything else.

    Its index is signed as the environment says (`signing.py`).
    """
    path = uri.removeprefix("file://")
    if "://" in path:
        raise StoreError(f"'{uri}' is not a store that can be used: give a folder")
    return LocalStore(Path(path), signing.from_environment())


class LocalStore:
    """A publication in a folder of this machine. Versions appear by renaming a folder, the index by renaming a file.

    Two locks, both released with their holder's process, however it ends: `.index.lock`, under which the index and the
    list of version folders change, and `work/<month>/.lock`, shared by all who work on a month; to remove work of it one
    has to be alone.
    """

    def __init__(self, root: Path, seal: signing.Seal = signing.unsigned) -> None:
        self.root, self._seal = root.expanduser().absolute(), seal
        self.uri = str(root)
        self._public = self.root / "publication"

    # Work.

    def work(self, month: str) -> Path:
        return self._made(self.root / "work" / month)

    @contextmanager
    def working(self, month: str, version: str) -> Iterator[None]:
        folder = self.work(month) / version
        with self._locked(folder.parent / ".lock", fcntl.LOCK_SH):
            _touch(folder)
            try:
                yield
            finally:
                # The pause until the next stage, perhaps in another process, counts from here.
                _touch(folder)

    # Versions.

    def put_version(self, month: str, version: str, files: Mapping[str, Path]) -> None:
        months = self._made(self._public / "months" / month)
        target = months / version
        with self._locked(self._index_lock):
            if self._claimed(target):
                return
        staging = part_of(target)
        try:
            with self._acting(f"write {target}"):
                for name, path in files.items():
                    _link(path, staging / name)
                _sync_tree(staging)
                with self._locked(self._index_lock):
                    # Another run may have been first: the same version has the same content.
                    if not self._claimed(target):
                        staging.rename(target)
                        sync(months)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _claimed(self, target: Path) -> bool:
        """Whether a version is in place; if it is, `tidy` knows from now on that somebody is about to switch to it."""
        if not (target / MANIFEST).is_file():
            return False
        if target.name not in self._listed(target.parent.name):
            _touch(target)
        return True

    def version_folder(self, month: str, version: str, names: Collection[str] | None = None) -> Path:
        return self._public / "months" / month / version

    def retire(self, month: str, version: str, keep: Collection[str]) -> None:
        folder = self.version_folder(month, version)
        with self._acting(f"remove files of {folder}"):
            for parent, _, names in os.walk(folder, topdown=False):
                for path in (Path(parent, name) for name in names):
                    if path.relative_to(folder).as_posix() not in keep:
                        path.unlink(missing_ok=True)
                with suppress(OSError):  # it holds what is kept
                    Path(parent).rmdir()

    # The index.

    @property
    def _index(self) -> Path:
        return self._public / "index.json"

    @property
    def _index_lock(self) -> Path:
        return self.root / ".index.lock"

    def index(self) -> Json:
        try:
            return read_index(self._index.read_bytes())
        except FileNotFoundError:
            return empty_index()
        except OSError as error:
            raise StoreError(f"cannot read {self._index}: {error.strerror or error}") from error
        except ValueError as error:
            raise StoreError(f"{self._index} is not an index: {str(error).partition(chr(10))[0]}") from error

    def update_index(self, change: Callable[[Json], Json]) -> Json:
        self._made(self._public)
        with self._acting(f"write {self._index}"), self._locked(self._index_lock):
            sweep(self._public, STALE_AFTER)
            before = self.index()
            after = self._seal(change(before))
            if after != before or not self._index.exists():
                with replacing(self._index) as part:
                    part.write_bytes(orjson.dumps(after, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            return after

    def derive(self, name: str, make: Callable[[Json], bytes]) -> None:
        path = self._public / name
        self._made(self._public)
        # Under the lock, so that what an older index says is not written over what a newer one does.
        with self._acting(f"write {path}"), self._locked(self._index_lock):
            content = make(self.index())
            if not path.is_file() or path.read_bytes() != content:
                with replacing(path) as part:
                    part.write_bytes(content)

    def _listed(self, month: str) -> list[str]:
        """The versions of a month that the index knows, the current one first."""
        return [entry["version"] for entry in versions_of(self.index(), month)]

    # Cleaning.

    def tidy(self, month: str) -> None:
        """Three kinds of leftovers: parts of dead processes; versions in no index and work that is not the current
        version's, both once nobody has touched them for STALE_AFTER seconds."""
        months, work = self._public / "months" / month, self.work(month)
        with self._acting(f"tidy {self.root}"):
            for folder in (months, *(Path(parent) for parent, _, _ in os.walk(work))):
                sweep(folder, STALE_AFTER)
            left: list[Path] = []
            with self._locked(self._index_lock):
                listed = self._listed(month)
                left += _set_aside(months, keep=listed)
            # Who works on the month now may be at any of its versions; then a later run will find the same to remove.
            with suppress(BlockingIOError), self._locked(work / ".lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
                left += _set_aside(work, keep=listed[:1])
            for path in left:
                remove(path)

    # Acting on the disk.

    def _made(self, folder: Path) -> Path:
        with self._acting(f"create {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def _locked(self, path: Path, kind: int = fcntl.LOCK_EX) -> Iterator[None]:
        """Raises BlockingIOError when `kind` says not to wait and others hold the lock."""
        with ExitStack() as stack:
            with self._acting(f"lock {path}"):
                # Closing it gives the lock back.
                fcntl.flock(stack.enter_context(open(path, "ab")), kind)
            yield

    @contextmanager
    def _acting(self, act: str) -> Iterator[None]:
        try:
            yield
        except (GuatecomprasError, BlockingIOError):
            raise
        except OSError as error:
            raise StoreError(f"cannot {act}: {error.strerror or error}") from error


def _set_aside(folder: Path, keep: list[str]) -> list[Path]:
    """Rename the stale versions in `folder` to parts of this process, so that no one can find them half removed."""
    found = [path for path in folder.iterdir() if is_version(path.name)] if folder.is_dir() else []
    return [path.rename(part_of(path)) for path in found if path.name not in keep and age(path) > STALE_AFTER]


def _link(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Work files are replaced, never changed, so one set of bytes can serve both.
        os.link(path, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(path, target)
        sync(target)


def _touch(folder: Path) -> None:
    with suppress(FileNotFoundError):
        os.utime(folder)


def _sync_tree(folder: Path) -> None:
    for parent, _, _ in os.walk(folder):
        sync(Path(parent))
