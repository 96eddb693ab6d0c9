"""The integrity of all months as one collection, `red_flags`: the flags and priorities of every month, and counts of them by
indicator and by buyer. It is made of the months' own collections (`monthly.py`), of which it takes the flags as they are.

Two million rows are no workbook: the counts are in Excel too, the flags themselves in each month's.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from guatecompras.errors import StoreError
from guatecompras.formats.archive import gzip_lines_writer
from guatecompras.formats.csvs import write_csv_zip
from guatecompras.formats.parquets import TableWriter
from guatecompras.gathered import tables
from guatecompras.gathered.collect import Plan
from guatecompras.gathered.parts import Gathered, Part
from guatecompras.integrity.columns import BUYERS, FLAGS, MONTHS, REVIEW, SUMMARY, Table
from guatecompras.integrity.monthly import file_stem, name_of
from guatecompras.publication import PublishedFile, describe
from guatecompras.reports.writing import objects
from guatecompras.stores import Store

Json = dict[str, Any]
NAME = "red_flags"


@dataclass(frozen=True)
class Made:
    """The collection of a month, at the version that is public."""

    month: str
    version: str

    def read(self, store: Store, table: Table) -> pl.LazyFrame:
        """One of its tables. Raises StoreError when it is not there."""
        name = f"{file_stem(table.id, self.month)}.parquet"
        path = store.collection_folder(f"{name_of(self.month)}/{self.version}", (name,)) / name
        if not path.is_file():
            raise StoreError(f"cannot gather the flags of {self.month}: {path} is missing; run `guatecompras verify`")
        return pl.scan_parquet(path)


def plan(store: Store, parts: Sequence[Part]) -> Iterator[Plan]:
    """The collection as it should be, of the months whose flags are public; none where no month's are."""
    collections: Mapping[str, Json] = store.index()["collections"]
    made = [
        Made(part.month, collections[name_of(part.month)]["version"])
        for part in parts
        if name_of(part.month) in collections
    ]
    if made:
        versions = hashlib.sha256("\n".join(f"{one.month} {one.version}" for one in made).encode()).hexdigest()
        there = {one.month for one in made}
        yield Plan(
            NAME, tuple(part for part in parts if part.month in there), partial(build, store, made), rules=versions
        )


def build(store: Store, made: Sequence[Made], folder: Path) -> Gathered:
    """Write the tables. Raises GuatecomprasError when a file of a month is not what was published."""
    listed: list[PublishedFile] = []
    for table in (FLAGS, REVIEW):
        listed += _whole(table, (one.read(store, table).collect() for one in made), folder)
    summaries = [one.read(store, SUMMARY).with_columns(mes=pl.lit(one.month)) for one in made]
    by_month = pl.concat(summaries).select(MONTHS.names).sort("mes", "indicador").collect()
    by_buyer = _buyers(pl.scan_parquet(folder / f"{FLAGS.id}.parquet"))
    for table, rows in ((MONTHS, by_month), (BUYERS, by_buyer)):
        listed += tables.write(table, rows, folder, table.id)
    return Gathered({file.path: folder / file.path for file in listed}, tuple(listed))


def _whole(table: Table, months: Iterator[pl.DataFrame], folder: Path) -> Iterator[PublishedFile]:
    """A table of all months, one month held at a time."""
    kept = folder / f".{table.id}.parquet"
    names = {"parquet": f"{table.id}.parquet", "jsonl.gz": f"{table.id}.jsonl.gz", "csv.zip": f"{table.id}_csv.zip"}
    flat = tables.flat(pl.DataFrame(schema=table.schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    with (
        TableWriter(folder / names["parquet"], table.arrow) as whole,
        TableWriter(kept, flat) as flattened,
        gzip_lines_writer(folder / names["jsonl.gz"]) as lines,
    ):
        for rows in months:
            whole.write(rows)
            flattened.write(tables.flat(rows))
            for batch in rows.iter_slices():
                lines.write(b"".join(line + b"\n" for line in objects(tables.flat(batch))))
    write_csv_zip({table.id: kept}, folder / names["csv.zip"])
    kept.unlink()
    for form, name in names.items():
        yield describe(folder / name, name, form, whole.rows)


def _buyers(flags: pl.LazyFrame) -> pl.DataFrame:
    """By buyer, year and indicator: how many flags speak of it, and of how many quetzales."""
    return (
        flags.drop_nulls("comprador_id")
        .group_by("comprador_id", "indicador", anio=pl.col("mes").str.head(4).cast(pl.Int64))
        .agg(
            pl.col("comprador", "departamento").drop_nulls().last(),
            pl.col("nombre").last(),
            activadas=pl.len().cast(pl.Int64),
            monto=pl.col("monto").sum(),
        )
        .select(BUYERS.names)
        .cast(BUYERS.schema)  # type: ignore[arg-type]
        .sort("comprador_id", "anio", "indicador")
        .collect()
    )
