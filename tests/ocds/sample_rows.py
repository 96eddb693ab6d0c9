"""Rows of the source contract from a few words each, and what is published from them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson
import polars as pl

from guatecompras.contract import TABLES, Column
from guatecompras.months import TIME_ZONE
from guatecompras.ocds import releases
from guatecompras.ocds.releases import Directory, Rows

Row = dict[str, Any]
Json = dict[str, Any]

NOG = 100
MONTH = "2026-05"

# What a row has unless a test says otherwise; times are local.
_DEFAULTS: dict[str, Row] = {
    "concursos": {
        "descripcion": "COMPRA DE LÁMPARAS",
        "entidad_compradora": 97,
        "unidad_compradora": 0,
        "modalidad": 1,
        "fecha_publicacion": "2026-05-01 12:00:00",
        "fecha_cro": "2026-05-10 10:00:00",
        "estatus_concurso": 1,
        "fecha_actualizacion": "2026-05-01 12:00:00",
    },
    "eventos": {"tipo": "publicacion", "estatus_concurso": 1},
    "partes": {"esquema": "GT-NIT", "nombre": "LUCES, SOCIEDAD ANÓNIMA"},
    "renglones": {"orden": 1, "descripcion": "Lámpara", "cantidad": "1"},
    "caracteristicas": {"orden": 1, "nombre": "Color", "valor": "Rojo"},
    "ofertas": {"fecha": "2026-05-10 09:00:00", "estado": "valida", "monto": "100.00", "moneda": "GTQ"},
    "adjudicaciones": {
        "fecha_adjudicacion": "2026-05-15 15:00:00",
        "estado": "habilitado",
        "monto": "100.00",
        "moneda": "GTQ",
    },
    "contratos": {
        "fecha_suscripcion": "2026-05-20 00:00:00",
        "estado": "vigente",
        "monto": "100.00",
        "moneda": "GTQ",
    },
    "documentos": {
        "tipo": "Boleta de SNIP",
        "titulo": "Boleta",
        "url": "http://www.guatecompras.gt/concursos/files/1/100@a.pdf",
        "extension": "pdf",
        "fecha_publicacion": "2026-05-01 12:00:00",
    },
}


def _series(column: Column, values: list[Any]) -> pl.Series:
    if column.kind in ("time", "instant"):
        unit = "us" if column.kind == "time" else "ns"
        text = pl.Series(column.name, values, dtype=pl.String)
        return text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit=unit).dt.replace_time_zone(
            TIME_ZONE, ambiguous="earliest"
        )
    if column.kind in ("money", "quantity"):
        values = [None if value is None else Decimal(value) for value in values]
    return pl.Series(column.name, values, dtype=column.dtype)


def table(name: str, rows: list[Row]) -> pl.DataFrame:
    """A typed table in the contract's order. What happened was registered at once; nothing else is made up."""
    full = [{"nog": NOG} | _DEFAULTS[name] | row for row in rows]
    for row in full:
        if name == "eventos":
            row["fecha_registro"] = row.get("fecha_registro", row["fecha_evento"])
    unknown = {key for row in full for key in row} - TABLES[name].schema.keys()
    assert not unknown, unknown
    columns = [_series(column, [row.get(column.name) for row in full]) for column in TABLES[name].columns]
    return pl.DataFrame(columns).sort("nog", *TABLES[name].order, nulls_last=True)


def tables(**given: list[Row]) -> Rows:
    """All nine tables; one concurso, its entity and its publication unless told otherwise."""
    concursos = given.setdefault("concursos", [{}])
    nogs = [row.get("nog", NOG) for row in concursos]
    given.setdefault("partes", [entity(nog=nog) for nog in nogs])
    given.setdefault("eventos", [event("publicacion", "2026-05-01 12:00:00", nog=nog) for nog in nogs])
    return {name: table(name, given.get(name, [])) for name in TABLES}


def event(tipo: str | None, at: str, status: int | None = 1, **more: Any) -> Row:
    """An event; its id says when and what, so events of one moment are in the order of their kinds' names."""
    row = {"evento_id": f"{at} {tipo}", "tipo": tipo, "fecha_evento": at, "estatus_concurso": status}
    return row | more


def entity(**more: Any) -> Row:
    return {"esquema": "GT-CISP", "identificador": "12100301", "nombre": "MUNICIPALIDAD DE ANTIGUA GUATEMALA"} | more


def unit(number: str = "97-2", **more: Any) -> Row:
    return {"esquema": "GT-GCUC", "identificador": number, "nombre": "DIRECCIÓN DE OBRAS"} | more


def supplier(number: str = "7894880", **more: Any) -> Row:
    return {"esquema": "GT-NIT", "identificador": number} | more


def offer(number: str = "O1", proveedor: str = "GT-NIT-7894880", **more: Any) -> Row:
    return {"oferta_id": number, "proveedor": proveedor} | more


def award(number: str = "A1", proveedor: str = "GT-NIT-7894880", **more: Any) -> Row:
    return {"adjudicacion_id": number, "proveedor": proveedor} | more


