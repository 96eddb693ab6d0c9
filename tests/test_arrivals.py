"""The arrival checks: what breaks the contract is left out and written down, and everything else goes through."""

import re
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guatecompras.arrivals import (
    ARRIVAL_ORDER,
    DUPLICATE,
    NO_DATE,
    NO_EVENTS,
    NO_ROLE,
    OTHER_MONTH,
    ROW,
    UNKNOWN_AWARD,
    UNKNOWN_CONTRACT,
    UNKNOWN_ITEM,
    UNKNOWN_NOG,
    UNKNOWN_PARTY,
    VALUE,
    Arrivals,
)
from guatecompras.contract import REJECTS_SCHEMA, TABLES
from guatecompras.demo import month_tables
from guatecompras.errors import SourceError
from guatecompras.months import TIME_ZONE, Month
from guatecompras.values import (
    ABSURD,
    EMPTY,
    IMPOSSIBLE_DATE,
    NEGATIVE,
    OUT_OF_RANGE,
    PATTERNS,
    TOO_LONG,
    UNKNOWN_CODE,
    UNREADABLE,
)
from resources.sources.csv import plain

MONTH = Month(2026, 2)
Row = dict[str, Any]
Rows = dict[str, list[Row]]

# One concurso with one row of everything, as text: the way SQLite and CSV files deliver it.
GOOD: dict[str, Row] = {
    "concursos": {
        "nog": "100",
        "descripcion": "Compra de papel",
        "entidad_compradora": "97",
        "unidad_compradora": "0",
        "modalidad": "1",
        "sub_modalidad": None,
        "tipo_concurso": "1",
        "recepcion_ofertas": "electronica",
        "categorias": "3,5",
        "objeto": "bienes",
        "objetos_adicionales": "servicios,obras",
        "numero_oferentes": "1",
        "valor_estimado": "1000.50",
        "moneda": "GTQ",
        "fecha_publicacion": "2026-02-03 08:00:00",
        "fecha_cro": "2026-02-10 10:00:00",
        "estatus_concurso": "3",
        "fecha_actualizacion": "2026-03-01 09:00:00",
    },
    "eventos": {
        "evento_id": "e1",
        "nog": "100",
        "tipo": "publicacion",
        "estatus_concurso": "1",
        "fecha_evento": "2026-02-03 08:00:00",
        "fecha_registro": "2026-02-04 01:00:31.7254118",
    },
    "partes": {"nog": "100", "esquema": "GT-NIT", "identificador": "7894880", "nombre": "PAPELERA, S.A.", "nit": None},
    "renglones": {
        "nog": "100",
        "renglon_id": "r1",
        "orden": "1",
        "descripcion": "Papel bond",
        "unspsc": "14111507",
        "cantidad": "12.5",
        "unidad_medida": "resma",
        "precio_unitario": "35.00",
        "moneda": "GTQ",
    },
    "caracteristicas": {
        "nog": "100",
        "renglon_id": "r1",
        "caracteristica_id": "k1",
        "orden": "1",
        "nombre": "Color",
        "valor": "Blanco",
    },
    "ofertas": {
        "nog": "100",
        "oferta_id": "o1",
        "proveedor": "GT-NIT-7894880",
        "monto": "437.50",
        "moneda": "GTQ",
        "fecha": "2026-02-10 09:00:00",
        "estado": "valida",
    },
    "adjudicaciones": {
        "nog": "100",
        "adjudicacion_id": "a1",
        "proveedor": "GT-NIT-7894880",
        "monto": "437.50",
        "moneda": "GTQ",
        "fecha_adjudicacion": "2026-02-15 12:00:00",
        "estado": "habilitado",
        "fecha_estado": None,
    },
    "contratos": {
        "nog": "100",
        "contrato_id": "c1",
        "adjudicacion_id": "a1",
        "numero_contrato": "01-2026",
        "fecha_suscripcion": "2026-02-20 12:00:00",
        "fecha_registro": "2026-02-21 12:00:00",
        "vigencia_inicio": "2026-03-01",
        "vigencia_fin": "2026-12-31",
        "monto": "437.50",
        "moneda": "GTQ",
        "estado": "vigente",
    },
    "documentos": {
        "nog": "100",
        "documento_id": "d1",
        "contrato_id": "c1",
        "tipo": "Contrato",
        "titulo": "Contrato 01-2026",
        "url": "https://www.guatecompras.gt/d1.pdf",
        "extension": "pdf",
        "fecha_publicacion": "2026-02-21 12:00:00",
    },
}


@dataclass
class Arrived:
    frames: dict[str, pl.DataFrame]
    rejects: pl.DataFrame
    arrivals: Arrivals

    def rows(self, table: str) -> list[Row]:
        return self.frames[table].rows(named=True)

    def reasons(self, table: str | None = None) -> list[tuple[str, str, str]]:
        """(column, level, reason) of the rejects, of one table or all."""
        chosen = self.rejects if table is None else self.rejects.filter(pl.col("tabla") == table)
        return list(chosen.select("columna", "nivel", "motivo").iter_rows())


