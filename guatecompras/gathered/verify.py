"""Reading the collections again: every file that an index or a manifest names, and that they hold all rows of their months.

The months themselves are verified elsewhere.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from guatecompras.errors import GuatecomprasError
from guatecompras.formats.counting import count_rows
from guatecompras.publication import MANIFEST
from guatecompras.verification import UNCOUNTED, altered

Json = dict[str, Any]
FolderOf = Callable[[str], Path]


def verify_collections(index: Json, folder_of: FolderOf, *, counted: bool = True) -> tuple[int, list[str]]:
    """How many files of collections were read, and what is wrong with them, a line each.

    `folder_of(path)`: a store's `collection_folder`; `counted`: read and count the rows too. Current and earlier versions
    that are kept are looked at; what was withdrawn may be gone.
    """
    files, faults = 0, []
    for name, entry in index["collections"].items():
        for version in (entry, *(old for old in entry["versions"] if old["kept"])):
            path = f"{name}/{version['version']}"
            found = _Version(path, folder_of(path), version)
            faults += found.faults(counted)
            files += found.files
    return files, faults


class _Version:
    """One version of a collection, on this machine. `files`: how many its manifest names, itself included."""

    def __init__(self, path: str, folder: Path, entry: Json) -> None:
        self._path, self._folder, self._entry = path, folder, entry
        self.files = 0

    def faults(self, counted: bool) -> list[str]:
        """What is wrong with it."""
        document, fault = self._manifest()
        if fault:
            return [f"{self._path}/{MANIFEST}: {fault}"]
        listed: dict[str, Json] = {file["path"]: file for file in document["files"]}
        self.files = len(listed) + 1
        return [*self._said(document, listed), *self._read(listed, counted), *self._unlisted(listed)]

    def _manifest(self) -> tuple[Json, str]:
        path = self._folder / MANIFEST
        try:
            if fault := altered(path, self._entry["manifest"]):
                return {}, fault
            return orjson.loads(path.read_bytes()), ""
        except FileNotFoundError:
            return {}, "missing"
        except (OSError, ValueError) as error:
            return {}, f"not a manifest ({error})"

    def _said(self, document: Json, listed: Mapping[str, Json]) -> Iterator[str]:
        """Where the index, the manifest and the sums say different things."""
        name, _, version = self._path.rpartition("/")
        if (document["collection"], document["version"]) != (name, version):
            yield f"{self._path}/{MANIFEST}: is of another collection than the index says"
        if document["counts"] | {"files": len(listed)} != self._entry["counts"]:
            yield f"{self._path}/{MANIFEST}: counts differ from the index"
        own = {file["path"].removeprefix(f"{self._path}/"): file for file in self._entry.get("files", ())}
        own.pop(MANIFEST, None)
        if own and {key: entry | {"path": key} for key, entry in own.items()} != listed:
            yield f"{self._path}/{MANIFEST}: lists other files than the index"
        for table in ("records", "releases"):
            for found in _totals(table, listed.values()):
                if found != document["counts"][table]:
                    yield f"{self._path}: {found} {table} instead of {document['counts'][table]}"

    def _read(self, listed: Mapping[str, Json], counted: bool) -> Iterator[str]:
        for name, entry in listed.items():
            path = self._folder / name
            if not path.is_file():
                yield f"{self._path}/{name}: missing"
            elif fault := altered(path, entry):
                yield f"{self._path}/{name}: {fault}"
            elif counted and entry["format"] not in UNCOUNTED:
                try:
                    rows = sum(count_rows(path, entry["format"]).values())
                except (GuatecomprasError, ValueError) as error:
                    yield f"{self._path}/{name}: {error}"
                    continue
                if rows != entry["rows"]:
                    yield f"{self._path}/{name}: {rows} rows instead of {entry['rows']}"

    def _unlisted(self, listed: Collection[str]) -> list[str]:
        there = {path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file()}
        return [f"{self._path}/{name}: not listed" for name in sorted(there - {*listed, MANIFEST})]


def _totals(table: str, files: Collection[Json]) -> set[int]:
    """The rows of a table, in each form that the collection has it in."""
    forms: dict[str, int] = {}
    for file in files:
        name = file["path"]
        if name.startswith(f"{table}/"):
            forms["history"] = forms.get("history", 0) + file["rows"]
        elif name.endswith((f"_{table}.jsonl.gz", f"tables/{table}.parquet")):
            forms[name] = file["rows"]
    return set(forms.values())
