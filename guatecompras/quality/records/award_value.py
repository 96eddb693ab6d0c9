"""Check: what is awarded is of the order of the estimated value. By process, what is in its currency."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.records.process import awards_in_force, number, pair


def _find(month: Month) -> Finding:
    awards = awards_in_force(month).group_by("nog", currency="value_currency")
    estimates = month.scan("records").select("nog", currency="tender_value_currency", estimated="tender_value_amount")
    rows = estimates.join(awards.agg(awarded=pl.col("value_amount").sum()), on=["nog", "currency"])
    ratio = pl.col("awarded").cast(pl.Float64) / pl.col("estimated").cast(pl.Float64)
    least, most = (number(month, "award_value", name) for name in ("min_ratio", "max_ratio"))
    comparable = (pl.col("awarded") > 0) & (pl.col("estimated") > 0)
    return judge(rows, ~ratio.is_between(least, most), "awards/value/amount", pair("awarded", "estimated"), comparable)


CHECK = Check(
    id="award_value",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/awards",
    paths=("awards/value/amount", "tender/value/amount"),
    meaning="Lo adjudicado en un proceso es del orden de su monto estimado.",
    description="The active awards of a process add up to its estimated value, within the ratios of the rule.",
    find=_find,
)
