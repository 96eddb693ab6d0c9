"""Check: every published path is there as often as it used to be; what a parent must have, always."""

from functools import cache
from math import sqrt

import polars as pl

from guatecompras.ocds.mapping import fields
from guatecompras.personal import of_published
from guatecompras.quality.check import FAILURES_SCHEMA, Check, Finding, Month


def _find(month: Month) -> Finding:
    parameters = month.parameters("coverage")
    minimum, deviations = parameters["minimum"], parameters["deviations"]
    assert isinstance(minimum, dict)
    assert isinstance(deviations, int | float)
    excused = _withheld(month)
    judged = {
        path: (present, max(present, possible - excused.get(path, 0)), 1.0 if path in _required() else minimum[path])
        for path, (present, possible) in month.coverage.items()
        if possible and (path in _required() or path in minimum)
    }
    rare = [
        (None, path, f"{present} / {possible}")
        for path, (present, possible, share) in judged.items()
        # Among few parents chance weighs: what it explains is no failure.
        if present < possible * share - deviations * sqrt(possible * share * (1 - share))
    ]
    return Finding.of(len(judged), pl.DataFrame(rare, schema=FAILURES_SCHEMA, orient="row"))


def _withheld(month: Month) -> dict[str, int]:
    """How many parties lack a path because it may not be published of them: for each path of which that is so."""
    kinds = {path: found for path in month.coverage if (found := month.personal.missing(path))}
    if not kinds:
        return {}
    counted = of_published(month.scan("parties")).collect()["kind"].value_counts()
    # Their share, of as many parties as coverage has counted: a table that lost rows is another check's finding.
    _, parties = month.coverage.get("parties/name", (0, 0))
    share = {kind: count / counted["count"].sum() for kind, count in counted.iter_rows()}
    return {path: round(parties * sum(share.get(kind, 0.0) for kind in found)) for path, found in kinds.items()}


@cache
def _required() -> frozenset[str]:
    return frozenset(field.path for field in fields() if field.required)


CHECK = Check(
    id="coverage",
    version="1",
    level="field",
    dimension="completitud",
    asset="tables/records",
    paths=tuple(field.path for field in fields()),
    meaning="Cada dato publicado está presente tan a menudo como se espera; los obligatorios, siempre.",
    description="Each published path is in the share of its parents that the rules ask, but for chance; required ones in all.",
    find=_find,
    whole=True,
)
