"""Check: the number of tenderers is that of the offers, and an awarded process has some.

Offers are sealed while a process is open, so the number may be 0 then; a source without offers has only the number.
"""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.records.process import awarded, pair

_NUMBER, _PATH = "tender_numberOfTenderers", "tender/numberOfTenderers"


def _find(month: Month) -> Finding:
    bids = month.scan("bids").group_by("nog").agg(offered=pl.col("tenderers_id").drop_nulls().n_unique())
    rows = month.scan("records").select("nog", "tender_statusDetails", _NUMBER)
    rows = rows.join(bids, on="nog", how="left").collect().lazy()
    # Whether the number may be absent is not asked here.
    wrong, both = pl.col(_NUMBER) != pl.col("offered"), pl.col(_NUMBER).is_not_null() & pl.col("offered").is_not_null()
    counted = judge(rows, wrong, _PATH, pair(_NUMBER, "offered"), both)
    lonely = judge(rows, pl.col(_NUMBER) == 0, _PATH, pair(_NUMBER, "tender_statusDetails"), awarded() == 1)
    return joined((counted, lonely))


CHECK = Check(
    id="number_of_tenderers",
    version="1",
    level="record",
    dimension="consistencia",
    asset="tables/records",
    paths=("tender/numberOfTenderers", "bids/details/tenderers/id", "tender/statusDetails"),
    meaning="El número de oferentes es el de proveedores distintos con oferta; en un proceso adjudicado hay al menos uno.",
    description="numberOfTenderers equals the distinct tenderers of the bids, and is not 0 where the process was awarded.",
    find=_find,
)
