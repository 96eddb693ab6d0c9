"""Ofertas por concurso: one row an offer."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import Base, Column, Report


def _rows(base: Base) -> pl.LazyFrame:
    concursos = base.concursos.select(
        "nog", "descripcion", "estatus", "modalidad", "entidad", "unidad", "fecha_publicacion"
    )
    won = base.awarded.select("nog", "proveedor").unique().with_columns(adjudicado=pl.lit("Sí"))
    offers = base.of("bids").select(
        "nog",
        oferta="id",
        proveedor="tenderers_id",
        nombre="tenderers_name",
        monto="value_amount",
        moneda="value_currency",
        estado="status",
        fecha_oferta="date",
    )
    return (
        offers.join(concursos, on="nog")
        .join(won, on=["nog", "proveedor"], how="left")
        .with_columns(pl.col("adjudicado").fill_null("No"))
        .sort("fecha_publicacion", "nog", "monto", "oferta")
    )


REPORT = Report(
    "ofertas-por-concurso",
    "Ofertas por concurso",
    "Una fila por oferta: quién ofertó, cuánto, y si se le adjudicó.",
    filters.CONCURSOS,
    (
        Column("nog", "entero", "Número de Operación Guatecompras"),
        Column("descripcion", "texto", "Qué se quiere comprar"),
        Column("estatus", "texto", "Estatus del concurso"),
        Column("modalidad", "texto", "Modalidad de compra"),
        Column("entidad", "texto", "Entidad compradora"),
        Column("unidad", "texto", "Unidad compradora"),
        Column("fecha_publicacion", "momento", "Cuándo se publicó la convocatoria"),
        Column("proveedor", "texto", "Identificador de quien ofertó"),
        Column("nombre", "texto", "Nombre de quien ofertó"),
        Column("monto", "monto", "Monto ofertado"),
        Column("moneda", "texto", "Moneda de la oferta"),
        Column("estado", "texto", "Estado de la oferta: valid, disqualified o withdrawn"),
        Column("fecha_oferta", "momento", "Cuándo se presentó"),
        Column("adjudicado", "texto", "Si se le adjudicó algo del concurso: Sí o No"),
    ),
    _rows,
)
