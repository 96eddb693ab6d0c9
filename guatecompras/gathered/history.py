"""The whole history as one data set: the tables of all months, `<table>/month=YYYY-MM/data.parquet`, as Hive lays them out.

The files are those of the months' versions: a store has them once where it can.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from guatecompras.formats.parquets import TableWriter
from guatecompras.gathered.parts import TABLES, Gathered, Part, as_now, rows_as_now
from guatecompras.publication import PublishedFile, describe
from guatecompras.stores import Store
from guatecompras.tables import arrow_schema

NAME = "history"


def build(store: Store, parts: Sequence[Part], folder: Path) -> Gathered:
    """The tables of all months; those that were published with other columns than now are written anew into `folder`.

    So all files of a table have one schema. Raises StoreError when a month's file is not what was published.
    """
    made = list(_files(store, parts, folder))
    return Gathered({file.path: path for file, path in made}, tuple(file for file, _ in made))


def _files(store: Store, parts: Sequence[Part], folder: Path) -> Iterator[tuple[PublishedFile, Path]]:
    for part in parts:
        there = part.folder(store, tuple(TABLES.values()))
        for table, name in TABLES.items():
            entry, path = part.files[name], there / name
            listed = PublishedFile(
                f"{table}/month={part.month}/data.parquet", "parquet", entry["bytes"], entry["sha256"], entry["rows"]
            )
            if not as_now(path, table):
                path = _rewritten(path, table, folder / listed.path)
                listed = describe(path, listed.path, "parquet", entry["rows"])
            yield listed, path


def _rewritten(path: Path, table: str, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with TableWriter(target, arrow_schema(table)) as writer:
        for rows in rows_as_now(path, table):
            writer.write(rows)
    return target
