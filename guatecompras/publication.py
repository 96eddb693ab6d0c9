"""The publication: versions of months, their manifests, each chained to the one before, and the index of what is public.

How files are written is `formats/`; where they are kept, and the one atomic switch of the index, is a store's business
(`stores.py`); which checks a month must pass is `quality/`; reading all of it again is `verification.py`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import msgspec
import orjson

from guatecompras import __version__
from guatecompras.errors import StoreError
from guatecompras.formats.counting import digest
from guatecompras.months import UTC_OFFSET
from guatecompras.personal import load
from guatecompras.settings import LICENSE, Settings
from guatecompras.snapshot import Snapshot

Json = dict[str, Any]

# What each schema of manifests and of the index brought. The code reads all of these, and writes the newest one; an index of an
# older one is read as if it were of the newest (`_upgraded`), manifests stay as they were published.
SCHEMAS: dict[int, str] = {
    1: "the first: versions of months, their files and counts",
    2: "commits are numbered (`sequence`), manifests name the one before (`previous`) and what they are made from (`inputs`)",
    3: "manifests say which personal data policy was applied (`personal`); of versions that are withdrawn for one the index "
    "says so (`withdrawn`), and only their manifests stay",
}
SCHEMA = max(SCHEMAS)
MANIFEST = "manifest.json"
# What stays of a version for ever, when its other files are withdrawn: what it was, and what it changed.
FOR_EVER = frozenset({MANIFEST, "changes.jsonl.gz", "changes.parquet"})

# Why a version was withdrawn that the policy on personal data does not let be: not even its changes stay.
PERSONAL_DATA = "personal_data"

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
        # What an editor leaves beside a file is hidden; what the demo source gives shows in the snapshot, and the policy is
        # made of months, not they of it.
        aside = relative.startswith(("demo/", "data/demo/", "policy/", "data/policy/")) or "/." in f"/{relative}"
        if path.suffix in _CODE and path.is_file() and not aside:
            seal.update(relative.encode() + b"\0" + path.read_bytes() + b"\0")
    for name in _LIBRARIES:
        seal.update(f"{name} {installed(name)}\n".encode())
    return seal.hexdigest()


def maker_of(config: Settings) -> str:
    """What decides, with a snapshot, a version's bytes: the code and the settings, as a sha256."""
    told = code_digest().encode() + orjson.dumps(config.decisive(), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(told).hexdigest()


def inputs_of(snapshot_digest: str, config: Settings) -> str:
    """What a version is made from, but for what was public before it: its snapshot and its maker, as a sha256."""
    return hashlib.sha256(f"{snapshot_digest}\n{maker_of(config)}".encode()).hexdigest()


def version_of(snapshot: Snapshot, config: Settings, base: str = "") -> str:
    """The name of what will be published: when its newest data is of, and a digest of all that decides its bytes.

    `base`: the version that it replaces, whose releases stay.
    """
    inputs = [snapshot.month, snapshot.digest, maker_of(config), base]
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
    *,
    previous: Json | None,
    inputs: str,
    changes: Mapping[str, int],
) -> Json:
    """A version's manifest. `snapshot`: digest, as_of, rows and missing tables of the source it was made from; `accepted`:
    blocking checks that failed and that an operator let pass, and why; `previous`: the version that this one replaces, as
    `previous_of` names it, so that no manifest can be changed without all that came after it; `changes`: how many rows and
    records differ from that one (`changes.table.Changes`)."""
    return {
        "schema": SCHEMA,
        "month": month,
        "version": version,
        "previous": previous,
        "inputs": inputs,
        "maker": maker_of(config),
        "changes": dict(changes),
        "license": LICENSE,
        "source": snapshot,
        "code": {"version": __version__, "digest": code_digest()},
        "settings": config.decisive(),
        "personal": load(config.personal_data).told,
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
        _require_known(document["schema"])
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


class _Manifest(msgspec.Struct):
    path: str
    bytes: int
    sha256: str


class _Version(msgspec.Struct):
    version: str
    published: str
    sequence: int
    inputs: str
    manifest: _Manifest
    counts: dict[str, int]


class _Earlier(_Version):
    kept: bool


class _Month(_Version):
    files: list[_File]
    versions: list[_Earlier]


class _Index(msgspec.Struct):
    sequence: int
    months: dict[str, _Month]
    collections: dict[str, dict[str, Any]]


def empty_index() -> Json:
    """The index of a publication that has no month yet."""
    return {"schema": SCHEMA, "sequence": 0, "months": {}, "collections": {}}


def read_index(text: bytes) -> Json:
    """Read an index, of an older schema as if it were of the newest; raises ValueError, one line, when it is damaged or newer
    than this code."""
    found = orjson.loads(text)
    schema = found.get("schema") if isinstance(found, dict) else None
    _require_known(schema)
    index: Json = _upgraded(found) | {"schema": SCHEMA} if schema != SCHEMA else found
    msgspec.convert(index, _Index)
    return index


def _require_known(schema: object) -> None:
    if isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA:
        raise ValueError(
            f"it was written by a newer version of this software (schema {schema}, this one knows up to {SCHEMA}): upgrade"
        )
    if schema not in SCHEMAS:
        raise ValueError(f"its schema is {schema}, not one of {min(SCHEMAS)} to {SCHEMA}")


def _upgraded(index: Json) -> Json:
    """An index of an older schema as the newest has it."""
    try:
        return _numbered(index) if index["schema"] == 1 else index
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ValueError(f"it is damaged ({type(error).__name__}: {error})") from error


def _numbered(index: Json) -> Json:
    """An index of schema 1: its commits get their numbers in the order in which they became public. What a version was made from
    nobody wrote down (`inputs` is empty), nor what it changed (`schema`: 1): the next publish makes a new one."""
    every = [
        (entry["published"], month, -place, entry["version"])
        for month in index["months"]
        for place, entry in enumerate(versions_of(index, month))
    ]
    numbers = {(month, version): number for number, (_, month, _, version) in enumerate(sorted(every), 1)}

    def numbered(month: str, entry: Json) -> Json:
        own = next(file for file in entry["files"] if file["path"].endswith(f"/{entry['version']}/{MANIFEST}"))
        return entry | {
            "sequence": numbers[month, entry["version"]],
            "inputs": "",
            "schema": 1,
            "manifest": {key: own[key] for key in ("path", "bytes", "sha256")},
        }

    months = {
        month: numbered(month, entry) | {"versions": [_superseded(numbered(month, old)) for old in entry["versions"]]}
        for month, entry in index["months"].items()
    }
    return {"sequence": len(numbers), "months": months, "collections": {}}


def chained(manifest: Json) -> bool:
    """Whether a manifest names the one before it; the first ones do not."""
    return bool(manifest.get("schema") != 1)


def index_text(index: Json) -> bytes:
    """An index as it is written."""
    return orjson.dumps(index, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def listed_versions(index: Json, path: str) -> list[str]:
    """The versions of a month (`months/2026-01`) or a collection (`years/2026`) that an index knows, the current one first."""
    kind, _, month = path.partition("/")
    entry = index["months"].get(month) if kind == "months" else index.get("collections", {}).get(path)
    return [version["version"] for version in (entry, *entry.get("versions", ()))] if entry else []


def versions_of(index: Json, month: str) -> list[Json]:
    """The entries of a month's versions, the current one first; empty when it has none."""
    current = index["months"].get(month)
    return [current, *current["versions"]] if current else []


def data_time(version: str) -> datetime:
    """Of when a version's data is, which its name begins with (Guatemala's time). Raises ValueError for what is no such name."""
    return datetime.strptime(version.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC_OFFSET)


def staying(entry: Json) -> frozenset[str]:
    """The files of a version that stay when it is withdrawn, by the version's entry in the index."""
    return frozenset({MANIFEST}) if entry.get("withdrawn") == PERSONAL_DATA else FOR_EVER


def previous_of(index: Json, month: str, version: str) -> Json | None:
    """What a version replaces, or, if it is current, replaced: the version before it and the digest of its manifest."""
    before = next((entry for entry in versions_of(index, month)[:2] if entry["version"] != version), None)
    return before and {"version": before["version"], "sha256": before["manifest"]["sha256"]}


def planned(index: Json, snapshot: Snapshot, config: Settings) -> tuple[str, Json | None]:
    """The version that a snapshot makes under these settings, and what it replaces (as `previous_of`).

    Where the public version was made from the same it is that one; what was public before it comes back as a new version,
    for its releases have been followed by others.
    """
    current = index["months"].get(snapshot.month)
    if current and current["inputs"] == inputs_of(snapshot.digest, config):
        return current["version"], previous_of(index, snapshot.month, current["version"])
    base = {"version": current["version"], "sha256": current["manifest"]["sha256"]} if current else None
    return version_of(snapshot, config, base["version"] if base else ""), base


def switched(
    index: Json,
    month: str,
    version: str,
    published: str,
    counts: Json,
    files: Iterable[PublishedFile],
    *,
    previous: Json | None,
    inputs: str,
    rolled_back: Json | None = None,
) -> Json:
    """The index with this version as the month's current one, by the next number of `sequence`; the one before joins
    `versions`, newest first, without its files, which its manifest lists.

    `published`: RFC 3339 time; `files`: its manifest among them; `previous`, `inputs`, `rolled_back`: as its manifest has
    them. Switching to the version that is current changes nothing. Raises StoreError when the current one is not the one that it
    is to replace.
    """
    current = index["months"].get(month)
    if current and current["version"] == version:
        return index
    if previous_of(index, month, version) != previous or _is_earlier(index, month, version):
        raise StoreError(f"another run published {month} meanwhile; run the month again")
    prefix = f"months/{month}/{version}/"
    listed = [asdict(file) | {"path": f"{prefix}{file.path}"} for file in files]
    own = next(file for file in listed if file["path"] == f"{prefix}{MANIFEST}")
    sequence = index["sequence"] + 1
    entry = {
        "version": version,
        "published": published,
        "sequence": sequence,
        "inputs": inputs,
        "manifest": {key: own[key] for key in ("path", "bytes", "sha256")},
        "counts": dict(counts),
        "files": listed,
        "versions": [_superseded(current), *current["versions"]] if current else [],
    } | ({"rolled_back": rolled_back} if rolled_back else {})
    months = index["months"] | {month: entry}
    return index | {"sequence": sequence, "months": dict(sorted(months.items()))}


def _is_earlier(index: Json, month: str, version: str) -> bool:
    return version in (entry["version"] for entry in versions_of(index, month))


def _superseded(entry: Json) -> Json:
    return {key: value for key, value in entry.items() if key not in ("files", "versions")} | {"kept": True}
