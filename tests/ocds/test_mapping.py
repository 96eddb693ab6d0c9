import re
from collections import Counter

import pytest

from guatecompras.contract import TABLES
from guatecompras.ocds import mapping
from guatecompras.tables import arrow_schema

CONTRACT = {(table.name, column.name) for table in TABLES.values() for column in table.columns}
MAPPED = {source for field in mapping.fields() for source in field.sources}


def test_every_source_of_the_mapping_is_a_column_of_the_contract() -> None:
    assert MAPPED <= CONTRACT


def test_every_column_of_the_contract_is_published_or_says_why_not() -> None:
    assert MAPPED | set(mapping.UNPUBLISHED) == CONTRACT
    assert not MAPPED & set(mapping.UNPUBLISHED)
    assert all(reason.endswith(".") for reason in mapping.UNPUBLISHED.values())


def test_paths_and_table_columns_are_declared_once() -> None:
    assert max(Counter(field.path for field in mapping.fields()).values()) == 1
    columns = Counter((field.table, field.column) for field in mapping.fields() if field.table)
    assert max(columns.values()) == 1
    assert all(bool(field.table) == bool(field.column) for field in mapping.fields())


def test_parents_come_first_and_can_hold_fields() -> None:
    seen = {"": "object"}
    for field in mapping.fields():
        assert seen[field.parent] in ("object", "array<object>"), field.path
        seen[field.path] = field.type
    holders = {field.parent for field in mapping.fields()}
    assert {path for path, kind in seen.items() if "object" in kind} == holders


def test_types_and_formats_are_known() -> None:
    assert {field.type for field in mapping.fields()} == {
        "string",
        "number",
        "integer",
        "object",
        "array<string>",
        "array<object>",
    }
    assert {field.format for field in mapping.fields()} == {"", "date-time", "uri"}


def test_every_field_has_words_a_reader_understands() -> None:
    for field in mapping.fields():
        assert re.fullmatch(r"[A-ZÁÉÍÓÚ][^.]{2,59}", field.title), field
        assert re.fullmatch(r"[A-ZÁÉÍÓÚ].{9,179}\.", field.description), field
        assert field.title == " ".join(field.title.split())


def test_titles_tell_the_columns_of_a_table_apart() -> None:
    titles = Counter((field.table, field.title) for field in mapping.fields() if field.table)
    assert max(titles.values()) == 1, titles.most_common(3)


def test_lineage_both_ways() -> None:
    releases = mapping.releases_lineage()
    assert releases["tender/tenderPeriod/endDate"] == (("concursos", "fecha_cro"),)
    assert "tender" not in releases
    assert "language" not in releases
    awards = {field.name: field.metadata[b"path"].decode() for field in arrow_schema("awards")}
    assert awards["value_amount"] == "awards/value/amount"
    assert list(awards) == ["ocid", "nog"] + [field.column for field in mapping.table_columns("awards")]
    assert releases[awards["value_amount"]] == (("adjudicaciones", "monto"),)


def test_unknown_table() -> None:
    with pytest.raises(KeyError, match="no table 'nada'"):
        mapping.table_columns("nada")
