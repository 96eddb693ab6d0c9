"""The publication: versions of months, their manifests, the index that says which are public, and reading all of it again.

How files are written is `formats/`; where they are kept, and the one atomic switch of the index, is a store's business
(`stores.py`); which checks a month must pass is `quality/`.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import msgspec
import orjson

from guatecompras import __version__
from guatecompras.errors import GuatecomprasError, StoreError
from guatecompras.formats.counting import count_rows, digest
from guatecompras.settings import LICENSE, Settings
from guatecompras.snapshot import Snapshot

Json = dict[str, Any]

SCHEMA = 1
MANIFEST = "manifest.json"

# Files whose rows nobody counts again.
UNCOUNTED = frozenset({"manifest", "schema", "report"})

# Other versions of these may write other bytes for the same month, so they are part of a version's name.
_LIBRARIES = ("polars", "pyarrow", "orjson", "zlib-ng", "jsonschema", "jinja2", "vl-convert-python")
_PACKAGE = Path(__file__).parent
_CODE = {".py", ".csv", ".json", ".toml", ".j2", ".css"}
_VERSION = re.compile(r"\d{8}T\d{6}-[0-9a-f]{12}")


@dataclass(frozen=True)
class PublishedFile:
    """One file of a version. `path` is relative to the version's folder; `rows` counts what the format holds."""

    path: str
    format: str
    bytes: int
    sha256: str
    rows: int


@cache
def code_digest() -> str:
    """sha256 over the domain's code and data and the libraries that write its bytes: other digest, perhaps other bytes."""
    seal = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*")):
        relative = path.relative_to(_PACKAGE).as_posix()
        # What an editor leaves beside a file is hidden; what the demo source gives shows in the snapshot.
        aside = relative.startswith(("demo/", "data/demo/")) or "/." in f"/{relative}"
        if path.suffix in _CODE and path.is_file() and not aside:
            seal.update(relative.encode() + b"\0" + path.read_bytes() + b"\0")
    for name in _LIBRARIES:
        seal.update(f"{name} {installed(name)}\n".encode())
    return seal.hexdigest()


