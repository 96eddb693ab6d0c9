"""Concursos by Guatecompras' categories; one of several counts in each."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import TOTALS, Base, Column, Report, counted


def _rows(base: Base) -> pl.LazyFrame:
    return counted(
        base.concursos.with_columns(categoria=pl.col("categorias").str.split("; ")).explode("categoria"), "categoria"
    )


REPORT = Report(
    "por-categoria",
    "Concursos por categoría",
    "Cuántos concursos hay de cada categoría de Guatecompras. Un concurso con varias cuenta en cada una.",
    filters.CONCURSOS,
    (Column("categoria", "texto", "Categoría, con su código"), *TOTALS),
    _rows,
)
