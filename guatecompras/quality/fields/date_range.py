"""Check: every date lies in a plausible time: not before there was such a system, not in the far future."""

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from guatecompras.months import TIME_ZONE
from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields.cells import Column, dates, judged

_COLUMNS = dates()


def _find(month: Month) -> Finding:
    parameters = month.parameters("date_range")
    first, ahead, years = parameters["first_year"], parameters["years_ahead"], parameters["years_ahead_of"]
    assert isinstance(first, int)
    assert isinstance(years, dict)
    called = int(month.month[:4])

    def fails(column: Column) -> pl.Expr:
        after = called + years.get(column.path, ahead) + 1
        return ~pl.col(column.name).is_between(_year(first), _year(after), closed="left")

    return judged(month, ((column, fails(column)) for column in _COLUMNS), shown=_local)


def _local(name: str) -> pl.Expr:
    return pl.col(name).dt.to_string("%Y-%m-%dT%H:%M:%S")


def _year(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=ZoneInfo(TIME_ZONE))


CHECK = Check(
    id="date_range",
    version="1",
    level="field",
    dimension="plausibilidad",
    asset="tables/records",
    paths=tuple(dict.fromkeys(column.path for column in _COLUMNS)),
    meaning="Toda fecha es creíble: ni anterior al sistema ni en un futuro lejano.",
    description="Every date lies between the first plausible year and some years after the month of the call.",
    find=_find,
)
