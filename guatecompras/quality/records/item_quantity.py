"""Check: quantities are above zero and below what anybody could need."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.records.process import number


def _find(month: Month) -> Finding:
    quantity = pl.col("quantity")
    wrong = (quantity <= 0) | (quantity > number(month, "item_quantity", "max_quantity"))
    rows = month.scan("items").select("nog", "quantity")
    return judge(rows, wrong, "tender/items/quantity", "quantity", quantity.is_not_null())


CHECK = Check(
    id="item_quantity",
    version="1",
    level="record",
    dimension="plausibilidad",
    asset="tables/items",
    paths=("tender/items/quantity",),
    meaning="Las cantidades de los renglones son mayores que cero y no absurdas.",
    description="Item quantities are above zero and not above the bound of the rule.",
    find=_find,
)
