"""The codelists say all that is published, and no code that is not."""

import csv
import io

import pytest

from guatecompras import catalogs
from guatecompras.ocds import profile
from guatecompras.ocds.mapping import fields
from guatecompras.policy.codelists import Codelist, all_codelists, anchors

_LISTS = {codelist.name: codelist for codelist in all_codelists()}
# Lists of which the standard knows codes that Guatecompras has no use for.
_PARTLY_USED = {"releaseTag", "tenderStatus", "awardStatus", "contractStatus"}


def test_every_codelist_of_a_field_is_told() -> None:
    assert {field.codelist for field in fields() if field.codelist} <= set(_LISTS)
    assert len(set(anchors().values())) == len(_LISTS)


@pytest.mark.parametrize("name", sorted(profile.closed_codes()))
def test_closed_lists_have_only_their_own_codes(name: str) -> None:
    told = {row[0] for row in _LISTS[name].rows}
    allowed = set(profile.closed_codes()[name]) | ({"compiled"} if name == "releaseTag" else set())
    assert _LISTS[name].closed
    assert told <= allowed
    if name not in _PARTLY_USED:
        assert told == allowed


@pytest.mark.parametrize("name", sorted(profile.open_codes()))
def test_open_lists_have_all_codes_that_are_published(name: str) -> None:
    told = {cell for row in _LISTS[name].rows for cell in row}
    assert set(profile.open_codes()[name]) <= told


@pytest.mark.parametrize(
    ("name", "catalog", "column"),
    [
        ("tenderStatus", "estatus", "tender_status"),
        ("method", "modalidades", "method"),
        ("releaseTag", "eventos", "tag_first"),
        ("releaseTag", "eventos", "tag_again"),
        ("documentType", "tipos_documento", "document_type"),
    ],
)
def test_what_catalogs_are_translated_into_is_explained(name: str, catalog: str, column: str) -> None:
    assert set(catalogs.table(catalog)[column].drop_nulls()) <= {row[0] for row in _LISTS[name].rows}


def test_the_published_codelists_say_the_same() -> None:
    for file, text in profile.codelists().items():
        codes = {row["Code"] for row in csv.DictReader(io.StringIO(text))}
        assert codes <= {cell for row in _LISTS[file.removesuffix(".csv")].rows for cell in row}


@pytest.mark.parametrize("codelist", all_codelists(), ids=lambda codelist: codelist.name)
def test_every_row_fits_its_headings_and_says_something(codelist: Codelist) -> None:
    assert codelist.rows
    assert all(len(row) == len(codelist.headings) for row in codelist.rows)
    assert all(cell.strip() for row in codelist.rows for cell in row)
