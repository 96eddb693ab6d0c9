"""Check: quantities by unit prices add up to the estimated value, where every item has both and one currency."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.records.process import number, pair


def _find(month: Month) -> Finding:
    amount = pl.col("quantity").cast(pl.Float64) * pl.col("unit_value_amount").cast(pl.Float64)
    items = (
        month.scan("items")
        .group_by("nog")
        .agg(
            total=amount.sum().round(2),
            whole=amount.is_not_null().all(),
            currency=pl.col("unit_value_currency").first(),
            currencies=pl.col("unit_value_currency").n_unique(),
        )
        .filter("whole", pl.col("currencies") == 1, pl.col("total") > 0)
    )
    estimates = month.scan("records").select("nog", currency="tender_value_currency", estimated="tender_value_amount")
    rows = estimates.filter(pl.col("estimated") > 0).join(items, on=["nog", "currency"])
    off = (pl.col("total") / pl.col("estimated").cast(pl.Float64) - 1).abs()
    wrong = off > number(month, "item_total", "tolerance")
    return judge(rows, wrong, "tender/value/amount", pair("total", "estimated"))


CHECK = Check(
    id="item_total",
    version="1",
    level="record",
    dimension="consistencia",
    asset="tables/items",
    paths=("tender/items/quantity", "tender/items/unit/value/amount", "tender/value/amount"),
    meaning="La suma de cantidad por precio unitario de los renglones es el monto estimado del proceso.",
    description="Quantity times unit price over the items adds up to the estimated value.",
    find=_find,
)
