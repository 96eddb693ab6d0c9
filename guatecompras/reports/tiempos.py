"""Tiempos: from call to close, to award, to contract, in days."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import Base, Column, Report

_HOURS = 24 * 60


def _days(later: str, earlier: str) -> pl.Expr:
    return ((pl.col(later) - pl.col(earlier)).dt.total_minutes() / _HOURS).round(2)


def _rows(base: Base) -> pl.LazyFrame:
    signed = base.of("contracts").group_by("nog").agg(fecha_contrato=pl.col("dateSigned").min())
    first = base.awarded.group_by("nog").agg(primera_adjudicacion=pl.col("fecha_adjudicacion").min())
    return (
        base.concursos.join(first, on="nog", how="left")
        .join(signed, on="nog", how="left")
        .with_columns(
            dias_para_ofertar=_days("fecha_cierre", "fecha_publicacion"),
            dias_a_adjudicacion=_days("primera_adjudicacion", "fecha_publicacion"),
            dias_a_contrato=_days("fecha_contrato", "primera_adjudicacion"),
        )
        .sort("fecha_publicacion", "nog")
    )


REPORT = Report(
    "tiempos",
    "Tiempos: de la convocatoria a la adjudicación y al contrato",
    "Días corridos entre los pasos de cada concurso; vacío donde falta una de las fechas.",
    filters.CONCURSOS,
    (
        Column("nog", "entero", "Número de Operación Guatecompras"),
        Column("modalidad", "texto", "Modalidad de compra"),
        Column("estatus", "texto", "Estatus en Guatecompras"),
        Column("entidad", "texto", "Entidad compradora"),
        Column("unidad", "texto", "Unidad compradora"),
        Column("fecha_publicacion", "momento", "Cuándo se publicó la convocatoria"),
        Column("fecha_cierre", "momento", "Hasta cuándo se recibían ofertas"),
        Column("primera_adjudicacion", "momento", "La primera adjudicación vigente"),
        Column("fecha_contrato", "momento", "El primer contrato suscrito"),
        Column("dias_para_ofertar", "decimal", "Días de la publicación al cierre"),
        Column("dias_a_adjudicacion", "decimal", "Días de la publicación a la primera adjudicación"),
        Column("dias_a_contrato", "decimal", "Días de la primera adjudicación al contrato"),
    ),
    _rows,
)
