"""Check: no field that was filled is empty now, or filled much less often than in the version that is public."""

from collections.abc import Iterator, Mapping

import polars as pl

from guatecompras.quality.check import FAILURES_SCHEMA, Check, Finding, Month, Previous
from guatecompras.quality.deviation import SHARES, number
from guatecompras.quality.distributions import filled_rows
from guatecompras.quality.loss import with_previous
from guatecompras.quality.rules import Parameter
from guatecompras.tables import NAMES, arrow_schema, path_of


def _find(month: Month, previous: Previous) -> Finding:
    parameters = month.parameters("fields_lost")
    judged, found = 0, []
    same_policy = month.personal.covers(previous.personal)
    for table in NAMES:
        if table not in previous.tables:
            continue
        before, now = filled_rows(previous.tables[table]), filled_rows(month.tables[table])
        for column, was, is_now in _shares(before, now, parameters):
            # What may not be published any more is no loss.
            if not same_policy and month.personal.kinds_without(_path(table, column)):
                continue
            judged += 1
            if is_now < was * (1 - number(parameters, "fall")):
                found.append(
                    (None, _path(table, column), f"{table}.{column}: {SHARES.show(was)} -> {SHARES.show(is_now)}")
                )
    return Finding.of(judged, pl.DataFrame(found, schema=FAILURES_SCHEMA, orient="row"))


def _shares(
    before: tuple[int, Mapping[str, int]], now: tuple[int, Mapping[str, int]], parameters: Mapping[str, Parameter]
) -> Iterator[tuple[str, float, float]]:
    """Columns that were filled often enough to be judged, with their share of the rows then and now."""
    (rows_then, filled_then), (rows_now, filled_now) = before, now
    for column, number_then in filled_then.items():
        if number_then >= number(parameters, "filled"):
            # A table that lost all its rows lost its fields with them.
            yield column, number_then / rows_then, filled_now.get(column, 0) / rows_now if rows_now else 0.0


def _path(table: str, column: str) -> str:
    """Of a column that the tables do not have any more, its name."""
    return path_of(table, column) if column in arrow_schema(table).names else column


CHECK = Check(
    id="fields_lost",
    version="1",
    level="version",
    dimension="estabilidad",
    asset="tables/records",
    paths=(),
    meaning="Ningún campo que venía lleno en la versión pública viene vacío, o lleno mucho menos a menudo.",
    description="No column that was filled is empty now, nor filled in a much smaller share of its rows.",
    find=with_previous(_find),
)
