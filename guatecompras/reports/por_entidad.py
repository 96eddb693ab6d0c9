"""Concursos by entity and purchasing unit."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import TOTALS, Base, Column, Report, counted


def _rows(base: Base) -> pl.LazyFrame:
    return counted(base.concursos, "tipo_entidad", "entidad", "unidad")


REPORT = Report(
    "por-entidad",
    "Concursos por entidad y unidad compradora",
    "Cuántos concursos convocó cada unidad, y cuánto suman sus adjudicaciones.",
    filters.CONCURSOS,
    (
        Column("tipo_entidad", "texto", "Tipo de la entidad compradora"),
        Column("entidad", "texto", "Entidad compradora"),
        Column("unidad", "texto", "Unidad compradora"),
        *TOTALS,
    ),
    _rows,
)
