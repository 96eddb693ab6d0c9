"""The fields that matter to who audits: of which concursos each is expected, and when it counts as there."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Field:
    """A field. `applies`, `holds`: of the columns of `concursos.py`; null counts as no."""

    id: str
    title: str
    expected: str
    applies: pl.Expr
    holds: pl.Expr


def _there(column: str) -> pl.Expr:
    return pl.col(column).is_not_null()


_ALL, _OPEN, _AWARDED = pl.lit(value=True), pl.col("abierto"), pl.col("adjudicado")
_COMPETED = _OPEN & _AWARDED

FIELDS: tuple[Field, ...] = (
    Field("descripcion", "Descripción", "todos los concursos", _ALL, pl.col("descripcion").str.len_chars() > 0),
    Field("objeto", "Objeto: bien, servicio u obra", "todos los concursos", _ALL, _there("objeto")),
    Field("categorias", "Categorías", "todos los concursos", _ALL, _there("categorias")),
    Field(
        "lugar",
        "Departamento y municipio de la unidad",
        "todos los concursos",
        _ALL,
        _there("departamento") & _there("municipio"),
    ),
    Field("renglones", "Renglones", "todos los concursos", _ALL, pl.col("renglones") > 0),
    Field(
        "unspsc",
        "Código UNSPSC de cada renglón",
        "concursos con renglones",
        pl.col("renglones") > 0,
        pl.col("clasificados"),
    ),
    Field("documentos", "Documentos", "todos los concursos", _ALL, pl.col("documentos") > 0),
    Field("monto_estimado", "Monto estimado", "todos los concursos", _ALL, _there("monto_estimado")),
    Field("fecha_cierre", "Cierre de ofertas", "concursos abiertos a ofertas", _OPEN, _there("fecha_cierre")),
    Field("oferentes", "Cuántos ofertaron", "concursos abiertos adjudicados", _COMPETED, _there("oferentes")),
    Field("ofertas", "Monto de alguna oferta", "concursos abiertos adjudicados", _COMPETED, pl.col("ofertas") > 0),
    Field("monto", "Monto de cada adjudicación", "concursos adjudicados", _AWARDED, pl.col("con_valor")),
    Field("fecha", "Fecha de cada adjudicación", "concursos adjudicados", _AWARDED, pl.col("con_fecha")),
    Field("proveedor", "Proveedor de cada adjudicación", "concursos adjudicados", _AWARDED, pl.col("con_proveedor")),
    Field(
        "contrato",
        "Número, firma y monto de cada contrato",
        "concursos con contrato",
        pl.col("contrato"),
        pl.col("contrato_completo"),
    ),
)
