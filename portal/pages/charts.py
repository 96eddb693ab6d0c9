"""Charts as pages draw them: shares of bars and places of columns, as inline SVG needs them. Always beside a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.pages.spanish import count, month_name, number, round_money

_STEP, _WIDTH = 10.0, 8.0  # of a column and the gap beside it, in units of the drawing
_TALL = 100.0


@dataclass(frozen=True)
class Bar:
    """A row of a table with a bar."""

    label: str
    link: str
    concursos: int
    amount: float | None
    share: float
    chosen: bool = False


@dataclass(frozen=True)
class Column:
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Columns:
    """Columns over time. `told`: the same in words, for who does not see it."""

    width: float
    columns: tuple[Column, ...]
    first: str
    last: str
    told: str


def shares(values: Sequence[float]) -> list[float]:
    """Each value by the largest, 0 to 1."""
    most = max(values, default=0)
    return [value / most if most > 0 else 0.0 for value in values]


def over_months(months: Sequence[tuple[str, int, float | None]], *, by_amount: bool = False) -> Columns | None:
    """Columns of months (month, concursos, amount), oldest first; None where there are fewer than two."""
    if len(months) < 2:
        return None
    values = [(amount or 0.0) if by_amount else float(concursos) for _, concursos, amount in months]
    columns = []
    for place, (share, (month, concursos, amount)) in enumerate(zip(shares(values), months, strict=True)):
        height = round(max(share * _TALL, 0.0), 2)
        title = f"{month_name(month)}: {count(concursos, 'concurso', 'concursos')}"
        if amount is not None:
            title += f", {round_money(amount)}"
        columns.append(Column(place * _STEP, round(_TALL - height, 2), _WIDTH, height, title))
    peak = max(range(len(values)), key=values.__getitem__)
    tells = round_money if by_amount else number
    told = (
        f"Columnas por mes, de {month_name(months[0][0])} a {month_name(months[-1][0])}. "
        f"El más alto: {month_name(months[peak][0])}, con {tells(values[peak])}."
    )
    return Columns(
        len(months) * _STEP - (_STEP - _WIDTH),
        tuple(columns),
        month_name(months[0][0]),
        month_name(months[-1][0]),
        told,
    )


def of_values(values: Sequence[tuple[str, float, str]], what: str) -> Columns:
    """Columns of named values, each with its title; `what` they are, in words."""
    columns = []
    for place, (share, (_, _, title)) in enumerate(zip(shares([value for _, value, _ in values]), values, strict=True)):
        height = round(max(share * _TALL, 0.0), 2)
        columns.append(Column(place * _STEP, round(_TALL - height, 2), _WIDTH, height, title))
    peak = max(values, key=lambda one: one[1])
    told = f"{what}. El más alto: {peak[2]}."
    return Columns(len(values) * _STEP - (_STEP - _WIDTH), tuple(columns), values[0][0], values[-1][0], told)
