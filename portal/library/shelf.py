"""One month's search files, open: mapped into memory, not read. A version that has none, or others, gets its own made here."""

import logging
import shutil
import tempfile
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from guatecompras.errors import GuatecomprasError
from guatecompras.formats import archive
from guatecompras.search import build, schema

Ints = npt.NDArray[np.int32]
_DOCUMENTS = ("records", "releases")
log = logging.getLogger(__name__)


class Places(Protocol):
    """Where files of a month's current version are: an edition of the publication."""

    def local(self, month: str, name: str) -> Path: ...

    def month(self, month: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Shelf:
    """A month. `folder` has the search files; `documents` is where the month's documents are, None: as published; `ends`: where
    the last block of each ends."""

    month: str
    version: str
    folder: Path
    ends: Mapping[str, int]
    documents: Path | None = None

    @cached_property
    def concursos(self) -> pa.Table:
        return build.read(self.folder, "concursos")

    @cached_property
    def releases(self) -> pa.Table:
        return build.read(self.folder, "releases")

    @cached_property
    def parties(self) -> pa.Table:
        return build.read(self.folder, "parties")

    @cached_property
    def deals(self) -> pa.Table:
        return build.read(self.folder, "deals")

    @cached_property
    def gone(self) -> list[int]:
        return build.gone(self.folder)

    @cached_property
    def blocks(self) -> dict[str, npt.NDArray[np.int64]]:
        """Of each file of documents: where its blocks start, and where the last one ends."""
        table = build.read(self.folder, "blocks")
        files, starts = np.asarray(table["file"].to_pylist()), table["start"].to_numpy()
        return {name: np.append(starts[files == name], self.ends[name]) for name in _DOCUMENTS}

    @cached_property
    def terms(self) -> "Terms":
        return Terms(build.read(self.folder, "terms"))


class Terms:
    """What leads to rows: terms in order, each with the rows that have it."""

    def __init__(self, table: pa.Table) -> None:
        # One chunk, as it is written, or none: joining chunks would copy what is mapped.
        names, listed = (
            table[name].chunk(0) if table.num_rows else pa.array([], table.schema.field(name).type)
            for name in ("term", "rows")
        )
        self._names = names
        self._offsets = listed.offsets.to_numpy() if len(listed) else np.zeros(1, np.int32)
        self._rows = listed.values.to_numpy() if len(listed) else np.zeros(0, np.int32)

    def rows(self, term: str, *, prefix: bool = False) -> Ints:
        """The rows of a term, or of all that begin with it, in order."""
        first = self._place(term)
        if prefix:
            last = self._place(term + chr(0x10FFFF))
            found = self._rows[self._offsets[first] : self._offsets[last]]
            return np.unique(found) if last - first > 1 else found
        if first == len(self._names) or self._names[first].as_py() != term:
            return self._rows[:0]
        return self._rows[self._offsets[first] : self._offsets[first + 1]]

    def pairs(self, kind: str) -> tuple[list[str], Ints, Ints]:
        """All terms of a kind, without its letter, and for each of their rows: the term's place among them, and the row."""
        first, last = self._place(kind), self._place(kind + chr(0x10FFFF))
        names = [name[1:] for name in self._names.slice(first, last - first).to_pylist()]
        ends = self._offsets[first : last + 1]
        return names, np.repeat(np.arange(len(names), dtype=np.int32), np.diff(ends)), self._rows[ends[0] : ends[-1]]

    def _place(self, term: str) -> int:
        return bisect_left(range(len(self._names)), term.encode(), key=lambda at: self._names[at].as_py().encode())


def open_shelf(places: Places, month: str, cache: Path) -> Shelf:
    """A month's current version. Raises GuatecomprasError when its files are not what they should be."""
    version = places.month(month)["version"]
    sizes = {entry["path"]: int(entry["bytes"]) for entry in places.month(month)["files"]}
    home = f"months/{month}/{version}"
    names = [schema.file_name(name) for name in schema.FILES]
    if sizes.keys() >= {f"{home}/{name}" for name in names}:
        folder = {places.local(month, name).parent.parent for name in names}.pop()
        ends = {name: sizes[f"{home}/{month}_{name}.jsonl.gz"] - archive.GZIP_TAIL for name in _DOCUMENTS}
        shelf = Shelf(month, version, folder, ends)
        try:
            shelf.concursos  # noqa: B018 – it says whether we know its schema
        except GuatecomprasError:
            log.info("%s %s has search files of another kind", month, version)
        else:
            return shelf
    return _own(places, month, version, cache)


def _own(places: Places, month: str, version: str, cache: Path) -> Shelf:
    """The month's files made here, kept in the cache."""
    home = cache / "search" / f"{month}-{version}-{schema.SCHEMA}"
    if not home.exists():
        log.info("making the search files of %s %s", month, version)
        home.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="making-", dir=home.parent))
        try:
            _make(places, month, made)
            made.rename(home)
        except OSError:
            if not home.exists():  # another process was first
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    rewritten = (home / "records.jsonl.gz").exists()
    documents = {
        name: home / f"{name}.jsonl.gz" if rewritten else places.local(month, f"{month}_{name}.jsonl.gz")
        for name in _DOCUMENTS
    }
    ends = {name: path.stat().st_size - archive.GZIP_TAIL for name, path in documents.items()}
    return Shelf(month, version, home, ends, home if rewritten else None)


def _make(places: Places, month: str, folder: Path) -> None:
    tables = {name: places.local(month, f"tables/{name}.parquet") for name in build.TABLES}
    documents = {name: places.local(month, f"{month}_{name}.jsonl.gz") for name in _DOCUMENTS}
    try:
        build.build(build.Parts(tables, documents["records"], documents["releases"]), folder / schema.FOLDER)
    except GuatecomprasError:
        # Published before documents could be read one by one.
        for name, path in documents.items():
            documents[name] = folder / f"{name}.jsonl.gz"
            with archive.gzip_lines_writer(documents[name], alone=True) as lines:
                for chunk in archive.read_chunks(path):
                    lines.write(chunk)
        build.build(build.Parts(tables, documents["records"], documents["releases"]), folder / schema.FOLDER)
