"""Check: an award is not older than its call, nor than the close of offers, nor younger than what is published of it."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.records.process import beside, in_order

_ORDERS = (
    ("awards/date", "called", "date"),
    ("awards/date", "closed", "date"),
    ("awards/date", "date", "published"),
)


def _find(month: Month) -> Finding:
    rows = beside(
        month,
        "awards",
        ("date", "status"),
        called="tender_datePublished",
        closed="tender_tenderPeriod_endDate",
        published="publishedDate",
    )
    # A process that lost its award may have been opened again: the close is then the second one.
    return in_order(rows.with_columns(closed=pl.when(pl.col("status") == "active").then("closed")), _ORDERS)


CHECK = Check(
    id="award_dates",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/awards",
    paths=("awards/date", "tender/datePublished", "tender/tenderPeriod/endDate", "publishedDate"),
    meaning="Ninguna adjudicación es anterior a la convocatoria o al cierre de ofertas, ni posterior a su publicación.",
    description="Award dates are not before the call or the close of offers, nor after the record's published date.",
    find=_find,
)
