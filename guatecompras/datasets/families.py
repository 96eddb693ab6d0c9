"""The families of datasets: which concursos each has, and its columns, in the order and spelling of the official files.

Their headers have drifted over the years (`NOG CONCURSO`, `NOG_CONCURSO`, `nogConcurso`). Ours are those of the loader that the
Ministry's own programs read (capitals, spaces, accents), because the files of most years have them; they never change. Columns that
only some years had come after all others, so that who reads by position still can. Times are local, with their offset; months are
words in capitals, as they were; a description has no markup, for none is published.
"""

from collections.abc import Mapping

import polars as pl

from guatecompras.months import SPANISH
from guatecompras.reports import filters
from guatecompras.reports.report import Base, Column, Report

_MONTHS = {number: name.upper() for number, name in enumerate(SPANISH, 1)}

# What all families have, in order; those of awards stand where the official files have them.
_BUYER = (
    Column("NO", "entero", "Número de fila"),
    Column("TIPO DE ENTIDAD PADRE", "texto", "Tipo de la entidad compradora"),
    Column("TIPO DE ENTIDAD", "texto", "Subtipo de la entidad compradora"),
    Column("ENTIDAD COMPRADORA", "texto", "Entidad compradora"),
    Column("UNIDAD COMPRADORA", "texto", "Unidad compradora"),
    Column("NOG CONCURSO", "entero", "Número de Operación Guatecompras"),
    Column("DESCRIPCION", "texto", "Qué se quiere comprar"),
    Column("MODALIDAD", "texto", "Modalidad de compra"),
    Column("SUB MODALIDAD", "texto", "Submodalidad, donde la hay"),
)
_SUPPLIER = (
    Column("NIT", "texto", "NIT del proveedor adjudicado; de quien no tiene, su identificador"),
    Column("NOMBRE", "texto", "Nombre del proveedor adjudicado"),
    Column("MONTO", "monto", "Monto adjudicado al proveedor, en quetzales"),
)
_CALLED = (
    Column("FECHA DE PUBLICACIÓN", "momento", "Cuándo se publicó la convocatoria"),
    Column("MES DE PUBLICACIÓN", "texto", "Mes de la publicación, en palabras"),
    Column("AÑO DE PUBLICACIÓN", "entero", "Año de la publicación"),
)
_AWARDED = (
    Column("FECHA DE ULTIMA ADJUDICACIÓN", "momento", "La última adjudicación vigente del concurso"),
    Column("FECHA DE ADJUDICACIÓN", "momento", "La adjudicación de la fila"),
    Column("MES DE ADJUDICACIÓN", "texto", "Mes de la adjudicación de la fila, en palabras"),
    Column("AÑO DE ADJUDICACIÓN", "entero", "Año de la adjudicación de la fila"),
)
_END = (
    Column("CATEGORÍAS", "texto", "Categorías de Guatecompras, con su código"),
    Column("ESTATUS DEL CONCURSO", "texto", "Estatus en Guatecompras"),
    Column("FECHA CIERRE RECEPCIÓN OFERTAS", "momento", "Hasta cuándo se recibían ofertas"),
    Column("MES DE CIERRE RECEPCIÓN", "texto", "Mes del cierre, en palabras"),
    Column("AÑO DE CIERRE RECEPCIÓN", "entero", "Año del cierre"),
    Column("FECHA CAMBIO ESTATUS", "momento", "El último hecho del concurso"),
    Column("TIPO DE CONCURSO", "texto", "Público, restringido o vinculado"),
)
_OF_CONCURSO = (*_BUYER, *_CALLED, *_END)
_OF_AWARD = (*_BUYER, *_SUPPLIER, *_CALLED, *_AWARDED, *_END)


