"""Check: no amount is, under the same id, many times what it was or a small part of it."""

from functools import partial

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, Previous, joined, judge
from guatecompras.quality.deviation import number
from guatecompras.quality.loss import with_previous

# table, what identifies its rows, where the amount stands, its path.
_AMOUNTS: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("records", ("nog",), "tender_value", "tender/value/amount"),
    ("bids", ("nog", "id"), "value", "bids/details/value/amount"),
    ("awards", ("nog", "id"), "value", "awards/value/amount"),
    ("contracts", ("nog", "id"), "value", "contracts/value/amount"),
)


def _find(month: Month, previous: Previous) -> Finding:
    factor = number(month.parameters("amounts_moved"), "factor")
    return joined(_moved(month, previous, factor, *amount) for amount in _AMOUNTS)


def _moved(
    month: Month, previous: Previous, factor: float, table: str, keys: tuple[str, ...], value: str, path: str
) -> Finding:
    amount = partial(pl.col(f"{value}_amount").cast(pl.Float64).alias)
    before = previous.scan(table).select(*keys, f"{value}_currency", amount("before"))
    now = month.scan(table).select(*keys, f"{value}_currency", amount("now"))
    # In another currency it is another amount, for the fields' checks to judge; zero is how the source says 'not known'.
    rows = now.join(before, on=[*keys, f"{value}_currency"]).filter((pl.col("before") > 0) & (pl.col("now") > 0))
    moved = pl.max_horizontal(pl.col("now") / pl.col("before"), pl.col("before") / pl.col("now")) > factor
    shown = (
        pl.format("{}: {} -> {}", pl.col("id"), "before", "now")
        if "id" in keys
        else pl.format("{} -> {}", "before", "now")
    )
    return judge(rows, moved, path, shown)


CHECK = Check(
    id="amounts_moved",
    version="1",
    level="version",
    dimension="estabilidad",
    asset="tables/awards",
    paths=tuple(path for *_, path in _AMOUNTS),
    meaning="Ningún monto ya público se multiplica o divide por un factor desmedido.",
    description="Estimated, bid, award and contract amounts are within a factor of what is public under the same id.",
    find=with_previous(_find),
)