def maker_of(config: Settings) -> str:
    """What decides, with a snapshot, a version's bytes: the code and the settings, as a sha256."""
    told = code_digest().encode() + orjson.dumps(asdict(config), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(told).hexdigest()


def version_of(snapshot: Snapshot, config: Settings) -> str:
    """The name of what will be published: when its newest data is of, and a digest of all that decides its bytes."""
    inputs = [snapshot.month, snapshot.digest, maker_of(config)]
    seal = hashlib.sha256("\n".join(inputs).encode()).hexdigest()
    return f"{snapshot.as_of[:19].replace('-', '').replace(':', '')}-{seal[:12]}"


def is_version(name: str) -> bool:
    """Whether a folder's name is one that `version_of` gives."""
    return _VERSION.fullmatch(name) is not None


def describe(path: Path, relative: str, file_format: str, rows: int) -> PublishedFile:
    """A file as the manifest lists it, its bytes read again from the disk."""
    sha256, size = digest(path)
    return PublishedFile(relative, file_format, size, sha256, rows)


def manifest(
    month: str,
    version: str,
    snapshot: Json,
    counts: Mapping[str, int],
    tables: Mapping[str, int],
    checks: Iterable[Json],
    accepted: Mapping[str, str],
    files: Iterable[PublishedFile],
    config: Settings,
) -> Json:
    """A version's manifest. `snapshot`: digest, as_of, rows and missing tables of the source it was made from; `accepted`:
    blocking checks that failed and that an operator let pass, and why."""
    return {
        "schema": SCHEMA,
        "month": month,
        "version": version,
        "license": LICENSE,
        "source": snapshot,
        "code": {"version": __version__, "digest": code_digest()},
        "settings": asdict(config),
        "counts": dict(counts),
        "tables": dict(tables),
        "checks": list(checks),
        "accepted": dict(accepted),
        "files": [asdict(file) for file in sorted(files, key=lambda file: file.path)],
    }


def placed(folder: Path) -> tuple[Json, list[PublishedFile]]:
    """The manifest of a version that is in place, and all files of the version by it, the manifest itself included.

    Raises StoreError when it cannot be read.
    """
    path = folder / MANIFEST
    try:
        document = orjson.loads(path.read_bytes())
        files = [PublishedFile(**file) for file in document["files"]]
        return document, [*files, describe(path, MANIFEST, "manifest", 1)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the version in place cannot be used: {path} is not readable ({error})") from error


# The index.


class _File(msgspec.Struct):
    path: str
    format: str
    bytes: int
    sha256: str
    rows: int


class _Version(msgspec.Struct):
    version: str
    published: str
    counts: dict[str, int]
    files: list[_File]


class _Month(_Version):
    versions: list[_Version]


class _Months(msgspec.Struct):
    months: dict[str, _Month]


def empty_index() -> Json:
    """The index of a publication that has no month yet."""
    return {"schema": SCHEMA, "months": {}}


def read_index(text: bytes) -> Json:
    """Read an index; raises ValueError, one line, when it is damaged or of another schema."""
    found = orjson.loads(text)
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise ValueError(f"its schema is {schema}, not {SCHEMA}")
    msgspec.convert(found, _Months)
    index: Json = found
    return index


def index_text(index: Json) -> bytes:
    """An index as it is written."""
    return orjson.dumps(index, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def listed_versions(index: Json, path: str) -> list[str]:
    """The versions that an index knows of what has its versions at `path` (`months/2026-01`, `years/2026`), the current one first."""
    kind, _, month = path.partition("/")
    entry = index["months"].get(month) if kind == "months" else index.get("collections", {}).get(path)
    return [version["version"] for version in (entry, *entry.get("versions", ()))] if entry else []


def switched(index: Json, month: str, version: str, published: str, counts: Json, files: list[PublishedFile]) -> Json:
    """The index with this version as the month's current one; the one before joins `versions`, newest first.

    `published`: RFC 3339 time. Switching to the version that is current changes nothing.
    """
    current = index["months"].get(month)
    if current and current["version"] == version:
        return index
    entry = {
        "version": version,
        "published": published,
        "counts": dict(counts),
        "files": [asdict(file) | {"path": f"months/{month}/{version}/{file.path}"} for file in files],
    }
    earlier: list[Json] = []
    if current:
        previous = {key: value for key, value in current.items() if key != "versions"}
        earlier = [previous, *current["versions"]]
    entry["versions"] = [old for old in earlier if old["version"] != version]
    months = index["months"] | {month: entry}
    return index | {"months": dict(sorted(months.items()))}


# Reading it all again.


def verify_version(folder: Path, files: Iterable[Json], month: str, *, counted: bool = True) -> list[str]:
    """What is wrong with one version: presence, size and sha256 of each file, and rows of all formats against each other.

    `folder`: the version's folder on this machine, named as the version; `files`: as in the index. Empty when all is well.
    """
    faults: list[str] = []
    counts: dict[str, dict[str, int]] = {}
    prefix = f"months/{month}/{folder.name}/"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    listed = {entry["path"].removeprefix(prefix): entry for entry in files}
    for name, entry in listed.items():
        if name == entry["path"]:
            faults.append(f"{name}: not a file of version {folder.name} of {month}")
        elif name not in there:
            faults.append(f"{entry['path']}: missing")
        elif fault := _altered(folder / name, entry):
            faults.append(f"{entry['path']}: {fault}")
        elif counted and entry["format"] not in UNCOUNTED:
            try:
                counts[name] = count_rows(folder / name, entry["format"])
            except (GuatecomprasError, ValueError) as error:
                faults.append(f"{entry['path']}: {error}")
                continue
            found = sum(counts[name].values())
            if found != entry["rows"]:
                faults.append(f"{entry['path']}: {found} rows instead of {entry['rows']}")
    faults += [f"{prefix}{name}: not listed" for name in sorted(there - listed.keys())]
    return faults + disagreements(month, counts)


def _altered(path: Path, entry: Json) -> str:
    sha256, size = digest(path)
    if size != entry["bytes"]:
        return f"{size} bytes instead of {entry['bytes']}"
    return "" if sha256 == entry["sha256"] else f"sha256 is {sha256} instead of {entry['sha256']}"


@dataclass(frozen=True)
class Verification:
    """What reading a publication again found: how much was read, and each fault as one line."""

    months: int
    versions: int
    files: int
    faults: tuple[str, ...]


def verify_publication(index: Json, folder_of: Callable[[str, str], Path]) -> Verification:
    """Check every version of every month that an index lists; `folder_of(month, version)` is where its files are."""
    versions = [
        (month, entry) for month, current in index["months"].items() for entry in (current, *current["versions"])
    ]
    faults: list[str] = []
    for month, entry in versions:
        folder = folder_of(month, entry["version"])
        faults += verify_version(folder, entry["files"], month)
        faults += _count_faults(entry, month)
        faults += _manifest_faults(folder / MANIFEST, entry, month)
    files = sum(len(entry["files"]) for _, entry in versions)
    return Verification(len(index["months"]), len(versions), files, tuple(faults))


def _count_faults(entry: Json, month: str) -> list[str]:
    """Where the counts of an entry in the index are not the rows that the entry says the tables have."""
    prefix = f"months/{month}/{entry['version']}/"
    rows = {file["path"]: file["rows"] for file in entry["files"]}
    said = {name: rows.get(f"{prefix}tables/{name}.parquet") for name in ("records", "releases", "awards")}
    return [
        f"{prefix}: counts {entry['counts'].get(name)} {name}, its table has {number} rows"
        for name, number in said.items()
        if entry["counts"].get(name) != number
    ]


def _manifest_faults(path: Path, entry: Json, month: str) -> list[str]:
    """Where a version's manifest and its entry in the index say different things."""
    prefix = f"months/{month}/{entry['version']}/"
    listed = {file["path"].removeprefix(prefix): file for file in entry["files"]}
    if MANIFEST not in listed:
        return [f"{prefix}{MANIFEST}: not in the index"]
    try:
        document = orjson.loads(path.read_bytes())
        said = {file["path"]: file | {"path": f"{prefix}{file['path']}"} for file in document["files"]}
        names = (document["month"], document["version"])
        counts = {name: document["counts"][name] for name in entry["counts"]}
    except FileNotFoundError:
        return []  # said already
    except (ValueError, KeyError, TypeError, OSError) as error:
        return [f"{prefix}{MANIFEST}: not a manifest ({type(error).__name__})"]
    del listed[MANIFEST]
    disagreeing = {
        "is of another version than the index says": names != (month, entry["version"]),
        "lists other files than the index": said != listed,
        "counts differ from the index": counts != entry["counts"],
    }
    return [f"{prefix}{MANIFEST}: {fault}" for fault, found in disagreeing.items() if found]


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
    # A table that a download lacks is one of no rows in it.
    for name in counts:
        if name.endswith(_CONTAINERS):
            for numbers in seen.values():
                numbers.setdefault(name, 0)
    return [
        f"{month}: {table} has " + ", ".join(f"{number} rows in {name}" for name, number in sorted(numbers.items()))
        for table, numbers in sorted(seen.items())
        if len(set(numbers.values())) > 1
    ]
