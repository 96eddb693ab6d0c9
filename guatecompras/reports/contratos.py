"""Contratos: one row a contract."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import Base, Column, Report


def _rows(base: Base) -> pl.LazyFrame:
    concursos = base.concursos.select("nog", "descripcion", "modalidad", "entidad", "unidad")
    suppliers = (
        base.of("award_suppliers")
        .group_by("nog", "award_id")
        .agg(proveedores=pl.col("name").sort_by("id").str.join("; "))
    )
    return (
        base.of("contracts")
        .select(
            "nog",
            contrato="id",
            numero="contractNumber",
            estado="statusDetails",
            award_id="awardID",
            fecha_suscripcion="dateSigned",
            vigencia_inicio="period_startDate",
            vigencia_fin="period_endDate",
            monto="value_amount",
            moneda="value_currency",
        )
        .join(concursos, on="nog")
        .join(suppliers, on=["nog", "award_id"], how="left")
        .sort("fecha_suscripcion", "nog", "contrato", nulls_last=True)
    )


REPORT = Report(
    "contratos",
    "Contratos",
    "Los contratos publicados, uno por fila. La mayoría de las compras directas no publica contrato.",
    filters.CONCURSOS,
    (
        Column("nog", "entero", "Número de Operación Guatecompras"),
        Column("descripcion", "texto", "Qué se quiere comprar"),
        Column("modalidad", "texto", "Modalidad de compra"),
        Column("entidad", "texto", "Entidad compradora"),
        Column("unidad", "texto", "Unidad compradora"),
        Column("numero", "texto", "Número de contrato"),
        Column("estado", "texto", "Estado del contrato"),
        Column("proveedores", "texto", "Proveedores de la adjudicación"),
        Column("fecha_suscripcion", "momento", "Cuándo se suscribió"),
        Column("vigencia_inicio", "momento", "Inicio de la vigencia"),
        Column("vigencia_fin", "momento", "Fin de la vigencia"),
        Column("monto", "monto", "Monto del contrato"),
        Column("moneda", "texto", "Moneda del contrato"),
    ),
    _rows,
)
