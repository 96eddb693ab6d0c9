"""Número de oferentes: how many concursos had how many, by modalidad."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import TOTALS, Base, Column, Report, totals


def _rows(base: Base) -> pl.LazyFrame:
    told = base.concursos.group_by("modalidad", "oferentes").agg(totals())
    share = (pl.col("concursos") / pl.col("concursos").sum().over("modalidad")).round(4)
    return told.with_columns(proporcion=share).sort("modalidad", "oferentes", nulls_last=True)


REPORT = Report(
    "numero-de-oferentes",
    "Número de oferentes",
    "De cada modalidad, cuántos concursos tuvieron cero, uno, dos… oferentes.",
    filters.CONCURSOS,
    (
        Column("modalidad", "texto", "Modalidad de compra"),
        Column("oferentes", "entero", "Número de oferentes; vacío si no se informa"),
        Column("proporcion", "decimal", "Parte de los concursos de la modalidad, de 0 a 1"),
        *TOTALS,
    ),
    _rows,
)
