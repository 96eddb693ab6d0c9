"""Check: who is contracted directly does not compete: at most a few tenderers where the method is direct."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.records.process import number, pair


def _find(month: Month) -> Finding:
    rows = month.scan("records").select("nog", "tender_procurementMethod", "tender_numberOfTenderers")
    most = number(month, "method_tenderers", "max_tenderers")
    number_of = pl.col("tender_numberOfTenderers")
    direct = (pl.col("tender_procurementMethod") == "direct") & number_of.is_not_null()
    shown = pair("tender_procurementMethod", "tender_numberOfTenderers")
    return judge(rows, number_of > most, "tender/numberOfTenderers", shown, direct)


CHECK = Check(
    id="method_tenderers",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/records",
    paths=("tender/procurementMethod", "tender/numberOfTenderers"),
    meaning="Los procesos de método directo no tienen más oferentes de los que ese método supone.",
    description="A process with the method direct has no more tenderers than the rule says.",
    find=_find,
)
