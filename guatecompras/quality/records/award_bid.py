"""Check: nobody is awarded more than they asked for. By supplier and process: one may win several parts of an offer."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.records.process import awards_in_force, number, pair


def _find(month: Month) -> Finding:
    keys = ["nog", "supplier", "currency"]
    suppliers = month.scan("award_suppliers").select("nog", "award_id", supplier="id")
    awards = awards_in_force(month).select("nog", "value_amount", award_id="id", currency="value_currency")
    awarded = awards.join(suppliers, on=["nog", "award_id"]).group_by(keys)
    bids = month.scan("bids").group_by("nog", supplier="tenderers_id", currency="value_currency")
    # Whoever offers several times may win with any of them, and with several.
    rows = awarded.agg(awarded=pl.col("value_amount").sum()).join(
        bids.agg(offered=pl.col("value_amount").sum()), on=keys
    )
    most = number(month, "award_bid", "max_ratio")
    above = pl.col("awarded").cast(pl.Float64) > pl.col("offered").cast(pl.Float64) * most
    return judge(rows, above, "awards/value/amount", pair("awarded", "offered"), pl.col("offered") > 0)


CHECK = Check(
    id="award_bid",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/awards",
    paths=("awards/value/amount", "awards/suppliers/id", "bids/details/value/amount", "bids/details/tenderers/id"),
    meaning="A ningún proveedor se le adjudica más de lo que ofertó.",
    description="No supplier is awarded more than the value of its bids in the process.",
    find=_find,
)
