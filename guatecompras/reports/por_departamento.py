"""Concursos by the department of the purchasing unit."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import TOTALS, Base, Column, Report, counted


def _rows(base: Base) -> pl.LazyFrame:
    return counted(base.concursos, "departamento")


REPORT = Report(
    "por-departamento",
    "Concursos por departamento",
    "Cuántos concursos convocaron las unidades de cada departamento.",
    filters.CONCURSOS,
    (Column("departamento", "texto", "Departamento de la unidad compradora"), *TOTALS),
    _rows,
)
