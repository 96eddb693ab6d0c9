"""How often each path is there: counted in its parents that are there, whatever the batches."""

import orjson
import polars as pl

from guatecompras import quality, tables
from guatecompras.ocds.mapping import fields
from guatecompras.quality import coverage

DOCUMENTS: list[dict[str, object]] = [
    {"ocid": "ocds-xqjsxa-1", "tender": {"id": "1", "items": [{"id": "a", "quantity": 1}, {"id": "b"}]}},
    {
        "ocid": "ocds-xqjsxa-2",
        "tender": {"id": "2", "items": [{"id": "c", "unit": {"name": "Metro", "value": {"amount": 2.5}}}]},
        "parties": [{"id": "x", "roles": ["buyer", "supplier"]}, {"id": "y", "roles": []}],
    },
    {"ocid": "ocds-xqjsxa-3", "parties": []},
]


def _read(documents: list[dict[str, object]]) -> pl.DataFrame:
    return tables.read_documents([orjson.dumps(document) for document in documents])


def test_a_path_is_counted_in_its_parents() -> None:
    found = coverage.count(_read(DOCUMENTS))
    assert list(found) == [field.path for field in fields()]
    assert {path: numbers for path, numbers in found.items() if numbers != (0, 0) and numbers[0]} == {
        "ocid": (3, 3),
        "parties": (1, 3),  # an empty list is none
        "parties/id": (2, 2),
        "parties/roles": (1, 2),
        "tender": (2, 3),
        "tender/id": (2, 2),
        "tender/items": (2, 2),
        "tender/items/id": (3, 3),
        "tender/items/quantity": (1, 3),
        "tender/items/unit": (1, 3),
        "tender/items/unit/name": (1, 1),
        "tender/items/unit/value": (1, 1),
        "tender/items/unit/value/amount": (1, 1),
    }
    assert found["tender/items/unit/value/currency"] == (0, 1)
    assert found["awards/id"] == (0, 0)


def test_batches_add_up() -> None:
    whole = coverage.count(_read(DOCUMENTS))
    assert coverage.total(coverage.count(_read([document])) for document in DOCUMENTS) == whole
    assert coverage.total([]) == {}
    assert coverage.total([whole, {"new": (1, 2)}]) == whole | {"new": (1, 2)}
    assert set(coverage.count(_read([])).values()) == {(0, 0)}


def test_counts_agree_with_the_tables(clean: quality.Month) -> None:
    """Leaves with a column of their own, in a demo month: as many as the column has values."""
    for table in ("records", "parties", "items", "item_attributes", "documents", "awards", "contracts"):
        counted = clean.scan(table).select(pl.all().count()).collect().row(0, named=True)
        for field in tables.table_columns(table):
            if field.column not in ("additionalIdentifiers", "additionalContactPoints", "tender_categories"):
                assert clean.coverage[field.path][0] == counted[field.column], field.path
