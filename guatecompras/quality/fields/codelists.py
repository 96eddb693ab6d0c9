"""Which columns hold codes, and how they are judged against their codelists: shared by the checks of codelists."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import polars as pl

from guatecompras.ocds.mapping import Field, fields
from guatecompras.quality.check import Finding, Month
from guatecompras.quality.fields.cells import Column, judged
from guatecompras.tables import LIST_SEPARATOR


class Coded(NamedTuple):
    """A column of codes. `listed`: it joins several; `worded`: each is followed by a space and its words."""

    column: Column
    codelist: str
    listed: bool
    worded: bool


def coded(codelists: Collection[str]) -> tuple[Coded, ...]:
    """The columns that hold codes of some codelists."""
    return tuple(found for field in fields() if field.codelist in codelists and (found := _coded(field)))


def _coded(field: Field) -> Coded | None:
    if field.table:
        listed = field.type == "array<string>"
        return Coded(Column(field.table, field.column, field.path), field.codelist, listed, worded=False)
    # Objects of a list share one column, in which the code comes first.
    holder = next((parent for parent in fields() if parent.path == field.parent), None)
    if holder is None or not holder.table:
        return None
    return Coded(Column(holder.table, holder.column, field.path), field.codelist, listed=True, worded=True)


def unknown_codes(month: Month, columns: Iterable[Coded], known: Mapping[str, Collection[str]]) -> Finding:
    """The values with a code that its codelist does not have."""
    return judged(month, ((coded.column, _fails(coded, known[coded.codelist])) for coded in columns))


def _fails(coded: Coded, known: Collection[str]) -> pl.Expr:
    codes = pl.Series(sorted(known), dtype=pl.String).implode()
    value = pl.col(coded.column.name)
    if not coded.listed:
        return ~value.is_in(codes)
    code = pl.element().str.extract(r"^(\S+)") if coded.worded else pl.element()
    return ~value.str.split(LIST_SEPARATOR).list.eval(code.is_in(codes)).list.all()
