"""Check: no field is filled much less often than in every month before.

Not the test of distributions: most fields are filled always or nearly, and where there is no spread that test is silent.
"""

import polars as pl

from guatecompras.quality.check import FAILURES_SCHEMA, Check, Finding, Month
from guatecompras.quality.deviation import SHARES, history, number
from guatecompras.tables import path_of


def _find(month: Month) -> Finding:
    parameters = month.parameters("coverage_fallen")
    before = [one["coverage"] for one in history(month, parameters) if "coverage" in one]
    judged, fallen = 0, []
    for column, now in month.distributions["coverage"].items():
        shares = [one[column] for one in before if column in one]
        if len(shares) < number(parameters, "months") or not (least := min(shares)):
            continue
        judged += 1
        if now < least * (1 - number(parameters, "fall")):
            shown = (
                f"{column}: {SHARES.show(now)}; en los {len(shares)} meses anteriores, al menos {SHARES.show(least)}"
            )
            fallen.append((None, path_of(*column.split(".")), shown))
    return Finding.of(judged, pl.DataFrame(fallen, schema=FAILURES_SCHEMA, orient="row"))


CHECK = Check(
    id="coverage_fallen",
    version="1",
    level="month",
    dimension="completitud",
    asset="tables/records",
    paths=(),
    meaning="Ningún campo viene vacío mucho más a menudo que en cualquiera de los meses anteriores.",
    description="No column is filled in a much smaller share of its rows than in the least of the trailing months.",
    find=_find,
)
