"""Check: a process is in one currency; amounts in several are no error, but nobody can add them up."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.records.process import AMOUNTS


def _find(month: Month) -> Finding:
    named = pl.concat(
        month.scan(table).select("nog", currency=pl.col(currency)).drop_nulls("currency").unique()
        for _, table, _, currency in AMOUNTS
    )
    rows = named.group_by("nog").agg(pl.col("currency").unique().sort())
    return judge(rows, pl.col("currency").list.len() > 1, "tender/value/currency", pl.col("currency").list.join(" / "))


CHECK = Check(
    id="currencies",
    version="1",
    level="record",
    dimension="consistencia",
    asset="tables/records",
    paths=(
        "tender/value/currency",
        "tender/items/unit/value/currency",
        "bids/details/value/currency",
        "awards/value/currency",
        "contracts/value/currency",
    ),
    meaning="Todos los montos de un proceso están en la misma moneda.",
    description="All amounts of a process are in one currency.",
    find=_find,
)
