"""Reading a publication again: every file of every version, the chain of manifests, and that all formats count alike.

What a version, a manifest and the index are is `publication.py`; what a file really holds is found by `formats/counting.py`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import orjson

from guatecompras.errors import GuatecomprasError
from guatecompras.formats.counting import count_rows, digest
from guatecompras.publication import MANIFEST, chained, staying, versions_of

Json = dict[str, Any]

# Files whose rows nobody counts again.
UNCOUNTED = frozenset(
    {
        "manifest",
        "schema",
        "report",
        "datapackage",
        "search",
        "reports.zip",
        "dataset.csv",
        "dataset.xlsx",
        "dataset.json",
    }
)
_READERS_AT_ONCE = 2


class FolderOf(Protocol):
    """Where files of a version can be read, all or those named: a store's `version_folder`."""

    def __call__(self, month: str, version: str, names: Collection[str] | None = None) -> Path: ...


@dataclass(frozen=True)
class Verification:
    """What reading a publication again found: how much was read, and each fault as one line.

    `left`: files of withdrawn versions that a run which died did not remove; they are no fault, the next run removes them.
    """

    months: int
    versions: int
    files: int
    faults: tuple[str, ...]
    left: int = 0


def verify_publication(
    index: Json, folder_of: FolderOf, months: Collection[str] | None = None, *, counted: bool = True
) -> Verification:
    """Check every version of every month (or of `months`) that an index lists: its files, its manifest, and the chain.

    `folder_of(month, version)` is where its files are; without `counted`, rows are not counted again.
    """
    faults = _sequence_faults(index)
    versions = files = left = 0
    chosen = [month for month in index["months"] if months is None or month in months]
    for one in (one for month in chosen for one in _listed(index, month, folder_of)):
        leftovers = one.leftovers()
        folder = folder_of(one.month, one.version, None if one.kept else [file["path"] for file in one.files])
        faults += verify_version(folder, one.files, one.month, counted=counted, tolerated=leftovers)
        faults += one.faults()
        versions, files, left = (
            versions + 1,
            files + len(one.files),
            left + (0 if one.kept else sum(map(Path.is_file, leftovers))),
        )
    return Verification(len(chosen), versions, files, tuple(faults), left)


def verify_chain(index: Json, folder_of: FolderOf) -> list[str]:
    """What is wrong with the history alone: the order of the commits, and each manifest as the index and the next one say."""
    told = [fault for month in index["months"] for one in _listed(index, month, folder_of) for fault in one.told()]
    return _sequence_faults(index) + told


# One version.


def verify_version(
    folder: Path, files: Iterable[Json], month: str, *, counted: bool = True, tolerated: Collection[Path] = ()
) -> list[str]:
    """What is wrong with one version: presence, size and sha256 of each file, and rows of all formats against each other.

    `folder`: the version's folder on this machine, named as the version; `files`: as in the index; `tolerated`: what may be
    there beside them. Empty when all is well.
    """
    faults: list[str] = []
    sound: dict[str, Json] = {}
    prefix = f"months/{month}/{folder.name}/"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    listed = {entry["path"].removeprefix(prefix): entry for entry in files}
    for name, entry in listed.items():
        if name == entry["path"]:
            faults.append(f"{name}: not a file of version {folder.name} of {month}")
        elif name not in there:
            faults.append(f"{entry['path']}: missing")
        elif fault := altered(folder / name, entry):
            faults.append(f"{entry['path']}: {fault}")
        else:
            sound[name] = entry
    beside = {path.relative_to(folder).as_posix() for path in tolerated}
    faults += [f"{prefix}{name}: not listed" for name in sorted(there - listed.keys() - beside)]
    if not counted:
        return faults
    counts, wrong = recounted({name: folder / name for name in sound}, sound)
    return faults + wrong + disagreements(month, counts)


def recounted(paths: Mapping[str, Path], entries: Mapping[str, Json]) -> tuple[dict[str, dict[str, int]], list[str]]:
    """The rows of files by name and table, read again, and where they are not the `rows` of their entries (`path`, `format`,
    `rows`). Files that hold no rows are left out."""
    counts: dict[str, dict[str, int]] = {}
    faults = []
    names = [name for name in paths if entries[name]["format"] not in UNCOUNTED]

    def count(name: str) -> dict[str, int] | str:
        try:
            return count_rows(paths[name], entries[name]["format"])
        except (GuatecomprasError, ValueError) as error:
            return str(error)

    # What takes longest is inflating, which several do side by side.
    with ThreadPoolExecutor(_READERS_AT_ONCE, "count") as pool:
        for name, found in zip(names, pool.map(count, names), strict=True):
            entry = entries[name]
            if isinstance(found, str):
                faults.append(f"{entry['path']}: {found}")
                continue
            counts[name] = found
            if sum(found.values()) != entry["rows"]:
                faults.append(f"{entry['path']}: {sum(found.values())} rows instead of {entry['rows']}")
    return counts, faults


