"""The contract as data: that what it says of its tables holds together. What is checked with it: test_arrivals.py."""

from typing import get_args

import polars as pl
import pytest

from guatecompras import catalogs
from guatecompras.arrivals import ARRIVAL_ORDER, REFERENCES
from guatecompras.contract import DTYPES, REJECTS_SCHEMA, TABLES, Kind, Table
from guatecompras.values import PATTERNS, RANGES

ALL_COLUMNS = {column.name for table in TABLES.values() for column in table.columns}
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))


def test_there_are_nine_tables_and_two_are_needed() -> None:
    assert list(TABLES) == [
        "concursos", "eventos", "partes", "renglones", "caracteristicas", "ofertas", "adjudicaciones", "contratos",
        "documentos",
    ]  # fmt: skip
    assert [name for name, table in TABLES.items() if table.needed] == ["concursos", "partes"]


@each_table
def test_every_column_has_a_known_kind_and_its_type(table: Table) -> None:
    assert {column.kind for column in table.columns} <= set(get_args(Kind)) == set(DTYPES)
    assert table.schema == {column.name: DTYPES[column.kind] for column in table.columns}
    assert len(table.schema) == len(table.columns)


@each_table
def test_a_row_without_its_key_is_of_no_use(table: Table) -> None:
    assert table.key[0] == "nog"
    assert all(table.column(name).essential for name in table.key)
    assert not any(column.essential and column.optional for column in table.columns)


@each_table
def test_the_order_is_total(table: Table) -> None:
    assert set(table.key) <= {"nog", *table.order} | set(table.key[:1])
    assert set(table.order) <= set(table.schema)
    assert not table.order or table.order[-1] == table.key[-1]
    assert not any(table.schema[name].is_nested() for name in table.order)


@each_table
def test_the_dating_column_is_a_time(table: Table) -> None:
    assert table.dated is None or table.column(table.dated).kind == "time"


@each_table
def test_codes_are_literals_or_name_a_catalog(table: Table) -> None:
    for column in table.columns:
        if isinstance(column.codes, tuple):
            assert column.kind == "text"
            assert len({code.lower() for code in column.codes}) == len(column.codes) > 1
        elif column.codes is not None:
            assert {type(code) for code in catalogs.codes(column.codes)} == {str if column.kind == "text" else int}


def test_required_columns_are_those_without_a_question_mark() -> None:
    assert TABLES["ofertas"].required == ["nog", "oferta_id", "proveedor", "fecha", "estado"]
    assert TABLES["documentos"].column("url").essential is False
    assert TABLES["documentos"].column("contrato_id").optional


def test_parents_arrive_before_their_children() -> None:
    assert sorted(ARRIVAL_ORDER) == sorted(TABLES)
    for child, column, parent, _, _ in REFERENCES:
        assert ARRIVAL_ORDER.index(parent) < ARRIVAL_ORDER.index(child)
        assert column in TABLES[child].schema
        assert column == TABLES[parent].key[-1]
    assert ARRIVAL_ORDER[-1] == "partes"  # a supplier's role is in the offers and awards


def test_the_checks_name_columns_that_exist() -> None:
    assert {*PATTERNS, *RANGES} <= ALL_COLUMNS
    checked = [c for t in TABLES.values() for c in t.columns if c.name in PATTERNS]
    assert all(column.kind in ("text", "id") and column.codes is None for column in checked)


def test_a_reject_says_where_what_and_why() -> None:
    assert list(REJECTS_SCHEMA) == ["nog", "tabla", "clave", "columna", "valor", "nivel", "motivo"]
    assert all(dtype == (pl.Int64 if name == "nog" else pl.String) for name, dtype in REJECTS_SCHEMA.items())
