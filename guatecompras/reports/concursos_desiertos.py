"""Concursos desiertos: nobody offered, or nothing could be awarded."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import CONCURSO, Base, Report

_DESIERTO = 5


def _rows(base: Base) -> pl.LazyFrame:
    return base.concursos.filter(pl.col("estatus_id") == _DESIERTO).sort("fecha_publicacion", "nog")


REPORT = Report(
    "concursos-desiertos",
    "Concursos desiertos",
    "Los que quedaron desiertos, uno por fila.",
    tuple(name for name in filters.CONCURSOS if name != "estatus"),
    CONCURSO,
    _rows,
)
