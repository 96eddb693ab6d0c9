"""Checks of single values on values made by hand: which are right, which are not, and how a failure is told."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from guatecompras import catalogs, tables
from guatecompras.ocds import profile
from guatecompras.ocds.mapping import fields as published
from guatecompras.quality import rules
from guatecompras.quality.fields import CHECKS, cells
from tests.quality.small_month import BY_ID, at, clean, found, month


@dataclass(frozen=True)
class Values:
    """Values of a column that a check lets pass, and those it finds; `also`: what else stands in their rows."""

    check: str
    table: str
    column: str
    right: tuple[Any, ...]
    wrong: tuple[Any, ...]
    path: str
    also: dict[str, Any]


def _values(
    check: str, table: str, column: str, right: tuple[Any, ...], wrong: tuple[Any, ...], path: str = "", **also: Any
) -> Values:
    return Values(check, table, column, right, wrong, path or _path(table, column), also)


def _path(table: str, column: str) -> str:
    """Where a failure of the column is said to be, unless a row says otherwise."""
    return tables.arrow_schema(table).field(column).metadata[b"path"].decode()


_VALUES: tuple[Values, ...] = (
    _values(
        "empty_text",
        "records",
        "tender_title",
        ("Compra de 0", "N/A 5", "S", "Datos", "100", "Nulos", "ñ"),
        ("", " ", "-", "...", "N/A", "n/a.", "sin dato", "SIN INFORMACIÓN", "0", "000", "«--»", "NULL"),
    ),
    _values("empty_text", "records", "tender_title", (), ("[--No Especificado--]", "(sin descripción)", "_", "•")),
    _values("empty_text", "item_attributes", "value", ("0", "00"), ("-", "N/A")),
    _values(
        "clean_text",
        "items",
        "description",
        (
            'Tubo de 3/4 "',
            "menos de <5 y >3",
            "Luz & Sonido",
            "GARCÍA, JOÃO",
            "Âncora",
            "a < b",
            "R&D; I",
            "’comillas’",
            "x",
            "ÑANDÚ",
        ),
        (
            "uno<br />dos",
            "<b>uno",
            "uno</p>",
            "<!-- nada",
            "uno\tdos",
            "uno\ndos",
            "uno  dos",
            " uno",
            "uno ",
            "uno\x00",
            "uno\x7f",
            "uno\u00a0dos",
            "uno\u200bdos",
            "adquisiciÃ³n",
            "N\u00c2\u00b0 5",
            "â€œuno",
            "direcci\ufffdn",
            "uno&nbsp;dos",
            "&#39;",
            "NIÃ‘O",
        ),
    ),
    _values(
        "date_range",
        "awards",
        "date",
        (at("2003-01-01 00:00:00"), at("2026-01-31 00:00:00"), at("2031-12-31 23:59:59")),
        (at("0001-01-01 00:00:00"), at("2002-12-31 23:59:59"), at("2032-01-01 00:00:00"), at("9999-12-31 00:00:00")),
    ),
    _values(
        "date_range",
        "contracts",
        "period_endDate",
        (at("2056-12-31 23:59:59"),),
        (at("2057-01-01 00:00:00"), at("0001-01-01 00:00:00")),
    ),
    _values("date_range", "releases", "publishedDate", (at("2040-01-01 00:00:00"),), (at("2099-01-01 00:00:00"),)),
    _values("codelist_closed", "records", "tender_status", ("active", "complete"), ("Active", "", "vigente")),
    _values("codelist_closed", "bids", "status", ("valid",), ("active",)),
    _values(
        "codelist_closed", "releases", "tag", ("tender", "award; contract"), ("compiled", "award; x", "award;contract")
    ),
    _values("codelist_open", "party_roles", "role", ("buyer", "supplier"), ("awardComiteeMember",)),
    _values("codelist_open", "documents", "documentType", ("tenderNotice",), ("bases",)),
    _values("codelist_open", "records", "tender_statusDetails", ("Desierto",), ("desierto", "Otro")),
    _values(
        "codelist_open",
        "records",
        "tender_categories",
        ("1 Alimentos y semillas", "9 Salud; 14"),
        ("15 Otros", "1 Alimentos; 99 Otros", "Alimentos"),
        path="tender/categories/id",
    ),
    _values("currency_known", "awards", "value_currency", ("GTQ", "USD"), ("Q", "gtq", "XYZ", "QTZ")),
    _values(
        "identifier_scheme",
        "parties",
        "additionalIdentifiers",
        ("GT-NIT 71080", "GT-NIT 71080; GT-GCUC 97-0"),
        ("GT-DPI 1234", "GT-NIT 71080; CUI 1"),
        path="parties/additionalIdentifiers/scheme",
    ),
    _values(
        "identifier_scheme",
        "parties",
        "id",
        ("GT-NIT-71080",),
        ("GT-NIT-7108-0", "71080", "GT-CISP-71080"),
        identifier_scheme="GT-NIT",
        identifier_id="71080",
    ),
    _values("identifier_format", "parties", "identifier_id", ("97",), ("97-0",), identifier_scheme="GT-CISP"),
    _values("identifier_format", "parties", "identifier_id", ("97-0",), ("97", "97-"), identifier_scheme="GT-GCUC"),
    _values(
        "identifier_format",
        "parties",
        "identifier_id",
        ("CO-0A1B", "US-58520EBEDA5FA6A0CE83300883950678"),
        ("58520E", "Colombia-1", "CO-"),
        identifier_scheme="GT-GCID",
    ),
    _values(
        "identifier_format",
        "awards",
        "id",
        ("GT-ADJ-7-71080", "GT-ADJ-7-CO-0a1b-2"),
        ("GT-ADJ-8-71080", "GT-ADJ-7", "GT-ADJ-7-"),
    ),
    _values("identifier_format", "contracts", "id", ("NOG-7-CON-A1",), ("NOG-71-CON-A1", "A1", "NOG-7-CON-")),
    _values(
        "process_identifier",
        "releases",
        "id",
        (f"GT-NOG-7-T{1:018}",),
        ("GT-NOG-7-T1", f"GT-NOG-8-T{1:018}", f"GT-NOG-7-T{1:019}"),
    ),
    _values(
        "process_identifier",
        "records",
        "ocid",
        ("ocds-xqjsxa-7",),
        ("ocds-xqjsxa-8", "ocds-xqjsxa-70", "ocds-abcdef-7", "7"),
    ),
    _values(
        "process_identifier",
        "records",
        "id",
        ("ocds-xqjsxa-7-2026-01-31T23:59:59-06:00",),
        ("ocds-xqjsxa-7", "ocds-xqjsxa-7-2026-01-31", "ocds-xqjsxa-8-2026-01-31T23:59:59-06:00"),
    ),
    _values(
        "nit_check_digit",
        "parties",
        "identifier_id",
        ("576937K",),
        ("576937k", "71081", "CF"),
        identifier_scheme="GT-NIT",
    ),
    _values("nit_check_digit", "parties", "identifier_id", ("71081",), (), identifier_scheme="GT-GCID"),
    _values(
        "nit_check_digit",
        "parties",
        "additionalIdentifiers",
        ("GT-NIT 71080; GT-GCUC 97-0", "GT-GCUC 97-1"),
        (),
        path="parties/additionalIdentifiers/id",
    ),
    _values(
        "unspsc_code",
        "items",
        "classification_id",
        ("43222609",),
        ("4322260", "432226091", "4322260X", ""),
        classification_scheme="UNSPSC",
    ),
    _values("unspsc_code", "items", "classification_id", ("4322260",), (), classification_scheme="CPV"),
    _values(
        "unspsc_segment",
        "items",
        "classification_id",
        ("43222609", "95000000"),
        ("00000000", "98101500"),
        classification_scheme="UNSPSC",
    ),
    _values("unspsc_segment", "items", "classification_id", ("9810150",), (), classification_scheme="UNSPSC"),
    _values(
        "document_url",
        "documents",
        "url",
        ("https://www.guatecompras.gt/concursos/files/1/7%40a.pdf", "http://igss.org.gt", "https://a.gt:8080/b?c=d#e"),
        (
            "http://",
            "https:///a.pdf",
            "ftp://a.gt/b",
            "www.a.gt/b",
            "https://localhost/a",
            "http://10.0.0.1/a",
            "https://a.gt/a b",
            "a.pdf",
        ),
    ),
    _values("document_url", "contract_documents", "url", ("https://a.gt/b",), ("https://a/b",)),
    _values(
        "document_format",
        "documents",
        "format",
        ("application/pdf", "image/jpeg"),
        ("application/PDF", "application/docx", "pdf", "PDF", "application/", "documento/pdf"),
    ),
    _values("language_code", "documents", "language", ("es", "quc"), ("español", "ES", "spa", "")),
    _values(
        "email_format",
        "parties",
        "contactPoint_email",
        ("guatecompras.igss@igssgt.org", "a@b.gt", "año_nuevo+1@correo-uno.com.gt", "A1-b_@gmail.com"),
        (
            "a",
            "a@b",
            "a@@b.gt",
            "a b@c.gt",
            "a@b.gt; c@d.gt",
            "a@b..gt",
            "a..b@c.gt",
            ".a@b.gt",
            "a.@b.gt",
            "a@-b.gt",
            "@b.gt",
            "a@b.g",
            "a@b.gt.",
        ),
    ),
    _values(
        "email_format",
        "parties",
        "additionalContactPoints",
        ("ANA PÉREZ ana@b.gt 22220000; LUIS luis@b.gt", "ANA PÉREZ 22220000"),
        ("ANA ana@b; LUIS luis@b.gt", "ANA ana@b.gt; LUIS @b.gt"),
        path="parties/additionalContactPoints/email",
    ),
    _values(
        "telephone_format",
        "parties",
        "contactPoint_telephone",
        (
            "24121224",
            "2412-1224",
            "2412 1224",
            "+502 24121224",
            "(502) 2412-1224",
            "(+502)2412-1224",
            "502 55556666",
            "24121224 ext. 1233-39",
            "24121224 ext. 1235 1238",
            "2412-1224 / 5555-6666",
            "24121224; 55556666;44443333",
            "24121224, 55556666",
            "24121224 y 55556666",
            "PBX 2412-1224",
            "Tel. 24121224",
            "24121224-55556666",
            "24121224-29",
            "24121224 extensión 5",
            "24121224 55556666",
        ),
        (
            "2282431",
            "2282431-39",
            "241212245",
            "12345678",
            "00000000",
            "NO TIENE",
            "-",
            "",
            "24121224 / 123",
            "+1 305 555 0100",
            "24121224 compras",
        ),
        address_countryName="GUATEMALA",
    ),
    _values("telephone_format", "parties", "contactPoint_telephone", ("24121224",), ("+57 601 555 0100",)),
    _values(
        "telephone_format",
        "parties",
        "contactPoint_faxNumber",
        ("+57 (601) 555-0100", "6015550100", "24121224", "555-0100", "001.305.555.0100 ext 12"),
        ("12345", "NO", "1234567890123456"),
        address_countryName="COLOMBIA",
    ),
)


@pytest.mark.parametrize("values", _VALUES, ids=lambda values: f"{values.check}-{values.table}-{values.column}")
def test_right_values_pass_and_wrong_ones_are_found(tmp_path: Path, values: Values) -> None:
    key = {"ocid": "ocds-xqjsxa-7", "nog": 7}
    rows = [key | values.also | {values.column: value} for value in (*values.right, *values.wrong, None)]
    failures = found(values.check, month(tmp_path, {values.table: rows}))
    assert sorted(failures) == sorted((7, values.path, _told(value)) for value in values.wrong)


def _told(value: str | datetime) -> str:
    return value if isinstance(value, str) else value.isoformat()


def test_what_is_absent_is_not_judged(tmp_path: Path) -> None:
    """Whether it should be there is for the coverage to say; a document's type alone is asked for."""
    key = {"ocid": "ocds-xqjsxa-7", "nog": 7}
    bare = month(tmp_path, {name: [key] for name in tables.NAMES})
    states = {check.id: check.evaluate(bare).state for check in CHECKS}
    assert {check for check, state in states.items() if state != "not_applicable"} == {
        "document_type",
        "process_identifier",
    }


