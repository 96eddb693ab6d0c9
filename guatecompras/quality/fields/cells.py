"""Columns of the flat tables judged value by value: which there are, and one way to judge many. No check stands here."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import polars as pl

from guatecompras import tables
from guatecompras.ocds.mapping import Field, fields
from guatecompras.quality.check import Finding, Month, conformed


class Column(NamedTuple):
    """A column of a flat table, and the OCDS path it holds."""

    table: str
    name: str
    path: str


def columns(keep: Callable[[Field], bool]) -> tuple[Column, ...]:
    """The columns of those published fields that have one."""
    return tuple(Column(field.table, field.column, field.path) for field in fields() if field.table and keep(field))


def texts() -> tuple[Column, ...]:
    """Columns that people read: names, titles, descriptions, addresses; no codes, identifiers or web addresses."""
    return columns(
        lambda field: (
            field.type == "string" and not field.format and not field.codelist and field.name.lower()[-2:] != "id"
        )
    )


def dates() -> tuple[Column, ...]:
    """Columns of times; the table of releases has its own beside the mapping's."""
    own = ((name, path) for name, _, path, _ in tables.RELEASES_COLUMNS if path.lower().endswith("date"))
    return (
        *columns(lambda field: field.format == "date-time"),
        *(Column("releases", name, path) for name, path in own),
    )


def as_text(name: str) -> pl.Expr:
    """The values of a column as they are shown."""
    return pl.col(name).cast(pl.String)


def judged(
    month: Month, judging: Iterable[tuple[Column, pl.Expr]], shown: Callable[[str], pl.Expr] = as_text
) -> Finding:
    """Judge the values (not null) of columns, each with the expression that is true where one fails; all in one go."""
    counts, failing = [], []
    for column, fails in judging:
        rows = month.scan(column.table)
        counts.append(rows.select(pl.col(column.name).count()))
        wrong = rows.filter(pl.col(column.name).is_not_null() & fails)
        failing.append(wrong.select("nog", path=pl.lit(column.path), value=shown(column.name)))
    found = pl.collect_all([*counts, *failing])
    applicable = sum(frame.item() for frame in found[: len(counts)])
    return Finding.of(applicable, pl.concat(conformed(frame) for frame in found[len(counts) :]))
