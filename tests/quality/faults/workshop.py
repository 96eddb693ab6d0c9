"""Where a clean month is broken: its tables as frames, to be changed, and the month that results."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from guatecompras import quality


class Workshop:
    """A clean month on the bench. Change `month` (a frozen dataclass: `replace` it) or a table; the clean files stay."""

    def __init__(self, month: quality.Month, folder: Path) -> None:
        self.month = month
        self._folder = folder

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
        frame = self.table(name)
        assert frame.filter(where).height, "no row to break"
        self.put(
            name,
            frame.with_columns(
                pl.when(where)
                .then(value if isinstance(value, pl.Expr) else pl.lit(value, frame.schema[column]))
                .otherwise(column)
                .cast(frame.schema[column])
                .alias(column)
                for column, value in values.items()
            ),
        )


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
