"""Concursos publicados: all that were called."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import CONCURSO, Base, Report


def _rows(base: Base) -> pl.LazyFrame:
    return base.concursos.sort("fecha_publicacion", "nog")


REPORT = Report(
    "concursos-publicados",
    "Concursos publicados",
    "Todos los concursos convocados, uno por fila.",
    filters.CONCURSOS,
    CONCURSO,
    _rows,
)
