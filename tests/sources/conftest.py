"""What the tests of the sources share: databases, a small set of tables, and reading a whole source."""

# Local times are naive by contract.

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import polars as pl
import psycopg2
import pytest

from guatecompras.contract import TABLES, Source
from guatecompras.months import Month

Frames = dict[str, pl.DataFrame]


@pytest.fixture(scope="session")
def postgres_uri(postgres_server: Any) -> str:
    """A PostgreSQL server's own database; tests that need tables take a `new_database`."""
    return str(postgres_server.get_uri())


@pytest.fixture(scope="session")
def execute() -> Callable[..., None]:
    """Run statements on a PostgreSQL database, each committed."""

    def run(uri: str, *statements: str) -> None:
        with closing(psycopg2.connect(uri)) as connection:
            connection.autocommit = True
            for statement in statements:
                connection.cursor().execute(statement)

    return run


@pytest.fixture(scope="session")
def new_database(postgres_server: Any, postgres_uri: str, execute: Callable[..., None]) -> Callable[[], str]:
    """The URI of an empty PostgreSQL database."""
    numbers = itertools.count(1)

    def create() -> str:
        name = f"prueba_{next(numbers)}"
        execute(postgres_uri, f"CREATE DATABASE {name}")
        return str(postgres_server.get_uri(name))

    return create


@pytest.fixture(scope="session")
def read() -> Callable[..., dict[str, list[pl.DataFrame]]]:
    """All raw batches of a source's months (by default those of its watermarks), per table."""

    def whole(source: Source, months: list[str] | None = None) -> dict[str, list[pl.DataFrame]]:
        found: dict[str, list[pl.DataFrame]] = {name: [] for name in TABLES}
        for month in months or list(source.watermarks()):
            with source.open(Month.parse(month)) as reading:
                for name in TABLES:
                    if name not in reading.missing:
                        found[name] += [frame for frame in reading.batches(name) if frame.height]
        return found

    return whole


def _frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    table = TABLES[name]
    local = {column.name: pl.Datetime("us") for column in table.columns if column.kind in ("time", "instant")}
    frame = pl.DataFrame(rows, schema=table.schema | local, orient="row")
    zoned = [pl.col(c).dt.replace_time_zone("America/Guatemala").cast(table.schema[c]) for c in local]
    return frame.with_columns(zoned)


@pytest.fixture(scope="session")
def sample() -> Frames:
    """Three concursos of two months in the contract's types, with every table and every awkward text."""
    at = datetime
    publicado = at(2024, 5, 31, 23, 59, 59, 999999)
    concurso = {
        "descripcion": 'Papel "bond", tamaño\ncarta; línea\t2',
        "entidad_compradora": 97,
        "unidad_compradora": 0,
        "modalidad": 1,
        "categorias": [1, 14],
        "valor_estimado": "12345678901.10",
        "moneda": "GTQ",
        "estatus_concurso": 3,
        "fecha_actualizacion": at(2024, 7, 1, 8, 30, 0, 250000),
    }
    contactos = [{"nombre": 'Ana "la jefa" Pérez', "correo": "ana@example.org", "telefono": None}]
    rows: dict[str, list[dict[str, Any]]] = {
        "concursos": [
            concurso | {"nog": 30, "fecha_publicacion": publicado},
            concurso
            | {"nog": 9, "fecha_publicacion": at(2024, 6, 1), "categorias": None, "descripcion": "Ñandú, ‘€’ 🦜"},
            concurso | {"nog": 200, "fecha_publicacion": at(2024, 5, 1), "valor_estimado": None},
        ],
        "eventos": [
            {
                "evento_id": f"{nog}-{number}",
                "nog": nog,
                "tipo": "publicacion",
                "estatus_concurso": 1,
                "fecha_evento": at(2024, 6, number, 10),
                "fecha_registro": at(2024, 6, number, 11, 0, 0, 123456),
            }
            for nog in (30, 9, 200)
            for number in (1, 2)
        ],
        "partes": [
            {
                "nog": nog,
                "esquema": "GT-CISP",
                "identificador": "12100301",
                "nombre": "MUNICIPALIDAD, DE ANTIGUA",
                "contactos_adicionales": contactos if nog == 9 else None,
            }
            for nog in (9, 30, 200)
        ]
        + [{"nog": 30, "esquema": "GT-NIT", "identificador": "1", "nombre": "RODAS,RODRÍGUEZ,,RONY,"}],
        "renglones": [
            {
                "nog": 30,
                "renglon_id": "1",
                "orden": 1,
                "descripcion": "papel",
                "cantidad": "1.2500",
                "precio_unitario": "0.10",
            }
        ],
        "caracteristicas": [
            {
                "nog": 30,
                "renglon_id": "1",
                "caracteristica_id": "1",
                "orden": 1,
                "nombre": "Color",
                "valor": "azul\r\nmarino",
            }
        ],
        "ofertas": [
            {
                "nog": 30,
                "oferta_id": "1",
                "proveedor": "GT-NIT-1",
                "monto": "0.00",
                "fecha": at(2024, 6, 3),
                "estado": "valida",
            }
        ],
        "adjudicaciones": [
            {
                "nog": 30,
                "adjudicacion_id": "A",
                "proveedor": "GT-NIT-1",
                "monto": "90000.00",
                "moneda": "GTQ",
                "fecha_adjudicacion": at(2024, 6, 4, 12),
                "estado": "habilitado",
            }
        ],
        "contratos": [
            {
                "nog": 30,
                "contrato_id": "C",
                "adjudicacion_id": "A",
                "fecha_suscripcion": at(2024, 6, 5),
                "monto": "90000.00",
                "estado": "vigente",
            }
        ],
        "documentos": [
            {
                "nog": 30,
                "documento_id": "D",
                "contrato_id": "C",
                "tipo": "Bases",
                "titulo": "Bases",
                "url": "https://example.org/a,b.pdf",
                "fecha_publicacion": at(2024, 5, 31),
            }
        ],
    }
    return {name: _decimals(name, found) for name, found in rows.items()}


def _decimals(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    table = TABLES[name]
    amounts = [column.name for column in table.columns if column.kind in ("money", "quantity")]
    frame = _frame(name, [{key: value for key, value in row.items() if key not in amounts} for row in rows])
    texts = [
        pl.Series(amount, [row.get(amount) for row in rows], dtype=pl.String).cast(table.schema[amount])
        for amount in amounts
    ]
    return frame.with_columns(texts).select(*table.schema)


@pytest.fixture
def chunks(sample: Frames) -> Iterator[tuple[str, pl.DataFrame]]:
    """The sample as a stream, each table in two pieces."""
    return iter([(name, piece) for name, frame in sample.items() for piece in (frame[:1], frame[1:])])
