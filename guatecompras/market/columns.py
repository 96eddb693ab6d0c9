"""The tables of the market: their columns, kinds and what each means, in Spanish, as files, API and policy of the portal tell it.

How they are counted is `families.py`'s business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

MONEY, SHARE = pl.Decimal(18, 2), pl.Float64()


@dataclass(frozen=True)
class Column:
    name: str
    kind: Any
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table: the name of its files, what it holds, its columns, and by what its rows are ordered."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    order: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        return {one.name: one.kind for one in self.columns}


_FAMILY = Column("familia", pl.String(), "Familia UNSPSC: las primeras cuatro cifras del código de los renglones")
_WINDOW = (
    Column("ventana", pl.String(), "`todo`: todos los meses publicados; `24m`: los convocados en los últimos 24 meses"),
    Column("desde", pl.String(), "Primer mes de convocatoria que se contó (AAAA-MM)"),
    Column("hasta", pl.String(), "Último mes de convocatoria que se contó (AAAA-MM)"),
)
_COUNTS = (
    Column("concursos", pl.Int64(), "Concursos con algún renglón de la familia"),
    Column("adjudicados", pl.Int64(), "Los que tienen una adjudicación vigente"),
)
_AMOUNTS = (
    Column("con_monto", pl.Int64(), "Adjudicados en quetzales que solo compran de la familia: de ellos son los montos típicos"),
    Column("monto_p25", MONEY, "Una cuarta parte se adjudicó por menos; vacío si hay menos de 5"),
    Column("monto_mediana", MONEY, "La mitad se adjudicó por menos; vacío si hay menos de 5"),
    Column("monto_p75", MONEY, "Tres cuartas partes se adjudicaron por menos; vacío si hay menos de 5"),
)  # fmt: skip
_BIDDERS = (
    Column("con_oferentes", pl.Int64(), "Adjudicados en los que cualquiera podía ofertar y se informa cuántos lo hicieron"),
    Column("oferentes_mediana", SHARE, "Oferentes que suele haber (mediana); vacío si hay menos de 5"),
    Column("un_solo_oferente", SHARE, "Parte de ellos con un solo oferente, de 0 a 1; vacío si hay menos de 10"),
)  # fmt: skip
_DAYS = (
    Column("con_dias", pl.Int64(), "Adjudicados con fecha de convocatoria y de primera adjudicación"),
    Column("dias_p25", SHARE, "Días de la convocatoria a la primera adjudicación vigente: primer cuartil"),
    Column("dias_mediana", SHARE, "Días de la convocatoria a la primera adjudicación vigente: mediana"),
    Column("dias_p75", SHARE, "Días de la convocatoria a la primera adjudicación vigente: tercer cuartil"),
)
_PLACE = Column("puesto", pl.Int64(), "Lugar por monto en los últimos 24 meses")
_PART = Column("parte", SHARE, "Parte del monto de la familia en los últimos 24 meses, de 0 a 1")
_AWARDED = Column(
    "monto", MONEY, "Lo adjudicado vigente, en quetzales, de los concursos que solo compran de la familia"
)

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            "familias",
            "Cada familia: tamaño, competencia, montos y tiempos",
            (
                _FAMILY,
                Column("segmento", pl.String(), "Nombre del segmento UNSPSC al que pertenece"),
                Column("ejemplos", pl.String(), "Los renglones más frecuentes, en palabras de las entidades"),
                *_WINDOW,
                *_COUNTS,
                Column("compradores", pl.Int64(), "Entidades que convocaron"),
                Column("proveedores", pl.Int64(), "Proveedores con alguna adjudicación vigente"),
                _AWARDED,
                Column("monto_compartido", MONEY, "Lo adjudicado en concursos que compran también de otras familias, entero"),
                *_AMOUNTS,
                Column(
                    "concentracion",
                    SHARE,
                    "Índice de Herfindahl-Hirschman de los proveedores por monto, de 0 a 10,000;"
                    " vacío si hay menos de 10 concursos con monto",
                ),
                *_BIDDERS,
                *_DAYS,
            ),
            ("ventana", "familia"),
        ),
        Table(
            "modalidades",
            "Cada familia por modalidad: por cuánto se adjudican concursos parecidos y cuántos ofertan",
            (
                _FAMILY,
                Column("modalidad", pl.Int64(), "Código de la modalidad en Guatecompras"),
                Column("modalidad_nombre", pl.String(), "Nombre de la modalidad"),
                *_WINDOW,
                *_COUNTS,
                *_AMOUNTS,
                *_BIDDERS,
                *_DAYS,
            ),
            ("ventana", "familia", "modalidad"),
        ),
        Table(
            "meses",
            "Cada familia mes por mes de convocatoria",
            (_FAMILY, Column("mes", pl.String(), "Mes de la convocatoria (AAAA-MM)"), *_COUNTS, _AWARDED),
            ("familia", "mes"),
        ),
        Table(
            "estacionalidad",
            "En qué meses del año se convoca cada familia",
            (
                _FAMILY,
                Column("mes_del_anio", pl.Int64(), "Mes del año, de 1 a 12"),
                Column("anios", pl.Int64(), "Años completos publicados que se contaron"),
                Column("concursos", pl.Int64(), "Concursos convocados en ese mes, en todos esos años"),
                Column(
                    "indice", SHARE, "Frente a un mes promedio, que es 1; vacío con menos de 2 años o de 24 concursos"
                ),
            ),
            ("familia", "mes_del_anio"),
        ),
        Table(
            "compradores",
            "Quiénes más compran de cada familia en los últimos 24 meses",
            (
                _FAMILY,
                _PLACE,
                Column("id", pl.String(), "Identificador de la entidad"),
                Column("nombre", pl.String(), "Nombre de la entidad"),
                *_COUNTS,
                _AWARDED,
                _PART,
            ),
            ("familia", "puesto"),
        ),
        Table(
            "proveedores",
            "Quiénes más venden de cada familia en los últimos 24 meses; las personas individuales van juntas y sin nombre",
            (
                _FAMILY,
                _PLACE,
                Column("id", pl.String(), "Identificador del proveedor; vacío: las personas individuales, juntas"),
                Column("nombre", pl.String(), "Nombre del proveedor"),
                Column("proveedores", pl.Int64(), "Cuántos son: 1, o cuántas personas individuales"),
                Column("adjudicados", pl.Int64(), "Concursos que ganó"),
                _AWARDED,
                _PART,
            ),
            ("familia", "puesto"),
        ),
    )
}  # fmt: skip
