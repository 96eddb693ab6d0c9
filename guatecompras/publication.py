"""The publication: versions of months, their manifests, the index that says which are public, and reading all of it again.

How files are written is `formats/`; where they are kept, and the one atomic switch of the index, is a store's business
(`stores.py`); which checks a month must pass is `quality/`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import orjson

from guatecompras import __version__
from guatecompras.formats.counting import count_rows, digest
from guatecompras.settings import Settings
from guatecompras.snapshot import Snapshot

Json = dict[str, Any]

SCHEMA = 1
MANIFEST = "manifest.json"
EMPTY_INDEX: Json = {"schema": SCHEMA, "months": {}}

# Other versions of these may write other bytes for the same month, so they are part of a version's name.
_LIBRARIES = ("polars", "pyarrow", "orjson", "zlib-ng")
_PACKAGE = Path(__file__).parent


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
        if (
            path.is_file()
            and path.suffix in {".py", ".csv", ".json"}
            and not relative.startswith(("demo", "data/demo"))
        ):
            seal.update(relative.encode() + b"\0" + path.read_bytes() + b"\0")
    for name in _LIBRARIES:
        seal.update(f"{name} {installed(name)}\n".encode())
    return seal.hexdigest()


def version_of(snapshot: Snapshot, config: Settings) -> str:
    """The name of what will be published: when its newest data is of, and a digest of all that decides its bytes."""
    inputs = [
        snapshot.month,
        snapshot.digest,
        code_digest(),
        orjson.dumps(asdict(config), option=orjson.OPT_SORT_KEYS).hex(),
    ]
    seal = hashlib.sha256("\n".join(inputs).encode()).hexdigest()
    return f"{snapshot.as_of[:19].replace('-', '').replace(':', '')}-{seal[:12]}"


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
    files: Iterable[PublishedFile],
    config: Settings,
) -> Json:
    """A version's manifest. `snapshot`: digest, as_of, rows and missing tables of the source it was made from."""
    return {
        "schema": SCHEMA,
        "month": month,
        "version": version,
        "license": "https://creativecommons.org/licenses/by/4.0",
        "source": snapshot,
        "code": {"version": __version__, "digest": code_digest()},
        "settings": asdict(config),
        "counts": dict(counts),
        "tables": dict(tables),
        "checks": list(checks),
        "files": [asdict(file) for file in sorted(files, key=lambda file: file.path)],
    }


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


def verify_version(folder: Path, files: Iterable[Json], month: str, *, counted: bool = True) -> list[str]:
    """What is wrong with one version: presence, size and sha256 of each file, and rows of all formats against each other.

    `folder`: the version's folder on this machine; `files`: as in the index. Empty when all is well.
    """
    faults: list[str] = []
    counts: dict[str, dict[str, int]] = {}
    for entry in files:
        name = entry["path"].rpartition(f"months/{month}/")[2].partition("/")[2] or entry["path"]
        path = folder / name
        if not path.is_file():
            faults.append(f"{entry['path']}: missing")
            continue
        sha256, size = digest(path)
        if size != entry["bytes"]:
            faults.append(f"{entry['path']}: {size} bytes instead of {entry['bytes']}")
        elif sha256 != entry["sha256"]:
            faults.append(f"{entry['path']}: sha256 is {sha256} instead of {entry['sha256']}")
        elif counted and entry["format"] not in UNCOUNTED:
            counts[name] = count_rows(path, entry["format"])
            found = sum(counts[name].values())
            if found != entry["rows"]:
                faults.append(f"{entry['path']}: {found} rows instead of {entry['rows']}")
    return faults + (disagreements(month, counts) if counted else [])


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
        faults += _manifest_faults(folder / MANIFEST, entry, month)
    files = sum(len(entry["files"]) for _, entry in versions)
    return Verification(len(index["months"]), len(versions), files, tuple(faults))


def _manifest_faults(path: Path, entry: Json, month: str) -> list[str]:
    """Where a version's manifest and its entry in the index say different things."""
    try:
        document = orjson.loads(path.read_bytes())
        said = {file["path"]: file["sha256"] for file in document["files"]}
        counts = {name: document["counts"][name] for name in entry["counts"]}
    except FileNotFoundError:
        return []  # said already
    except (orjson.JSONDecodeError, KeyError, TypeError, OSError) as error:
        return [f"{month}/{entry['version']}/{MANIFEST}: not a manifest ({type(error).__name__})"]
    prefix = f"months/{month}/{entry['version']}/"
    listed = {
        file["path"].removeprefix(prefix): file["sha256"] for file in entry["files"] if file["format"] != "manifest"
    }
    faults = [] if said == listed else [f"{prefix}{MANIFEST}: lists other files than the index"]
    return faults if counts == entry["counts"] else [*faults, f"{prefix}{MANIFEST}: counts differ from the index"]


UNCOUNTED = frozenset({"manifest", "schema", "report"})


def disagreements(month: str, counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Where the formats of one month count differently. `counts`: file name -> rows by table."""
    seen: dict[str, dict[str, int]] = {}
    for name, rows in counts.items():
        if name.startswith("tables/"):
            seen.setdefault(name.removeprefix("tables/").removesuffix(".parquet"), {})[name] = sum(rows.values())
        elif name.endswith(("_csv.zip", "_parquet.zip", ".xlsx")):
            for table, number in rows.items():
                seen.setdefault(table, {})[name] = number
        elif name.endswith((f"{month}_records.jsonl.gz", "_Guatecompras.json.zip")):
            seen.setdefault("records", {})[name] = sum(rows.values())
        elif name.endswith("_releases.jsonl.gz"):
            seen.setdefault("releases", {})[name] = sum(rows.values())
    return [
        f"{month}: {table} has " + ", ".join(f"{number} rows in {name}" for name, number in sorted(numbers.items()))
        for table, numbers in sorted(seen.items())
        if len(set(numbers.values())) > 1
    ]
