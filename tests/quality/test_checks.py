"""Each check on small tables made by hand: the clean month passes, each fault is found with its NOG and its path."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras import quality
from guatecompras.arrivals import DUPLICATE, OTHER_MONTH
from guatecompras.errors import GateError, GuatecomprasError
from guatecompras.ocds.cohort import INVALID, UNMERGEABLE
from guatecompras.quality import CHECKS, Check, Finding, Outcome, gate
from guatecompras.quality.check import EXAMPLES, FAILURES_SCHEMA
from guatecompras.quality.rules import Rule
from guatecompras.values import EMPTY, UNREADABLE
from tests.quality.small_month import BY_ID, MONTH, Rows
from tests.quality.small_month import at as _at
from tests.quality.small_month import clean as _clean
from tests.quality.small_month import found as _found
from tests.quality.small_month import month as _month
from tests.quality.small_month import put as _set
from tests.quality.small_month import repeat as _repeat


def _invalid(nog: int, path: str = "buyer", motive: str = INVALID) -> tuple[Any, ...]:
    return (nog, "concursos", f"nog={nog}", path, None, "fila", f"{motive}: …")


def _arrival(nog: int | None, column: str, motive: str) -> tuple[Any, ...]:
    return (nog, "concursos", f"nog={nog or ''}", column, None, "fila", motive)


def test_a_clean_month_passes_every_check(tmp_path: Path) -> None:
    outcomes = quality.run(_month(tmp_path, _clean()))
    assert all(outcome.passed and outcome.failures.is_empty() for outcome in outcomes)
    gate.require(_summaries(*outcomes), MONTH)


def test_checks_say_what_they_are() -> None:
    assert len(BY_ID) == len(CHECKS)
    for check in CHECKS:
        assert check.version
        assert check.meaning.endswith(".")
        assert check.description.endswith(".")
        assert check.asset.startswith("tables/")
    assert quality.rules.load().keys() == BY_ID.keys()


# One fault after another.


_NOW = _at("2026-05-01 00:00:00")

_FAULTS: list[tuple[str, Callable[[Rows], None], list[tuple[Any, ...]]]] = [
    ("identifiers", _repeat("records"), [(22, "records/ocid", "ocds-xqjsxa-22")]),
    ("identifiers", _repeat("releases"), [(22, "releases/id", "GT-NOG-22-T000000000000000002")]),
    (
        "identifiers",
        _set("releases", 2, id="GT-NOG-11-T000000000000000001"),
        [(11, "releases/id", "GT-NOG-11-T000000000000000001")],
    ),
    ("identifiers", _repeat("parties"), [(22, "parties/id", "GT-NIT-7894880")]),
    ("identifiers", _repeat("items"), [(22, "items/id", "2")]),
    ("identifiers", _repeat("documents"), [(22, "documents/id", "1")]),
    ("identifiers", _repeat("bids"), [(22, "bids/id", "1")]),
    ("identifiers", _repeat("awards"), [(22, "awards/id", "GT-ADJ-22-7894880")]),
    ("identifiers", _repeat("contracts"), [(22, "contracts/id", "NOG-22-CON-1")]),
    ("references", _set("records", 0, buyer_id="GT-CISP-9"), [(11, "buyer/id", "GT-CISP-9")]),
    (
        "references",
        _set("records", 1, tender_procuringEntity_id="GT-GCUC-9"),
        [(22, "tender/procuringEntity/id", "GT-GCUC-9")],
    ),
    ("references", _set("bids", 1, tenderers_id="GT-NIT-9"), [(22, "bids/details/tenderers/id", "GT-NIT-9")]),
    ("references", _set("award_suppliers", 0, id="GT-NIT-9"), [(11, "awards/suppliers/id", "GT-NIT-9")]),
    # The award is there, but in another NOG.
    (
        "references",
        _set("contracts", 0, awardID="GT-ADJ-22-7894880"),
        [(11, "contracts/awardID", "GT-ADJ-22-7894880")],
    ),
    ("references", _set("bids", 0, tenderers_id=None), []),
    (
        "release_dates",
        _set("releases", 0, date=_at("2026-01-31 23:59:58")),
        [(11, "date", "GT-NOG-11-T000000000000000001 2026-01-31T23:59:58-06:00")],
    ),
    (
        "release_dates",
        _set("releases", 3, publishedDate=_at("2026-02-28 00:00:00")),
        [(22, "publishedDate", "GT-NOG-22-T000000000000000002 2026-02-28T00:00:00-06:00")],
    ),
    ("release_dates", _set("releases", 3, date=_NOW, publishedDate=_NOW), []),
    (
        "segmentation",
        _set("records", 0, dataSegmentation_id="2026-02"),
        [(11, "dataSegmentation/id", "2026-02 / 2026-01")],
    ),
    (
        "segmentation",
        _set("records", 1, tender_datePublished=_at("2026-02-01 00:00:00")),
        [(22, "dataSegmentation/id", "2026-01 / 2026-02")],
    ),
    (
        "segmentation",
        _set("records", 1, dataSegmentation_id=None),
        [(22, "dataSegmentation/id", "- / 2026-01")],
    ),
    (
        "segmentation",
        _set("records", 1, tender_datePublished=None),
        [(22, "dataSegmentation/id", "2026-01 / -")],
    ),
]


@pytest.mark.parametrize(("check", "fault", "failures"), _FAULTS)
def test_a_fault_is_found_with_its_nog_and_path(
    tmp_path: Path, check: str, fault: Callable[[Rows], None], failures: list[tuple[Any, ...]]
) -> None:
    rows = _clean()
    fault(rows)
    assert _found(check, _month(tmp_path, rows)) == failures


# Counts.


@pytest.mark.parametrize(
    ("counts", "failures"),
    [
        ({"concursos": 3}, [(None, "concursos = records + rejected", "3 / 2")]),
        (
            {"concursos": 3, "records": 3},
            [(None, "records = rows of the table records", "3 / 2")],
        ),
        ({"releases": 5}, [(None, "releases = rows of the table releases", "5 / 4")]),
        ({"concursos": 3, "rejected": 1}, [(None, "rejected concursos have a reason", "1 / 0")]),
    ],
)
def test_counts_that_do_not_add_up_are_found(
    tmp_path: Path, counts: dict[str, int], failures: list[tuple[Any, ...]]
) -> None:
    assert _found("counts", _month(tmp_path, _clean(), **counts)) == failures


def test_every_rejected_concurso_needs_a_reject_that_names_it(tmp_path: Path) -> None:
    """Six are lost: one breaks the profile (twice), one does not merge, two have no NOG (one no date either), and one
    came three times, which is two too many."""
    rejects = [
        _invalid(33),
        _invalid(33, "tender/id"),
        _invalid(44, motive=UNMERGEABLE),
        _arrival(None, "nog", EMPTY),
        _arrival(None, "nog", UNREADABLE),
        _arrival(None, "fecha_publicacion", EMPTY),
        _arrival(11, "nog", DUPLICATE),
        _arrival(11, "nog", DUPLICATE),
        # Not a concurso that is lost: a value, and another table's row.
        (22, "concursos", "nog=22", "moneda", "XXX", "valor", "código desconocido"),
        (22, "ofertas", "nog=22 oferta_id=1", "oferta_id", "1", "fila", DUPLICATE),
    ]
    assert _found("counts", _month(tmp_path, _clean(), rejects, concursos=8, rejected=6)) == []
    assert _found("counts", _month(tmp_path, _clean(), rejects, concursos=9, rejected=7)) == [
        (None, "rejected concursos have a reason", "7 / 6")
    ]
    late = [*rejects, _arrival(55, "fecha_publicacion", OTHER_MONTH)]
    assert _found("counts", _month(tmp_path, _clean(), late, concursos=9, rejected=7)) == []


def test_a_month_that_would_lose_everything_is_no_month(tmp_path: Path) -> None:
    rejects = [_arrival(nog, "fecha_publicacion", UNREADABLE) for nog in (11, 22)]
    assert _found("counts", _month(tmp_path, {}, rejects, concursos=2, rejected=2)) == [(None, "records", "0")]


# The share of rejected concursos.


def _judged(folder: Path, lost: int, concursos: int, share: float) -> Outcome:
    # Two errors a NOG: NOGs are counted, not errors.
    rejects = [_invalid(nog, path) for nog in range(100, 100 + lost) for path in ("buyer", "tender/id")]
    month = _month(folder, {}, rejects, concursos=concursos, records=concursos - lost, rejected=lost)
    return BY_ID["schema"].evaluate(replace(month, rules={"schema": Rule("block", share)}))


@pytest.mark.parametrize(
    ("lost", "concursos", "share", "passed"),
    [
        (0, 100, 0.0, True),
        (1, 100, 0.01, True),
        (2, 100, 0.01, False),
        (1, 99, 0.01, False),
        (1, 100, 0.0, False),
        (29, 100, 0.29, True),
        (30, 100, 0.29, False),
        (7, 100, 0.07, True),
        (1, 1, 1.0, True),
    ],
)
def test_only_a_share_of_the_month_may_break_the_profile(
    tmp_path: Path, lost: int, concursos: int, share: float, passed: bool
) -> None:
    outcome = _judged(tmp_path, lost, concursos, share)
    assert outcome.passed is passed
    assert outcome.failures.height == 2 * lost
    assert outcome.note == ("within what its rule tolerates" if passed and lost else "")
    if lost:
        assert outcome.failures.row(0) == (100, "buyer", f"{INVALID}: …")


@given(st.integers(1, 400), st.integers(0, 400))
def test_a_share_is_reached_exactly_by_its_own_number(concursos: int, lost: int) -> None:
    """Whatever the numbers, `lost` of `concursos` is within the share lost / concursos and not within less."""
    lost = min(lost, concursos)
    assert Rule("block", lost / concursos).tolerates(lost, concursos)
    if lost:
        assert not Rule("block", (lost - 0.5) / concursos).tolerates(lost, concursos)


def test_what_was_rejected_on_arrival_never_stops_a_month(tmp_path: Path) -> None:
    rejects = [_arrival(nog, "fecha_publicacion", UNREADABLE) for nog in range(50)]
    outcomes = quality.run(_month(tmp_path, _clean(), rejects, concursos=52, rejected=50))
    assert all(outcome.passed for outcome in outcomes)


# The gate, and how outcomes are told.


def _outcome(severity: Any, passed: bool, failures: int) -> Outcome:
    rows = [(nog, "some/path", "x" * 300) for nog in range(1, failures + 1)]
    found = Finding.of(100, pl.DataFrame(rows, schema=FAILURES_SCHEMA, orient="row"))
    name = f"{severity}{failures}"
    check = Check(name, "1", "month", "validez", "tables/records", (), "", "", lambda month: found)
    return Outcome(check, Rule(severity, float(passed)), found.applicable, found.failed, found.failures)


def _summaries(*outcomes: Outcome) -> list[dict[str, Any]]:
    return [outcome.summary() for outcome in outcomes]


def test_the_gate_stops_blocking_checks_only_and_names_them_all() -> None:
    gate.require(_summaries(_outcome("block", True, 0), _outcome("block", True, 3), _outcome("warn", False, 4)), MONTH)
    wrong = _summaries(_outcome("block", False, 1), _outcome("warn", False, 4), _outcome("block", False, 2))
    with pytest.raises(GateError) as raised:
        gate.require(wrong, MONTH)
    text = str(raised.value)
    assert text.startswith(f"{MONTH} is not published, these checks failed: block1 (1: NOG 1 some/path xxx")
    assert "; block2 (2: NOG 1" in text
    assert "warn" not in text
    assert len(text) < 600
    assert "\n" not in text
    with pytest.raises(GateError, match=r"failed: block2 \("):
        gate.require(wrong, MONTH, {"block1": "se sabe"})
    gate.require(wrong, MONTH, {"block1": "se sabe", "block2": "también"})


def test_only_what_blocks_can_be_accepted_and_only_with_a_reason() -> None:
    rules = {"one": Rule("block"), "two": Rule("warn")}
    assert gate.overrides([("one", " se\n sabe ")], rules) == {"one": "se sabe"}
    assert gate.overrides_told('{"one": "se sabe"}', rules) == {"one": "se sabe"}
    assert gate.overrides_told("", rules) == {}
    for pair, message in {
        ("three", "x"): "no check 'three'",
        ("two", "x"): "'two' blocks nothing",
        ("one", " "): "say why 'one'",
    }.items():
        with pytest.raises(GuatecomprasError, match=message):
            gate.overrides([pair], rules)
    for text in ("{", "[]", "1", '"one"'):
        with pytest.raises(GuatecomprasError, match="overrides are a JSON object"):
            gate.overrides_told(text, rules)


def test_a_summary_has_the_first_few_failures() -> None:
    summary = _outcome("block", False, 9).summary()
    assert (summary["id"], summary["failures"], summary["passed"]) == ("block9", 9, False)
    assert [example["nog"] for example in summary["examples"]] == list(range(1, EXAMPLES + 1))
