"""Check: the contracts of an award add up to about its value. By award: one may be split over several contracts."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.records.process import contracts_in_force, number, pair


def _find(month: Month) -> Finding:
    contracts = contracts_in_force(month).group_by("nog", "awardID", currency="value_currency")
    awards = month.scan("awards").select("nog", awardID="id", currency="value_currency", awarded="value_amount")
    rows = contracts.agg(contracted=pl.col("value_amount").sum()).join(awards, on=["nog", "awardID", "currency"])
    ratio = pl.col("contracted").cast(pl.Float64) / pl.col("awarded").cast(pl.Float64)
    least, most = (number(month, "contract_value", name) for name in ("min_ratio", "max_ratio"))
    # An amount of zero is another check's business, and no measure.
    comparable = (pl.col("contracted") > 0) & (pl.col("awarded") > 0)
    return judge(
        rows, ~ratio.is_between(least, most), "contracts/value/amount", pair("contracted", "awarded"), comparable
    )


CHECK = Check(
    id="contract_value",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/contracts",
    paths=("contracts/value/amount", "contracts/awardID", "awards/value/amount"),
    meaning="La suma de los contratos de una adjudicación no se aparta de lo adjudicado más de lo que la ley deja variar.",
    description="The contracts of an award add up to its value, within the ratios of the rule.",
    find=_find,
)
