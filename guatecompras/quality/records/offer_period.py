"""Check: offers could be made for at least as long as the law asks for the modality (`plazos`), where the close is known.

Business days are counted as weekdays, the day of the call left out and that of the close counted: without a calendar of
holidays a period may be shorter than it looks, never longer, so what is found is too short in any case.
"""

import polars as pl

from guatecompras import catalogs
from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.records.process import modality


def _find(month: Month) -> Finding:
    rows = month.scan("records").select(
        "nog",
        "tender_procurementMethodDetails",
        called=pl.col("tender_datePublished").dt.date(),
        closed=pl.col("tender_tenderPeriod_endDate").dt.date(),
        modalidad=modality(),
    )
    terms = catalogs.table("plazos").lazy().select("modalidad", "clase", "dias", pl.col("desde").str.to_date())
    # A close before the call has no length at all.
    rows = rows.filter(pl.col("closed") >= pl.col("called")).join(terms, on="modalidad")
    calendar = (pl.col("closed") - pl.col("called")).dt.total_days()
    after = pl.duration(days=1)
    business = pl.business_day_count(pl.col("called") + after, pl.col("closed") + after)
    days = pl.when(pl.col("clase") == "calendario").then(calendar).otherwise(business)
    shown = pl.format("{} < {} ({}): {}", "days", "dias", "clase", "tender_procurementMethodDetails")
    rows = rows.with_columns(days=days)
    path = "tender/tenderPeriod/endDate"
    return judge(rows, pl.col("days") < pl.col("dias"), path, shown, pl.col("called") >= pl.col("desde"))


CHECK = Check(
    id="offer_period",
    version="1",
    level="record",
    dimension="legalidad",
    asset="tables/records",
    paths=("tender/tenderPeriod/endDate", "tender/datePublished", "tender/procurementMethodDetails"),
    meaning="El plazo para ofertar no es menor que el mínimo que la ley fija para la modalidad.",
    description="The days from the call to the close of offers are not fewer than the law's minimum for the modality.",
    find=_find,
)
