"""Check: offers are made between the call and the close.

What comes on paper is typed in afterwards, so the close binds electronic reception only.
"""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.records.process import beside, in_order

_ORDERS = (("bids/details/date", "called", "date"), ("bids/details/date", "date", "closed"))


def _find(month: Month) -> Finding:
    rows = beside(
        month,
        "bids",
        ("date",),
        called="tender_datePublished",
        closed="tender_tenderPeriod_endDate",
        method="tender_submissionMethod",
    )
    electronic = pl.col("method").str.contains("electronicSubmission", literal=True)
    return in_order(rows.with_columns(closed=pl.when(electronic).then("closed")), _ORDERS)


CHECK = Check(
    id="bid_dates",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/bids",
    paths=("bids/details/date", "tender/datePublished", "tender/tenderPeriod/endDate", "tender/submissionMethod"),
    meaning="Las ofertas se presentan después de la convocatoria y, si son electrónicas, antes del cierre.",
    description="Bids are dated after the call and, where reception is electronic, not after the close.",
    find=_find,
)
