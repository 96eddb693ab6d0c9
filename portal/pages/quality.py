"""How good the data are: all months in one page, and each month's report in the look of the site.

Judging is `guatecompras/quality/`'s; its published `quality.json` is read here, and nothing is judged again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from guatecompras.policy.dictionary import anchor
from guatecompras.quality.compared import REPORT
from guatecompras.quality.report import html
from guatecompras.spanish import percent
from portal.http.requests import edition
from portal.pages.site import error, render
from portal.publication import Edition

router = APIRouter(include_in_schema=False)

_METHODS = ["GET", "HEAD"]
_RECENT = 12  # months whose failing checks are told in the page of all months
_RAREST = 12  # fields told there as the least frequent


@dataclass(frozen=True)
class Summary:
    """What the page of all months says of one: small, so that many can be kept."""

    month: str
    version: str
    score: float
    dimensions: Mapping[str, float]
    counts: Mapping[str, int]
    failing: tuple[tuple[str, str, str], ...]  # check, severity, meaning

    def failing_by(self, severity: str) -> int:
        return sum(found == severity for _, found, _ in self.failing)


class _Summaries:
    """Summaries by version. A version never changes, so one that was read is never read again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[str, Summary] = {}

    def of(self, found: Edition) -> list[Summary]:
        """Those of an edition's months that have a report, newest first."""
        with self._lock:
            versions = {month: found.month(month)["version"] for month in found.months if found.has_quality(month)}
            held = self._held
            self._held = {
                key: held.get(key) or _summary(found, month, key.partition("/")[2])
                for month, key in ((month, f"{month}/{version}") for month, version in versions.items())
            }
            return list(self._held.values())


_SUMMARIES = _Summaries()


def _summary(found: Edition, month: str, version: str) -> Summary:
    # Not `found.quality`, which keeps what it parsed: of eighty months that is too much to keep.
    report = orjson.loads(found.read(f"months/{month}/{version}/{REPORT}"))
    failing = [check for check in report["checks"] if check["state"] == "fail"]
    return Summary(
        month=month,
        version=version,
        score=report["score"],
        dimensions={name: told["score"] for name, told in report["dimensions"].items()},
        counts=report["counts"],
        failing=tuple((check["id"], check["severity"], check["meaning"]) for check in failing),
    )


_NO_REPORT = "Ese mes se publicó antes de que hubiera informes de calidad. Lo tendrá cuando se publique de nuevo."


@router.api_route("/calidad", methods=_METHODS)
def all_months(request: Request) -> Response:
    found = edition(request)
    months = _SUMMARIES.of(found)
    context = {
        "summaries": months,
        "latest": months[0] if months else None,
        "before": months[1] if len(months) > 1 else None,
        "chart": chart(months),
        "dimensions": html.DIMENSIONS,
        "severities": html.SEVERITIES,
        "failing": _failing(months[:_RECENT]),
        "recent": min(len(months), _RECENT),
        "rarest": _rarest(found.quality(months[0].month)) if months else [],
        "anchor": anchor,
        "share": percent,
    }
    return render(request, "quality.html.j2", context)


@router.api_route("/calidad/{month}", methods=_METHODS)
def one_month(request: Request, month: str) -> Response:
    found = edition(request)
    if month not in found.months:
        return error(request, 404, "Ese mes no está publicado. Escríbalo como AAAA-MM, por ejemplo 2026-03.")
    if not found.has_quality(month):
        return error(request, 404, _NO_REPORT)
    told = html.view(found.quality(month))
    told["moment"] = told.pop("as_of")  # that name is the site's, for the newest of all months
    judged = [name for name in found.months if found.has_quality(name)]
    place = judged.index(month)
    context = {
        **told,
        "month": month,
        "folder": f"/publication/months/{month}/{found.month(month)['version']}",
        "newer": judged[place - 1] if place else None,
        "older": judged[place + 1] if place + 1 < len(judged) else None,
        "anchor": anchor,
        "share": percent,
    }
    return render(request, "quality_month.html.j2", context)


def _failing(months: Sequence[Summary]) -> list[dict[str, Any]]:
    """The checks that do not hold in some month: the gravest first, then those of the most months."""
    found: dict[str, dict[str, Any]] = {}
    for summary in months:
        for check, severity, meaning in summary.failing:
            told = found.setdefault(check, {"id": check, "severity": severity, "meaning": meaning, "months": []})
            told["months"].append(summary.month)
    order = list(html.SEVERITIES)
    return sorted(found.values(), key=lambda told: (order.index(told["severity"]), -len(told["months"]), told["id"]))


def _rarest(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fields that are least often there in a month, of those that could be."""
    partial = [{"path": path, **told} for path, told in report["coverage"].items() if told["possible"]]
    partial = [told for told in partial if told["share"] < 1]
    return sorted(partial, key=lambda told: (told["share"], told["path"]))[:_RAREST]


def chart(months: Sequence[Summary]) -> dict[str, Any] | None:
    """Scores over time as points of a line from 0 to 100 in both directions; None where there is no line to draw."""
    if len(months) < 2:
        return None
    old_first = list(reversed(months))
    scores = [summary.score for summary in old_first]
    lowest = max(0, min(scores) // 5 * 5 - 5)
    step = 100 / (len(scores) - 1)
    points = [(place * step, 100 - 100 * (score - lowest) / (100 - lowest)) for place, score in enumerate(scores)]
    return {
        "points": " ".join(f"{x:.2f},{y:.2f}" for x, y in points),
        "lowest": lowest,
        "first": old_first[0].month,
        "last": old_first[-1].month,
        "least": min(old_first, key=lambda summary: summary.score),
        "most": max(old_first, key=lambda summary: summary.score),
    }
