"""Which rows a query means, a page of them in order, and how they are spread over values: all by columns."""

from collections.abc import Callable, Iterable
from datetime import date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from guatecompras.months import UTC_OFFSET
from guatecompras.search.words import words
from portal.library.holdings import Column, Holdings
from portal.library.query import Query
from portal.library.shelf import Ints

Mask = npt.NDArray[np.bool_]
_VIGENTE = 1
_MOST_WORDS = 12


def rows(held: Holdings, query: Query, now: datetime) -> Ints:
    """The rows of what a query means, in order."""
    first, last = _called(held, query)
    last = max(first, last)
    postings = sorted(_postings(held, query), key=len)
    conditions = list(_conditions(held, query, now))
    if not postings:
        return _scanned(conditions, first, last)
    found = postings[0][slice(*np.searchsorted(postings[0], [first, last]))]
    for others in postings[1:]:
        if not len(found):
            break
        among = np.zeros(held.size, np.bool_)
        among[others] = True
        found = found[among[found]]
    for column, holds in conditions:
        found = found[holds(column[found])]
    return found


Condition = tuple[Column, Callable[[Column], Mask]]


def _scanned(conditions: list[Condition], first: int, last: int) -> Ints:
    if not conditions:
        return np.arange(first, last, dtype=np.int32)
    mask = np.ones(last - first, np.bool_)
    for column, holds in conditions:
        mask &= holds(column[first:last])
    return (np.flatnonzero(mask) + first).astype(np.int32)


def _called(held: Holdings, query: Query) -> tuple[int, int]:
    """The rows are in order of their call, so its days are a range of rows."""
    called = held.numbers["called"]
    first, last = _seconds(query.called_from), _seconds(query.called_to, after=True)
    return (
        0 if first is None else int(np.searchsorted(called, np.uint32(first))),
        held.size if last is None else int(np.searchsorted(called, np.uint32(last))),
    )


def _seconds(day: date | None, *, after: bool = False) -> int | None:
    """When a day begins in Guatemala, or with `after` when it is over; in the range that is kept."""
    if day is None:
        return None
    start = datetime(day.year, day.month, day.day, tzinfo=UTC_OFFSET).timestamp()
    return int(min(max(start + (86_400 if after else 0), 0), 2**32 - 1))


def _postings(held: Holdings, query: Query) -> Iterable[Ints]:
    for word, prefix in terms(query.text):
        yield held.term("word", word, prefix=prefix)
    for kind, value in (("supplier", query.supplier), ("bidder", query.bidder)):
        if value:
            yield held.term(kind, value)
    if query.unspsc:
        yield _any(held, [held.term("unspsc", code, prefix=True) for code in query.unspsc])
    if query.categoria:
        yield _any(held, [held.term("categoria", str(code)) for code in query.categoria])


def terms(text: str) -> list[tuple[str, bool]]:
    """The words of a query as they are kept, each with whether it is but a beginning. Words without letters are left out."""
    asked = [piece for piece in text.split() if piece.strip("*")][:_MOST_WORDS]
    if not asked:
        return []
    plain = pl.DataFrame({"piece": asked}).select(words(pl.col("piece"))).to_series().to_list()
    return list(
        dict.fromkeys(
            (word, piece.endswith("*") and word == found[-1])
            for piece, found in zip(asked, plain, strict=True)
            for word in found
        )
    )


def _any(held: Holdings, found: list[Ints]) -> Ints:
    if len(found) == 1:
        return found[0]
    among = np.zeros(held.size, np.bool_)
    for one in found:
        among[one] = True
    return np.flatnonzero(among).astype(np.int32)


def _conditions(held: Holdings, query: Query, now: datetime) -> Iterable[Condition]:
    yield from _codes(held, query)
    yield from _ranges(held, query)
    if query.open:
        closes, moment = held.numbers["closes"], np.uint32(max(0, now.timestamp()))
        yield held.numbers["estatus"], _among((_VIGENTE,))
        yield closes, lambda column: (column == 0) | (column > moment)


