"""The policy as a whole: its parts, what is measured for it, and its files."""

import io
from datetime import timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from guatecompras import catalogs
from guatecompras.policy import gaps, modalities
from guatecompras.policy.dictionary import entries
from guatecompras.policy.document import Policy, build
from guatecompras.policy.files import dictionary_csv, dictionary_xlsx
from guatecompras.policy.pdf import draw
from guatecompras.policy.texts import table
from tests.policy.published import facts, no_facts


@pytest.fixture(scope="module")
def policy(three_versions: Path) -> Policy:
    return build(facts(three_versions))


# --- its parts


def test_it_answers_the_official_four_parts_and_the_nine_points(policy: Policy) -> None:
    assert len(policy.points) == 4 + 9 + 1
    assert all(policy.points.values())
    assert all(section.answers for section in policy.sections)


def test_every_section_has_prose_and_all_of_it_is_filled_in(policy: Policy) -> None:
    for section in policy.sections:
        text = "".join(span.text + span.url for block in section.blocks for line in block.lines for span in line)
        assert text
        assert "{" not in text


def test_it_names_who_publishes_and_the_newest_month(policy: Policy) -> None:
    told = {section.id: section for section in policy.sections}
    said = "".join(span.text for block in told["proposito"].blocks for line in block.lines for span in line)
    assert "Quien publica" in said
    assert "febrero de 2026" in said
    links = [span.url for block in told["contacto"].blocks for line in block.lines for span in line if span.url]
    assert "mailto:datos@example.gt" in links


def test_versions_are_newest_first(policy: Policy) -> None:
    dates = [revision.date for revision in policy.revisions]
    assert dates == sorted(dates, reverse=True)
    assert policy.version == table("history")["versions"][0]["version"]


def test_the_same_facts_give_the_same_policy(policy: Policy, three_versions: Path) -> None:
    again = build(facts(three_versions))
    assert (again.dictionary, again.presence, again.sections) == (policy.dictionary, policy.presence, policy.sections)


def test_without_months_it_still_says_what_is_declared() -> None:
    policy = build(no_facts())
    assert policy.rules
    assert policy.codelists
    assert not policy.presence
    assert not policy.faults
    assert all(entry.share is None for entry in policy.dictionary)
    assert draw(policy).startswith(b"%PDF")


# --- what is measured


def test_presence_by_modalidad_agrees_with_the_tables(policy: Policy, three_versions: Path) -> None:
    read = facts(three_versions).tables
    assert read is not None
    records = pl.read_parquet(read("records"))
    awarded = set(pl.read_parquet(read("awards"))["nog"])
    assert sum(row.concursos for row in policy.presence) == records.height
    most = policy.presence[0]
    own = records.filter(pl.col("tender_procurementMethodDetails") == most.name)
    assert most.concursos == own.height
    shares = dict(zip(policy.measured, most.shares, strict=True))
    assert shares["Adjudicación"] == pytest.approx(own["nog"].is_in(list(awarded)).mean())
    assert shares["Monto estimado"] == pytest.approx(own["tender_value_amount"].is_not_null().mean())


def test_lag_is_between_the_fact_and_its_registration(policy: Policy) -> None:
    assert policy.lag is not None
    assert timedelta() <= policy.lag.half <= policy.lag.most


def test_rules_have_the_law_in_force() -> None:
    rules = {rule.code: rule for rule in modalities.rules()}
    assert set(rules) == catalogs.codes("modalidades")
    assert (rules[1].method, rules[1].ceiling, rules[1].term) == (
        "open",
        90_000.0,
        "1 día hábil (artículo 43 inciso b)",
    )
    assert rules[4].term == "40 días calendario (artículo 23)"
    assert rules[4].ceiling is None


def test_faults_come_the_gravest_first() -> None:
    def check(name: str, severity: str, state: str, failed: int) -> dict[str, object]:
        told = {"id": name, "severity": severity, "state": state, "failed": failed, "applicable": 10}
        return told | {"meaning": name, "dimension": "validez"}

    found = gaps.faults(
        {
            "checks": [
                check("a", "note", "pass", 9),
                check("b", "warn", "fail", 1),
                check("c", "block", "fail", 1),
                check("d", "block", "pass", 0),
                check("e", "warn", "fail", 5),
            ]
        }
    )
    assert [fault.check for fault in found] == ["c", "e", "b", "a"]
    assert [fault.holds for fault in found] == [False, False, False, True]


def test_the_rarest_fields_are_those_least_often_there(policy: Policy) -> None:
    shares = [entry.share or 0.0 for entry in policy.rarest]
    assert shares == sorted(shares)
    assert all(share < 1 for share in shares)
    never = min(entry.share for entry in policy.dictionary if entry.share is not None)
    assert shares[0] == never


# --- its files


def test_csv_has_a_row_a_field(policy: Policy) -> None:
    text = dictionary_csv(policy.dictionary)
    frame = pl.read_csv(text)
    assert frame.height == len(policy.dictionary)
    title = frame.row(by_predicate=pl.col("campo") == "tender/title", named=True)
    assert title["columnas"] == "records.tender_title"
    assert title["origen"] == "concursos.descripcion"
    assert title["presencia"] == 1.0
    assert not [line for line in text.decode().split("\n") if line.startswith(("=", "+", "-", "@"))]


def test_xlsx_opens_with_the_dictionary_and_all_codes(policy: Policy) -> None:
    body = dictionary_xlsx(policy)
    book = openpyxl.load_workbook(io.BytesIO(body), read_only=True)
    assert book.sheetnames == ["Acerca de", "Diccionario", "Códigos", "Tablas"]
    rows = list(book["Diccionario"].iter_rows(values_only=True))
    assert len(rows) == 1 + len(policy.dictionary)
    codes = list(book["Códigos"].iter_rows(values_only=True))
    assert len(codes) == 1 + sum(len(codelist.rows) for codelist in policy.codelists)
    assert body == dictionary_xlsx(policy)


def test_pdf_is_the_same_twice_and_another_for_other_data(policy: Policy, three_versions: Path) -> None:
    body = draw(policy)
    assert body.startswith(b"%PDF-1.7")
    assert body == draw(build(facts(three_versions)))
    assert body != draw(build(no_facts()))


def test_entries_without_a_report_have_no_presence() -> None:
    assert all(entry.present is None for entry in entries())
