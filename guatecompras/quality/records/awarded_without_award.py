"""Check: a process whose status says that it was awarded has an award in force.

Not every OCDS `complete` does: a prequalification or a selection ends without one (catalog `estatus`, column `awarded`).
"""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.records.process import awarded, awards_in_force


def _find(month: Month) -> Finding:
    has = awards_in_force(month).select("nog", has=pl.lit(True)).unique()
    rows = month.scan("records").select("nog", "tender_statusDetails").join(has, on="nog", how="left")
    return judge(rows, pl.col("has").is_null(), "tender/statusDetails", "tender_statusDetails", awarded() == 1)


CHECK = Check(
    id="awarded_without_award",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/awards",
    paths=("tender/statusDetails", "awards/status"),
    meaning="Todo proceso que dice estar adjudicado tiene al menos una adjudicación en pie.",
    description="A process with an awarded status has an active award.",
    find=_find,
)
