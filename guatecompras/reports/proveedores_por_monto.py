"""Proveedores por monto, in the columns of the official report of that name."""

import polars as pl

from guatecompras.reports.awards import FILTERS, wanted
from guatecompras.reports.report import Base, Column, Report


def _rows(base: Base) -> pl.LazyFrame:
    return (
        wanted(base)
        .group_by("proveedor")
        .agg(NOMBRE=pl.col("nombre").sort_by("nog").last(), TOTAL=pl.col("monto").sum().round(2), CANTIDAD=pl.len())
        .with_columns(NIT=pl.col("proveedor").str.extract("^GT-NIT-(.+)$").fill_null(pl.col("proveedor")))
        .sort("TOTAL", "NIT", descending=[True, False])
    )


REPORT = Report(
    "proveedores-por-monto",
    "Proveedores por monto",
    "Lo adjudicado a cada proveedor, con las columnas del reporte oficial ProveedoresPorMonto.",
    FILTERS,
    (
        Column("NIT", "texto", "NIT del proveedor; de quien no tiene, su identificador"),
        Column("NOMBRE", "texto", "Nombre del proveedor"),
        Column("TOTAL", "monto", "Suma de sus adjudicaciones vigentes, en quetzales"),
        Column("CANTIDAD", "entero", "Cuántas adjudicaciones vigentes tiene"),
    ),
    _rows,
)
