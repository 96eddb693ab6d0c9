"""Where a clean month is broken: its tables as frames, to be changed, and the month that results.

So is what it is compared with: months before that were much like it, a public version that says the same.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from guatecompras import quality
from guatecompras.quality.check import Distributions


class Workshop:
    """A clean month on the bench. Change `month` (a frozen dataclass: `replace` it) or a table; the clean files stay."""

    def __init__(self, month: quality.Month, folder: Path) -> None:
        self.month = month
        self._folder = folder
        self._clean = month

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.month.tables[name])

    def put(self, name: str, frame: pl.DataFrame) -> None:
        """Another content for a table, with the columns and types that it had."""
        assert frame.schema == self.table(name).schema
        path = self._folder / f"{name}.parquet"
        path.unlink(missing_ok=True)
        frame.write_parquet(path)
        self.month = replace(self.month, tables={**self.month.tables, name: path})

    def set(self, name: str, where: pl.Expr, /, **values: pl.Expr | object) -> None:
        """Other values in the rows `where`; there have to be some."""
        self.put(name, with_values(where, **values)(self.table(name)))

    def keep(self, wanted: pl.Expr) -> None:
        """Only these concursos (rows of records), in all tables and counts, as if the source had no others."""
        nogs = self.table("records").filter(wanted)["nog"]
        for name in self.month.tables:
            self.put(name, self.table(name).filter(pl.col("nog").is_in(nogs.implode())))
        sizes = {name: self.table(name).height for name in ("records", "releases")}
        self.month = replace(self.month, counts={**self.month.counts, "concursos": sizes["records"], **sizes})

    # What the month is compared with.

    def follow(self, months: int = 12) -> None:
        """Months before that were much like this one."""
        names = [f"2025-{number:02d}" for number in range(13 - months, 13)]
        self.month = replace(self.month, history=months_like(self.month.distributions, names))

    def remember(self, distribution: str, **factors: float) -> None:
        """Months before in which some categories of a distribution were so many times what they are now."""
        self.follow()
        for name, before in self.month.history.items():
            numbers = dict(before[distribution])
            assert numbers.keys() >= factors.keys(), "no such category"
            numbers |= {category: numbers[category] * factor for category, factor in factors.items()}
            self.month = replace(self.month, history={**self.month.history, name: {**before, distribution: numbers}})

    def succeed(self) -> None:
        """A public version that says what the clean month says."""
        clean = self._clean
        previous = quality.Previous("20260401T000000-000000000000", clean.tables, clean.releases, clean.distributions)
        self.month = replace(self.month, previous=previous)

    def put_before(self, name: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Another content for a table of the public version."""
        if self.month.previous is None:
            self.succeed()
        previous = self.month.previous
        assert previous is not None
        frame = pl.read_parquet(previous.tables[name])
        changed = change(frame)
        assert changed.schema == frame.schema
        assert not changed.equals(frame), "nothing is other"
        path = self._folder / f"before-{name}.parquet"
        changed.write_parquet(path)
        self.month = replace(self.month, previous=replace(previous, tables={**previous.tables, name: path}))


def months_like(now: Distributions, names: list[str]) -> dict[str, Distributions]:
    """Months of these names in which all numbers are within three in a hundred of those of `now`, each category in its own way."""

    def wobbled(place: int, category: int, number: float) -> float:
        return number * (1 + 0.03 * math.sin(place * 1.7 + category))

    # How old a month is and how much of it is filled is no matter of numbers.
    steady = {"age", "coverage"}
    return {
        month: {
            name: {
                category: number if name in steady else wobbled(place, ordinal, number)
                for ordinal, (category, number) in enumerate(numbers.items())
            }
            for name, numbers in now.items()
        }
        for place, month in enumerate(names)
    }


@dataclass(frozen=True)
class Fault:
    """`what` is broken by `inject`, and the checks that must fail then: these and no others."""

    what: str
    checks: frozenset[str]
    inject: Callable[[Workshop], None]


def fault(what: str, checks: str, inject: Callable[[Workshop], None]) -> Fault:
    """A row: `checks` are ids, with spaces between them."""
    return Fault(what, frozenset(checks.split()), inject)


def nth(row: int) -> pl.Expr:
    """The n-th row of a table, as it lies."""
    return pl.int_range(pl.len()) == row


def edit(table: str, where: pl.Expr, /, **values: pl.Expr | object) -> Callable[[Workshop], None]:
    """Set columns of a table in some rows."""
    return lambda bench: bench.set(table, where, **values)


def repeat(table: str, row: int = -1) -> Callable[[Workshop], None]:
    """A row a second time."""

    def inject(bench: Workshop) -> None:
        frame = bench.table(table)
        bench.put(table, pl.concat([frame, frame.slice(row, 1)]))

    return inject


def drop(table: str, where: pl.Expr) -> Callable[[Workshop], None]:
    """Some rows less."""

    def inject(bench: Workshop) -> None:
        frame = bench.table(table)
        kept = frame.filter(~where)
        assert kept.height < frame.height, "no row to drop"
        bench.put(table, kept)

    return inject


def after_months(distribution: str, **factors: float) -> Callable[[Workshop], None]:
    """In the months before, some categories were so many times what they are in this one."""
    return lambda bench: bench.remember(distribution, **factors)


def before(table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Workshop], None]:
    """The public version has another content of a table."""
    return lambda bench: bench.put_before(table, change)


def with_more(rows: int) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """A table and the first of its rows once more, under ids of their own."""
    return lambda frame: pl.concat([frame, frame.head(rows).with_columns(pl.format("{}-más", "id").alias("id"))])


def with_values(where: pl.Expr, **values: pl.Expr | object) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """A table with other values in some rows."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        assert frame.filter(where).height, "no row to change"
        return frame.with_columns(
            pl.when(where)
            .then(value if isinstance(value, pl.Expr) else pl.lit(value, frame.schema[column]))
            .otherwise(column)
            .cast(frame.schema[column])
            .alias(column)
            for column, value in values.items()
        )

    return change
