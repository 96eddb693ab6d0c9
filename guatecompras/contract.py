"""The source contract as data: the nine tables, their columns, kinds, keys and order.

Column names are Guatecompras' own (Spanish). How arriving rows are checked against it is `arrivals.py`; where they come
from is `resources/sources/`; what is published from them is `ocds/`.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

import polars as pl

from guatecompras.months import TIME_ZONE, Month

Kind = Literal["int", "text", "id", "money", "quantity", "time", "instant", "ints", "contacts"]

CONTACT = pl.Struct({"nombre": pl.String, "correo": pl.String, "telefono": pl.String})

DTYPES: dict[Kind, pl.DataType] = {
    "int": pl.Int64(),
    "text": pl.String(),
    # Text that names a row: told apart letter by letter, so its white space is put in order on arrival.
    "id": pl.String(),
    "money": pl.Decimal(18, 2),
    "quantity": pl.Decimal(18, 4),
    "time": pl.Datetime("us", TIME_ZONE),
    # Registration times name the releases in .NET ticks of 100 ns, one digit more than microseconds hold.
    "instant": pl.Datetime("ns", TIME_ZONE),
    "ints": pl.List(pl.Int64),
    "contacts": pl.List(CONTACT),
}


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    `optional`: the column may be absent and its values null. `essential`: a row without it is of no use and is
    rejected whole (a null in another column only rejects the value). `codes`: the values allowed, a catalog's name
    or the literals themselves.
    """

    name: str
    kind: Kind
    optional: bool = False
    essential: bool = False
    codes: str | tuple[str, ...] | None = None

    @property
    def dtype(self) -> pl.DataType:
        return DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """One table: `key` identifies a row, `order` (after nog) is the order rows are kept and published in.

    `dated`: the column that dates a row that belongs to no concurso. `needed`: a source without the table cannot be read.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order: tuple[str, ...]
    dated: str | None = None
    needed: bool = False
    schema: dict[str, pl.DataType] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", {column.name: column.dtype for column in self.columns})

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def required(self) -> list[str]:
        """Names of the columns that must be there."""
        return [column.name for column in self.columns if not column.optional]


def _columns(text: str) -> tuple[Column, ...]:
    """Read a column list: `name kind`, `?` optional, `!` essential, `=catalog` or `=a|b|c` for codes."""
    columns = []
    for line in text.strip().splitlines():
        name, kind, *codes = line.split()
        words = codes[0].removeprefix("=") if codes else None
        columns.append(
            Column(
                name.rstrip("?!"),
                kind,  # type: ignore[arg-type]  # the tests hold every kind against DTYPES
                optional=name.endswith("?"),
                essential=name.endswith("!"),
                codes=tuple(words.split("|")) if words and "|" in words else words,
            )
        )
    return tuple(columns)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "concursos",
            _columns("""
                nog! int
                descripcion text
                entidad_compradora int
                unidad_compradora int
                tipo_entidad? int
                sub_tipo_entidad? int
                modalidad int =modalidades
                sub_modalidad? int =sub_modalidades
                tipo_concurso? int =tipos_concurso
                recepcion_ofertas? text =electronica|papel
                categorias? ints =categorias
                objeto? text =bienes|servicios|obras
                objetos_adicionales? text
                numero_oferentes? int
                valor_estimado? money
                moneda? text =monedas
                fecha_publicacion! time
                fecha_cro? time
                estatus_concurso int =estatus
                fecha_actualizacion time
            """),
            key=("nog",),
            order=(),
            dated="fecha_publicacion",
            needed=True,
        ),
        Table(
            "eventos",
            _columns("""
                evento_id! id
                nog! int
                tipo text =publicacion|modificacion|cambio_estatus|recepcion_ofertas|adjudicacion|inhabilitacion|contrato|anulacion
                estatus_concurso int =estatus
                fecha_evento time
                fecha_registro instant
            """),
            key=("nog", "evento_id"),
            order=("fecha_evento", "fecha_registro", "evento_id"),
            dated="fecha_evento",
        ),
        Table(
            "partes",
            _columns("""
                nog! int
                esquema! text =GT-CISP|GT-GCUC|GT-NIT|GT-GCID
                identificador! id
                nombre text
                nit? text
                miembro_de? id
                direccion? text
                municipio? text
                departamento? text
                pais? text
                contacto_nombre? text
                contacto_correo? text
                contacto_telefono? text
                contacto_fax? text
                contactos_adicionales? contacts
                tipo_id? text
                tipo? text
                tipo_entidad_id? text
                tipo_entidad? text
                nivel_id? text
                nivel? text
                tipo_persona_id? text
                tipo_persona? text
            """),
            key=("nog", "esquema", "identificador"),
            order=("esquema", "identificador"),
            needed=True,
        ),
        Table(
            "renglones",
            _columns("""
                nog! int
                renglon_id! id
                orden int
                descripcion text
                unspsc? text
                cantidad? quantity
                unidad_medida? text
                precio_unitario? money
                moneda? text =monedas
            """),
            key=("nog", "renglon_id"),
            order=("orden", "renglon_id"),
        ),
        Table(
            "caracteristicas",
            _columns("""
                nog! int
                renglon_id! id
                caracteristica_id! id
                orden int
                nombre text
                valor text
            """),
            key=("nog", "renglon_id", "caracteristica_id"),
            order=("renglon_id", "orden", "caracteristica_id"),
        ),
        Table(
            "ofertas",
            _columns("""
                nog! int
                oferta_id! id
                proveedor! id
                monto? money
                moneda? text =monedas
                fecha time
                estado text =valida|descalificada|retirada
            """),
            key=("nog", "oferta_id"),
            order=("fecha", "oferta_id"),
            dated="fecha",
        ),
        Table(
            "adjudicaciones",
            _columns("""
                nog! int
                adjudicacion_id! id
                proveedor! id
                monto? money
                moneda? text =monedas
                fecha_adjudicacion time
                estado text =habilitado|inhabilitado
                fecha_estado? time
            """),
            key=("nog", "adjudicacion_id"),
            order=("fecha_adjudicacion", "adjudicacion_id"),
            dated="fecha_adjudicacion",
        ),
        Table(
            "contratos",
            _columns("""
                nog! int
                contrato_id! id
                adjudicacion_id! id
                numero_contrato? text
                fecha_suscripcion time
                fecha_registro? time
                vigencia_inicio? time
                vigencia_fin? time
                monto? money
                moneda? text =monedas
                estado text =vigente|terminado|anulado
            """),
            key=("nog", "contrato_id"),
            order=("fecha_suscripcion", "contrato_id"),
            dated="fecha_suscripcion",
        ),
        Table(
            "documentos",
            _columns("""
                nog! int
                documento_id! id
                contrato_id? id
                tipo text
                titulo text
                url id
                extension? text
                fecha_publicacion time
            """),
            key=("nog", "documento_id"),
            order=("fecha_publicacion", "documento_id"),
            dated="fecha_publicacion",
        ),
    )
}

# What breaks the contract is kept here, never dropped: one row a fault.
REJECTS_SCHEMA: dict[str, pl.DataType] = {
    "nog": pl.Int64(),
    "tabla": pl.String(),
    "clave": pl.String(),
    "columna": pl.String(),
    "valor": pl.String(),
    "nivel": pl.String(),  # fila: the row is not published; valor: the row is, without this value
    "motivo": pl.String(),
}


class Reading(Protocol):
    """One month of a source, opened: a consistent view of all its tables.

    `missing` names the tables that the source does not have. `batches(table)` gives that table's rows of the month as raw
    frames of any size, **ordered by nog**: columns under the contract's names, absent optional ones left out, values
    either typed or as text (text that does not parse becomes a reject, so an adapter passes on what it finds).

    Which rows are the month's: concursos by the local month of `fecha_publicacion`, and all child rows of those NOGs.
    Nothing may fall between months: a concurso without a usable `fecha_publicacion` is charged to the month of its
    first event with a usable `fecha_evento`, else of its `fecha_actualizacion`, else to the source's first month. A
    child row whose NOG is null or in no concurso is charged to the month of its table's `dated` column, else to the
    source's first month (from 2020-01 on). Usable: readable and within `PLAUSIBLE_YEARS`.
    """

    missing: frozenset[str]

    def batches(self, table: str) -> Iterator[pl.DataFrame]: ...


class Source(Protocol):
    """Where the nine tables come from; every adapter in `resources/sources/` is one. Raises SourceError, one line."""

    uri: str  # how it was named, without secrets

    def open(self, month: Month) -> AbstractContextManager[Reading]: ...

    def watermarks(self) -> dict[str, datetime]:
        """For each month (`YYYY-MM`) that the source has: the latest `fecha_actualizacion` (naive, local)."""
        ...


PLAUSIBLE_YEARS = (1990, 2099)