def test_documents_without_a_type_are_told_by_what_guatecompras_calls_them(tmp_path: Path) -> None:
    key = {"ocid": "ocds-xqjsxa-7", "nog": 7}
    documents = [key | {"id": "1", "documentTypeDetails": "Dictamen técnico"}, key | {"id": "2"}]
    assert found("document_type", month(tmp_path, {"documents": documents, "contract_documents": [key]})) == [
        (7, "contracts/documents/documentType", None),
        (7, "tender/documents/documentType", "2"),
        (7, "tender/documents/documentType", "Dictamen técnico"),
    ]


# Coverage.


@pytest.mark.parametrize(
    ("path", "present", "possible", "enough"),
    [
        ("tender/title", 98, 100, True),  # 99 would be the minimum; chance may take three standard deviations from it
        ("tender/title", 95, 100, False),
        ("tender/title", 9_900, 10_000, True),
        ("tender/title", 9_800, 10_000, False),
        ("tender/title", 1, 2, False),
        ("bids", 0, 10, True),  # a third of ten may well be none
        ("bids", 0, 100, False),
        ("buyer", 99_999, 100_000, False),  # required: always
        ("buyer", 1, 1, True),
        ("tender/value", 0, 100, True),  # nothing is asked of it
    ],
)
def test_a_path_is_there_often_enough(tmp_path: Path, path: str, present: int, possible: int, enough: bool) -> None:
    counted = replace(month(tmp_path, {}), coverage={path: (present, possible), "awards/id": (0, 0)})
    assert found("coverage", counted) == ([] if enough else [(None, path, f"{present} / {possible}")])


