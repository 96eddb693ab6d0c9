"""A year in one file of each kind: documents as they were published, tables one after another. One month after the other."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from guatecompras.errors import StoreError
from guatecompras.formats.archive import CHUNK
from guatecompras.formats.atomic import replacing
from guatecompras.formats.counting import digest
from guatecompras.formats.parquets import TableWriter
from guatecompras.gathered.parts import TABLES, Gathered, Part, rows_as_now
from guatecompras.publication import PublishedFile, describe
from guatecompras.stores import Store
from guatecompras.tables import arrow_schema

# How the files of documents are named after their month or year.
_DOCUMENTS = ("_records.jsonl.gz", "_releases.jsonl.gz")


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
    there = [
        (part, part.folder(store, [*(f"{part.month}{ending}" for ending in _DOCUMENTS), *TABLES.values()]))
        for part in parts
    ]
    made = [*_documents(year, there, folder), *_tables(there, folder)]
    return Gathered({file.path: folder / file.path for file in made}, tuple(made))


def _documents(year: str, there: Sequence[tuple[Part, Path]], folder: Path) -> Iterator[PublishedFile]:
    for ending in _DOCUMENTS:
        path, rows = folder / f"{year}{ending}", 0
        with replacing(path) as unfinished, open(unfinished, "xb") as out:
            for part, place in there:
                name = f"{part.month}{ending}"
                member = place / name
                if digest(member)[0] != part.files[name]["sha256"]:
                    raise StoreError(f"cannot gather {part.month}: {member} is not what was published")
                with open(member, "rb") as file:
                    shutil.copyfileobj(file, out, CHUNK)
                rows += part.files[name]["rows"]
        yield describe(path, path.name, "jsonl.gz", rows)


def _tables(there: Sequence[tuple[Part, Path]], folder: Path) -> Iterator[PublishedFile]:
    for table, name in TABLES.items():
        with TableWriter(folder / name, arrow_schema(table)) as writer:
            for _, place in there:
                for rows in rows_as_now(place / name, table):
                    writer.write(rows)
        yield describe(folder / name, name, "parquet", writer.rows)
