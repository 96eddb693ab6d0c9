"""The store in a folder of this machine."""

import errno
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from guatecompras import signing
from guatecompras.errors import StoreError
from guatecompras.formats.atomic import part_of, remove, replacing, sweep, sync
from guatecompras.publication import MANIFEST, empty_index, index_text, listed_versions, read_index
from guatecompras.stores.workplace import STALE_AFTER, Workplace, acting, locked, made, set_aside, touch

Json = dict[str, Any]

# Beside the versions of a collection: a link to the one that is public.
CURRENT = "current"


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
        self.public = str(self._public)
        self._workplace = Workplace(self.root / "work")

    # Work.

    def work(self, month: str) -> Path:
        return self._workplace.work(month)

    def working(self, month: str, version: str) -> AbstractContextManager[None]:
        return self._workplace.working(month, version)

    # Versions.

    def put_version(self, month: str, version: str, files: Mapping[str, Path]) -> None:
        self.put_collection(f"months/{month}/{version}", files)

    def put_collection(self, path: str, files: Mapping[str, Path]) -> None:
        target = self._public / path
        made(target.parent)
        with locked(self._index_lock):
            if self._claimed(target):
                return
        staging = part_of(target)
        try:
            with acting(f"write {target}"):
                for name, file in files.items():
                    _link(file, staging / name)
                _sync_tree(staging)
                with locked(self._index_lock):
                    # Another run may have been first: the same version has the same content.
                    if not self._claimed(target):
                        staging.rename(target)
                        sync(target.parent)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _claimed(self, target: Path) -> bool:
        """Whether a version is in place; if it is, `tidy` knows from now on that somebody is about to switch to it."""
        if not (target / MANIFEST).is_file():
            return False
        if target.name not in self._listed(target.parent):
            touch(target)
        return True

    def version_folder(self, month: str, version: str, names: Collection[str] | None = None) -> Path:
        return self.collection_folder(f"months/{month}/{version}", names)

    def collection_folder(self, path: str, names: Collection[str] | None = None) -> Path:
        return self._public / path

    def retire(self, month: str, version: str, keep: Collection[str] = ()) -> None:
        self.retire_collection(f"months/{month}/{version}", keep)

    def retire_collection(self, path: str, keep: Collection[str] = ()) -> None:
        folder = self._public / path
        with acting(f"remove files of {folder}"):
            for parent, _, names in os.walk(folder, topdown=False):
                here = Path(parent)
                for name in names:
                    if (here / name).relative_to(folder).as_posix() not in keep:
                        remove(here / name)
                if not any(here.iterdir()):
                    here.rmdir()

    def link_current(self) -> None:
        with acting(f"write links in {self._public}"), locked(self._index_lock):
            for name, entry in self.index()["collections"].items():
                link = self._public / name / CURRENT
                if not (link.is_symlink() and str(link.readlink()) == entry["version"]):
                    part = part_of(link)
                    part.symlink_to(entry["version"])
                    part.replace(link)
                    sync(link.parent)

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
        made(self._public)
        with acting(f"write {self._index}"), locked(self._index_lock):
            sweep(self._public, STALE_AFTER)
            before = self.index()
            after = self._seal(change(before))
            if after != before or not self._index.exists():
                with replacing(self._index) as part:
                    part.write_bytes(index_text(after))
            return after

    def derive(self, name: str, make: Callable[[Json], bytes]) -> None:
        path = made(self._public) / name
        # Under the lock, so that what an older index says is not written over what a newer one does.
        with acting(f"write {path}"), locked(self._index_lock):
            content = make(self.index())
            if not path.is_file() or path.read_bytes() != content:
                with replacing(path) as part:
                    part.write_bytes(content)

    def _listed(self, folder: Path) -> list[str]:
        """The versions in a folder that the index knows, the current one first."""
        return listed_versions(self.index(), folder.relative_to(self._public).as_posix())

    # Cleaning.

    def tidy(self, month: str) -> None:
        """Three kinds of leftovers: parts of dead processes; versions in no index and work that is not the current
        version's, both once nobody has touched them for STALE_AFTER seconds."""
        self.work(month)
        with acting(f"tidy {self.root}"):
            listed = self._tidied(f"months/{month}")
            self._workplace.tidy(month, keep=listed[:1])

    def tidy_collection(self, name: str) -> None:
        with acting(f"tidy {self.root}"):
            self._tidied(name)

    def _tidied(self, path: str) -> list[str]:
        """Remove the leftovers beside the versions of a month or a collection; returns the versions, the current one first."""
        folder = self._public / path
        sweep(folder, STALE_AFTER)
        with locked(self._index_lock):
            listed = self._listed(folder)
            left = set_aside(folder, keep=listed)
        for leftover in left:
            remove(leftover)
        return listed


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


def _sync_tree(folder: Path) -> None:
    for parent, _, _ in os.walk(folder):
        sync(Path(parent))
