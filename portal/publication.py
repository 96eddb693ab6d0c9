"""What is public now, as the portal's modules ask for it: the index, manifests, reports and files of a publication.

How a store is read is `guatecompras/stores/reading.py`'s business; what is searched in the files, `library/`'s.
"""

import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from guatecompras.errors import GuatecomprasError, StoreError
from guatecompras.formats.atomic import part_of, sweep
from guatecompras.publication import empty_index, index_text, read_index, staying, versions_of
from guatecompras.stores.reading import Reader, Stat, checked, open_reader
from guatecompras.stores.workplace import locked, made
from portal.held import Held

Json = dict[str, Any]

INDEX, CATALOG = "index.json", "catalog.jsonld"
# Made anew as the publication goes on; every other file never changes.
CHANGING = frozenset({INDEX, CATALOG})

# Between two looks at the index, and how long the request that looks waits for it; the others go on with what they have.
_EVERY, _PATIENCE = 1.0, 0.25
# Parsed manifests and reports, and small files: the largest manifest takes about 1 MB.
_HELD_DOCUMENTS, _HELD_BYTES, _LARGEST_HELD = 128, 32 << 20, 1 << 20
# A copy that is public no more may just have been asked for.
_UNUSED_SECONDS = 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class File:
    """A public file that never changes. `path`: relative to `publication/`; `published`: when its version became public."""

    path: str
    format: str
    bytes: int
    sha256: str
    rows: int
    published: datetime

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class Publication:
    """The publication in a store, one object a process. Threads may share it.

    `cache`: folder of this machine for copies of what a bucket holds; processes share it.
    """

    def __init__(self, store: str, cache: Path, every: float = _EVERY) -> None:
        self.reader: Reader = open_reader(store)
        # Reports of the same version may differ between stores.
        self.cache = cache / hashlib.sha256(store.encode()).hexdigest()[:12]
        self.documents: Held[Json] = Held(_HELD_DOCUMENTS)
        self.lists: Held[dict[str, File]] = Held(_HELD_DOCUMENTS)
        self.contents: Held[bytes] = Held(_HELD_BYTES, len)
        self._every = every
        self._edition: Edition | None = None
        self._seen: Stat | None = None
        self._looked = -float("inf")
        self._turn = threading.Lock()

    def now(self) -> "Edition":
        """All that is public. It is at most a second or so old, unless the store does not answer: then it is what was public
        when it last did. Raises StoreError where it has not answered yet."""
        if self._edition is None:
            self._first()
        elif time.monotonic() - self._looked > self._every and self._turn.acquire(blocking=False):
            # In a thread of its own: a store that hangs must not hold up who happened to look.
            look = threading.Thread(target=self._look, name="index", daemon=True)
            look.start()
            look.join(_PATIENCE)
        assert self._edition is not None
        return self._edition

    def _first(self) -> None:
        with self._turn:
            if self._edition is None:
                self._refresh()

    def _look(self) -> None:
        try:
            self._refresh()
        except GuatecomprasError as error:
            _log.warning("the index cannot be read; what was public before stays: %s", error)
        finally:
            self._looked = time.monotonic()
            self._turn.release()

    def _refresh(self) -> None:
        found = self.reader.stat(INDEX)
        if found is None:
            if self._edition is None:  # nothing has been published yet
                self._edition = Edition(self, index_text(empty_index()), datetime.now(UTC).replace(microsecond=0))
            elif self._seen is not None:
                raise StoreError(f"{INDEX} has gone from {self.reader.uri}")
        elif found != self._seen:
            self._edition = Edition(self, self.reader.read(INDEX), found.modified)
            self._seen = found
            self._drop_copies(self._edition)
        self._looked = time.monotonic()

    @property
    def last(self) -> "Edition | None":
        """What was public when somebody last looked: nothing is waited for."""
        return self._edition

    def fetched(self, file: File) -> Path:
        """A public file on this machine's disk; from a bucket it is copied, once.

        Raises StoreError when it is not what is listed.
        """
        here = self.reader.here(file.path)
        if here is not None:
            if not _is_whole(here, file):
                raise StoreError(f"{file.path} is not what the index lists")
            return here
        copy = self.cache / "publication" / checked(file.path)
        if not _is_whole(copy, file):
            # The processes of a machine start together, and one of them fetches for all.
            name = hashlib.sha256(file.path.encode()).hexdigest()[:24]
            with locked(made(self.cache / "locks") / name):
                if not _is_whole(copy, file):
                    self._copy(file, copy)
        with suppress(FileNotFoundError):
            os.utime(copy)
        return copy

    def _copy(self, file: File, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part, seal = part_of(path), hashlib.sha256()
        try:
            with open(part, "wb") as copy:
                for piece in self.reader.stream(file.path, 0, file.bytes):
                    seal.update(piece)
                    copy.write(piece)
            if seal.hexdigest() != file.sha256:
                raise StoreError(f"{file.path} is not what the index lists")
            part.replace(path)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
        finally:
            part.unlink(missing_ok=True)

    def _drop_copies(self, edition: "Edition") -> None:
        """Remove copies of what is current no more and has not been asked for lately. Who has one open reads on."""
        root, now = self.cache / "publication", time.time()
        for folder, _, names in os.walk(root, topdown=False):
            sweep(Path(folder))
            for copy in (Path(folder) / name for name in names):
                with suppress(OSError):
                    listed = edition.is_current(copy.relative_to(root).as_posix())
                    if not listed and now - copy.stat().st_mtime > _UNUSED_SECONDS:
                        copy.unlink()
            with suppress(OSError):  # not empty
                Path(folder).rmdir()


class Edition:
    """All that is public at one moment. It never changes; files of versions that are withdrawn later may go."""

    def __init__(self, publication: Publication, text: bytes, modified: datetime) -> None:
        """Raises StoreError when the index is damaged."""
        try:
            self.index: Json = read_index(text)
        except ValueError as error:
            raise StoreError(f"{INDEX} is not an index: {str(error).partition(chr(10))[0]}") from error
        self.text = text
        self.etag = hashlib.sha256(text).hexdigest()[:32]
        self.modified = modified
        self.months: tuple[str, ...] = tuple(sorted(self.index["months"], reverse=True))
        self._publication = publication
        entries = [*self.index["months"].values(), *self.index["collections"].values()]
        self._current = {file.path: file for entry in entries for file in _files(entry)}
        self._versions = dict(self._every_version())

    def _every_version(self) -> Iterator[tuple[str, Json]]:
        """Folders of versions and their entries in the index, the current ones among them."""
        for month in self.index["months"]:
            for entry in versions_of(self.index, month):
                yield f"months/{month}/{entry['version']}", entry
        for name, current in self.index["collections"].items():
            for entry in (current, *current.get("versions", ())):
                yield f"{name}/{entry['version']}", entry

    def month(self, month: str) -> Json:
        """A month's entry in the index; KeyError where it has none."""
        found: Json = self.index["months"][month]
        return found

    def manifest(self, month: str, version: str | None = None) -> Json:
        """The manifest of a version of a month (None: of the current one); KeyError where the index knows none."""
        return self._manifest(f"months/{month}/{version or self.month(month)['version']}")

    def _manifest(self, folder: str) -> Json:
        entry = self._versions[folder]
        return self._document(entry["manifest"]["path"])

    def quality(self, month: str) -> Json:
        """The report on the current version of a month; KeyError where there is none, as in versions from before there were any."""
        return self._document(self.named(month, "quality.json").path)

    def has_quality(self, month: str) -> bool:
        return f"months/{month}/{self.month(month)['version']}/quality.json" in self._current

    def _document(self, path: str) -> Json:
        return self._publication.documents.get(path, lambda: _parsed(path, self._publication.reader.read(path)))

    def named(self, month: str, name: str) -> File:
        """A file of a month's current version; KeyError where it has none of that name."""
        return self._current[f"months/{month}/{self.month(month)['version']}/{name}"]

    def is_current(self, path: str) -> bool:
        return path in self._current

    def settled(self, path: str) -> str | None:
        """The path with the version that is current now for the word `current`; None where that names nothing."""
        before, word, rest = path.partition("/current/")
        kind, _, month = before.partition("/")
        entry = self.index["months" if kind == "months" else "collections"].get(month if kind == "months" else before)
        return f"{before}/{entry['version']}/{rest}" if word and entry else None

    def file(self, path: str) -> File:
        """A public file of any version by its path; KeyError where there is none. Of what is not current the manifest is read."""
        found = self._current.get(path)
        return found or self._listed(path)[path]

    def _listed(self, path: str) -> dict[str, File]:
        folder = self.folder_of(path)
        if folder is None:
            raise KeyError(path)
        return self._publication.lists.get(folder, lambda: self._files_of(folder))

    def folder_of(self, path: str) -> str | None:
        """The folder of the version that a path is in; None where the index knows none."""
        parts = path.split("/")
        return next((folder for n in (2, 3) if (folder := "/".join(parts[:n])) in self._versions), None)

    def _files_of(self, folder: str) -> dict[str, File]:
        entry = self._versions[folder]
        own = entry["manifest"] | {"format": "manifest", "rows": 1}
        listed = [file | {"path": f"{folder}/{file['path']}"} for file in self._manifest(folder)["files"]]
        return {file.path: file for file in _files(entry | {"files": [*listed, own]})}

    def is_withdrawn(self, path: str) -> bool:
        """Whether the index says that a file of an earlier version, which its manifest lists, is kept no more."""
        folder = self.folder_of(path)
        if folder is None or self._versions[folder].get("kept", True):
            return False
        return path.removeprefix(f"{folder}/") not in staying(self._versions[folder])

    def read(self, path: str) -> bytes:
        """A small public file. Raises KeyError when it is not public, StoreError when it cannot be read."""
        if path == INDEX:
            return self.text
        if path == CATALOG:
            return self._publication.reader.read(path)
        file = self.file(path)
        if file.bytes > _LARGEST_HELD:
            return self._publication.reader.read(path)
        return self._publication.contents.get(path, lambda: self._publication.reader.read(path))

    def stat(self, path: str) -> Stat | None:
        """What a file that changes is now."""
        if path == INDEX:
            return Stat(len(self.text), self.etag, self.modified)
        return self._publication.reader.stat(path)

    def local(self, month: str, name: str) -> Path:
        """A file of a month's current version on this machine. Raises KeyError when there is none."""
        return self._publication.fetched(self.named(month, name))

    def fetched(self, path: str) -> Path:
        """A public file of any version on this machine. Raises KeyError when it is not public."""
        return self._publication.fetched(self.file(path))

    def range(self, path: str, start: int, end: int) -> bytes:
        """A public file's bytes from `start` up to `end`, that one not included; KeyError when it is not public."""
        return self._publication.reader.between(self.file(path).path, start, end)

    def stream(self, path: str, start: int, end: int) -> Iterator[bytes]:
        """The same, piece by piece: little of it is held at a time."""
        return self._publication.reader.stream(self.file(path).path, start, end)


def _is_whole(path: Path, file: File) -> bool:
    """Whether a file is there: what is renamed into place was compared with its sha256 before."""
    try:
        return path.stat().st_size == file.bytes
    except FileNotFoundError:
        return False


def _files(entry: Json) -> Iterator[File]:
    published = datetime.fromisoformat(entry["published"])
    for file in entry.get("files", ()):
        yield File(file["path"], file["format"], file["bytes"], file["sha256"], file["rows"], published)


def _parsed(path: str, text: bytes) -> Json:
    try:
        found: Json = orjson.loads(text)
    except ValueError as error:
        raise StoreError(f"{path} is not readable: {error}") from error
    return found
