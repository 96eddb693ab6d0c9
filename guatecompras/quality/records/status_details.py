"""Check: each OCDS status is the one that its Guatecompras name stands for: of calls, awards and contracts."""

import polars as pl

from guatecompras import catalogs
from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.records.process import pair

# Path, table, and what the catalog `estados` calls it.
_STATUSES = (
    ("awards/status", "awards", "adjudicaciones"),
    ("contracts/status", "contracts", "contratos"),
)


def _find(month: Month) -> Finding:
    call = month.scan("records").select("nog", status="tender_status", statusDetails="tender_statusDetails")
    found = [_judged(call, "tender/status", catalogs.mapping("estatus", "name", "tender_status"))]
    for path, table, states in _STATUSES:
        rows = catalogs.table("estados").filter(pl.col("tabla") == states)
        codes = dict(rows.select("details", "code").iter_rows())
        found.append(_judged(month.scan(table).select("nog", "status", "statusDetails"), path, codes))
    return joined(found)


def _judged(rows: pl.LazyFrame, path: str, codes: dict[str, str]) -> Finding:
    """A name that the catalog does not know says nothing; whether it may stand there is a codelist's business."""
    expected = pl.col("statusDetails").replace_strict(codes, default=None, return_dtype=pl.String)
    wrong = pl.col("status").ne_missing(expected)
    return judge(rows, wrong, path, pair("status", "statusDetails"), expected.is_not_null())


CHECK = Check(
    id="status_details",
    version="1",
    level="record",
    dimension="consistencia",
    asset="tables/records",
    paths=(
        "tender/status",
        "tender/statusDetails",
        "awards/status",
        "awards/statusDetails",
        "contracts/status",
        "contracts/statusDetails",
    ),
    meaning="El estado según el estándar corresponde siempre al estado con el nombre de Guatecompras.",
    description="Status and statusDetails of tender, awards and contracts say the same, by the catalogs.",
    find=_find,
)
