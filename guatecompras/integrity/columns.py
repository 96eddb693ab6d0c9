"""The tables of integrity: names, kinds and meanings of their columns. Who fills them is `run.py`'s business."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from guatecompras.gathered.tables import described
from guatecompras.reports.report import KINDS as REPORTED
from guatecompras.reports.report import Column

KINDS: Mapping[str, Any] = {
    **REPORTED,
    "número": pl.Float64(),
    "sí o no": pl.Boolean(),
    "números": pl.List(pl.Int64()),
}


@dataclass(frozen=True)
class Table:
    """A table. `title` names its sheet; both texts in Spanish. `id`: its place in file names."""

    id: str
    title: str
    description: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.columns]

    @property
    def schema(self) -> dict[str, Any]:
        return {one.name: KINDS[one.kind] for one in self.columns}

    @property
    def arrow(self) -> pa.Schema:
        """As it is published: each column says what it means."""
        return described(self.schema, self.columns)


_MONTH = Column("mes", "texto", "Mes de convocatoria, AAAA-MM")
_INDICATOR = Column("indicador", "texto", "Indicador: R y número, de Open Contracting Partnership; GT y número, propio")
_PLACE = (
    Column("unidad_compradora_id", "texto", "Unidad compradora del concurso, si la señal es de uno"),
    Column("unidad_compradora", "texto", "Su nombre"),
    Column("departamento", "texto", "Departamento de la unidad compradora o de la entidad"),
)

FLAGS = Table(
    "red_flags",
    "Señales",
    "Una fila por señal activada. Una señal es una pregunta para quien revisa, no una conclusión sobre nadie.",
    (
        _MONTH,
        _INDICATOR,
        Column("version", "entero", "Versión de la regla"),
        Column("nombre", "texto", "Nombre del indicador"),
        Column("tema", "texto", "Tema: competencia, precios, plazos, umbrales, proveedores o compradores"),
        Column("nivel", "texto", "De qué es la señal: concurso, proveedor, grupo, comprador o mercado"),
        Column("peso", "entero", "Cuánto cuenta en el orden de revisión, de 1 a 3"),
        Column("sujeto", "texto", "Lo evaluado: NOG, identificador de la parte, o varios unidos por ' + '"),
        Column("nog", "entero", "NOG, si la señal es de un concurso"),
        Column("ocid", "texto", "Identificador OCDS del concurso"),
        Column("titulo", "texto", "Título del concurso"),
        Column("convocado", "momento", "Cuándo se publicó la convocatoria"),
        Column("comprador_id", "texto", "Entidad compradora"),
        Column("comprador", "texto", "Su nombre"),
        *_PLACE,
        Column("proveedor_id", "texto", "Proveedor u oferente de quien habla la señal, si es de uno"),
        Column("proveedor", "texto", "Su nombre; vacío si es una persona individual"),
        Column("persona_individual", "sí o no", "Si el proveedor es una persona individual"),
        Column("valor", "número", "Lo medido, en la unidad"),
        Column("umbral", "número", "Con qué se compara, en la unidad"),
        Column("unidad", "texto", "Unidad del valor y del umbral"),
        Column("poblacion", "texto", "Con qué se comparó"),
        Column("tamano", "entero", "Cuántos había en esa población"),
        Column("monto", "monto", "Quetzales de los que habla la señal, si se conocen"),
        Column("evidencia", "texto", "Dónde verlo: NOG:ruta del campo=valor"),
        Column("nogs", "números", "Concursos de los que habla la señal"),
    ),
)
REVIEW = Table(
    "prioridad_de_revision",
    "Prioridad de revisión",
    "Una fila por concurso del mes del que habla alguna señal. Dice por dónde empezar a revisar; no mide culpa.",
    (
        _MONTH,
        Column("prioridad", "texto", "alta, media o baja, según los puntos"),
        Column("puntos", "entero", "Suma, por tema, del peso de su señal de más peso"),
        Column("senales", "entero", "Indicadores activados"),
        Column("indicadores", "texto", "Cuáles"),
        Column("temas", "texto", "De qué temas"),
        Column("nog", "entero", "NOG"),
        Column("ocid", "texto", "Identificador OCDS del concurso"),
        Column("titulo", "texto", "Título del concurso"),
        Column("convocado", "momento", "Cuándo se publicó la convocatoria"),
        Column("comprador_id", "texto", "Entidad compradora"),
        Column("comprador", "texto", "Su nombre"),
        *_PLACE,
        Column("monto", "monto", "Quetzales adjudicados en el concurso, si se conocen"),
    ),
)
SUMMARY = Table(
    "indicadores",
    "Indicadores",
    "Una fila por indicador: cuántos sujetos se evaluaron, en cuántos se activó y cuántos no se pudieron evaluar, y por qué.",
    (
        _INDICATOR,
        Column("version", "entero", "Versión de la regla"),
        Column("nombre", "texto", "Nombre del indicador"),
        Column("nivel", "texto", "De qué son los sujetos"),
        Column("tema", "texto", "Tema"),
        Column("activadas", "entero", "Sujetos con la señal activada"),
        Column("sin_senal", "entero", "Sujetos evaluados sin señal"),
        Column("no_evaluables", "entero", "Sujetos que no se pudieron evaluar"),
        Column("falta", "texto", "Campos que faltaban y en cuántos sujetos"),
    ),
)
STATES = Table(
    "estados",
    "Estados",
    "Una fila por indicador y sujeto, con su estado.",
    (
        _INDICATOR,
        Column("nivel", "texto", "De qué es el sujeto"),
        Column("sujeto", "texto", "Lo evaluado"),
        Column("nog", "entero", "NOG, si es un concurso"),
        Column("estado", "texto", "activada, sin señal o no evaluable"),
        Column("falta", "texto", "Si no es evaluable, qué campos faltan o si la muestra no basta"),
    ),
)
MONTHS = Table(
    "indicadores_por_mes",
    "Indicadores por mes",
    "Una fila por mes e indicador: sujetos con la señal activada, sin señal y no evaluables.",
    (_MONTH, *SUMMARY.columns),
)
BUYERS = Table(
    "compradores",
    "Señales por comprador",
    "Una fila por entidad, año e indicador: cuántas señales hablan de ella. No compara entidades: compran "
    "cosas y montos distintos.",
    (
        Column("comprador_id", "texto", "Entidad compradora"),
        Column("comprador", "texto", "Su nombre"),
        Column("departamento", "texto", "Departamento de la unidad compradora o de la entidad"),
        Column("anio", "entero", "Año de convocatoria"),
        _INDICATOR,
        Column("nombre", "texto", "Nombre del indicador"),
        Column("activadas", "entero", "Señales activadas"),
        Column("monto", "monto", "Quetzales de los que hablan; un concurso con varias señales cuenta en cada una"),
    ),
)
