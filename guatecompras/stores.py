"""Where a publication is kept: one small interface, and the local folder behind it.

`publication/` is public: versions of months, which appear whole, and `index.json`, the only file that ever changes. `work/`
is private: what a run has made so far, by month and version. What is written there is `publication.py`'s business.
"""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import orjson

from guatecompras.errors import GuatecomprasError, StoreError
from guatecompras.formats.atomic import is_orphan, replacing, sweep
from guatecompras.publication import EMPTY_INDEX, MANIFEST, SCHEMA

Json = dict[str, Any]

# Work of runs that ended long ago and are not what is published any more.
_STALE_AFTER = 24 * 3600.0


class Store(Protocol):
    """A publication's home. All errors are StoreError, one line."""

    uri: str

    def work(self, month: str) -> Path:
        """The folder on this machine for a month's work in progress."""
        ...

    def put_version(self, month: str, version: str, files: Mapping[str, Path]) -> None:
        """Put a version's files (relative name -> file) in place, all or none; one that is there already stays."""
        ...

    def version_folder(self, month: str, version: str) -> Path:
        """A version's files on this machine, to be read."""
        ...

    def index(self) -> Json:
        """The index as it is now."""
        ...

    def update_index(self, change: Callable[[Json], Json]) -> Json:
        """Replace the index by `change` of it, atomically and one writer at a time; returns the new one."""
        ...

    def tidy(self, month: str, keep: str) -> None:
        """Remove what dead runs left of a month; `keep` is the version whose work stays."""
        ...


def open_store(uri: str) -> Store:
    """A store by its URI: a folder, as a path or `file://…`. Raises StoreError for anything else."""
    if uri.startswith("file://"):
        return LocalStore(Path(uri.removeprefix("file://")))
    if "://" in uri:
        raise StoreError(f"'{uri}' is not a store that can be used: give a folder")
    return LocalStore(Path(uri))


class LocalStore:
    """A publication in a folder of this machine. Versions appear by renaming a folder, the index by renaming a file."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self.uri = str(root)
        self._public = self.root / "publication"

    def work(self, month: str) -> Path:
        return self._made(self.root / "work" / month)

    def put_version(self, month: str, version: str, files: Mapping[str, Path]) -> None:
        months = self._made(self._public / "months" / month)
        target = months / version
        if (target / MANIFEST).is_file():
            return
        staging = months / f".{version}.part-{os.uname().nodename}-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            with self._acting(f"write {target}"):
                for name, path in files.items():
                    self._link(path, staging / name)
                _sync_tree(staging)
                self._appear(staging, target)
                _sync(months)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _link(self, path: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Work files are replaced, never changed, so one set of bytes can serve both.
            os.link(path, target)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                raise
            shutil.copyfile(path, target)

    def _appear(self, staging: Path, target: Path) -> None:
        try:
            staging.rename(target)
        except OSError as error:
            # Another run of this month was first: the same version has the same bytes.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not (target / MANIFEST).is_file():
                raise

    def version_folder(self, month: str, version: str) -> Path:
        return self._public / "months" / month / version

    @property
    def _index(self) -> Path:
        return self._public / "index.json"

    def index(self) -> Json:
        try:
            found = orjson.loads(self._index.read_bytes())
        except FileNotFoundError:
            return EMPTY_INDEX
        except (OSError, orjson.JSONDecodeError) as error:
            raise StoreError(f"cannot read {self._index}: {str(error).partition(chr(10))[0]}") from error
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise StoreError(f"{self._index} is not an index of schema {SCHEMA}")
        return found

    def update_index(self, change: Callable[[Json], Json]) -> Json:
        self._made(self._public)
        with self._acting(f"write {self._index}"), self._locked(self.root / ".index.lock"):
            sweep(self._public)
            before = self.index()
            after = change(before)
            if after != before or not self._index.exists():
                with replacing(self._index) as part:
                    part.write_bytes(orjson.dumps(after, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            return after

    def tidy(self, month: str, keep: str) -> None:
        with self._acting(f"tidy {self.root}"):
            months = self._public / "months" / month
            for folder in (months, self.root / "work" / month):
                for left in folder.glob(".*.part-*") if folder.is_dir() else ():
                    if is_orphan(left):
                        shutil.rmtree(left, ignore_errors=True)
            listed = _versions(self.index()["months"].get(month, {})) | {keep}
            for folder, wanted in ((months, listed), (self.work(month), {keep})):
                for old in folder.iterdir() if folder.is_dir() else ():
                    if old.is_dir() and old.name not in wanted and time.time() - old.stat().st_mtime > _STALE_AFTER:
                        shutil.rmtree(old, ignore_errors=True)

    def _made(self, folder: Path) -> Path:
        with self._acting(f"create {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        with open(path, "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # released with the file, also when the process dies
            yield

    @contextmanager
    def _acting(self, act: str) -> Iterator[None]:
        try:
            yield
        except GuatecomprasError:
            raise
        except OSError as error:
            raise StoreError(f"cannot {act}: {error.strerror or error}") from error


def _versions(entry: Json) -> set[str]:
    return {version["version"] for version in [entry, *entry.get("versions", [])] if version}


def _sync_tree(folder: Path) -> None:
    for parent, _, _ in os.walk(folder):
        _sync(Path(parent))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