def _told(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Rows of concursos (and of awards, where they have them) under the official names."""
    names = {
        "TIPO DE ENTIDAD PADRE": "tipo_entidad",
        "TIPO DE ENTIDAD": "subtipo_entidad",
        "ENTIDAD COMPRADORA": "entidad",
        "UNIDAD COMPRADORA": "unidad",
        "NOG CONCURSO": "nog",
        "DESCRIPCION": "descripcion",
        "MODALIDAD": "modalidad",
        "SUB MODALIDAD": "submodalidad",
        "FECHA DE PUBLICACIÓN": "fecha_publicacion",
        "CATEGORÍAS": "categorias",
        "ESTATUS DEL CONCURSO": "estatus",
        "FECHA CIERRE RECEPCIÓN OFERTAS": "fecha_cierre",
        "FECHA CAMBIO ESTATUS": "fecha_estatus",
        "TIPO DE CONCURSO": "tipo_concurso",
    }
    parts = {
        **_month_and_year("PUBLICACIÓN", "fecha_publicacion"),
        **_month_and_year("CIERRE RECEPCIÓN", "fecha_cierre"),
    }
    return frame.with_columns(**{name: pl.col(column) for name, column in names.items()}, **parts)


def _month_and_year(of: str, column: str) -> Mapping[str, pl.Expr]:
    month = pl.col(column).dt.month().replace_strict(_MONTHS, default=None, return_dtype=pl.String)
    return {f"MES DE {of}": month, f"AÑO DE {of}": pl.col(column).dt.year()}


def _numbered(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.with_columns(NO=pl.int_range(1, pl.len() + 1))


def _concursos(kept: pl.Expr):  # type: ignore[no-untyped-def]  # a maker of reports' functions
    def rows(base: Base) -> pl.LazyFrame:
        return _numbered(_told(base.concursos.filter(kept)).sort("fecha_publicacion", "nog"))

    return rows


def _awards(base: Base) -> pl.LazyFrame:
    concursos = base.concursos.rename({"fecha_adjudicacion": "ultima"})
    nit = pl.col("proveedor").str.extract("^GT-NIT-(.+)$").fill_null(pl.col("proveedor"))
    joined = base.awarded.join(concursos, on="nog")
    told = _told(joined).with_columns(
        **{
            "NIT": nit,
            "NOMBRE": pl.col("nombre"),
            "MONTO": pl.col("monto"),
            "FECHA DE ULTIMA ADJUDICACIÓN": pl.col("ultima"),
            "FECHA DE ADJUDICACIÓN": pl.col("fecha_adjudicacion"),
            **_month_and_year("ADJUDICACIÓN", "fecha_adjudicacion"),
        }
    )
    return _numbered(told.sort("fecha_publicacion", "nog", "award_id", "proveedor"))


_ESTATUS = pl.col("estatus_id")
_OPEN, _DESERTED, _CALLED_OFF = (1, 2, 6, 7, 14, 18, 19), (5,), (4, 11, 15, 16)

FAMILIES: Mapping[str, Report] = {
    report.id: report
    for report in (
        Report(
            "adjudicados",
            "Concursos adjudicados",
            "Una fila por adjudicación vigente y proveedor; el NOG se repite.",
            filters.PERIOD,
            _OF_AWARD,
            _awards,
        ),
        Report(
            "anulados",
            "Concursos anulados",
            "Los que la entidad dejó sin efecto: anulados, prescindidos, improbados y cancelados.",
            filters.PERIOD,
            _OF_CONCURSO,
            _concursos(_ESTATUS.is_in(_CALLED_OFF)),
        ),
        Report(
            "desiertos",
            "Concursos desiertos",
            "Los que quedaron desiertos.",
            filters.PERIOD,
            _OF_CONCURSO,
            _concursos(_ESTATUS.is_in(_DESERTED)),
        ),
        Report(
            "terminados",
            "Concursos terminados",
            "Los que ya no están en proceso, hayan sido adjudicados o no.",
            filters.PERIOD,
            _OF_CONCURSO,
            _concursos(~_ESTATUS.is_in(_OPEN)),
        ),
        Report(
            "publicados",
            "Concursos publicados",
            "Todos los convocados en el mes.",
            filters.PERIOD,
            _OF_CONCURSO,
            _concursos(pl.lit(value=True)),
        ),
        Report(
            "vigentes",
            "Concursos vigentes",
            "Los que reciben ofertas, según los datos.",
            filters.PERIOD,
            _OF_CONCURSO,
            _concursos(_ESTATUS == 1),
        ),
    )
}
