"""The quality of a month as one document, `quality.json`: scores, every check with examples, coverage, what the month is like.

Scores are simple, so that anybody can reckon them again. A check's is the share of what it judged that does not fail, whether
or not its rule tolerates the rest; a dimension's the mean of its checks' that apply to the month; the month's the mean of the
dimensions'. From 0 to 100, with one decimal.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import orjson

from guatecompras.ocds.mapping import fields
from guatecompras.quality.check import Check, Month, Outcome
from guatecompras.quality.compared import REPORT, Compared

Json = dict[str, Any]

SCHEMA = 1
NOG_URL = "https://www.guatecompras.gt/concursos/consultaConcurso.aspx?nog={nog}&o=5"


def document(
    month: Month, version: str, as_of: str, outcomes: Sequence[Outcome], compared: Compared, accepted: Mapping[str, str]
) -> Json:
    """The report of a version. `as_of`: RFC 3339, the newest data; `accepted`: blocking checks that an
    operator lets pass, and why: those that fail are told.

    The same arguments give the same document; what it is compared with is named in it.
    """
    dimensions = _dimensions(outcomes)
    needed = {outcome.check.id for outcome in outcomes if not outcome.passed}
    return {
        "schema": SCHEMA,
        "month": month.month,
        "version": version,
        "as_of": as_of,
        "score": _rounded(fmean([dimension["score"] for dimension in dimensions.values()] or [0.0])),
        "dimensions": {name: told | {"score": _rounded(told["score"])} for name, told in dimensions.items()},
        "counts": dict(sorted(month.counts.items())),
        "checks": [_told(outcome) for outcome in outcomes],
        "coverage": _coverage(month),
        # What is not there since it may not be published.
        "withheld": [rule.title for rule in month.personal.rules if not rule.publish],
        "distributions": {name: dict(categories) for name, categories in sorted(month.distributions.items())},
        "accepted": {check: why for check, why in sorted(accepted.items()) if check in needed},
        "compared": {
            "previous": month.previous.version if month.previous else None,
            "history": {name: version for name, version in sorted(compared.versions.items()) if name != month.month},
            "unreadable": list(compared.unreadable),
        },
        "history": {name: _summary(report) for name, report in sorted(compared.reports.items())},
    }


def in_short(told: Mapping[str, Any]) -> Json:
    """What who runs the month sees of its report: scores, the trend of months, overrides, what it was compared with."""
    return {
        "score": told["score"],
        "dimensions": {name: dimension["score"] for name, dimension in told["dimensions"].items()},
        "trend": {name: report["score"] for name, report in told["history"].items()} | {told["month"]: told["score"]},
        "accepted": told["accepted"],
        "compared": told["compared"],
    }


def score_in(folder: Path) -> float | None:
    """The score that a version's report says; None where there is none."""
    try:
        score = orjson.loads((folder / REPORT).read_bytes())["score"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(score)


def _rounded(score: float) -> float:
    # Cut, not rounded: 100 is only what has no failure at all.
    return int(score * 10) / 10


def _dimensions(outcomes: Sequence[Outcome]) -> dict[str, Json]:
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.applicable:
            found.setdefault(outcome.check.dimension, []).append(outcome)
    return {
        dimension: {
            "score": 100 * fmean(1 - min(1.0, outcome.failed / outcome.applicable) for outcome in judged),
            "applicable": sum(outcome.applicable for outcome in judged),
            "failed": sum(outcome.failed for outcome in judged),
            "checks": len(judged),
            "failing": sum(not outcome.passed for outcome in judged),
        }
        for dimension, judged in sorted(found.items())
    }


def _told(outcome: Outcome) -> Json:
    check: Check = outcome.check
    return outcome.summary() | {
        "level": check.level,
        "dimension": check.dimension,
        "asset": check.asset,
        "max_share": outcome.rule.max_share,
        "max_count": outcome.rule.max_count,
        "meaning": check.meaning,
        "description": check.description,
        "paths": list(check.paths),
        "examples": [
            example | {"url": NOG_URL.format(nog=example["nog"]) if example["nog"] else None}
            for example in outcome.summary()["examples"]
        ],
    }


def _coverage(month: Month) -> dict[str, Json]:
    titles = {field.path: field.title for field in fields()}
    return {
        path: {
            "present": present,
            "possible": possible,
            "share": present / possible if possible else None,
            "title": titles[path],
        }
        for path, (present, possible) in month.coverage.items()
    }


def _summary(report: Mapping[str, Any]) -> Json:
    """What a later month's report says of an earlier one's."""
    return {
        "version": report["version"],
        "score": report["score"],
        "dimensions": {name: told["score"] for name, told in report["dimensions"].items()},
        "counts": report["counts"],
    }
