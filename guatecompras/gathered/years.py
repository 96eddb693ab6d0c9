"""A year in one file of each kind: documents as they were published, tables one after another. One month after the other."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from guatecompras.errors import StoreError
from guatecompras.formats.archive import CHUNK
from guatecompras.formats.atomic import replacing
from guatecompras.formats.counting import digest
from guatecompras.formats.parquets import TableWriter
from guatecompras.gathered.parts import Gathered, Part, rows_as_now
from guatecompras.publication import PublishedFile, describe
from guatecompras.stores import Store
from guatecompras.tables import NAMES, arrow_schema

DOCUMENTS = ("records", "releases")


def name_of(year: str) -> str:
    """The collection of a year."""
    return f"years/{year}"


def by_year(parts: Sequence[Part]) -> dict[str, list[Part]]:
    """Months by their year."""
    found: dict[str, list[Part]] = {}
    for part in parts:
        found.setdefault(part.month[:4], []).append(part)
    return found


def build(store: Store, year: str, parts: Sequence[Part], folder: Path) -> Gathered:
    """Write `<year>_records.jsonl.gz`, `<year>_releases.jsonl.gz` and `tables/<table>.parquet` into `folder`.

    A gzip file of several members is one that all readers know, so documents are not compressed again. Raises StoreError when a
    month's file is not what was published.
    """
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    made = [*_documents(store, year, parts, folder), *_tables(store, parts, folder)]
    return Gathered({file.path: folder / file.path for file in made}, tuple(made))


def _documents(store: Store, year: str, parts: Sequence[Part], folder: Path) -> Iterator[PublishedFile]:
    for kind in DOCUMENTS:
        path, rows = folder / f"{year}_{kind}.jsonl.gz", 0
        with replacing(path) as unfinished, open(unfinished, "xb") as out:
            for part in parts:
                name = f"{part.month}_{kind}.jsonl.gz"
                member = part.folder(store, (name,)) / name
                if digest(member)[0] != part.files[name]["sha256"]:
                    raise StoreError(f"cannot gather {part.month}: {member} is not what was published")
                with open(member, "rb") as file:
                    shutil.copyfileobj(file, out, CHUNK)
                rows += part.files[name]["rows"]
        yield describe(path, path.name, "jsonl.gz", rows)


def _tables(store: Store, parts: Sequence[Part], folder: Path) -> Iterator[PublishedFile]:
    for table in NAMES:
        name = f"tables/{table}.parquet"
        with TableWriter(folder / name, arrow_schema(table)) as writer:
            for part in parts:
                for rows in rows_as_now(part.folder(store, (name,)) / name, table):
                    writer.write(rows)
        yield describe(folder / name, name, "parquet", writer.rows)
