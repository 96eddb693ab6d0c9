"""Checks of a month against its public version, on small tables made by hand and on the demo month."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from guatecompras import quality
from guatecompras.arrivals import DUPLICATE
from guatecompras.quality import Previous, versions
from guatecompras.quality.check import Outcome
from guatecompras.quality.rules import load
from tests.quality.faults.workshop import Workshop
from tests.quality.test_checks import Rows
from tests.quality.test_checks import _clean as rows_of_two
from tests.quality.test_checks import _invalid as invalid
from tests.quality.test_checks import _month as small

BY_ID = {check.id: check for check in versions.CHECKS}


def _told() -> Rows:
    """Two NOGs whose amounts and statuses are told."""
    rows = rows_of_two()
    for row in rows["records"]:
        row.update(tender_status="complete", tender_value_amount=5000, tender_value_currency="GTQ")
    for table in ("bids", "awards", "contracts"):
        for row in rows[table]:
            row.update(value_amount=4000, value_currency="GTQ")
    for row in rows["releases"]:
        row.update(sha256="a" * 64)
    return rows


def _after(folder: Path, before: Rows, now: Rows, rejects: list[tuple[Any, ...]] = [], **more: Any) -> quality.Month:  # noqa: B006
    """A month whose public version had `before`."""
    (folder / "before").mkdir(exist_ok=True)
    was = small(folder / "before", before)
    previous = Previous("20260301T000000-000000000000", was.tables, was.releases, {}, **more)
    return replace(small(folder, now, rejects), previous=previous)


def _found(check: str, month: quality.Month) -> list[tuple[Any, ...]]:
    return BY_ID[check].evaluate(month).failures.rows()


def _judged(check: str, month: quality.Month) -> Outcome:
    return BY_ID[check].evaluate(month)


def test_a_version_that_changes_nothing_passes_all(clean: quality.Month, tmp_path: Path) -> None:
    bench = Workshop(clean, tmp_path)
    bench.succeed()
    for check in versions.CHECKS:
        outcome = check.evaluate(bench.month)
        assert (outcome.state, outcome.failed) == ("pass", 0), check.id


def test_of_a_first_version_nothing_is_judged(clean: quality.Month) -> None:
    assert {check.evaluate(clean).state for check in versions.CHECKS} == {"not_applicable"}


def test_what_is_new_is_no_loss(tmp_path: Path) -> None:
    now = _told()
    before = {table: [row for row in rows if row["nog"] == 11][:1] for table, rows in now.items()}
    month = _after(tmp_path, before, now)
    assert all(_found(check, month) == [] for check in BY_ID)


# One loss after another: what was public, made of what is there now.

_LOSSES: list[tuple[str, Callable[[Rows], None], list[tuple[Any, ...]]]] = [
    (check, lambda rows, table=table: rows[table].append({**rows[table][0], "id": "gone"}), [(11, path, "gone")])  # type: ignore[misc]
    for check, table, path in (
        ("releases_lost", "releases", "id"),
        ("items_lost", "items", "tender/items/id"),
        ("documents_lost", "documents", "tender/documents/id"),
        ("bids_lost", "bids", "bids/details/id"),
        ("awards_lost", "awards", "awards/id"),
        ("contracts_lost", "contracts", "contracts/id"),
    )
]


@pytest.mark.parametrize(
    ("check", "change", "failures"), _LOSSES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_id_that_is_gone_is_named(
    tmp_path: Path, check: str, change: Callable[[Rows], None], failures: list[tuple[Any, ...]]
) -> None:
    before = _told()
    change(before)
    month = _after(tmp_path, before, _told())
    assert _found(check, month) == failures
    assert [other for other in BY_ID if other != check and _found(other, month)] == []


def _without(rows: Rows, nog: int) -> Rows:
    return {table: [row for row in found if row["nog"] != nog] for table, found in rows.items()}


def test_a_process_that_is_gone_is_one_loss(tmp_path: Path) -> None:
    month = _after(tmp_path, _told(), _without(_told(), 22))
    assert _found("concursos_lost", month) == [(22, "ocid", "ocds-xqjsxa-22")]
    assert [check for check in BY_ID if _found(check, month)] == ["concursos_lost"]


def test_a_process_that_was_rejected_is_not_lost_without_a_word(tmp_path: Path) -> None:
    gone = _without(_told(), 22)
    assert _found("concursos_lost", _after(tmp_path, _told(), gone, [invalid(22)])) == []
    # Another row of it was rejected, or a value: that is no reason.
    rejects = [
        (22, "ofertas", "nog=22 oferta_id=1", "oferta_id", "1", "fila", DUPLICATE),
        (22, "concursos", "nog=22", "moneda", "XXX", "valor", "código desconocido"),
        (None, "concursos", "nog=", "nog", None, "fila", "vacío"),
    ]
    assert len(_found("concursos_lost", _after(tmp_path, _told(), gone, rejects))) == 1


def test_the_gate_lets_few_go(tmp_path: Path) -> None:
    def judged(number: int) -> Outcome:
        before = _told()
        before["records"] += [{"nog": 100 + n, "ocid": f"ocds-xqjsxa-{100 + n}"} for n in range(number)]
        return _judged("concursos_lost", _after(tmp_path, before, _told()))

    assert judged(2).state == "pass"
    assert judged(3).state == "fail"
    assert {load()[check].severity for check in ("concursos_lost", "releases_lost")} == {"block"}


# Releases.


def test_a_release_that_says_something_else_under_its_id(tmp_path: Path) -> None:
    before = _told()
    before["releases"][1]["sha256"] = "b" * 64
    month = _after(tmp_path, before, _told())
    assert _found("releases_changed", month) == [(11, "id", before["releases"][1]["id"])]
    assert _judged("releases_changed", month).applicable == 4


def test_what_our_own_code_says_in_other_words_is_no_change_of_the_source(tmp_path: Path) -> None:
    before = _told()
    for row in before["releases"]:
        row["sha256"] = "b" * 64
    before["awards"].append({**before["awards"][0], "id": "gone"})
    month = _after(tmp_path, before, _told(), same_code=False)
    assert _judged("releases_changed", month).state == "not_applicable"
    # Whoever lost it, it is lost.
    assert _found("awards_lost", month) == [(11, "awards/id", "gone")]


def test_a_version_from_before_digests_cannot_be_compared_by_them(tmp_path: Path) -> None:
    month = _after(tmp_path, _told(), _told())
    assert month.previous
    old = tmp_path / "old.parquet"
    month.previous.scan("releases").drop("sha256").sink_parquet(old)
    month = replace(month, previous=replace(month.previous, tables={**month.previous.tables, "releases": old}))
    assert _judged("releases_changed", month).state == "not_applicable"
    assert _judged("releases_lost", month).state == "pass"
    assert _judged("fields_lost", month).state in ("pass", "not_applicable")


# Fields.


def _filled(bench: Workshop, table: str, column: str, number: int) -> Outcome:
    """The public version had values in the first `number` rows of a column."""
    bench.put_before(
        table,
        lambda frame: frame.with_columns(pl.when(pl.int_range(pl.len()) < number).then(pl.lit("x")).alias(column)),
    )
    return _judged("fields_lost", bench.month)


def test_a_field_that_was_filled_and_is_not(clean: quality.Month, tmp_path: Path) -> None:
    bench = Workshop(clean, tmp_path)
    bench.set("records", pl.lit(True), tender_subMethod_id=None)
    # Of few values nothing is said.
    assert _filled(bench, "records", "tender_subMethod_id", 19).failures.is_empty()
    assert _filled(bench, "records", "tender_subMethod_id", 20).failures.rows() == [
        (None, "tender/subMethod/id", "records.tender_subMethod_id: 3.3 % -> 0.0 %")
    ]


def test_a_field_that_is_filled_less_often(clean: quality.Month, tmp_path: Path) -> None:
    bench = Workshop(clean, tmp_path)
    place = pl.int_range(pl.len())
    bench.set("records", pl.lit(True), tender_subMethod_id=pl.when(place < 240).then(pl.lit("1")))
    assert _filled(bench, "records", "tender_subMethod_id", 300).failures.is_empty()
    assert _filled(bench, "records", "tender_subMethod_id", 301).failures.height == 1


def test_a_table_that_is_empty_now_lost_its_fields(clean: quality.Month, tmp_path: Path) -> None:
    bench = Workshop(clean, tmp_path)
    bench.succeed()
    bench.put("bids", bench.table("bids").clear())
    found = _judged("fields_lost", bench.month).failures
    assert set(found["path"]) >= {"bids/details/id", "bids/details/value/amount"}


def test_a_column_that_is_no_more_lost_its_values(clean: quality.Month, tmp_path: Path) -> None:
    bench = Workshop(clean, tmp_path)
    bench.succeed()
    assert bench.month.previous
    old = tmp_path / "old.parquet"
    bench.month.previous.scan("bids").with_columns(color=pl.lit("azul")).sink_parquet(old)
    previous = replace(bench.month.previous, tables={**bench.month.previous.tables, "bids": old})
    found = _judged("fields_lost", replace(bench.month, previous=previous))
    assert found.failures.rows() == [(None, "color", "bids.color: 100.0 % -> 0.0 %")]


# Amounts and stages.


@pytest.mark.parametrize(
    ("table", "column", "was", "failures"),
    [
        ("records", "tender_value_amount", 500, [(11, "tender/value/amount", "500.0 -> 5000.0")]),
        ("records", "tender_value_amount", 50000, [(11, "tender/value/amount", "50000.0 -> 5000.0")]),
        ("records", "tender_value_amount", 1000, []),
        ("bids", "value_amount", 400, [(11, "bids/details/value/amount", "1: 400.0 -> 4000.0")]),
        ("awards", "value_amount", 40000, [(11, "awards/value/amount", "GT-ADJ-11-7894880: 40000.0 -> 4000.0")]),
        ("contracts", "value_amount", 40, [(11, "contracts/value/amount", "NOG-11-CON-1: 40.0 -> 4000.0")]),
        # Not known then, and in another currency: nothing to compare.
        ("awards", "value_amount", 0, []),
        ("awards", "value_amount", None, []),
        ("awards", "value_currency", "USD", []),
    ],
)
def test_an_amount_that_moved(
    tmp_path: Path, table: str, column: str, was: Any, failures: list[tuple[Any, ...]]
) -> None:
    before = _told()
    before[table][0][column] = was
    month = _after(tmp_path, before, _told())
    assert _found("amounts_moved", month) == failures
    assert _judged("amounts_moved", month).state == ("fail" if failures else "pass")


def _stage(status: str, *tables: str) -> Rows:
    """The first NOG at a stage; the second as it was."""
    rows = _told()
    rows["records"][0]["tender_status"] = status
    for table in ("awards", "contracts"):
        if table not in tables:
            rows[table] = [row for row in rows[table] if row["nog"] != 11]
    return rows


@pytest.mark.parametrize(
    ("before", "now", "shown"),
    [
        (_stage("complete"), _stage("active"), "cierre -> convocatoria"),
        (_stage("unsuccessful"), _stage("active"), "cierre -> convocatoria"),
        (_stage("complete", "awards"), _stage("complete"), "adjudicación -> cierre"),
        (_stage("complete", "awards", "contracts"), _stage("complete", "awards"), "contrato -> adjudicación"),
        (_stage("complete", "awards", "contracts"), _stage("active"), "contrato -> convocatoria"),
        (_stage("active"), _stage("complete"), None),
        (_stage("complete"), _stage("unsuccessful"), None),
        (_stage("complete", "awards"), _stage("active", "awards"), None),
        (_stage("planned"), _stage("active"), None),
    ],
)
def test_a_stage_that_a_process_had_left(tmp_path: Path, before: Rows, now: Rows, shown: str | None) -> None:
    month = _after(tmp_path, before, now)
    assert _found("status_backwards", month) == ([(11, "tender/status", shown)] if shown else [])
    assert _judged("status_backwards", month).applicable == 2