def text_frame(table: str, rows: list[Row]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(TABLES[table].schema)
    return pl.DataFrame({name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names})


def arrive(tables: dict[str, pl.DataFrame | list[pl.DataFrame]], only: str | None = None) -> Arrived:
    """All nine tables through the checks, or `only` one after its parents; those not given hold the good row."""
    arrivals = Arrivals(MONTH) if only is None else deepcopy(before(only))
    frames = {}
    for name in ARRIVAL_ORDER if only is None else (only,):
        given = tables.get(name, text_frame(name, [GOOD[name]]))
        batches = given if isinstance(given, list) else [given]
        admitted = list(arrivals.admit(name, iter(batches)))
        frames[name] = pl.concat([pl.DataFrame(schema=TABLES[name].schema), *admitted])
    rejects = arrivals.rejects()
    assert dict(rejects.schema) == REJECTS_SCHEMA
    for name, frame in frames.items():
        lost = rejects.filter((pl.col("tabla") == name) & (pl.col("nivel") == ROW)).height
        assert arrivals.delivered[name] == arrivals.admitted[name] + lost, name
        assert arrivals.admitted[name] == frame.height
    return Arrived(frames, rejects, arrivals)


@cache
def before(name: str) -> Arrivals:
    """The arrival of the good month just before one of its tables."""
    arrivals = Arrivals(MONTH)
    for earlier in ARRIVAL_ORDER[: ARRIVAL_ORDER.index(name)]:
        list(arrivals.admit(earlier, [text_frame(earlier, [GOOD[earlier]])]))
    return arrivals


@cache
def good_month() -> Arrived:
    return arrive({})


def arrive_rows(**rows: list[Row]) -> Arrived:
    return arrive({name: text_frame(name, given) for name, given in rows.items()})


def with_value(table: str, column: str, values: pl.Series) -> Arrived:
    """One table with its good row once for every value, under different ids where there are several."""
    ids = TABLES[table].key[-1]
    frame = pl.concat([text_frame(table, [GOOD[table]])] * len(values))
    if ids not in ("nog", column) and len(values) > 1:
        frame = frame.with_columns(pl.Series(ids, [f"x{place:03}" for place in range(len(values))]))
    return arrive({table: frame.with_columns(values.alias(column))}, only=table)


def read(table: str, column: str, values: pl.Series) -> tuple[list[Any], list[str]]:
    """What each value becomes in a row of its own, and the reasons of that column's rejects."""
    found, reasons = [], []
    for place in range(len(values)):
        arrived = with_value(table, column, values[place : place + 1])
        found += arrived.frames[table][column].to_list() or ["(no row)"]
        reasons += [reason for name, _, reason in arrived.reasons(table) if name == column]
    return found, reasons


def local(*parts: int) -> datetime:
    """A moment as Polars gives it back, from its UTC parts (Guatemala's plus 6 hours)."""
    return datetime(*parts, tzinfo=UTC) + timedelta(hours=6)  # type: ignore[misc,arg-type]


# What is sound.


def test_a_good_month_goes_through_whole() -> None:
    arrived = good_month()
    assert arrived.rejects.is_empty()
    assert arrived.arrivals.admitted == dict.fromkeys(ARRIVAL_ORDER, 1)
    for name in ARRIVAL_ORDER:
        assert dict(arrived.frames[name].schema) == TABLES[name].schema
    concurso = arrived.rows("concursos")[0]
    assert concurso["nog"] == 100
    assert concurso["categorias"] == [3, 5]
    assert concurso["valor_estimado"] == Decimal("1000.50")
    assert concurso["fecha_publicacion"] == local(2026, 2, 3, 8)
    assert arrived.rows("contratos")[0]["vigencia_inicio"] == local(2026, 3, 1)
    assert arrived.rows("partes")[0]["contactos_adicionales"] is None


def test_typed_rows_of_the_contract_are_not_changed() -> None:
    chunks = list(month_tables(MONTH, 300, 5))
    for way in (lambda _, frame: frame, plain, lambda name, frame: plain(name, frame).cast(pl.String)):
        arrived = arrive({name: [way(name, chunk[name]) for chunk in chunks] for name in TABLES})
        assert arrived.rejects.is_empty()
        for name in TABLES:
            assert arrived.frames[name].equals(pl.concat([chunk[name] for chunk in chunks])), name


def test_extra_columns_are_ignored_and_their_order_does_not_matter() -> None:
    tables = {
        name: text_frame(name, [dict(reversed(GOOD[name].items()), sobra="x", otra="y")]) for name in ARRIVAL_ORDER
    }
    arrived, usual = arrive(tables), good_month()
    assert arrived.rejects.is_empty()
    assert all(arrived.frames[name].equals(usual.frames[name]) for name in ARRIVAL_ORDER)


def test_absent_optional_columns_are_null() -> None:
    rows = {name: {c: GOOD[name][c] for c in TABLES[name].required} for name in ARRIVAL_ORDER}
    arrived = arrive({name: text_frame(name, [rows[name]]) for name in ARRIVAL_ORDER})
    assert arrived.rejects.is_empty()
    for name, table in TABLES.items():
        assert dict(arrived.frames[name].schema) == table.schema
        empty = {c for c, value in arrived.rows(name)[0].items() if value is None}
        assert empty == {column.name for column in table.columns if column.optional}


def test_no_rows_at_all() -> None:
    arrivals = Arrivals(MONTH)
    for name in ARRIVAL_ORDER:
        assert list(arrivals.admit(name, [])) == []
        assert list(arrivals.admit(name, [pl.DataFrame(schema=TABLES[name].schema)])) == []
    assert arrivals.rejects().is_empty()
    assert dict(arrivals.rejects().schema) == REJECTS_SCHEMA


# What stops a source.


@pytest.mark.parametrize("name", ARRIVAL_ORDER)
def test_a_missing_required_column_is_named(name: str) -> None:
    for column in TABLES[name].required:
        frame = text_frame(name, [GOOD[name]]).drop(column)
        with pytest.raises(SourceError, match=f"^table {name} lacks the required column {column}$"):
            arrive({name: frame})


def test_all_missing_required_columns_are_named() -> None:
    with pytest.raises(SourceError, match=r"^table ofertas lacks the required columns proveedor, estado$"):
        arrive({"ofertas": text_frame("ofertas", [GOOD["ofertas"]]).drop("estado", "proveedor")})


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_rows_that_are_not_ordered_by_nog(cut: int) -> None:
    frame = text_frame("concursos", [GOOD["concursos"] | {"nog": nog} for nog in ("9", "100", "20")])
    with pytest.raises(SourceError, match=r"^table concursos does not arrive ordered by nog$"):
        arrive({"concursos": [frame[:cut], frame[cut:]]})


# Faulty values and rows, one kind after another: table, column, what arrives, reason, level.

LAST = "9" * 30
TIMES = [("ofertas", "fecha", VALUE), ("eventos", "fecha_registro", VALUE), ("concursos", "fecha_publicacion", ROW)]
FAULTS: list[tuple[str, str, Any, str, str]] = [
    # Nothing where something must be.
    *[(table, "nog", value, EMPTY, ROW) for table in TABLES for value in (None, "", "  ")],
    ("eventos", "evento_id", None, EMPTY, ROW),
    ("partes", "identificador", "", EMPTY, ROW),
    ("partes", "esquema", None, EMPTY, ROW),
    ("renglones", "renglon_id", "\t", EMPTY, ROW),
    ("caracteristicas", "renglon_id", None, EMPTY, ROW),
    ("ofertas", "proveedor", None, EMPTY, ROW),
    ("contratos", "adjudicacion_id", "", EMPTY, ROW),
    ("documentos", "documento_id", "\x00\u200b", EMPTY, ROW),
    ("concursos", "fecha_publicacion", None, EMPTY, ROW),
    ("concursos", "descripcion", "", EMPTY, VALUE),
    ("concursos", "descripcion", " \u00a0\x00\u200b\ufeff", EMPTY, VALUE),
    ("concursos", "entidad_compradora", None, EMPTY, VALUE),
    ("concursos", "modalidad", " ", EMPTY, VALUE),
    ("renglones", "orden", None, EMPTY, VALUE),
    ("caracteristicas", "valor", "", EMPTY, VALUE),
    ("documentos", "url", None, EMPTY, VALUE),
    ("documentos", "fecha_publicacion", "", EMPTY, VALUE),
    ("ofertas", "estado", None, EMPTY, VALUE),
    ("contratos", "fecha_suscripcion", None, EMPTY, VALUE),
    # Numbers.
    *[
        ("renglones", "orden", value, UNREADABLE, VALUE)
        for value in ("abc", "1e3", "1e400", "NaN", "inf", "1,234", "97.5", "97.0.0", "0x1F", "١", "1 2", "--1", "9" * 19, LAST)
    ],
    *[("eventos", "nog", value, UNREADABLE, ROW) for value in ("abc", "100.5", "1e2", "9" * 19, LAST, "NaN")],
    *[("concursos", "nog", value, OUT_OF_RANGE, ROW) for value in ("0", "-100", str(10**15 + 1))],
    ("concursos", "numero_oferentes", "-1", OUT_OF_RANGE, VALUE),
    ("concursos", "numero_oferentes", "100001", OUT_OF_RANGE, VALUE),
    ("concursos", "unidad_compradora", "-2", OUT_OF_RANGE, VALUE),
    # Amounts.
    *[
        (table, column, value, UNREADABLE, VALUE)
        for table, column in (("ofertas", "monto"), ("renglones", "cantidad"))
        for value in ("abc", "1e400", "1,234.50", "1.234,50", "NaN", "inf", "-inf", "Q 5", "5 000", "9" * 60, "١")
    ],
    ("ofertas", "monto", "-0.01", NEGATIVE, VALUE),
    ("contratos", "monto", "-1e30", NEGATIVE, VALUE),
    ("concursos", "descripcion", "x" * 100_001, TOO_LONG, VALUE),
    ("concursos", "categorias", "1," * 50_001, TOO_LONG, VALUE),
    ("renglones", "renglon_id", "x" * 100_001, TOO_LONG, ROW),
    ("ofertas", "monto", "1000000000000", ABSURD, VALUE),
    ("ofertas", "monto", "999999999999.999", ABSURD, VALUE),
    ("concursos", "valor_estimado", LAST, ABSURD, VALUE),
    ("renglones", "precio_unitario", "1e20", ABSURD, VALUE),
    ("renglones", "cantidad", "-0.0001", NEGATIVE, VALUE),
    ("renglones", "cantidad", "100000000000", ABSURD, VALUE),
    # Times.
    *[
        (table, column, value, UNREADABLE, level)
        for table, column, level in TIMES
        for value in (
            "abc", "32/13/2026", "10/02/2026", "2026-02-30", "2026-13-01 08:00:00", "2026-02-03 25:00:00", "2026-02-03 08:61:00",
            "2026-2-3", "20260203", "46056", "1e400", "NaN", "0000-00-00 00:00:00", "+262143-01-01 00:00:00",
            "-0001-01-01 00:00:00", "2026-02-03 08:00:00+99:00", "2026-02-03 08:00:00 CST",
        )
    ],
    *[
        (table, column, value, IMPOSSIBLE_DATE, level)
        for table, column, level in TIMES
        for value in (
            "0001-01-01 00:00:00", "0001-01-01", "0000-01-01", "1677-01-01 00:00:00", "1699-12-31 23:59:59",
            "1989-12-31 23:59:59.9999999", "2100-01-01", "2201-01-01", "2262-12-31 00:00:00",
            "9999-12-31 23:59:59.9999999", "9999-12-31T23:59:59Z",
        )
    ],
    # Codes.
    ("concursos", "modalidad", "9999", UNKNOWN_CODE, VALUE),
    ("concursos", "sub_modalidad", "-1", UNKNOWN_CODE, VALUE),
    ("concursos", "tipo_concurso", "4", UNKNOWN_CODE, VALUE),
    ("concursos", "estatus_concurso", "99", UNKNOWN_CODE, VALUE),
    ("concursos", "recepcion_ofertas", "fax", UNKNOWN_CODE, VALUE),
    ("concursos", "objeto", "goods", UNKNOWN_CODE, VALUE),
    ("concursos", "moneda", "QTZ", UNKNOWN_CODE, VALUE),
    ("concursos", "moneda", "Q", UNKNOWN_CODE, VALUE),
    ("concursos", "categorias", "99", UNKNOWN_CODE, VALUE),
    ("concursos", "categorias", "3;5", UNREADABLE, VALUE),
    ("concursos", "categorias", "3,,5", UNREADABLE, VALUE),
    ("concursos", "categorias", "3,x", UNREADABLE, VALUE),
    ("eventos", "tipo", "otra", UNKNOWN_CODE, VALUE),
    ("eventos", "estatus_concurso", "0", UNKNOWN_CODE, VALUE),
    ("partes", "esquema", "GT-DPI", UNKNOWN_CODE, ROW),
    ("ofertas", "estado", "habilitado", UNKNOWN_CODE, VALUE),
    ("adjudicaciones", "estado", "valida", UNKNOWN_CODE, VALUE),
    ("contratos", "estado", "?", UNKNOWN_CODE, VALUE),
    # Forms.
    *[
        ("renglones", "unspsc", v, PATTERNS["unspsc"][1], VALUE)
        for v in ("1411150", "141115070", "1411150A", "14 111507", "１４１１１５０７")
    ],
    *[
        (table, "proveedor", value, PATTERNS["proveedor"][1], ROW)
        for table in ("ofertas", "adjudicaciones")
        for value in ("7894880", "GT-NIT-", "GT-NIT", "NIT-7894880", "GT-DPI-1", "GT-NIT- ")
    ],
    *[
        ("documentos", "url", v, PATTERNS["url"][1], VALUE)
        for v in ("d1.pdf", "ftp://x.gt/d1", "/d1.pdf", "https://", "http:///x", "javascript:x")
    ],
    *[
        ("concursos", "objetos_adicionales", v, PATTERNS["objetos_adicionales"][1], VALUE)
        for v in ("goods", "servicios;obras", "servicios,", "bienes, otros")
    ],
    ("partes", "contactos_adicionales", "Ana", UNREADABLE, VALUE),
    ("partes", "contactos_adicionales", '{"nombre": "Ana"}', UNREADABLE, VALUE),
    ("partes", "contactos_adicionales", '["Ana"]', UNREADABLE, VALUE),
    ("partes", "contactos_adicionales", '[{"nombre": ["Ana"]}]', UNREADABLE, VALUE),
    # What refers to nothing.
    *[(table, "nog", "101", UNKNOWN_NOG, ROW) for table in TABLES if table != "concursos"],
    ("caracteristicas", "renglon_id", "r9", UNKNOWN_ITEM, ROW),
    ("contratos", "adjudicacion_id", "a9", UNKNOWN_AWARD, ROW),
    ("documentos", "contrato_id", "c9", UNKNOWN_CONTRACT, VALUE),
    ("partes", "identificador", "55", NO_ROLE, ROW),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column", "value", "reason", "level"), FAULTS)
def test_a_fault_is_left_out_and_written_down(table: str, column: str, value: Any, reason: str, level: str) -> None:
    faulty = GOOD[table] | {column: value}
    arrived = with_value(table, column, pl.Series([value], dtype=pl.String))
    given = None if value is None else value[:1000]
    chosen = arrived.rejects.filter((pl.col("tabla") == table) & (pl.col("motivo") == reason))
    assert chosen.select("columna", "valor", "nivel").rows() == [(column, given, level)]
    key = " ".join(f"{name}={faulty[name] or ''}" for name in TABLES[table].key)
    assert chosen["clave"].to_list() == [key[:1000]]
    if level == ROW:
        assert arrived.frames[table].is_empty()
    else:
        row, good = arrived.rows(table)[0], good_month().rows(table)[0]
        # An event takes the date it lacks from the other one.
        assert row[column] == (good["fecha_evento"] if column == "fecha_registro" and table == "eventos" else None)
        assert {k: v for k, v in row.items() if k != column} == {k: v for k, v in good.items() if k != column}
        assert arrived.reasons(table) == [(column, VALUE, reason)]


@pytest.mark.parametrize(
    ("table", "column", "value", "expected"),
    [
        ("concursos", "nog", "100.0", 100),
        ("concursos", "nog", " 100. ", 100),
        ("concursos", "entidad_compradora", "97.00", 97),
        ("concursos", "numero_oferentes", "-0", 0),
        ("concursos", "nog", str(10**15), 10**15),
        ("concursos", "categorias", "{3, 5}", [3, 5]),
        ("concursos", "categorias", "[3]", [3]),
        ("concursos", "categorias", "3.0,14", [3, 14]),
        ("concursos", "categorias", "[]", None),
        ("concursos", "objetos_adicionales", " obras , bienes ", "obras , bienes"),
        ("concursos", "moneda", "usd", "USD"),
        ("concursos", "moneda", " GTQ ", "GTQ"),
        ("concursos", "recepcion_ofertas", "Electronica", "electronica"),
        ("eventos", "tipo", "ADJUDICACION", "adjudicacion"),
        ("partes", "esquema", "gt-nit", "GT-NIT"),
        ("partes", "identificador", " 7894880\t", "7894880"),
        ("partes", "nombre", " dos  espacios ", " dos  espacios "),  # read for people when it is published
        ("renglones", "unspsc", " 14111507 ", "14111507"),
        ("renglones", "renglon_id", "r\x001\u200b\r\nb", "r 1 b"),
        ("renglones", "renglon_id", "r\ufffd", "r\ufffd"),
        ("renglones", "descripcion", "mal\ufffdo\x00", "mal\ufffdo\x00"),
        ("ofertas", "monto", "0.00", Decimal("0.00")),
        ("ofertas", "monto", "-0.00", Decimal("0.00")),
        ("ofertas", "monto", " 1e5 ", Decimal("100000.00")),
        ("ofertas", "monto", "1234.1000000000001", Decimal("1234.10")),
        ("ofertas", "monto", "0.006", Decimal("0.01")),
        ("ofertas", "monto", "999999999999.99", Decimal("999999999999.99")),
        ("renglones", "cantidad", "99999999999.9999", Decimal("99999999999.9999")),
        ("documentos", "url", "www.guatecompras.gt/a b.pdf", "www.guatecompras.gt/a b.pdf"),
        ("documentos", "url", "HTTP://x.gt", "HTTP://x.gt"),
        ("partes", "contactos_adicionales", "[]", None),
        ("partes", "contactos_adicionales", "null", None),
        (
            "partes",
            "contactos_adicionales",
            '[{"nombre": "Ana", "telefono": 5555, "otro": [1]}]',
            [{"nombre": "Ana", "correo": None, "telefono": "5555"}],
        ),
    ],
)  # fmt: skip
def test_what_can_be_read_is_read(table: str, column: str, value: str, expected: Any) -> None:
    arrived = with_value(table, column, pl.Series([value]))
    assert arrived.frames[table][column].to_list() == [expected]
    assert not [reason for name, _, reason in arrived.reasons(table) if name == column]


def test_unknown_codes_among_known_ones_are_left_out_alone() -> None:
    arrived = arrive_rows(concursos=[GOOD["concursos"] | {"categorias": "3,99,5"}])
    assert arrived.rows("concursos")[0]["categorias"] == [3, 5]
    assert arrived.rejects.select("columna", "valor", "nivel", "motivo").rows() == [
        ("categorias", "3,99,5", VALUE, UNKNOWN_CODE)
    ]


MOMENTS = [
    ("2026-02-03 08:00:00", local(2026, 2, 3, 8)),
    ("2026-02-03T08:00:00", local(2026, 2, 3, 8)),
    ("2026-02-03 08:00", local(2026, 2, 3, 8)),
    ("2026-02-03T08:00", local(2026, 2, 3, 8)),
    (" 2026-02-03 ", local(2026, 2, 3)),
    ("2026-02-03 08:00:00.25", local(2026, 2, 3, 8, 0, 0, 250_000)),
    ("2026-02-03T14:00:00Z", local(2026, 2, 3, 8)),
    ("2026-02-03T14:00Z", local(2026, 2, 3, 8)),
    ("2026-02-03 08:00:00-06:00", local(2026, 2, 3, 8)),
    ("2026-02-03 08:00:00.0000000 -06:00", local(2026, 2, 3, 8)),
    ("2026-02-03 08:00:00-06", local(2026, 2, 3, 8)),
    ("2026-02-03 08:00:00-0600", local(2026, 2, 3, 8)),
    ("2026-02-03T19:30:00+05:30", local(2026, 2, 3, 8)),
    ("2026-02-03T10:30:00-03:30", local(2026, 2, 3, 8)),
    ("2024-02-29 23:59:59", local(2024, 2, 29, 23, 59, 59)),
    ("1990-01-01 00:00:00", local(1990, 1, 1)),
    ("2099-12-31 23:59:59", local(2099, 12, 31, 23, 59, 59)),
]


@pytest.mark.parametrize(("text", "expected"), MOMENTS)
@pytest.mark.parametrize(("table", "column"), [("ofertas", "fecha"), ("eventos", "fecha_registro")])
def test_times_are_read_in_several_forms(table: str, column: str, text: str, expected: datetime) -> None:
    arrived = with_value(table, column, pl.Series([text]))
    assert arrived.rejects.is_empty()
    assert arrived.rows(table)[0][column] == expected


def test_a_column_may_mix_the_forms() -> None:
    texts = pl.Series([text for text, _ in MOMENTS] + ["9999-12-31", None, "abc"])
    for table, column in (("ofertas", "fecha"), ("eventos", "fecha_registro")):
        found = with_value(table, column, texts)
        order = pl.col(TABLES[table].key[-1])
        values = found.frames[table].sort(order)[column].to_list()
        assert values[: len(MOMENTS)] == [expected for _, expected in MOMENTS]
        assert sorted(reason for _, _, reason in found.reasons(table)) == sorted([IMPOSSIBLE_DATE, UNREADABLE, EMPTY])


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("2026-02-04 01:00:31.7254118", 7_254_118),
        ("2026-02-04T01:00:31.7254118", 7_254_118),
        ("2026-02-04T07:00:31.7254118Z", 7_254_118),
        ("2026-02-04 01:00:31.725411899", 7_254_118),
        ("2026-02-04 01:00:31.7", 7_000_000),
    ],
)
def test_a_registration_keeps_its_seven_digits(text: str, ticks: int) -> None:
    registered = arrive_rows(eventos=[GOOD["eventos"] | {"fecha_registro": text}]).frames["eventos"]["fecha_registro"]
    assert registered.dt.timestamp("ns").to_list()[0] // 100 % 10**7 == ticks
    assert registered.dt.to_string("%Y-%m-%d %H:%M:%S").to_list() == ["2026-02-04 01:00:31"]


