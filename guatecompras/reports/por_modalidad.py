"""Concursos by modalidad and submodalidad."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import TOTALS, Base, Column, Report, counted


def _rows(base: Base) -> pl.LazyFrame:
    return counted(base.concursos, "modalidad", "submodalidad")


REPORT = Report(
    "por-modalidad",
    "Concursos por modalidad y submodalidad",
    "Cuántos concursos hay de cada modalidad, y cuánto suman sus adjudicaciones.",
    filters.CONCURSOS,
    (
        Column("modalidad", "texto", "Modalidad de compra"),
        Column("submodalidad", "texto", "Submodalidad, donde la hay"),
        *TOTALS,
    ),
    _rows,
)