def altered(path: Path, entry: Json) -> str:
    """How a file differs from the bytes and sha256 of its entry; empty when it does not."""
    sha256, size = digest(path)
    if size != entry["bytes"]:
        return f"{size} bytes instead of {entry['bytes']}"
    return "" if sha256 == entry["sha256"] else f"sha256 is {sha256} instead of {entry['sha256']}"


# The chain.


@dataclass
class _Listed:
    """A version as the index lists it, with its manifest read. `older`: the entry of the version that it replaced."""

    month: str
    entry: Json
    older: Json | None
    folder: Path

    def __post_init__(self) -> None:
        self.version: str = self.entry["version"]
        self.kept: bool = self.entry.get("kept", True)
        self.prefix = f"months/{self.month}/{self.version}/"
        # Why there is no manifest to read: it is not the file that the index names, or that is no manifest.
        self.altered = self.broken = ""
        self.document = self._document()
        own = self.entry["manifest"] | {"format": "manifest", "rows": 1}
        self._said = [file | {"path": f"{self.prefix}{file['path']}"} for file in self.document.get("files", [])]
        #: All files that were published, as the index would list them, and those of them that have to be there.
        self.all_files: list[Json] = self.entry.get("files") or [*self._said, own]
        self.files = [file for file in self.all_files if self.kept or self._name(file) in staying(self.entry)]

    def _name(self, file: Json) -> str:
        return str(file["path"]).removeprefix(self.prefix)

    def _document(self) -> Json:
        path = self.folder / MANIFEST
        try:
            self.altered = altered(path, self.entry["manifest"])
            document = orjson.loads(path.read_bytes())
            if chained(document):
                _ = document["previous"], document["inputs"]
            _ = [(file["path"], file["rows"]) for file in document["files"]]
            _ = [document["counts"][name] for name in self.entry["counts"]], document["month"], document["version"]
        except FileNotFoundError:
            self.altered = "missing"
        except (ValueError, KeyError, TypeError, OSError) as error:
            self.broken = f"not a manifest ({type(error).__name__})"
        return {} if self.altered or self.broken else document

    def leftovers(self) -> list[Path]:
        """What may be there beside the files: those of a withdrawn version, if a run died between the index and them."""
        if not self.document and "files" not in self.entry:
            # Nobody can tell what has to be there.
            return [path for path in self.folder.rglob("*") if path.is_file()]
        stays = staying(self.entry)
        return [] if self.kept else [self.folder / name for name in map(self._name, self._said) if name not in stays]

    def told(self) -> list[str]:
        """All that is wrong with the manifest, and with what the index says of the version."""
        return [f"{self.prefix}{MANIFEST}: {self.altered}", *self.faults()] if self.altered else self.faults()

    def faults(self) -> list[str]:
        """The same for who looks at the files too, and finds there a manifest that is missing or altered."""
        at = f"{self.prefix}{MANIFEST}"
        if self.entry["manifest"]["path"] != at:
            return [f"{at}: the index has another one for the version's, {self.entry['manifest']['path']}"]
        found = [self.broken] if self.broken and not self.altered else []
        found += [*self._listed_twice(), *(self._disagreements() if self.document else [])]
        return [f"{at}: {fault}" for fault in found] + (self._count_faults() if self.document else [])

    def _listed_twice(self) -> Iterator[str]:
        """Where the index says two things of the manifest of a current version: as its manifest, and among its files."""
        if "files" in self.entry:
            own = self.entry["manifest"] | {"format": "manifest", "rows": 1}
            listed = [file for file in self.entry["files"] if self._name(file) == MANIFEST]
            if listed != [own]:
                yield "the index has two digests of it" if listed else "not in the index"

    def _disagreements(self) -> Iterator[str]:
        """Where manifest and index say different things, and where the chain is broken."""
        if (self.document["month"], self.document["version"]) != (self.month, self.version):
            yield "is of another version than the index says"
        current = {file["path"]: file for file in self.entry.get("files", []) if self._name(file) != MANIFEST}
        if "files" in self.entry and current != {file["path"]: file for file in self._said}:
            yield "lists other files than the index"
        if any(self.document["counts"][name] != number for name, number in self.entry["counts"].items()):
            yield "counts differ from the index"
        if self.document.get("inputs", "") != self.entry["inputs"]:
            yield "inputs differ from the index"
        if self.document.get("rolled_back") != self.entry.get("rolled_back"):
            yield "says otherwise than the index whether and why it was rolled back to"
        if not chained(self.document):
            return
        before = self.older and {"version": self.older["version"], "sha256": self.older["manifest"]["sha256"]}
        if self.document["previous"] != before:
            yield f"the chain is broken: before it came {_named(self.document['previous'])}, the index has {_named(before)}"

    def _count_faults(self) -> list[str]:
        """Where the counts of an entry in the index are not the rows that the tables are said to have."""
        rows = {file["path"]: file["rows"] for file in self.entry.get("files", self._said)}
        said = {name: rows.get(f"{self.prefix}tables/{name}.parquet") for name in ("records", "releases", "awards")}
        return [
            f"{self.prefix}: counts {self.entry['counts'].get(name)} {name}, its table has {number} rows"
            for name, number in said.items()
            if self.entry["counts"].get(name) != number
        ]