def contract(number: str = "C1", adjudicacion: str = "A1", **more: Any) -> Row:
    return {"contrato_id": number, "adjudicacion_id": adjudicacion} | more


def document(number: str = "D1", **more: Any) -> Row:
    return {"documento_id": number} | more


def build(rows: Rows, directory: Directory | None = None, **more: Any) -> pl.DataFrame:
    return releases.build(rows, directory or Directory.empty(), MONTH, **more)


def published(directory: Directory | None = None, offers_known: bool = True, **given: list[Row]) -> list[Json]:
    """The releases of some rows, as a reader parses them."""
    made = build(tables(**given), directory, offers_known=offers_known)
    return [orjson.loads(text) for text in made["json"]]


class Reading:
    """A month of a source, as `snapshot.take` reads it."""

    def __init__(self, rows: Rows, missing: frozenset[str] = frozenset()) -> None:
        self._rows, self.missing = rows, missing

    def batches(self, name: str) -> Iterator[pl.DataFrame]:
        yield self._rows[name]


def values(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in a document with its path, array positions left out: (path, value), containers too."""
    if path:
        yield path, document
    if isinstance(document, dict):
        for key, child in document.items():
            yield from values(child, f"{path}/{key}".strip("/"))
    elif isinstance(document, list):
        for child in document:
            if isinstance(child, dict | list):
                for inner, value in values(child, path):
                    if inner != path:
                        yield inner, value


def rich() -> Rows:
    """Three NOGs that fill every column of the contract and every path of the mapping."""
    details = {"tipo_id": "1", "tipo": "Sector Público", "tipo_entidad_id": "6", "tipo_entidad": "Gobiernos Locales"}
    place = {"direccion": "1a. calle 2-33", "municipio": "ANTIGUA", "departamento": "SACATEPEQUEZ", "pais": "GUATEMALA"}
    contact = {
        "contacto_nombre": "Compras",
        "contacto_correo": "compras@example.gt",
        "contacto_telefono": "7950 0000",
        "contacto_fax": "7950 0001",
        "contactos_adicionales": [{"nombre": "Obras", "correo": "obras@example.gt", "telefono": "7950 0002"}],
    }
    person = {"nombre": "RODAS,RODRÍGUEZ,,RONY,EFRAÍN", "tipo_persona_id": "0", "tipo_persona": "INDIVIDUAL"}
    return tables(
        concursos=[
            {
                "unidad_compradora": 2,
                "tipo_entidad": 6,
                "sub_tipo_entidad": 59,
                "modalidad": 6,
                "sub_modalidad": 22,
                "tipo_concurso": 1,
                "recepcion_ofertas": "electronica",
                "categorias": [3, 14],
                "objeto": "obras",
                "objetos_adicionales": "bienes",
                "numero_oferentes": 4,
                "valor_estimado": "90000.50",
                "moneda": "USD",
                "estatus_concurso": 3,
            },
            {"nog": 101, "numero_oferentes": 4, "estatus_concurso": 3},
            {"nog": 102},
        ],
        eventos=[
            event("publicacion", "2026-05-01 12:00:00"),
            event("recepcion_ofertas", "2026-05-10 10:00:00", 2),
            event("adjudicacion", "2026-05-15 16:00:00", 3),
            event("contrato", "2026-05-21 08:00:00", 3),
            event("inhabilitacion", "2026-06-01 08:00:00", 3),
            event("publicacion", "2026-05-01 12:00:00", nog=101),
            event("adjudicacion", "2026-05-15 16:00:00", 3, nog=101),
            event("publicacion", "2026-05-02 12:00:00", nog=102),
        ],
        partes=[
            entity(nit="4132726", nivel_id="59", nivel="Municipalidad", **details, **place, **contact),
            unit(miembro_de="GT-CISP-12100301", **place, **contact),
            supplier(**person),
            supplier("15830195"),
            supplier(nog=101),
            entity(nog=102),
        ],
        renglones=[
            {
                "renglon_id": "R1",
                "unspsc": "30111505",
                "cantidad": "12.2500",
                "unidad_medida": "Metro cúbico",
                "precio_unitario": "850.00",
                "moneda": "EUR",
            }
        ],
        caracteristicas=[{"renglon_id": "R1", "caracteristica_id": "K1"}],
        ofertas=[offer(), offer("O2", "GT-NIT-15830195", monto="90.10")],
        adjudicaciones=[
            award(fecha_estado="2026-06-01 00:00:00", estado="inhabilitado"),
            award("A2", "GT-NIT-15830195"),
            award(nog=101),
        ],
        contratos=[
            contract(
                numero_contrato="DAJ-040-2026",
                fecha_registro="2026-05-21 00:00:00",
                vigencia_inicio="2026-05-22 00:00:00",
                vigencia_fin="2026-12-31 23:59:59",
            )
        ],
        documentos=[
            document(),
            document("D2", extension=None, url="http://www.guatecompras.gt/concursos/files/1/100@b.docx"),
            document("D3", contrato_id="C1", tipo="Suscripción de contrato", titulo="Contrato"),
            document("D4", contrato_id="C1", extension=None, url="http://www.guatecompras.gt/files/100@c.docx"),
        ],
    )
