"""Check: no amount is negative or beyond what any purchase of the State has been."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.records.process import AMOUNTS, number


def _find(month: Month) -> Finding:
    most = number(month, "amount_bounds", "max_amount")
    return joined(
        judge(
            month.scan(table).select("nog", amount),
            (pl.col(amount) < 0) | (pl.col(amount) > most),
            f"{path}/amount",
            amount,
            pl.col(amount).is_not_null(),
        )
        for path, table, amount, _ in AMOUNTS
    )


CHECK = Check(
    id="amount_bounds",
    version="1",
    level="record",
    dimension="plausibilidad",
    asset="tables/records",
    paths=(
        "tender/value/amount",
        "tender/items/unit/value/amount",
        "bids/details/value/amount",
        "awards/value/amount",
        "contracts/value/amount",
    ),
    meaning="Ningún monto es negativo ni mayor que cualquier compra posible del Estado.",
    description="No amount is negative or above the bound of the rule.",
    find=_find,
)