def _named(previous: object) -> str:
    if isinstance(previous, dict):
        return f"{previous.get('version')} (manifest {str(previous.get('sha256'))[:12]}…)"
    return "none"


def _listed(index: Json, month: str, folder_of: FolderOf) -> Iterator[_Listed]:
    """The versions of a month, the current one first."""
    for entry, older in pairwise([*versions_of(index, month), None]):
        assert entry is not None
        yield _Listed(month, entry, older, folder_of(month, entry["version"], [MANIFEST]))


def _sequence_faults(index: Json) -> list[str]:
    """Where the numbers of the commits do not tell one history: each once, the newest of a month the highest, none missing.

    Collections that became public in one switch share its number, and keep only their latest; where there are any, a missing
    number is no fault.
    """
    numbers = {month: [entry["sequence"] for entry in versions_of(index, month)] for month in index["months"]}
    faults = [
        f"index.json: the commits of {month} are not in order: {', '.join(map(str, found))}"
        for month, found in numbers.items()
        if any(newer <= older for newer, older in pairwise(found))
    ]
    gathered = sorted({entry["sequence"] for entry in index["collections"].values()})
    every = [number for found in numbers.values() for number in found] + gathered
    faults += [
        f"index.json: commit {number} is there twice" for number in sorted({n for n in every if every.count(n) > 1})
    ]
    if max(every, default=0) != index["sequence"] or min(every, default=1) < 1:
        faults.append(f"index.json: its sequence is {index['sequence']}, its newest commit {max(every, default=0)}")
    missing = sorted(set(range(1, index["sequence"])) - set(every))
    if missing and not gathered:
        faults.append(f"index.json: commits are missing: {', '.join(map(str, missing))}")
    return faults


# One file.


@dataclass(frozen=True)
class Known:
    """A file of a version, wherever a copy of it lies. `path`: its address in the publication; `of`: the month or collection;
    `current`: of what is public now, else of a version that another one replaced."""

    path: str
    of: str
    version: str
    current: bool

    def __str__(self) -> str:
        return f"{self.path}, {'current' if self.current else 'superseded'} ({self.of}, version {self.version})"


def known_files(index: Json, folder_of: FolderOf) -> dict[str, list[Known]]:
    """Every file that was ever published of a month, and those of the current collections, by their sha256: where each
    stands, in months before collections, the newest versions first.

    As the manifests say, those that are what the index says of them; `verify_chain` tells of the others.
    """
    found: dict[str, list[Known]] = {}
    for one in (one for month in index["months"] for one in _listed(index, month, folder_of)):
        for file in one.all_files:
            known = Known(file["path"], one.month, one.version, "files" in one.entry)
            found.setdefault(file["sha256"], []).append(known)
    for name, entry in index["collections"].items():
        for file in entry.get("files", []):
            known = Known(file["path"], name, entry["version"], True)
            found.setdefault(file["sha256"], []).append(known)
    return found


# Formats against each other.

# Downloads that hold every table.
_CONTAINERS = ("_csv.zip", "_parquet.zip", ".xlsx")


def disagreements(month: str, counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Where the formats of one month count differently. `counts`: file name -> rows by table."""
    seen: dict[str, dict[str, int]] = {}
    for name, rows in counts.items():
        if name.startswith("tables/"):
            seen.setdefault(name.removeprefix("tables/").removesuffix(".parquet"), {})[name] = sum(rows.values())
        elif name.endswith(_CONTAINERS):
            for table, number in rows.items():
                seen.setdefault(table, {})[name] = number
        elif name.endswith((f"{month}_records.jsonl.gz", "_Guatecompras.json.zip")):
            seen.setdefault("records", {})[name] = sum(rows.values())
        elif name.endswith("_releases.jsonl.gz"):
            seen.setdefault("releases", {})[name] = sum(rows.values())
        elif name.startswith("changes."):
            seen.setdefault("changes", {})[name] = sum(rows.values())
    # A table that a download lacks is one of no rows in it.
    for name in counts:
        if name.endswith(_CONTAINERS):
            for table in seen.keys() - {"changes"}:
                seen[table].setdefault(name, 0)
    return [
        f"{month}: {table} has " + ", ".join(f"{number} rows in {name}" for name, number in sorted(numbers.items()))
        for table, numbers in sorted(seen.items())
        if len(set(numbers.values())) > 1
    ]
