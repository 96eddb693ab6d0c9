"""Each check on small tables made by hand: the clean month passes, each fault is found with its NOG and its path."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras import quality, tables
from guatecompras.arrivals import DUPLICATE, OTHER_MONTH
from guatecompras.contract import REJECTS_SCHEMA
from guatecompras.errors import GateError
from guatecompras.ocds.cohort import INVALID, UNMERGEABLE
from guatecompras.quality import CHECKS, Check, Finding, Outcome, gate
from guatecompras.quality.check import EXAMPLES, FAILURES_SCHEMA
from guatecompras.quality.rules import Rule
from guatecompras.values import EMPTY, UNREADABLE

MONTH = "2026-01"
Rows = dict[str, list[dict[str, Any]]]

_at = datetime.fromisoformat
CALLED = _at("2026-01-31 23:59:59")  # in UTC it is February already
BY_ID = {check.id: check for check in CHECKS}


def _concurso(nog: int) -> Rows:
    """The rows of one NOG: called for, one offer, one award, one contract."""
    key = {"ocid": f"ocds-xqjsxa-{nog}", "nog": nog}
    supplier, award = "GT-NIT-7894880", f"GT-ADJ-{nog}-7894880"
    roles = (
        ("GT-CISP-342", "buyer"),
        ("GT-GCUC-342-2", "procuringEntity"),
        (supplier, "tenderer"),
        (supplier, "supplier"),
    )
    return {
        "records": [
            {
                **key,
                "buyer_id": "GT-CISP-342",
                "tender_procuringEntity_id": "GT-GCUC-342-2",
                "tender_datePublished": CALLED,
                "dataSegmentation_id": MONTH,
            }
        ],
        "parties": [{**key, "id": name} for name in ("GT-CISP-342", "GT-GCUC-342-2", supplier)],
        "party_roles": [{**key, "party_id": name, "role": role} for name, role in roles],
        "items": [{**key, "id": "1"}, {**key, "id": "2"}],
        "documents": [{**key, "id": "1"}],
        "bids": [{**key, "id": "1", "tenderers_id": supplier}],
        "awards": [{**key, "id": award}],
        "award_suppliers": [{**key, "award_id": award, "id": supplier}],
        "contracts": [{**key, "id": f"NOG-{nog}-CON-1", "awardID": award}],
        "releases": [
            {**key, "id": f"GT-NOG-{nog}-T1", "date": CALLED, "publishedDate": CALLED},
            {
                **key,
                "id": f"GT-NOG-{nog}-T2",
                "date": _at("2026-03-01 00:00:00"),
                "publishedDate": _at("2026-03-02 00:00:00"),
            },
        ],
    }


def _clean() -> Rows:
    """Two NOGs that share their ids of items, documents and bids, as they may."""
    first, second = _concurso(11), _concurso(22)
    return {table: first[table] + second[table] for table in first}


def _month(folder: Path, rows: Rows, rejects: list[tuple[Any, ...]] = [], **counts: int) -> quality.Month:  # noqa: B006
    """The month as the pipeline would hand it over: Parquet files with the pipeline's own schemas."""
    files = {}
    for name in tables.NAMES:
        empty = pl.from_arrow(tables.arrow_schema(name).empty_table())
        assert isinstance(empty, pl.DataFrame)
        found = rows.get(name, [])
        data = {
            column: pl.Series(
                column, [row.get(column) for row in found], dtype=None if isinstance(kind, pl.Datetime) else kind
            )
            for column, kind in empty.schema.items()
        }
        frame = pl.DataFrame(data).with_columns(
            pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone(kind.time_zone)
            for column, kind in empty.schema.items()
            if isinstance(kind, pl.Datetime)
        )
        assert frame.schema == empty.schema
        files[name] = folder / f"{name}.parquet"
        frame.write_parquet(files[name])
    path = folder / "rechazos.parquet"
    pl.DataFrame(rejects, schema=REJECTS_SCHEMA, orient="row").write_parquet(path)
    sizes = {name: len(rows.get(name, [])) for name in ("records", "releases")}
    given = {"concursos": sizes["records"], "rejected": 0, **sizes, **counts}
    return quality.Month(MONTH, files, folder / "releases.jsonl.gz", path, given, quality.rules.load())


def _invalid(nog: int, path: str = "buyer", motive: str = INVALID) -> tuple[Any, ...]:
    return (nog, "concursos", f"nog={nog}", path, None, "fila", f"{motive}: …")


def _arrival(nog: int | None, column: str, motive: str) -> tuple[Any, ...]:
    return (nog, "concursos", f"nog={nog or ''}", column, None, "fila", motive)


def _found(check: str, month: quality.Month) -> list[tuple[Any, ...]]:
    outcome = BY_ID[check].evaluate(month)
    assert outcome.failures.schema == pl.Schema(FAILURES_SCHEMA)
    assert outcome.passed == outcome.failures.is_empty()
    return outcome.failures.rows()


def test_a_clean_month_passes_every_check(tmp_path: Path) -> None:
    outcomes = quality.run(_month(tmp_path, _clean()))
    assert all(outcome.passed and outcome.failures.is_empty() for outcome in outcomes)
    gate.require(outcomes, MONTH)


def test_checks_say_what_they_are() -> None:
    assert len(BY_ID) == len(CHECKS)
    for check in CHECKS:
        assert check.version
        assert check.meaning.endswith(".")
        assert check.description.endswith(".")
        assert check.asset.startswith("tables/")
    assert quality.rules.load().keys() == BY_ID.keys()


# One fault after another.


def _set(table: str, row: int, **values: Any) -> Callable[[Rows], None]:
    return lambda rows: rows[table][row].update(values)


def _repeat(table: str) -> Callable[[Rows], None]:
    return lambda rows: rows[table].append(dict(rows[table][-1]))


_NOW = _at("2026-05-01 00:00:00")

_FAULTS: list[tuple[str, Callable[[Rows], None], list[tuple[Any, ...]]]] = [
    ("identifiers", _repeat("records"), [(22, "records/ocid", "ocds-xqjsxa-22")]),
    ("identifiers", _repeat("releases"), [(22, "releases/id", "GT-NOG-22-T2")]),
    ("identifiers", _set("releases", 2, id="GT-NOG-11-T1"), [(11, "releases/id", "GT-NOG-11-T1")]),
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
        [(11, "date", "GT-NOG-11-T1 2026-01-31T23:59:58-06:00")],
    ),
    (
        "release_dates",
        _set("releases", 3, publishedDate=_at("2026-02-28 00:00:00")),
        [(22, "publishedDate", "GT-NOG-22-T2 2026-02-28T00:00:00-06:00")],
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


def test_the_gate_stops_blocking_checks_only_and_names_them_all() -> None:
    gate.require([_outcome("block", True, 0), _outcome("block", True, 3), _outcome("warn", False, 4)], MONTH)
    with pytest.raises(GateError) as raised:
        gate.require([_outcome("block", False, 1), _outcome("warn", False, 4), _outcome("block", False, 2)], MONTH)
    text = str(raised.value)
    assert text.startswith(f"{MONTH} is not published, these checks failed: block1 (1: NOG 1 some/path xxx")
    assert "; block2 (2: NOG 1" in text
    assert "warn" not in text
    assert len(text) < 600
    assert "\n" not in text


def test_a_summary_has_the_first_few_failures() -> None:
    summary = _outcome("block", False, 9).summary()
    assert (summary["id"], summary["failures"], summary["passed"]) == ("block9", 9, False)
    assert [example["nog"] for example in summary["examples"]] == list(range(1, EXAMPLES + 1))
