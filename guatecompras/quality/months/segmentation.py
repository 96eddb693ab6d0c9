"""Check: every record is in the month of its call for tenders, local time."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge


def _find(month: Month) -> Finding:
    called = pl.col("tender_datePublished").dt.to_string("%Y-%m")
    wrong = pl.col("dataSegmentation_id").ne_missing(month.month) | called.ne_missing(month.month)
    value = pl.concat_str(pl.col("dataSegmentation_id").fill_null("-"), pl.lit(" / "), called.fill_null("-"))
    return judge(month.scan("records"), wrong, "dataSegmentation/id", value)


CHECK = Check(
    id="segmentation",
    version="1",
    level="record",
    dimension="consistencia",
    asset="tables/records",
    paths=("dataSegmentation/id", "tender/datePublished"),
    meaning="Cada proceso está en el mes de su convocatoria, en hora de Guatemala.",
    description="dataSegmentation.id and the local month of tender.datePublished are the month's.",
    find=_find,
)
