"""Concursos anulados, prescindidos, improbados: what the entity called off."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import CONCURSO, Base, Report

# Prescindido, Anulado, Improbado, Terminado Cancelado.
_CALLED_OFF = (4, 11, 15, 16)


def _rows(base: Base) -> pl.LazyFrame:
    return base.concursos.filter(pl.col("estatus_id").is_in(_CALLED_OFF)).sort("fecha_publicacion", "nog")


REPORT = Report(
    "concursos-anulados",
    "Concursos anulados, prescindidos e improbados",
    "Los que la entidad dejó sin efecto, uno por fila.",
    filters.CONCURSOS,
    CONCURSO,
    _rows,
)