def test_minimums_are_of_published_paths_that_may_be_missing() -> None:
    minimum = rules.load()["coverage"].parameters["minimum"]
    assert isinstance(minimum, dict)
    optional = {field.path for field in published() if not field.required}
    assert minimum.keys() <= optional
    assert all(0 < share < 1 for share in minimum.values())


# What the checks read.


def test_checks_name_paths_that_are_published() -> None:
    known = {field.path for field in published()}
    for check in CHECKS:
        assert set(check.paths) <= known, check.id
        assert BY_ID[check.id] is check
        assert check.level == "field"


def test_every_date_and_every_text_is_judged() -> None:
    dated = {(column.table, column.name) for column in cells.dates()}
    assert dated == {
        (table, name)
        for table in tables.NAMES
        for name, kind in pl.from_arrow(tables.arrow_schema(table).empty_table()).schema.items()
        if isinstance(kind, pl.Datetime)
    }
    texts = {column.path for column in cells.texts()}
    assert {"tender/title", "tender/items/attributes/value", "contracts/contractNumber", "buyer/name"} <= texts
    assert not texts & {"buyer/id", "tender/status", "tender/documents/url", "contracts/awardID"}


def test_every_codelist_of_the_mapping_has_codes() -> None:
    named = {field.codelist for field in published() if field.codelist}
    assert named == profile.closed_codes().keys() | profile.open_codes().keys()
    assert not profile.closed_codes().keys() & profile.open_codes().keys()
    assert all(profile.open_codes().values())


def test_segments_are_two_digits() -> None:
    assert catalogs.table("unspsc_segmentos")["code"].str.contains("^[1-9][0-9]$").all()


def test_families_count_where_the_rules_list_them(tmp_path: Path) -> None:
    rows = clean()
    rows["items"] = [
        {**rows["items"][0], "id": code, "classification_scheme": "UNSPSC", "classification_id": code}
        for code in ("43222609", "43990000", "72101500")
    ]
    listed = '[unspsc_segment]\nseverity = "warn"\n\n[unspsc_segment.parameters]\nfamilies = ["4322", "7210"]\n'
    judged = replace(month(tmp_path, rows), rules=rules.load(listed))
    assert found("unspsc_segment", judged) == [(11, "tender/items/classification/id", "43990000")]
    assert found("unspsc_segment", month(tmp_path, rows)) == []
