"""Concursos by the families of what they buy; one of several counts in each."""

import polars as pl

from guatecompras import catalogs
from guatecompras.reports import filters
from guatecompras.reports.report import TOTALS, Base, Column, Report, counted


def _rows(base: Base) -> pl.LazyFrame:
    family = base.of("items").select("nog", familia=pl.col("classification_id").str.slice(0, 4)).drop_nulls().unique()
    segments = catalogs.mapping("unspsc_segmentos", "code", "name")
    segment = pl.col("familia").str.slice(0, 2).replace_strict(segments, default=None, return_dtype=pl.String)
    return counted(family.join(base.concursos, on="nog"), "familia").with_columns(segmento=segment)


REPORT = Report(
    "por-familia-unspsc",
    "Concursos por familia de productos (UNSPSC)",
    "Cuántos concursos tienen renglones de cada familia. Un concurso con varias cuenta en cada una.",
    filters.CONCURSOS,
    (
        Column("familia", "texto", "Familia UNSPSC: las primeras cuatro cifras"),
        Column("segmento", "texto", "Segmento al que pertenece"),
        *TOTALS,
    ),
    _rows,
)
