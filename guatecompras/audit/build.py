"""The collection `audit`: its tables over all months, as Parquet, CSV and JSON. A year is held at a time, never all.

What is in the tables is `tables.py`'s business; which collections are public, `gathered/collect.py`'s.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from guatecompras.audit import concursos, parameters
from guatecompras.audit.tables import SCOPE, TABLES, Table, of_year
from guatecompras.formats.parquets import TableWriter
from guatecompras.gathered import tables
from guatecompras.gathered.collect import Plan
from guatecompras.gathered.parts import Gathered, Part
from guatecompras.gathered.years import by_year
from guatecompras.publication import PublishedFile, describe
from guatecompras.settings import Settings
from guatecompras.stores import Store

NAME = "audit"
# Rows of one scope stand together: who reads one reads little of the file.
_GROUP = 1 << 12
_NEEDED = tuple(f"tables/{name}.parquet" for name in concursos.TABLES)


def plan(store: Store, parts: Sequence[Part], settings: Settings) -> Plan:
    """The collection as it should be. Its links are quoted, so as many versions of it stay as of a month."""
    named = settings.rank_people
    made = partial(build, store, parts, rank_people=named)
    return Plan(NAME, tuple(parts), made, "rank_people" if named else "", kept=settings.keep_versions)


def build(store: Store, parts: Sequence[Part], folder: Path, *, rank_people: bool) -> Gathered:
    """Write every table in every format into `folder`. Raises GuatecomprasError when a month's file is not what was published."""
    made: dict[str, list[pl.DataFrame]] = {name: [] for name in TABLES}
    for year, months in by_year(parts).items():
        for name, rows in _year(store, int(year), months, rank_people=rank_people).items():
            made[name].append(rows)
    listed = [file for name, table in TABLES.items() for file in _write(name, table, pl.concat(made.pop(name)), folder)]
    return Gathered({file.path: folder / file.path for file in listed}, tuple(listed))


def _year(store: Store, year: int, parts: Sequence[Part], *, rank_people: bool) -> dict[str, pl.DataFrame]:
    told = parameters.load()
    read = [concursos.read(part.folder(store, _NEEDED), part.month, told) for part in parts]
    called, awarded = (pl.concat(frames) for frames in zip(*read, strict=True))
    return of_year(called, awarded, year, told, rank_people=rank_people)


def _write(name: str, table: Table, rows: pl.DataFrame, folder: Path) -> Iterator[PublishedFile]:
    keys = ("ambito", "id", "anio", *table.order)
    path = folder / f"{name}.parquet"
    with TableWriter(path, table.arrow, _GROUP) as writer:
        writer.write(rows.sort(keys, nulls_last=True))
    yield describe(path, path.name, "parquet", rows.height)
    yield from tables.texts(path, table.schema, rows.height)


assert all(len({one.name for one in table.all_columns}) == len(table.all_columns) for table in TABLES.values())
assert [one.name for one in SCOPE] == ["ambito", "id", "nombre", "departamento", "anio"]
