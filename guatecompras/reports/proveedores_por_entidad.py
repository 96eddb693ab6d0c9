"""What each purchasing unit awarded to each supplier."""

import polars as pl

from guatecompras.reports.awards import FILTERS, wanted
from guatecompras.reports.report import Base, Column, Report


def _rows(base: Base) -> pl.LazyFrame:
    entities = base.concursos.select("nog", "entidad", "unidad")
    return (
        wanted(base)
        .join(entities, on="nog")
        .group_by("entidad", "unidad", "proveedor")
        .agg(
            nombre=pl.col("nombre").sort_by("nog").last(),
            adjudicaciones=pl.len(),
            monto=pl.col("monto").sum().round(2),
        )
        .sort("entidad", "unidad", "monto", "proveedor", descending=[False, False, True, False])
    )


REPORT = Report(
    "proveedores-por-entidad",
    "Proveedores por entidad",
    "Lo que cada unidad compradora adjudicó a cada proveedor.",
    FILTERS,
    (
        Column("entidad", "texto", "Entidad compradora"),
        Column("unidad", "texto", "Unidad compradora"),
        Column("proveedor", "texto", "Identificador del proveedor"),
        Column("nombre", "texto", "Nombre del proveedor"),
        Column("adjudicaciones", "entero", "Cuántas adjudicaciones vigentes"),
        Column("monto", "monto", "Cuánto suman, en quetzales"),
    ),
    _rows,
)
