"""Concursos adjudicados: one row an award in force and supplier."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import CONCURSO, Base, Column, Report

_OWN = (
    Column("proveedor", "texto", "Identificador del proveedor adjudicado"),
    Column("nombre", "texto", "Nombre del proveedor adjudicado"),
    Column("monto", "monto", "Lo que se le adjudicó, en quetzales"),
)
# Sums of the whole concurso would be counted once a supplier.
_CONCURSO = tuple(one for one in CONCURSO if one.name not in ("monto_adjudicado", "adjudicaciones"))


def _rows(base: Base) -> pl.LazyFrame:
    concursos = base.concursos.drop("fecha_adjudicacion")
    return base.awarded.join(concursos, on="nog").sort("fecha_publicacion", "nog", "award_id", "proveedor")


REPORT = Report(
    "concursos-adjudicados",
    "Concursos adjudicados",
    "Una fila por adjudicación vigente y proveedor: un concurso con varias aparece varias veces.",
    filters.CONCURSOS,
    (*_CONCURSO, *_OWN),
    _rows,
)
