"""Whether a month is unlike the months before it: the one test for all distributions, and the check that applies it.

What is measured is `distributions.py`'s business; which distribution is judged, and how strictly, each check's and its rule's.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import polars as pl

from guatecompras.quality.check import FAILURES_SCHEMA, Check, Distributions, Finding, Month
from guatecompras.quality.rules import Parameter

# What makes the median absolute deviation of a normal distribution its standard deviation.
_NORMAL = 1.4826
# Spreads below this are the noise of floating point numbers.
_NOISE = 1e-9

Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Scale:
    """How the numbers of a distribution are compared. `read`: category -> place on the scale; `show`: a place, in Spanish;
    `closed`: whether a category that a month lacks is zero there, not unknown."""

    read: Callable[[Numbers], dict[str, float]]
    show: Callable[[float], str]
    closed: bool


def _shares(numbers: Numbers) -> dict[str, float]:
    total = sum(numbers.values())
    return {category: number / total for category, number in numbers.items()} if total else {}


def _logarithms(numbers: Numbers) -> dict[str, float]:
    # Nothing at all has no logarithm; below one there is no count, and no amount worth comparing.
    return {category: math.log(max(number, 1.0)) for category, number in numbers.items()}


# Shares differ by points; counts and amounts by factors, whatever their unit.
SHARES = Scale(_shares, lambda share: f"{share * 100:.1f} %", closed=True)
LOGARITHMS = Scale(_logarithms, lambda place: f"{math.exp(place):,.0f}", closed=False)


@dataclass(frozen=True)
class Band:
    """What the months before leave room for."""

    centre: float
    width: float

    def holds(self, place: float) -> bool:
        return abs(place - self.centre) <= self.width


def band(history: Sequence[float], *, least_months: float, spreads: float, least: float) -> Band | None:
    """The band around the median of `history`; None where nothing can be said: too few months, or all but alike.

    It reaches `spreads` standard deviations to both sides, as the median absolute deviation estimates them, which one
    odd month among the twelve does not move, and at least `least`: what is small is no news, however steady the past.
    """
    if len(history) < least_months:
        return None
    centre = median(history)
    spread = _NORMAL * median(abs(place - centre) for place in history)
    return Band(centre, max(spreads * spread, least)) if spread > _NOISE else None


def number(parameters: Mapping[str, Parameter], name: str) -> float:
    """A parameter of a rule that is a number. Raises TypeError when it is none."""
    value = parameters[name]
    if not isinstance(value, int | float):
        raise TypeError(f"the parameter {name} must be a number")
    return float(value)


def comparable(distributions: Distributions, parameters: Mapping[str, Parameter]) -> bool:
    """Whether a month is large enough (`concursos`) to be compared, and old enough (`days` after its end).

    A month matures: of one that has just ended most concursos are still open, and have no award. What depends on that
    is compared only between months that had their time.
    """
    return distributions.get("rows", {}).get("records", 0) >= number(parameters, "concursos") and distributions.get(
        "age", {}
    ).get("days", -math.inf) >= number(parameters, "days")


def history(month: Month, parameters: Mapping[str, Parameter]) -> list[Distributions]:
    """The months before that can be compared with this one, in order; none when this one cannot."""
    if not comparable(month.distributions, parameters):
        return []
    return [month.history[name] for name in sorted(month.history) if comparable(month.history[name], parameters)]


def unlike(
    now: Mapping[str, float], before: Sequence[Mapping[str, float]], scale: Scale, parameters: Mapping[str, Parameter]
) -> tuple[int, list[tuple[str, str]]]:
    """Categories that were judged, and those out of their band with what to show of them."""
    judged, found = 0, []
    absent = 0.0 if scale.closed else None
    # Of an open scale only what this month has: what it lacks is a matter of coverage.
    categories = set(now).union(*before) if scale.closed else set(now)
    for category in sorted(categories):
        places = [place for one in before if (place := one.get(category, absent)) is not None]
        room = band(
            places,
            least_months=number(parameters, "months"),
            spreads=number(parameters, "spreads"),
            least=number(parameters, "least"),
        )
        if room is None:
            continue
        judged += 1
        place = now.get(category, 0.0)
        if not room.holds(place):
            low, high = scale.show(min(places)), scale.show(max(places))
            found.append(
                (
                    category,
                    f"{scale.show(place)}; antes {scale.show(room.centre)} (de {low} a {high} en {len(places)} meses)",
                )
            )
    return judged, found


def against_history(
    *,
    id: str,  # the name that checks give it
    distribution: str,
    scale: Scale,
    asset: str,
    paths: Sequence[str],
    meaning: str,
    description: str,
    categories: Sequence[str] = (),
) -> Check:
    """The check that a distribution is like those of the months before. `categories`: only these (none given: all)."""

    def chosen(distributions: Distributions) -> dict[str, float]:
        read = scale.read(distributions.get(distribution, {}))
        return {category: place for category, place in read.items() if not categories or category in categories}

    def find(month: Month) -> Finding:
        parameters = month.parameters(id)
        now = chosen(month.distributions)
        before = [read for one in history(month, parameters) if (read := chosen(one))]
        # Shares of nothing are unknown, not zero.
        judged, found = unlike(now, before, scale, parameters) if now else (0, [])
        failures = [(None, paths[0], f"{category}: {shown}") for category, shown in found]
        return Finding.of(judged, pl.DataFrame(failures, schema=FAILURES_SCHEMA, orient="row"))

    return Check(
        id=id,
        version="1",
        level="month",
        dimension="distribución",
        asset=asset,
        paths=paths,
        meaning=meaning,
        description=description,
        find=find,
    )
