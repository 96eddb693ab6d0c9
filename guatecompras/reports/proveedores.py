"""Reports on suppliers: what each was awarded, over all and by entity. `Rango` is of each award, as the law's regimes are."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import Base, Column, Report


def _wanted(base: Base) -> pl.LazyFrame:
    """The awards that are asked for."""
    told, rows = base.told, base.awarded.filter(filters.in_range(base.told, pl.col("monto")))
    if "tipo_proveedor" in told:
        with_nit = pl.col("proveedor").str.starts_with("GT-NIT-")
        rows = rows.filter(with_nit if told["tipo_proveedor"] == "0" else ~with_nit)
    if "organizacion" in told:
        rows = rows.filter(pl.col("organizacion").str.to_uppercase() == told["organizacion"])
    return rows


def _by_amount(base: Base) -> pl.LazyFrame:
    return (
        _wanted(base)
        .group_by("proveedor")
        .agg(NOMBRE=pl.col("nombre").sort_by("nog").last(), TOTAL=pl.col("monto").sum().round(2), CANTIDAD=pl.len())
        .with_columns(NIT=pl.col("proveedor").str.extract("^GT-NIT-(.+)$").fill_null(pl.col("proveedor")))
        .sort("TOTAL", "NIT", descending=[True, False])
    )


def _by_entity(base: Base) -> pl.LazyFrame:
    entities = base.concursos.select("nog", "entidad", "unidad")
    return (
        _wanted(base)
        .join(entities, on="nog")
        .group_by("entidad", "unidad", "proveedor")
        .agg(
            nombre=pl.col("nombre").sort_by("nog").last(),
            adjudicaciones=pl.len(),
            monto=pl.col("monto").sum().round(2),
        )
        .sort("entidad", "unidad", "monto", "proveedor", descending=[False, False, True, False])
    )


_FILTERS = (*filters.PERIOD, "rango", "tipo_proveedor", "organizacion", *filters.BUYERS, "categoria", "modalidad")
POR_MONTO = Report(
    "proveedores-por-monto",
    "Proveedores por monto",
    "Lo adjudicado a cada proveedor, con las columnas del reporte oficial ProveedoresPorMonto.",
    _FILTERS,
    (
        Column("NIT", "texto", "NIT del proveedor; de quien no tiene, su identificador"),
        Column("NOMBRE", "texto", "Nombre del proveedor"),
        Column("TOTAL", "monto", "Suma de sus adjudicaciones vigentes, en quetzales"),
        Column("CANTIDAD", "entero", "Cuántas adjudicaciones vigentes tiene"),
    ),
    _by_amount,
)
POR_ENTIDAD = Report(
    "proveedores-por-entidad",
    "Proveedores por entidad",
    "Lo que cada unidad compradora adjudicó a cada proveedor.",
    _FILTERS,
    (
        Column("entidad", "texto", "Entidad compradora"),
        Column("unidad", "texto", "Unidad compradora"),
        Column("proveedor", "texto", "Identificador del proveedor"),
        Column("nombre", "texto", "Nombre del proveedor"),
        Column("adjudicaciones", "entero", "Cuántas adjudicaciones vigentes"),
        Column("monto", "monto", "Cuánto suman, en quetzales"),
    ),
    _by_entity,
)