# Types that drivers choose.

EIGHT = pl.Series([datetime(2026, 2, 3, 8)])  # noqa: DTZ001
TYPED: list[tuple[str, str, pl.Series, list[Any], list[str]]] = [
    ("concursos", "entidad_compradora", pl.Series([97.0, 97.5, None, float("nan"), float("inf"), 1e300]),
     [97, None, None, None, None, None], [UNREADABLE, EMPTY, UNREADABLE, UNREADABLE, UNREADABLE]),
    ("concursos", "entidad_compradora", pl.Series([Decimal("97.00"), Decimal("97.50")], dtype=pl.Decimal(10, 2)),
     [97, None], [UNREADABLE]),
    ("renglones", "orden", pl.Series([1, 2**64 - 1], dtype=pl.UInt64), [1, None], [UNREADABLE]),
    ("renglones", "orden", pl.Series([1, 2**100], dtype=pl.Int128), [1, None], [UNREADABLE]),
    ("renglones", "orden", pl.Series([7], dtype=pl.Int8), [7], []),
    ("renglones", "orden", pl.Series([True]), [None], [UNREADABLE]),
    ("renglones", "orden", pl.Series([date(2026, 2, 3)]), [None], [UNREADABLE]),
    ("renglones", "orden", pl.Series([[1]]), [None], [UNREADABLE]),
    ("renglones", "orden", pl.Series([{"a": 1}]), [None], [UNREADABLE]),
    ("renglones", "orden", pl.Series([None]), [None], [EMPTY]),
    ("renglones", "orden", pl.Series(["1"], dtype=pl.Categorical), [1], []),
    ("renglones", "orden", pl.Series([b"1", b"\xff"]), [1, None], [UNREADABLE]),
    ("concursos", "nog", pl.Series([100.0, 100.5]), [100, "(no row)"], [UNREADABLE]),
    ("concursos", "nog", pl.Series([None]), ["(no row)"], [EMPTY]),
    ("renglones", "renglon_id", pl.Series([1.0, 1.5]), ["1", "1.5"], []),
    ("renglones", "renglon_id", pl.Series([7]), ["7"], []),
    ("renglones", "renglon_id", pl.Series([["r1"]]), ["(no row)"], [UNREADABLE]),
    ("renglones", "unspsc", pl.Series([14111507.0, 1.5]), ["14111507", None], [PATTERNS["unspsc"][1]]),
    ("renglones", "unspsc", pl.Series([Decimal(14111507)], dtype=pl.Decimal(18, 0)), ["14111507"], []),
    ("renglones", "descripcion", pl.Series(["a", None], dtype=pl.Categorical), ["a", None], [EMPTY]),
    ("renglones", "descripcion", pl.Series(["a"], dtype=pl.Enum(["a"])), ["a"], []),
    ("renglones", "descripcion", pl.Series([b"\xc3\xb1", b"\xf1", b""]), ["ñ", "\ufffd", None], [EMPTY]),
    ("renglones", "descripcion", pl.Series([{"a": 1}]), [None], [UNREADABLE]),
    ("renglones", "descripcion", pl.Series([["a"], []]), [None, None], [UNREADABLE, EMPTY]),
    ("renglones", "descripcion", pl.Series([time(8, 30)]), ["08:30:00"], []),
    ("renglones", "descripcion", pl.Series(["x", None], dtype=pl.Object), ["x", None], [EMPTY]),
    ("renglones", "descripcion", pl.Series([True]), ["true"], []),
    ("ofertas", "estado", pl.Series(["valida"], dtype=pl.Categorical), ["valida"], []),
    ("ofertas", "monto", pl.Series([Decimal("1.2350"), Decimal("-1.0000")], dtype=pl.Decimal(18, 4)),
     [Decimal("1.24"), None], [NEGATIVE]),
    ("ofertas", "monto", pl.Series([Decimal(10) ** 20, Decimal(5)], dtype=pl.Decimal(30, 0)), [None, Decimal("5.00")], [ABSURD]),
    ("ofertas", "monto", pl.Series([Decimal("5.1")], dtype=pl.Decimal(5, 1)), [Decimal("5.10")], []),
    ("ofertas", "monto", pl.Series([437.5, 0.1 + 0.2, float("nan"), float("inf"), 1e20, -1.0]),
     [Decimal("437.50"), Decimal("0.30"), None, None, None, None], [UNREADABLE, UNREADABLE, ABSURD, NEGATIVE]),
    ("ofertas", "monto", pl.Series([437, 10**12]), [Decimal("437.00"), None], [ABSURD]),
    ("ofertas", "monto", pl.Series([2**100], dtype=pl.Int128), [None], [ABSURD]),
    ("ofertas", "monto", pl.Series([[1.5]]), [None], [UNREADABLE]),
    ("ofertas", "monto", pl.Series([date(2026, 2, 3)]), [None], [UNREADABLE]),
    ("ofertas", "monto", pl.Series([timedelta(seconds=1)]), [None], [UNREADABLE]),
    ("ofertas", "fecha", pl.Series([date(2026, 2, 3), date(1, 1, 1), date(9999, 12, 31)]),
     [local(2026, 2, 3), None, None], [IMPOSSIBLE_DATE] * 2),
    *[
        (table, column, series, [local(2026, 2, 3, 8)], [])
        for table, column in (("ofertas", "fecha"), ("eventos", "fecha_registro"))
        for series in (
            *[EIGHT.cast(pl.Datetime(unit)) for unit in ("ms", "us", "ns")],
            *[EIGHT.dt.offset_by("6h").dt.replace_time_zone("UTC").dt.cast_time_unit(unit) for unit in ("ms", "us", "ns")],
            *[EIGHT.dt.replace_time_zone(TIME_ZONE).dt.cast_time_unit(unit) for unit in ("us", "ns")],
            EIGHT.dt.offset_by("7h").dt.replace_time_zone("Europe/Madrid"),
        )
    ],
    *[
        # Databases have an infinity, which Arrow gives as the last number; and years that nanoseconds do not reach.
        (table, column, pl.Series([number, -number]).cast(dtype), [None, None], [IMPOSSIBLE_DATE] * 2)
        for table, column in (("ofertas", "fecha"), ("contratos", "vigencia_fin"))
        for number, dtype in (
            (2**63 - 1, pl.Datetime("us")), (2**63 - 1, pl.Datetime("ms")), (2**63 - 1, pl.Datetime("ns")),
            (2**63 - 1, pl.Datetime("us", "UTC")), (2**63 - 1, pl.Datetime("ns", "UTC")), (2**63 - 1, pl.Datetime("us", TIME_ZONE)),
            (250_000_000_000_000_000, pl.Datetime("us")),
        )
    ],
    ("ofertas", "fecha", pl.Series([2**31 - 1, -(2**31)], dtype=pl.Int32).cast(pl.Date), [None, None], [IMPOSSIBLE_DATE] * 2),
    ("ofertas", "fecha", pl.Series([46056]), [None], [UNREADABLE]),
    ("ofertas", "fecha", pl.Series([46056.5]), [None], [UNREADABLE]),
    ("ofertas", "fecha", pl.Series([time(8)]), [None], [UNREADABLE]),
    ("ofertas", "fecha", pl.Series([["2026-02-03"]]), [None], [UNREADABLE]),
    ("ofertas", "fecha", pl.Series([None]), [None], [EMPTY]),
    ("ofertas", "fecha", pl.Series(["2026-02-03"], dtype=pl.Categorical), [local(2026, 2, 3)], []),
    ("concursos", "categorias", pl.Series([[3, 5], [], None], dtype=pl.List(pl.Int16)), [[3, 5], None, None], []),
    ("concursos", "categorias", pl.Series([[3, None], [3, 99], [99]]), [None, [3], None], [UNREADABLE, UNKNOWN_CODE, UNKNOWN_CODE]),
    ("concursos", "categorias", pl.Series([[3.0, 5.0], [3.5]]), [[3, 5], None], [UNREADABLE]),
    ("concursos", "categorias", pl.Series([["3", " 5"], ["x"]]), [[3, 5], None], [UNREADABLE]),
    ("concursos", "categorias", pl.Series([[3, 5]], dtype=pl.Array(pl.Int64, 2)), [[3, 5]], []),
    ("concursos", "categorias", pl.Series([3, None]), [[3], None], []),
    ("concursos", "categorias", pl.Series([3.0]), [[3]], []),
    ("concursos", "categorias", pl.Series([{"a": 3}]), [None], [UNREADABLE]),
    ("concursos", "categorias", pl.Series([[2**64 - 1]], dtype=pl.List(pl.UInt64)), [None], [UNREADABLE]),
    ("concursos", "categorias", pl.Series([None]), [None], []),
    ("partes", "contactos_adicionales", pl.Series([[{"correo": "a@b.gt", "sobra": 1}], []]),
     [[{"nombre": None, "correo": "a@b.gt", "telefono": None}], None], []),
    ("partes", "contactos_adicionales", pl.Series([[{"telefono": 5}]]), [[{"nombre": None, "correo": None, "telefono": "5"}]], []),
    ("partes", "contactos_adicionales", pl.Series([[{"nombre": ["a"]}]]), [None], [UNREADABLE]),
    ("partes", "contactos_adicionales", pl.Series([["a"]]), [None], [UNREADABLE]),
    ("partes", "contactos_adicionales", pl.Series([[[1]]]), [None], [UNREADABLE]),
    ("partes", "contactos_adicionales", pl.Series([{"nombre": "a"}]), [None], [UNREADABLE]),
    ("partes", "contactos_adicionales", pl.Series([5]), [None], [UNREADABLE]),
    ("partes", "contactos_adicionales", pl.Series([None]), [None], []),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column", "series", "expected", "reasons"), TYPED)
def test_types_that_drivers_choose(
    table: str, column: str, series: pl.Series, expected: list[Any], reasons: list[str]
) -> None:
    found, why = read(table, column, series)
    assert found == expected
    assert why == reasons


def test_a_registration_out_of_the_reach_of_nanoseconds_does_not_wrap_around() -> None:
    for series in (
        pl.Series([datetime(9999, 12, 31), datetime(1, 1, 1), datetime(2263, 1, 1)]),  # noqa: DTZ001
        pl.Series([date(9999, 12, 31), date(1, 1, 1), date(1600, 1, 1)]),
        pl.Series([2**63 - 1, -(2**63), 2**62]).cast(pl.Datetime("us", "UTC")),
        pl.Series(["9999-12-31", "0001-01-01", "2300-01-01 00:00:00.1234567"]),
    ):
        arrived = with_value("eventos", "fecha_registro", series)
        assert arrived.reasons("eventos") == [("fecha_registro", VALUE, IMPOSSIBLE_DATE)] * 3
        assert arrived.frames["eventos"]["fecha_registro"].to_list() == [local(2026, 2, 3, 8)] * 3


@pytest.mark.parametrize(
    "dtype",
    [
        *(
            pl.Null,
            pl.Int64,
            pl.Float64,
            pl.String,
            pl.Boolean,
            pl.Date,
            pl.Datetime("ns", "UTC"),
            pl.Duration,
            pl.Time,
        ),
        *(pl.Binary, pl.List(pl.String), pl.Array(pl.Int8, 2), pl.Struct({"a": pl.Int8}), pl.Decimal(10, 1)),
        *(pl.Categorical, pl.Enum(["a"]), pl.Object, pl.UInt64, pl.Float32),
    ],
    ids=str,
)
def test_columns_of_nulls_may_have_any_type(dtype: Any) -> None:
    for name, table in TABLES.items():
        arrived = arrive({name: pl.DataFrame({c: pl.Series([None], dtype=dtype) for c in table.schema})}, only=name)
        assert arrived.frames[name].is_empty()
        empty = arrived.rejects.filter(pl.col("motivo") == EMPTY)
        assert sorted(empty["columna"]) == sorted(table.required)
        assert empty["nivel"].to_list().count(ROW) == 1


def test_batches_of_one_table_may_have_different_types() -> None:
    rows = [GOOD["renglones"] | {"renglon_id": f"r{place}", "orden": str(place)} for place in range(4)]
    frames = [text_frame("renglones", [row]) for row in rows]
    frames[1] = frames[1].cast({"orden": pl.Int64, "cantidad": pl.Float64})
    frames[2] = frames[2].cast({"orden": pl.Float64}).drop("unspsc")
    arrived = arrive({"renglones": frames, "caracteristicas": pl.DataFrame(schema=TABLES["caracteristicas"].schema)})
    assert arrived.rejects.is_empty()
    assert arrived.frames["renglones"]["orden"].to_list() == [0, 1, 2, 3]
    assert arrived.frames["renglones"]["unspsc"].null_count() == 1


# Rows against each other.


@pytest.mark.parametrize(
    "text",
    ["2026-01-31 23:59:59.999999", "2026-03-01", "2026-02-01T05:59:59Z", "2026-03-01 06:00:00+00:00", "2025-02-03"],
)
def test_a_concurso_of_another_month_is_left_out(text: str) -> None:
    arrived = arrive_rows(concursos=[GOOD["concursos"] | {"fecha_publicacion": text}])
    assert arrived.frames["concursos"].is_empty()
    assert arrived.reasons("concursos") == [("fecha_publicacion", ROW, OTHER_MONTH)]


@pytest.mark.parametrize(
    "text", ["2026-02-01", "2026-02-28 23:59:59.999999", "2026-02-01T06:00:00Z", "2026-03-01T05:59:59Z"]
)
def test_the_month_is_counted_in_local_time(text: str) -> None:
    assert arrive_rows(concursos=[GOOD["concursos"] | {"fecha_publicacion": text}]).rejects.is_empty()


def test_several_faults_of_a_row_are_all_written_down_but_it_is_lost_once() -> None:
    bad = GOOD["ofertas"] | {"nog": "x", "oferta_id": "", "proveedor": "y", "monto": "z", "estado": "?"}
    arrived = arrive_rows(ofertas=[bad, GOOD["ofertas"]])
    assert sorted(arrived.reasons("ofertas")) == [
        ("estado", VALUE, UNKNOWN_CODE),
        ("monto", VALUE, UNREADABLE),
        ("nog", ROW, UNREADABLE),
        ("oferta_id", VALUE, EMPTY),
        ("proveedor", VALUE, PATTERNS["proveedor"][1]),
    ]
    assert arrived.rejects["nog"].to_list() == [None] * 5
    assert set(arrived.rejects["clave"]) == {"nog=x oferta_id="}
    assert arrived.arrivals.delivered["ofertas"] == 2


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("name", ARRIVAL_ORDER)
def test_of_rows_with_one_key_one_is_kept_whatever_their_order(name: str, flipped: bool) -> None:
    spare = {
        "concursos": {"descripcion": "A", "fecha_actualizacion": "2026-02-28 00:00:00"},
        "eventos": {"tipo": "adjudicacion"},
        "partes": {"nombre": "AAA"},
        "renglones": {"descripcion": "A"},
        "caracteristicas": {"valor": "Azul"},
        "ofertas": {"monto": "1.00"},
        "adjudicaciones": {"monto": "1.00"},
        "contratos": {"monto": "1.00"},
        "documentos": {"titulo": "A"},
    }
    rows = [GOOD[name], GOOD[name] | spare[name], dict(GOOD[name])]
    arrived = arrive_rows(**{name: rows[::-1] if flipped else rows})
    assert arrived.rows(name) == good_month().rows(name)
    assert arrived.reasons() == [(TABLES[name].key[-1], ROW, DUPLICATE)] * 2


@pytest.mark.parametrize("flipped", [False, True])
def test_rows_that_differ_only_in_lists_do_not_depend_on_their_order(flipped: bool) -> None:
    contacts = [f'[{{"nombre": "{name}"}}]' for name in ("Ana", "Beto")]
    concursos = [GOOD["concursos"] | {"categorias": codes} for codes in ("3", "5")]
    partes = [GOOD["partes"] | {"contactos_adicionales": text} for text in contacts]
    step = -1 if flipped else 1
    arrived = arrive_rows(concursos=concursos[::step], partes=partes[::step])
    assert arrived.rows("concursos")[0]["categorias"] == [5]
    assert arrived.rows("partes")[0]["contactos_adicionales"][0]["nombre"] == "Beto"


def test_the_latest_change_of_a_concurso_wins() -> None:
    older = GOOD["concursos"] | {"descripcion": "Z", "fecha_actualizacion": "2026-02-05"}
    undated = GOOD["concursos"] | {"descripcion": "ZZ", "fecha_actualizacion": None}
    arrived = arrive_rows(concursos=[older, GOOD["concursos"], undated])
    assert [row["descripcion"] for row in arrived.rows("concursos")] == ["Compra de papel"]


def test_a_row_that_belongs_to_the_month_does_not_give_way_to_one_that_does_not() -> None:
    later = GOOD["concursos"] | {"fecha_publicacion": "2026-03-03", "fecha_actualizacion": "2026-04-01"}
    lost = GOOD["contratos"] | {"adjudicacion_id": "zz"}
    arrived = arrive_rows(concursos=[later, GOOD["concursos"]], contratos=[lost, GOOD["contratos"]])
    assert arrived.rows("concursos") == good_month().rows("concursos")
    assert arrived.rows("contratos") == good_month().rows("contratos")
    assert sorted(arrived.reasons()) == [
        ("adjudicacion_id", ROW, UNKNOWN_AWARD),
        ("fecha_publicacion", ROW, OTHER_MONTH),
    ]


def test_ids_that_differ_in_white_space_are_one_key() -> None:
    arrived = arrive_rows(renglones=[GOOD["renglones"], GOOD["renglones"] | {"renglon_id": " r1 "}])
    assert arrived.reasons() == [("renglon_id", ROW, DUPLICATE)]


def test_two_nogs_may_use_the_same_ids() -> None:
    second = {name: [GOOD[name], GOOD[name] | {"nog": "200"}] for name in ARRIVAL_ORDER}
    arrived = arrive_rows(**second)
    assert arrived.rejects.is_empty()
    assert arrived.arrivals.admitted == dict.fromkeys(ARRIVAL_ORDER, 2)
    assert arrived.frames["eventos"]["evento_id"].to_list() == ["e1", "e1"]


def test_a_child_is_not_saved_by_another_nogs_parent() -> None:
    concursos = [GOOD["concursos"], GOOD["concursos"] | {"nog": "200"}]
    eventos = [GOOD["eventos"], GOOD["eventos"] | {"nog": "200"}]
    children = {
        name: [GOOD[name] | {"nog": "200"}] for name in ("caracteristicas", "contratos", "documentos", "partes")
    }
    arrived = arrive_rows(concursos=concursos, eventos=eventos, **children)
    assert arrived.reasons("caracteristicas") == [("renglon_id", ROW, UNKNOWN_ITEM)]
    assert arrived.reasons("contratos") == [("adjudicacion_id", ROW, UNKNOWN_AWARD)]
    assert arrived.reasons("documentos") == [("contrato_id", VALUE, UNKNOWN_CONTRACT)]
    assert ("identificador", ROW, NO_ROLE) in arrived.reasons("partes")


def test_the_children_of_a_lost_row_are_written_down_too() -> None:
    arrived = arrive_rows(concursos=[GOOD["concursos"] | {"fecha_publicacion": "2025-12-31"}])
    assert all(arrived.frames[name].is_empty() for name in ARRIVAL_ORDER)
    children = arrived.rejects.filter(pl.col("tabla") != "concursos")
    assert children["tabla"].to_list() == sorted(set(ARRIVAL_ORDER) - {"concursos"})
    assert set(children["motivo"]) == {UNKNOWN_NOG}
    assert set(children["nog"]) == {100}


def test_an_event_without_one_date_takes_the_other() -> None:
    arrived = arrive_rows(
        eventos=[
            GOOD["eventos"] | {"fecha_evento": None},
            GOOD["eventos"] | {"evento_id": "e2", "fecha_registro": "0001-01-01"},
            GOOD["eventos"] | {"evento_id": "e3", "fecha_evento": "", "fecha_registro": "nunca"},
        ]
    )
    rows = {row["evento_id"]: row for row in arrived.rows("eventos")}
    assert set(rows) == {"e1", "e2"}
    assert rows["e1"]["fecha_evento"] == local(2026, 2, 4, 1, 0, 31, 725_411)
    assert rows["e2"]["fecha_registro"] == local(2026, 2, 3, 8)
    assert arrived.rejects.select("clave", "columna", "nivel", "motivo").rows() == [
        ("nog=100 evento_id=e1", "fecha_evento", VALUE, EMPTY),
        ("nog=100 evento_id=e2", "fecha_registro", VALUE, IMPOSSIBLE_DATE),
        ("nog=100 evento_id=e3", "fecha_evento", ROW, NO_DATE),
        ("nog=100 evento_id=e3", "fecha_evento", VALUE, EMPTY),
        ("nog=100 evento_id=e3", "fecha_registro", VALUE, UNREADABLE),
    ]


def test_a_concurso_without_events_is_published_and_noted() -> None:
    arrived = arrive_rows(concursos=[GOOD["concursos"], GOOD["concursos"] | {"nog": "200"}])
    assert arrived.frames["concursos"]["nog"].to_list() == [100, 200]
    assert arrived.rejects.rows() == [(200, "concursos", "nog=200", "nog", "200", VALUE, NO_EVENTS)]


def test_a_supplier_without_a_row_of_its_own_is_noted_once() -> None:
    other = {"proveedor": "GT-GCID-CO-1"}
    arrived = arrive_rows(
        ofertas=[GOOD["ofertas"], *(GOOD["ofertas"] | other | {"oferta_id": i} for i in ("o2", "o3"))],
        adjudicaciones=[GOOD["adjudicaciones"], GOOD["adjudicaciones"] | other | {"adjudicacion_id": "a2"}],
    )
    assert arrived.arrivals.admitted["ofertas"] == 3
    assert arrived.rejects.select("nog", "tabla", "valor", "nivel", "motivo").rows() == [
        (100, "partes", "GT-GCID-CO-1", VALUE, UNKNOWN_PARTY)
    ]


def test_buyers_need_no_role_and_one_that_only_won_has_one() -> None:
    parties = [GOOD["partes"] | {"esquema": scheme} for scheme in ("GT-CISP", "GT-GCUC", "GT-NIT", "GT-GCID")]
    arrived = arrive(
        {"partes": text_frame("partes", parties), "ofertas": pl.DataFrame(schema=TABLES["ofertas"].schema)}
    )
    assert arrived.frames["partes"]["esquema"].to_list() == ["GT-CISP", "GT-GCUC", "GT-NIT"]
    assert arrived.reasons() == [("identificador", ROW, NO_ROLE)]


def test_long_values_are_cut_in_the_rejects() -> None:
    arrived = arrive_rows(ofertas=[GOOD["ofertas"] | {"oferta_id": "o" * 5000, "monto": "x" * 5000}])
    assert arrived.rejects["valor"].to_list() == ["x" * 1000]
    assert arrived.rejects["clave"].str.len_chars().to_list() == [1000]
    assert arrived.frames["ofertas"]["oferta_id"].str.len_chars().to_list() == [5000]


# For any rows at all.

GARBAGE = [
    "", " ", "abc", "NaN", "inf", "-1", "0", "97.0", "1e400", "1,234.50", "32/13/2026", "0001-01-01", "9999-12-31T00:00:00Z",
    "2026-02-03", "2026-02-30", "\x00", "\ufffd", "null", "[]", "{}", "[{}]", '[{"nombre":1}]', "3,99", "GT-NIT-", "9" * 25,
    "www.x.gt", "á\u200b", "100",
]  # fmt: skip
NOTHING = re.compile("[\\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff]*|\\[]|{}|null")
cells = st.one_of(st.none(), st.sampled_from(GARBAGE), st.text(max_size=6))


def _order(row: Row) -> int:
    """Where a source that sorts by number puts the row."""
    try:
        return int(float(row["nog"]))
    except (TypeError, ValueError, OverflowError):
        return -1


@st.composite
def raw_rows(draw: st.DrawFn, name: str) -> list[Row]:
    """Good rows of a table with garbage in some columns, ordered by nog."""
    table = TABLES[name]
    columns = [c for c in table.columns if not c.optional or draw(st.booleans())]
    rows = []
    for place in range(draw(st.integers(0, 6))):
        row: Row = {column.name: GOOD[name].get(column.name) for column in columns}
        row[table.key[-1]] = draw(st.sampled_from([row[table.key[-1]], f"n{place}"])) if name != "concursos" else "100"
        for column in draw(st.lists(st.sampled_from(columns), max_size=4)):
            row[column.name] = draw(cells)
        rows.append(row)
    return sorted(rows, key=_order)


def same(one: Arrived, other: Arrived, name: str) -> None:
    assert one.frames[name].equals(other.frames[name])
    assert one.rejects.equals(other.rejects)


@settings(max_examples=150)
@given(st.sampled_from(ARRIVAL_ORDER), st.data())
def test_nothing_stops_a_month_and_nothing_disappears(name: str, data: st.DataObject) -> None:
    rows = data.draw(raw_rows(name))
    frame = text_frame(name, rows)
    arrived = arrive({name: frame}, only=name)  # counts delivered rows against admitted and lost ones
    assert dict(arrived.frames[name].schema) == TABLES[name].schema
    assert arrived.arrivals.delivered[name] == len(rows)
    # Every value that came and is not there any more has a reject, and so has every one that should have come.
    noted = set(arrived.rejects.filter(pl.col("tabla") == name).select("clave", "columna").rows())
    sent: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        sent.setdefault(tuple(str(row[key]) for key in TABLES[name].key), []).append(row)
    for kept in arrived.rows(name):
        came = sent.get(tuple(str(kept[key]) for key in TABLES[name].key), [])
        for column, raw in came[0].items() if len(came) == 1 else ():
            optional = TABLES[name].column(column).optional
            if kept[column] is None and not (optional and (raw is None or NOTHING.fullmatch(raw))):
                assert (" ".join(f"{key}={came[0][key]}" for key in TABLES[name].key), column) in noted


@settings(max_examples=60)
@given(st.sampled_from(ARRIVAL_ORDER), st.data())
def test_cuts_and_order_do_not_matter(name: str, data: st.DataObject) -> None:
    rows = data.draw(raw_rows(name))
    whole = arrive({name: text_frame(name, rows)}, only=name)
    shuffled = sorted(data.draw(st.permutations(rows)), key=_order)
    frame = text_frame(name, shuffled) if rows else text_frame(name, [])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    pieces = [frame[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    # An unused column keeps batches apart that would be checked together otherwise.
    apart = [piece.with_columns(pl.lit(0).alias(f"_{place}")) for place, piece in enumerate(pieces)]
    same(arrive({name: pieces}, only=name), whole, name)
    same(arrive({name: apart}, only=name), whole, name)


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))), min_size=1, max_size=5))  # noqa: DTZ001
def test_a_time_is_the_same_as_text_and_as_a_timestamp(moments: list[datetime | None]) -> None:
    typed = pl.Series(moments, dtype=pl.Datetime("us"))
    texts = pl.Series([None if moment is None else moment.isoformat(" ") for moment in moments], dtype=pl.String)
    offsets = pl.Series([None if m is None else m.isoformat() + "-06:00" for m in moments], dtype=pl.String)
    for table, column in (("contratos", "vigencia_fin"), ("eventos", "fecha_registro")):
        results = [with_value(table, column, values) for values in (typed, texts, offsets)]
        for other in results[1:]:
            assert results[0].frames[table].equals(other.frames[table])
            assert results[0].reasons() == other.reasons()


