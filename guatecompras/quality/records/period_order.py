"""Check: the period for offers starts when the call is published and does not close before."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.records.process import MOMENT, in_order

_START, _END, _CALL = "tender_tenderPeriod_startDate", "tender_tenderPeriod_endDate", "tender_datePublished"


def _find(month: Month) -> Finding:
    rows = month.scan("records").select("nog", _START, _END, _CALL).collect().lazy()
    closed = in_order(rows, [("tender/tenderPeriod/endDate", _CALL, _END)])
    shown = pl.concat_str(pl.col(_START).dt.to_string(MOMENT), pl.lit(" / "), pl.col(_CALL).dt.to_string(MOMENT))
    there = pl.col(_START).is_not_null() & pl.col(_CALL).is_not_null()
    started = judge(rows, pl.col(_START) != pl.col(_CALL), "tender/tenderPeriod/startDate", shown, there)
    return joined((closed, started))


CHECK = Check(
    id="period_order",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/records",
    paths=("tender/tenderPeriod/startDate", "tender/tenderPeriod/endDate", "tender/datePublished"),
    meaning="El plazo para ofertar empieza con la convocatoria y no cierra antes de ella.",
    description="The tender period starts with the call's publication and does not end before it.",
    find=_find,
)
