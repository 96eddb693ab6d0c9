"""The `demo` source: synthetic months in the contract's form, for trying, teaching and measuring without any database.

What is invented, and how, is `guatecompras/demo/`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import parse_qsl

import polars as pl

from guatecompras.contract import TABLES
from guatecompras.demo import LAST_MONTH, MAX_SIZE, DemoMonth
from guatecompras.errors import MonthError, SourceError
from guatecompras.months import FIRST_MONTH, Month

# Parameter -> default, least, greatest; `first` is a month.
_NUMBERS = {"size": (2_000, 1, MAX_SIZE), "seed": (1, 0, 2**63 - 1), "months": (3, 1, 600), "schemes": (0, 0, 1)}
_FIRST = "2026-01"


class DemoSource:
    """A synthetic Guatecompras: `size` concursos a month, the same for the same seed everywhere and always.

    It says that it has `months` months from `first` on, and makes any month that it is asked for. `schemes`: with the planted
    concursos of `guatecompras.demo.schemes` in each.
    """

    def __init__(
        self, size: int = 2_000, seed: int = 1, first: Month | None = None, months: int = 3, schemes: int = 0
    ) -> None:
        self._size, self._seed, self._schemes = size, seed, bool(schemes)
        self._months = _span(first or Month.parse(_FIRST), months)
        self._watermarks: dict[str, datetime] = {}
        self.uri = f"demo:?size={size}&seed={seed}&first={self._months[0]}&months={months}"
        if schemes:
            self.uri += "&schemes=1"

    @classmethod
    def from_uri(cls, uri: str) -> "DemoSource":
        """`demo:?size=2000&seed=1&first=2026-01&months=3&schemes=1`, each parameter optional. Raises SourceError, one line."""
        scheme, _, rest = uri.partition(":")
        path, _, query = rest.partition("?")
        if scheme.lower() != "demo" or path.strip("/"):
            raise SourceError(f"'{uri}' is not a demo source: write demo:?size=2000&seed=1")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        except ValueError:
            raise SourceError(f"'{uri}' cannot be read: write demo:?size=2000&seed=1") from None
        given = dict(pairs)
        known = (*_NUMBERS, "first")
        unknown = [name for name in given if name not in known]
        if unknown:
            raise SourceError(f"'{uri}' has no parameter '{unknown[0]}': there are {', '.join(known)}")
        if len(pairs) > len(given):
            raise SourceError(f"'{uri}' gives a parameter twice")
        numbers = {name: _number(uri, name, given.get(name)) for name in _NUMBERS}
        source = cls(first=_first(uri, given.get("first", _FIRST)), **numbers)
        if str(source._months[-1]) > LAST_MONTH:
            raise SourceError(f"'{uri}' goes beyond {LAST_MONTH}, the last month that there is")
        return source

    @contextmanager
    def open(self, month: Month) -> Iterator["DemoReading"]:
        """The month's tables, whether or not it is one of the source's. Raises SourceError outside 2020 to 2099."""
        try:
            tables = DemoMonth(month, self._size, self._seed, self._schemes)
        except MonthError as error:
            raise SourceError(f"{self.uri}: {error}") from None
        yield DemoReading(tables)

    def watermarks(self) -> dict[str, datetime]:
        """Month -> latest `fecha_actualizacion` (naive, local), in order of months; costs a part of making them once."""
        for month in self._months:
            if str(month) not in self._watermarks:
                self._watermarks[str(month)] = DemoMonth(month, self._size, self._seed, self._schemes).last_update()
        return dict(self._watermarks)


class DemoReading:
    """The `Reading` of a synthetic month; nothing is missing."""

    missing: frozenset[str] = frozenset()

    def __init__(self, month: DemoMonth) -> None:
        self._month = month

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        """Frames of `table` in the contract's types, ordered by nog, of some 5,000 concursos each."""
        return self._month.table(table)


def demo_chunks(
    first: Month, months: int, size: int, seed: int, schemes: bool = False
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield (table, frame) for `months` months from `first` on, in order: chunk by chunk, parents before children.

    Raises MonthError outside 2020 to 2099, ValueError when `size` or `months` is below 1.
    """
    for month in _span(first, months):
        for chunk in DemoMonth(month, size, seed, schemes).chunks():
            for name in TABLES:
                yield name, chunk[name]


def _span(first: Month, months: int) -> list[Month]:
    if months < 1:
        raise ValueError(f"months must be at least 1: {months}")
    span = [first]
    while len(span) < months:
        span.append(span[-1].next())
    return span


def _number(uri: str, name: str, text: str | None) -> int:
    default, least, greatest = _NUMBERS[name]
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,19}", text) or not least <= int(text) <= greatest:
        raise SourceError(f"'{uri}': {name} must be a whole number from {least:,} to {greatest:,}")
    return int(text)


def _first(uri: str, text: str) -> Month:
    try:
        month = Month.parse(text)
    except MonthError as error:
        raise SourceError(f"'{uri}': {error}") from None
    if not FIRST_MONTH <= str(month) <= LAST_MONTH:
        raise SourceError(f"'{uri}': first must be from {FIRST_MONTH} to {LAST_MONTH}")
    return month
