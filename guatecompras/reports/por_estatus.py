"""Concursos by their estatus."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import TOTALS, Base, Column, Report, counted


def _rows(base: Base) -> pl.LazyFrame:
    return counted(base.concursos, "estatus")


REPORT = Report(
    "por-estatus",
    "Concursos por estatus",
    "Cuántos concursos hay en cada estatus, y cuánto suman sus adjudicaciones.",
    filters.CONCURSOS,
    (Column("estatus", "texto", "Estatus en Guatecompras"), *TOTALS),
    _rows,
)
