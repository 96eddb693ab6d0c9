"""The market as a collection of all months: each table as Parquet, CSV and JSON. What the tables hold is `columns.py`."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import polars as pl

from guatecompras.formats.parquets import TableWriter
from guatecompras.gathered import tables
from guatecompras.gathered.collect import Plan
from guatecompras.gathered.parts import Gathered, Part
from guatecompras.market import lots
from guatecompras.market.columns import TABLES
from guatecompras.market.families import COUNTED, Market
from guatecompras.publication import PublishedFile, describe
from guatecompras.stores import Store

NAME = "market"
FORMS = ("parquet", "csv", "json")
_WARES, _CONSIDERED = 3, 10  # names of wares shown of a family, and looked at in each month


def plan(store: Store, parts: Sequence[Part]) -> Plan:
    """The market of those months as it should be."""
    return Plan(NAME, tuple(parts), partial(build, store, parts))


def file_name(table: str, form: str) -> str:
    return f"mercado_{table}.{form}"


def build(store: Store, parts: Sequence[Part], folder: Path) -> Gathered:
    """Write every table in every format into `folder`. Raises StoreError when a month's file is not what was published."""
    spill = folder / ".lots"
    spill.mkdir()
    market = _gathered(store, parts, spill)
    made: list[PublishedFile] = []
    for name, count in COUNTED.items():
        rows = count(market)
        path, schema = folder / file_name(name, "parquet"), TABLES[name].schema
        with TableWriter(path, tables.described(schema, TABLES[name].columns)) as writer:
            writer.write(rows)
        made += [describe(path, path.name, "parquet", rows.height), *tables.texts(path, schema, rows.height)]
    shutil.rmtree(spill)
    return Gathered({file.path: folder / file.path for file in made}, tuple(made))


def _gathered(store: Store, parts: Sequence[Part], spill: Path) -> Market:
    """The months one after the other, reduced to lots on the disk: all that is held at once is of one month."""
    names, wares = pl.DataFrame(schema={"id": pl.String, "nombre": pl.String}), []
    for part in parts:
        files = {table: f"tables/{table}.parquet" for table in lots.TABLES}
        there = part.folder(store, tuple(files.values()))
        read = lots.read({table: there / name for table, name in files.items()})
        for kind, made in (("lots", lots.lots), ("wins", lots.wins)):
            made(read, part.month).collect().write_parquet(spill / f"{kind}-{part.month}.parquet", compression="lz4")
        # What somebody is called last is the name.
        names = pl.concat([names, lots.names(read).collect()]).unique("id", keep="last", maintain_order=True)
        wares.append(lots.wares(read, _CONSIDERED).collect())
    return Market(
        pl.scan_parquet(spill / "lots-*.parquet"),
        pl.scan_parquet(spill / "wins-*.parquet"),
        names,
        _most(pl.concat(wares)),
        [lots.month_number(part.month) for part in parts],
    )


def _most(wares: pl.DataFrame) -> pl.DataFrame:
    counted = wares.group_by("familia", "renglon").agg(pl.col("concursos").sum())
    ordered = counted.sort("familia", "concursos", "renglon", descending=[False, True, False])
    return ordered.group_by("familia", maintain_order=True).head(_WARES)
