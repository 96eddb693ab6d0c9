"""Check: the month has not sharply fewer concursos than every month before it."""

import polars as pl

from guatecompras.quality.check import FAILURES_SCHEMA, Check, Finding, Month
from guatecompras.quality.deviation import comparable, number


def _find(month: Month) -> Finding:
    parameters = month.parameters("volume")
    # A month that is running grows: there is nothing yet to hold it against. One that has ended may have next to nothing.
    ended = comparable(month.distributions, {**parameters, "concursos": 0})
    before = [one["rows"]["records"] for one in month.history.values() if comparable(one, parameters)]
    if not ended or len(before) < number(parameters, "months"):
        return Finding.of(0, pl.DataFrame(schema=FAILURES_SCHEMA))
    # Against the least of them, not their median: December and January are slack every year.
    now, least = month.distributions["rows"]["records"], min(before)
    shown = f"{now:,.0f} concursos; el menor de los {len(before)} meses anteriores tuvo {least:,.0f}"
    fallen = [(None, "ocid", shown)] if now < least * number(parameters, "share") else []
    return Finding.of(1, pl.DataFrame(fallen, schema=FAILURES_SCHEMA, orient="row"))


CHECK = Check(
    id="volume",
    version="1",
    level="month",
    dimension="completitud",
    asset="tables/records",
    paths=("ocid",),
    meaning="El mes no tiene muchos menos concursos que cualquiera de los meses anteriores.",
    description="A month that has ended has not sharply fewer concursos than the least of the trailing months.",
    find=_find,
)
