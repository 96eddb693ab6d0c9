"""Concursos vigentes: those whose offers are being received, by the data; the clock is not asked."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import CONCURSO, Base, Report

_VIGENTE = 1


def _rows(base: Base) -> pl.LazyFrame:
    return base.concursos.filter(pl.col("estatus_id") == _VIGENTE).sort("fecha_cierre", "nog", nulls_last=True)


REPORT = Report(
    "concursos-vigentes",
    "Concursos vigentes",
    "Los que están vigentes según los datos, los que cierran primero arriba; sin fecha de cierre, al final.",
    tuple(name for name in filters.CONCURSOS if name != "estatus"),
    CONCURSO,
    _rows,
)