def _codes(held: Holdings, query: Query) -> Iterable[Condition]:
    for name in ("estatus", "modalidad", "sub_modalidad"):
        if wanted := getattr(query, name):
            yield held.numbers[name], _among(wanted)
    for name in ("entidad", "unidad", "tipo_entidad", "sub_tipo_entidad"):
        if (value := getattr(query, name)) is not None:
            yield held.numbers[name], _among((value,))
    coded = {name: held.names[name] for name in ("buyer", "unit", "objeto", "departamento")} | {"months": held.months}
    for name, column in coded.items():
        if given := getattr(query, name):
            yield (
                column.codes,
                _among([column.code(value) for value in ((given,) if isinstance(given, str) else given)]),
            )


def _ranges(held: Holdings, query: Query) -> Iterable[Condition]:
    if query.amount_min is not None:
        yield held.numbers["amount"], _at_least(query.amount_min)
    if query.amount_max is not None:
        yield held.numbers["amount"], _at_most(query.amount_max)
    for name in ("awarded", "closes"):
        first, last = _seconds(getattr(query, f"{name}_from")), _seconds(getattr(query, f"{name}_to"), after=True)
        if first is not None or last is not None:
            yield held.numbers[name], _between(max(1, first or 1), last)
    if query.day is not None:
        yield held.numbers["called"], _on_day(query.day)
    if query.updated_since is not None:
        since = int(min(max(query.updated_since.timestamp(), 0), 2**32 - 1))
        yield held.numbers["recorded"], _between(since, None)


def _among(wanted: Iterable[int]) -> Callable[[Column], Mask]:
    values = list(wanted)
    if len(values) == 1:
        return lambda column: column == values[0]
    return lambda column: np.isin(column, values)


def _at_least(value: float) -> Callable[[Column], Mask]:
    return lambda column: column >= value


def _at_most(value: float) -> Callable[[Column], Mask]:
    return lambda column: column <= value


def _between(first: int, last: int | None) -> Callable[[Column], Mask]:
    if last is None:
        return lambda column: column >= np.uint32(first)
    return lambda column: (column >= np.uint32(first)) & (column < np.uint32(last))


def _on_day(day: int) -> Callable[[Column], Mask]:
    offset = int(UTC_OFFSET.utcoffset(None).total_seconds())

    def holds(column: Column) -> Mask:
        days = ((column.astype(np.int64) + offset) // 86_400).astype("datetime64[D]")
        return np.asarray((days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) == day - 1)

    return holds


# Pages.

COLUMNS = {"updated": "recorded", "amount": "amount", "closes": "closes"}


def page(held: Holdings, found: Ints, name: str, start: int | None, limit: int, *, down: bool) -> Ints:
    """At most `limit` of the rows found, in the order of a sort, up or `down` it, from place `start` on (None: its end)."""
    ranks = found if name == "called" else held.order(COLUMNS[name]).ranks[found]
    if start is not None:
        ranks = ranks[ranks < start] if down else ranks[ranks >= start]
    if len(ranks) > limit and name != "called":
        ranks = np.partition(ranks, len(ranks) - limit if down else limit - 1)
        ranks = ranks[-limit:] if down else ranks[:limit]
    if name != "called":
        ranks = np.sort(ranks)
    ranks = ranks[-limit:][::-1] if down else ranks[:limit]
    return ranks if name == "called" else held.order(COLUMNS[name]).rows[ranks]


def key_of(held: Holdings, row: int, name: str) -> list[float | str]:
    """What a cursor says of a row: its value and its NOG."""
    value = held.numbers["called"][row] if name == "called" else held.order(COLUMNS[name]).values[row]
    return [float(value), str(held.numbers["nog"][row])]


def rank_of(held: Holdings, name: str, value: float, nog: int) -> int:
    """How many rows come before a value and NOG in the ascending order of a sort."""
    if name != "called":
        return held.order(COLUMNS[name]).rank(value, nog)
    called = held.numbers["called"]
    first, last = (int(np.searchsorted(called, np.uint32(value), side=side)) for side in ("left", "right"))
    return first + int(np.searchsorted(held.numbers["nog"][first:last], nog))
