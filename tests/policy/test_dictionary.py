"""The dictionary holds every published field, and finds what people ask for."""

import pytest

from guatecompras import tables
from guatecompras.ocds.mapping import SECTIONS, fields
from guatecompras.policy.dictionary import entries, grouped, search
from guatecompras.policy.extensions import all_extensions
from guatecompras.policy.texts import table


def test_every_field_is_there_once_in_order_with_its_own_anchor() -> None:
    found = entries()
    assert [entry.field.path for entry in found] == [field.path for field in fields()]
    assert len({entry.anchor for entry in found}) == len(found)
    assert {"campo-tender-title", "campo-awards-value-amount"} <= {entry.anchor for entry in found}


def test_every_column_of_every_table_is_told() -> None:
    told = {column for entry in entries() for column in entry.columns}
    there = {f"{name}.{column}" for name in tables.NAMES for column in tables.arrow_schema(name).names}
    assert told == there


def test_a_column_that_all_tables_have_is_told_once() -> None:
    ocid = next(entry for entry in entries() if entry.field.path == "ocid")
    assert ocid.column_words == ("ocid (en todas las tablas)", "nog (en todas las tablas)")


def test_groups_keep_every_field() -> None:
    found = grouped(entries())
    assert sum(map(len, found.values())) == len(fields())
    assert list(found) == list(SECTIONS.values())


def test_presence_is_that_of_the_report() -> None:
    coverage = {
        "tender/title": {"present": 3, "possible": 4},
        "awards/date": {"present": 0, "possible": 0},
    }
    found = {entry.field.path: entry for entry in entries(coverage)}
    assert found["tender/title"].share == 0.75
    assert found["awards/date"].share is None
    assert found["ocid"].share is None


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("tender_title", "tender/title"),
        ("tender/title", "tender/title"),
        ("records.tender_title", "tender/title"),
        ("nog", "ocid"),
        ("award_id", "awards/id"),
        ("monto adjudicado", "awards/value/amount"),
        ("MONTO ADJUDICADO", "awards/value/amount"),
        ("fecha de cierre", "tender/tenderPeriod/endDate"),
        ("cuándo se cierra", "tender/tenderPeriod/endDate"),
        ("descripcion del renglon", "tender/items/description"),
        ("prescindido", "tender/status"),
        ("ofertas.monto", "bids/details/value/amount"),
    ],
)
def test_search_finds_a_field_by_path_column_title_or_meaning(asked: str, first: str) -> None:
    assert search(asked, entries())[0].field.path == first


@pytest.mark.parametrize("asked", ["", "   ", "xyzzy", "%", "'; DROP TABLE", "\x00", "de la"])
def test_search_finds_nothing_where_there_is_nothing(asked: str) -> None:
    assert search(asked, entries()) == []


def test_notes_and_absences_are_of_real_fields() -> None:
    published = {field.path for field in fields()}
    assert set(table("differences")["fields"]) <= published
    assert not set(table("differences")["absent"]) & published


def test_every_field_outside_the_standard_names_its_extension() -> None:
    paths = [path for extension in all_extensions() for path in extension.paths]
    assert all(extension.paths for extension in all_extensions())
    assert len(paths) == len(set(paths))
    own = {"publishedDate", "tender/statusDetails", "bids/details/value/amount", "parties/memberOf/id", "sources/name"}
    assert own <= set(paths)
    assert not {"ocid", "tender/title", "awards/value/amount", "contracts/period/endDate"} & set(paths)