def test_what_the_checks_keep_is_the_keys_not_the_rows() -> None:
    def frames() -> Iterable[pl.DataFrame]:
        for nog in range(1, 41):
            yield text_frame("concursos", [GOOD["concursos"] | {"nog": str(nog), "descripcion": "x" * 10_000}])

    arrivals = Arrivals(MONTH)
    admitted: Iterator[pl.DataFrame] = arrivals.admit("concursos", frames())
    assert sum(frame.height for frame in admitted) == 40
    assert sum(keys.estimated_size() for keys in arrivals._keys.values()) < 10_000


def test_the_time_zone_of_what_comes_out_is_guatemalas() -> None:
    zones: Callable[[str], set[str | None]] = lambda name: {  # noqa: E731
        dtype.time_zone for dtype in good_month().frames[name].dtypes if isinstance(dtype, pl.Datetime)
    }
    assert zones("concursos") == zones("eventos") == {TIME_ZONE}


def test_where_the_entity_is_unknown_its_nit_is_kept_as_the_buyer() -> None:
    """Official records without parties say no more of the buyer than a NIT (0.5 % of them)."""
    buyer = GOOD["partes"] | {"esquema": "GT-NIT", "identificador": "2342855", "nombre": "IGSS"}
    unknown = arrive_rows(concursos=[GOOD["concursos"] | {"entidad_compradora": None}], partes=[buyer])
    assert [row["identificador"] for row in unknown.rows("partes")] == ["2342855"]
    assert arrive_rows(partes=[buyer]).rows("partes") == []
