"""Reports that count concursos by one thing or two: estatus, modalidad, entidad, categoría, familia, departamento."""

import polars as pl

from guatecompras import catalogs
from guatecompras.reports import filters
from guatecompras.reports.report import TOTALS, Base, Column, Report, totals


def _by(*names: str):  # type: ignore[no-untyped-def]  # a maker of reports' functions
    def rows(base: Base) -> pl.LazyFrame:
        return (
            base.concursos.group_by(names)
            .agg(totals())
            .sort("concursos", *names, descending=[True, *[False] * len(names)])
        )

    return rows


def _by_category(base: Base) -> pl.LazyFrame:
    told = base.concursos.with_columns(categoria=pl.col("categorias").str.split("; ")).explode("categoria")
    return told.group_by("categoria").agg(totals()).sort("concursos", "categoria", descending=[True, False])


def _by_family(base: Base) -> pl.LazyFrame:
    family = base.of("items").select("nog", familia=pl.col("classification_id").str.slice(0, 4)).drop_nulls().unique()
    segments = catalogs.mapping("unspsc_segmentos", "code", "name")
    segment = pl.col("familia").str.slice(0, 2).replace_strict(segments, default=None, return_dtype=pl.String)
    told = family.join(base.concursos, on="nog").group_by("familia").agg(totals()).with_columns(segmento=segment)
    return told.sort("concursos", "familia", descending=[True, False])


_ENTITY = (
    Column("tipo_entidad", "texto", "Tipo de la entidad compradora"),
    Column("entidad", "texto", "Entidad compradora"),
    Column("unidad", "texto", "Unidad compradora"),
)
_SEVERAL = "Un concurso con varias cuenta en cada una."

POR_ESTATUS = Report(
    "por-estatus",
    "Concursos por estatus",
    "Cuántos concursos hay en cada estatus, y cuánto suman sus adjudicaciones.",
    filters.CONCURSOS,
    (Column("estatus", "texto", "Estatus en Guatecompras"), *TOTALS),
    _by("estatus"),
)
POR_MODALIDAD = Report(
    "por-modalidad",
    "Concursos por modalidad y submodalidad",
    "Cuántos concursos hay de cada modalidad, y cuánto suman sus adjudicaciones.",
    filters.CONCURSOS,
    (
        Column("modalidad", "texto", "Modalidad de compra"),
        Column("submodalidad", "texto", "Submodalidad, donde la hay"),
        *TOTALS,
    ),
    _by("modalidad", "submodalidad"),
)
POR_ENTIDAD = Report(
    "por-entidad",
    "Concursos por entidad y unidad compradora",
    "Cuántos concursos convocó cada unidad, y cuánto suman sus adjudicaciones.",
    filters.CONCURSOS,
    (*_ENTITY, *TOTALS),
    _by("tipo_entidad", "entidad", "unidad"),
)
POR_CATEGORIA = Report(
    "por-categoria",
    "Concursos por categoría",
    f"Cuántos concursos hay de cada categoría de Guatecompras. {_SEVERAL}",
    filters.CONCURSOS,
    (Column("categoria", "texto", "Categoría, con su código"), *TOTALS),
    _by_category,
)
POR_FAMILIA = Report(
    "por-familia-unspsc",
    "Concursos por familia de productos (UNSPSC)",
    f"Cuántos concursos tienen renglones de cada familia. {_SEVERAL}",
    filters.CONCURSOS,
    (
        Column("familia", "texto", "Familia UNSPSC: las primeras cuatro cifras"),
        Column("segmento", "texto", "Segmento al que pertenece"),
        *TOTALS,
    ),
    _by_family,
)
POR_DEPARTAMENTO = Report(
    "por-departamento",
    "Concursos por departamento",
    "Cuántos concursos convocaron las unidades de cada departamento.",
    filters.CONCURSOS,
    (Column("departamento", "texto", "Departamento de la unidad compradora"), *TOTALS),
    _by("departamento"),
)
