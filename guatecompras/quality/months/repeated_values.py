"""Check: no single value fills a suspicious share of a column where values should differ."""

from typing import Any

import polars as pl

from guatecompras.quality.check import FAILURES_SCHEMA, Check, Finding, Month
from guatecompras.quality.deviation import SHARES, number
from guatecompras.tables import path_of


def _find(month: Month) -> Finding:
    parameters = month.parameters("repeated_values")
    columns: Any = parameters["columns"]
    counted = pl.collect_all([_most_frequent(month.scan(table), column) for table, column, _ in columns])
    judged, found = 0, []
    for (table, column, limit), top in zip(columns, counted, strict=True):
        value, times, rows = top.row(0) if top.height else (None, 0, 0)
        if rows < number(parameters, "rows"):
            continue
        judged += 1
        if times > rows * limit:
            shown = f"{value}: {times:,} de {rows:,} ({SHARES.show(times / rows)})"
            found.append((None, path_of(table, column), shown))
    return Finding.of(judged, pl.DataFrame(found, schema=FAILURES_SCHEMA, orient="row"))


def _most_frequent(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """The value that a column has most often, how often, and of how many. An amount of zero is no value."""
    values = rows.select(pl.col(column).cast(pl.String)).drop_nulls().filter(~pl.col(column).str.contains(r"^0\.?0*$"))
    counted = values.group_by(column).agg(times=pl.len())
    return counted.with_columns(rows=pl.col("times").sum()).sort("times", column, descending=[True, False]).head(1)


CHECK = Check(
    id="repeated_values",
    version="1",
    level="month",
    dimension="distribución",
    asset="tables/records",
    paths=(
        "tender/title",
        "tender/value/amount",
        "tender/documents/url",
        "awards/value/amount",
        "awards/suppliers/id",
        "contracts/value/amount",
        "contracts/contractNumber",
    ),
    meaning="Ningún valor se repite en una parte sospechosa del mes (descripción, monto, proveedor, enlace, contrato).",
    description="The most frequent value of columns where values should differ has no suspicious share.",
    find=_find,
)
