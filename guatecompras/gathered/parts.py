"""What collections are made of: the versions of months that are public at one moment, and their files, with one schema.

Which collections there are is `years.py`'s and `history.py`'s business; which are public, `collect.py`'s.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from guatecompras import publication
from guatecompras.errors import StoreError
from guatecompras.formats.parquets import first_line
from guatecompras.publication import MANIFEST, PublishedFile, code_digest
from guatecompras.settings import LICENSE
from guatecompras.stores import Store
from guatecompras.tables import NAMES, arrow_schema

Json = dict[str, Any]

SCHEMA = 1
# Table -> its file in a version.
TABLES = {name: f"tables/{name}.parquet" for name in NAMES}


@dataclass(frozen=True)
class Part:
    """A month at the version that was public when the index was read. `files`: name in the version -> as the index lists it."""

    month: str
    version: str
    manifest: str  # sha256
    counts: Mapping[str, int]
    files: Mapping[str, Json]

    def folder(self, store: Store, names: Collection[str]) -> Path:
        """Where those files can be read. Raises StoreError when one is not there or of another size."""
        folder = store.version_folder(self.month, self.version, names)
        for name in names:
            path = folder / name
            if name not in self.files or not path.is_file() or path.stat().st_size != self.files[name]["bytes"]:
                raise StoreError(
                    f"cannot gather {self.month}: {path} is not what was published; run `guatecompras verify`"
                )
        return folder


def parts_of(index: Json) -> list[Part]:
    """The months of an index, in order."""
    return [
        Part(
            month,
            entry["version"],
            entry["manifest"]["sha256"],
            entry["counts"],
            {file["path"].removeprefix(f"months/{month}/{entry['version']}/"): file for file in entry["files"]},
        )
        for month, entry in sorted(index["months"].items())
    ]


def version_of(collection: str, parts: Iterable[Part], rules: str = "") -> str:
    """The name of a collection of those months: of when its newest data is, and a digest of all that decides its bytes; `rules`:
    what does, but the months and the code."""
    given = list(parts)
    told = [
        collection,
        code_digest(),
        *([rules] if rules else []),
        *(f"{part.month} {part.version} {part.manifest}" for part in given),
    ]
    newest = max(part.version.partition("-")[0] for part in given)
    return f"{newest}-{hashlib.sha256(chr(10).join(told).encode()).hexdigest()[:12]}"


def counts_of(parts: Iterable[Part]) -> dict[str, int]:
    """How many months, and what they count together."""
    given = list(parts)
    names = {name: None for part in given for name in part.counts}
    return {"months": len(given)} | {name: sum(part.counts.get(name, 0) for part in given) for name in names}


def manifest(collection: str, version: str, parts: Iterable[Part], files: Iterable[PublishedFile]) -> Json:
    """A collection's manifest: the months in it, each by its version and the digest of that one's manifest."""
    given = list(parts)
    return {
        "schema": SCHEMA,
        "collection": collection,
        "version": version,
        "license": LICENSE,
        "code": {"digest": code_digest()},
        "counts": counts_of(given),
        "months": {part.month: {"version": part.version, "sha256": part.manifest} for part in given},
        "files": [asdict(file) for file in sorted(files, key=lambda file: file.path)],
    }


def as_now(path: Path, table: str) -> bool:
    """Whether a month's table has the columns that such a table has now; older code may have had others."""
    with _opened(path) as file:
        return bool(file.schema_arrow.equals(arrow_schema(table)))


def rows_as_now(path: Path, table: str) -> Iterator[pa.Table]:
    """The rows of a month's table with the columns of now, a row group at a time: what it lacks is null, others are left out."""
    schema = arrow_schema(table)
    with _opened(path) as file:
        for group in range(file.num_row_groups):
            held = file.read_row_group(group)
            columns = [
                held[field.name].cast(field.type)
                if field.name in held.schema.names
                else pa.nulls(held.num_rows, field.type)
                for field in schema
            ]
            yield pa.table(columns, schema=schema)


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"{path} is not a readable Parquet file: {first_line(error)}") from error


@dataclass(frozen=True)
class Gathered:
    """A collection that was made. `files`: name -> where it is; `listed`: the same as the manifest lists them."""

    files: Mapping[str, Path]
    listed: tuple[PublishedFile, ...]


def own_manifest(path: Path) -> PublishedFile:
    """A manifest as an index lists it."""
    return publication.describe(path, MANIFEST, "manifest", 1)
