"""Check: no amount is zero: what is not known is left out, not written as nothing."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.records.process import AMOUNTS


def _find(month: Month) -> Finding:
    return joined(
        judge(
            month.scan(table).select("nog", amount),
            pl.col(amount) == 0,
            f"{path}/amount",
            amount,
            pl.col(amount).is_not_null(),
        )
        for path, table, amount, _ in AMOUNTS
    )


CHECK = Check(
    id="amount_zero",
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
    meaning="Ningún monto es cero: lo que no se conoce se omite.",
    description="No amount is zero.",
    find=_find,
)
