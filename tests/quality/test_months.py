"""Checks of a month as a whole: the one test against the months before, its properties, and each check on small months."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from guatecompras import quality, tables
from guatecompras.quality import CHECKS
from guatecompras.quality.check import Distributions, Outcome
from guatecompras.quality.deviation import LOGARITHMS, SHARES, band, unlike
from guatecompras.quality.distributions import ABSENT, filled_rows
from guatecompras.quality.rules import Rule, load
from tests.quality.faults.workshop import Workshop, months_like
from tests.quality.test_checks import _clean as rows_of_two
from tests.quality.test_checks import _month as small

BY_ID = {check.id: check for check in CHECKS}
PARAMETERS = {"months": 6, "spreads": 5, "least": 0.03, "concursos": 100, "days": 60}
DISTRIBUTIONS = [check for check in BY_ID if check.startswith("distribution_")]


def _judged(check: str, month: quality.Month) -> Outcome:
    return BY_ID[check].evaluate(month)


def _ruled(month: quality.Month, check: str, **parameters: Any) -> quality.Month:
    """The month under other parameters of one check."""
    rule = load()[check]
    return replace(month, rules={**month.rules, check: replace(rule, parameters={**rule.parameters, **parameters})})


# The test against the months before.

places = st.floats(0, 1)
histories = st.lists(places, min_size=6, max_size=12)


def _band(history: list[float], **other: float) -> Any:
    return band(history, **{"least_months": 6, "spreads": 5, "least": 0.03, **other})


@given(places, st.integers(0, 12), places)
def test_months_that_were_all_alike_say_nothing(constant: float, number: int, now: float) -> None:
    assert _band([constant] * number) is None
    numbers = {"a": constant + 1, "b": 1.0}
    assert unlike({"a": now, "b": 1 - now}, [SHARES.read(numbers)] * number, SHARES, PARAMETERS) == (0, [])


@given(st.lists(places, max_size=5))
def test_few_months_say_nothing(history: list[float]) -> None:
    assert _band(history) is None


@given(histories, st.floats(1.001, 1000), st.sampled_from([-1, 1]))
def test_a_shift_beyond_the_bound_is_found_and_one_within_is_not(history: list[float], times: float, sign: int) -> None:
    room = _band(history)
    assume(room is not None)
    assert not room.holds(room.centre + sign * times * room.width)
    assert room.holds(room.centre + sign * room.width / times)
    assert room.holds(room.centre)


@given(histories, st.randoms())
def test_the_order_of_the_months_does_not_matter(history: list[float], random: Any) -> None:
    shuffled = list(history)
    random.shuffle(shuffled)
    assert _band(shuffled) == _band(history)


numbers = st.lists(st.integers(10, 10**6).map(float), min_size=7, max_size=13)


@given(numbers, st.floats(1, 1000))
def test_of_logarithms_the_unit_does_not_matter(amounts: list[float], unit: float) -> None:
    """Whether amounts are told in quetzales or in cents, the same months are unlike."""

    def judged(times: float) -> tuple[int, bool]:
        now, *before = [LOGARITHMS.read({"p50": amount * times}) for amount in amounts]
        judged, found = unlike(now, before, LOGARITHMS, PARAMETERS)
        return judged, bool(found)

    now, *before = map(math.log, amounts)
    room = _band(before)
    # Not where rounding decides.
    assume(room is None or abs(abs(now - room.centre) - room.width) > 1e-6)
    assert judged(1) == judged(unit)


@given(st.lists(places, min_size=7, max_size=12), st.floats(10, 1e6))
def test_one_odd_month_does_not_hide_another(history: list[float], odd: float) -> None:
    """However far off one of the months is, the band stays where the others are."""
    room = _band([*history[:-1], odd])
    assume(room is not None)
    assert 0 <= room.centre <= 1
    assert room.width <= 5 * 1.4826


def test_what_is_small_is_no_news_however_steady_the_past() -> None:
    history = [0.5 + place / 10_000 for place in range(12)]
    assert _band(history, least=0.03).holds(0.52)
    assert not _band(history, least=0.003).holds(0.52)


def test_a_category_that_a_month_lacks_is_zero_of_shares_and_unknown_of_amounts() -> None:
    before = [{"a": 0.5 + place / 100, "b": 0.5 - place / 100} for place in range(8)]
    assert unlike({"a": 1.0}, before, SHARES, PARAMETERS) == (
        2,
        [
            ("a", "100.0 %; antes 53.5 % (de 50.0 % a 57.0 % en 8 meses)"),
            ("b", "0.0 %; antes 46.5 % (de 43.0 % a 50.0 % en 8 meses)"),
        ],
    )
    assert unlike({"a": 0.53}, before, LOGARITHMS, PARAMETERS) == (1, [])


def test_nothing_has_no_shares_and_counts_from_one_have_a_logarithm() -> None:
    assert SHARES.read({}) == SHARES.read({"a": 0.0}) == {}
    assert LOGARITHMS.read({"a": 0.0, "b": 1.0, "c": math.e}) == {"a": 0.0, "b": 0.0, "c": 1.0}


# Which months are compared.


@pytest.fixture
def bench(clean: quality.Month, tmp_path: Path) -> Workshop:
    return Workshop(clean, tmp_path)


def test_a_month_like_those_before_passes_every_distribution(bench: Workshop) -> None:
    bench.follow()
    for check in DISTRIBUTIONS:
        outcome = _judged(check, bench.month)
        assert (outcome.state, outcome.failed) == ("pass", 0), check
    assert _judged("volume", bench.month).state == "pass"
    assert _judged("coverage_fallen", bench.month).applicable > 100


@pytest.mark.parametrize("months", [0, 5])
def test_with_a_short_history_distributions_do_not_apply(bench: Workshop, months: int) -> None:
    bench.remember("rows", records=20, bids=20)
    bench.month = replace(bench.month, history=dict(list(bench.month.history.items())[:months]))
    assert {_judged(check, bench.month).state for check in DISTRIBUTIONS} == {"not_applicable"}


def test_a_distribution_that_older_versions_lack_does_not_apply(bench: Workshop) -> None:
    bench.follow()
    history = {
        name: {key: value for key, value in before.items() if key != "methods"}
        for name, before in bench.month.history.items()
    }
    bench.month = replace(bench.month, history=history)
    assert _judged("distribution_methods", bench.month).state == "not_applicable"
    assert _judged("distribution_categories", bench.month).state == "pass"


def _aged(distributions: Distributions, days: float) -> Distributions:
    return {**distributions, "age": {"days": days}}


MATURING = {"distribution_statuses", "distribution_tenderers", "distribution_results", "distribution_award_values"}


@pytest.mark.parametrize("check", sorted(MATURING))
def test_what_comes_with_time_is_compared_between_months_that_had_it(bench: Workshop, check: str) -> None:
    bench.follow()
    young = {name: _aged(before, 59) for name, before in bench.month.history.items()}
    assert _judged(check, bench.month).state == "pass"
    assert _judged(check, replace(bench.month, history=young)).state == "not_applicable"
    grown = list(young.items())[:6] + list(bench.month.history.items())[6:]
    assert _judged(check, replace(bench.month, history=dict(grown))).state == "pass"
    # The month itself is too young.
    month = _ruled(bench.month, check, days=bench.month.distributions["age"]["days"] + 1)
    assert _judged(check, month).state == "not_applicable"


def test_small_months_are_not_compared(bench: Workshop) -> None:
    bench.follow()
    assert _judged("distribution_methods", _ruled(bench.month, "distribution_methods", concursos=601)).applicable == 0
    few = {name: {**before, "rows": {"records": 99.0}} for name, before in bench.month.history.items()}
    assert _judged("distribution_methods", replace(bench.month, history=few)).state == "not_applicable"


# Volume.


def _volume(bench: Workshop, *records: float, days: float = 60) -> Outcome:
    like = months_like(bench.month.distributions, ["2025-01"])["2025-01"]
    history = {
        f"2025-{number:02d}": {**_aged(like, days), "rows": {"records": float(size)}}
        for number, size in enumerate(records, 1)
    }
    return _judged("volume", replace(bench.month, history=history))


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ((), "not_applicable"),
        ((9000, 9000), "not_applicable"),
        ((9000, 9000, 9000), "fail"),
        ((9000, 9000, 1201), "fail"),
        # Half of the least is enough: so slack a month has been before.
        ((9000, 9000, 1200), "pass"),
        ((10, 10, 10), "pass"),
        # All alike is no reason to be silent here.
        ((2000,) * 12, "fail"),
        # A month that was published empty is none to be measured by.
        ((9000, 9000, 0), "not_applicable"),
    ],
)
def test_sharply_fewer_concursos_than_in_any_month_before(
    bench: Workshop, records: tuple[float, ...], state: str
) -> None:
    assert _volume(bench, *records).state == state


def test_volume_says_what_is_missing(bench: Workshop) -> None:
    assert _volume(bench, 9000, 8000, 7000).failures.rows() == [
        (None, "ocid", "600 concursos; el menor de los 3 meses anteriores tuvo 7,000")
    ]


def test_a_month_that_is_running_has_no_volume_yet(bench: Workshop) -> None:
    # Neither to be held against others, nor others against it.
    assert _volume(bench, 9000, 9000, 9000, days=-3).state == "not_applicable"
    bench.put("releases", bench.table("releases").with_columns(pl.col("date", "publishedDate").dt.offset_by("-90d")))
    assert bench.month.distributions["age"]["days"] < -2
    assert _volume(bench, 9000, 9000, 9000).state == "not_applicable"
    assert _volume(bench, 9000, 9000, 9000, days=60).state == "not_applicable"


# Coverage.


def _covered(bench: Workshop, *shares: float, column: str = "records.tender_value_amount") -> Outcome:
    history = {
        f"2025-{number:02d}": {**bench.month.distributions, "coverage": {column: share}}
        for number, share in enumerate(shares, 1)
    }
    return _judged("coverage_fallen", replace(bench.month, history=history))


def test_a_field_filled_much_less_often_than_ever_before(bench: Workshop) -> None:
    # Of 600 concursos, 200 have an estimate.
    assert _covered(bench, 0.6, 0.5, 0.6).failures.rows() == [
        (
            None,
            "tender/value/amount",
            "records.tender_value_amount: 33.3 %; en los 3 meses anteriores, al menos 50.0 %",
        )
    ]
    assert _covered(bench, 0.6, 0.4, 0.6).state == "pass"
    assert _covered(bench, 0.6, 0.6).state == "not_applicable"
    # Never there so far: it cannot be missed.
    assert _covered(bench, 0.0, 0.6, 0.6).state == "not_applicable"
    # Of tables as short as that of contracts nothing is said.
    assert _covered(bench, 1.0, 1.0, 1.0, column="contracts.title").state == "not_applicable"


# Single months.


def test_an_id_in_other_months_is_named_with_them(tmp_path: Path) -> None:
    month = small(tmp_path, rows_of_two())
    first, second = (row["id"] for row in rows_of_two()["releases"][:2])
    elsewhere = {name: dict(month.tables) for name in ("2025-12", "2025-11")}
    (tmp_path / "other").mkdir()
    strangers = rows_of_two()
    for rows in strangers.values():
        for row in rows:
            row.update(nog=99, ocid="ocds-xqjsxa-99", id=f"99-{row.get('id')}")
    elsewhere["2025-10"] = dict(small(tmp_path / "other", strangers).tables)
    found = _judged("identifiers_across_months", replace(month, elsewhere=elsewhere))
    assert found.applicable == 8
    assert found.failures.filter(pl.col("nog") == 11).rows() == [
        (11, "contracts/id", "NOG-11-CON-1 (2025-11, 2025-12)"),
        (11, "id", f"{first} (2025-11, 2025-12)"),
        (11, "id", f"{second} (2025-11, 2025-12)"),
        (11, "ocid", "ocds-xqjsxa-11 (2025-11, 2025-12)"),
    ]
    assert found.failures.height == 8
    assert _judged("identifiers_across_months", month).state == "not_applicable"
    assert _judged("identifiers_across_months", replace(month, elsewhere={"2025-12": {}})).state == "not_applicable"


def _repeated(folder: Path, values: Mapping[str, int], limit: float = 0.5, column: str = "tender_title") -> Outcome:
    rows = {
        "records": [
            {"nog": place, "ocid": f"ocds-xqjsxa-{place}", column: value}
            for place, value in enumerate(value for value, times in values.items() for _ in range(times))
        ]
    }
    month = _ruled(small(folder, rows), "repeated_values", columns=[["records", column, limit]], rows=10)
    return _judged("repeated_values", month)


@pytest.mark.parametrize(
    ("values", "failures"),
    [
        ({"a": 5, "b": 5}, []),
        ({"a": 6, "b": 4}, [(None, "tender/title", "a: 6 de 10 (60.0 %)")]),
        ({"a": 6, "b": 3}, []),  # too few
    ],
)
def test_a_value_that_fills_a_column(tmp_path: Path, values: dict[str, int], failures: list[Any]) -> None:
    assert _repeated(tmp_path, values).failures.rows() == failures


def test_no_value_and_zero_are_not_repeated(tmp_path: Path) -> None:
    rows = {"records": [{"nog": place, "tender_value_amount": None if place % 2 else 0} for place in range(40)]}
    month = _ruled(small(tmp_path, rows), "repeated_values", columns=[["records", "tender_value_amount", 0.1]], rows=10)
    assert _judged("repeated_values", month).state == "not_applicable"


def test_every_column_of_the_rule_is_one_of_the_paths_said() -> None:
    columns: Any = load()["repeated_values"].parameters["columns"]
    assert sorted(tables.path_of(table, column) for table, column, _ in columns) == sorted(
        BY_ID["repeated_values"].paths
    )


def test_concentration_of_buyers(tmp_path: Path) -> None:
    def judged(*buyers: str) -> list[Any]:
        rows = {
            "records": [
                {"nog": place, "buyer_id": f"GT-CISP-{buyer}", "buyer_name": buyer}
                for place, buyer in enumerate(buyers)
            ]
        }
        month = _ruled(small(tmp_path, rows), "concentration", concursos=5, largest=0.6, single=0.5)
        return _judged("concentration", month).failures.rows()

    assert judged("a", "a", "a", "b", "b") == []
    assert judged("a", "a", "a", "a", "b") == [(None, "buyer/id", "a: 4 de 5 concursos (80.0 %)")]
    assert judged("a", "a", "b", "c", "d") == [
        (None, "buyer/id", "3 de 4 compradores tienen un solo concurso (75.0 %)")
    ]
    assert judged("a", "a", "a", "a") == []


def test_large_awards_without_a_contract(tmp_path: Path) -> None:
    rows = rows_of_two()
    award = {"status": "active", "value_amount": 100_001, "value_currency": "GTQ", "date": rows["releases"][0]["date"]}
    for row in rows["awards"]:
        row.update(award)
    del rows["contracts"][0]
    more = [
        {"id": "small", "value_amount": 100_000},
        {"id": "cancelled", "status": "cancelled"},
        {"id": "dollars", "value_currency": "USD"},
        {"id": "late", "date": rows["releases"][1]["date"]},
        {"id": "undated", "date": None},
    ]
    rows["awards"] += [{**rows["awards"][0], **other} for other in more]
    month = _ruled(small(tmp_path, rows), "contract_coverage", days=20)
    outcome = _judged("contract_coverage", month)
    assert (outcome.applicable, outcome.failed) == (2, 1)
    assert outcome.failures.rows() == [(11, "contracts", "GT-ADJ-11-7894880: Q100001.00")]


# What is measured.


def test_what_a_month_is_like_is_numbers_in_order(clean: quality.Month) -> None:
    measured = clean.distributions
    assert replace(clean).distributions == measured
    assert json.loads(json.dumps(measured)) == measured
    for name, numbers in measured.items():
        assert all(isinstance(number, float) for number in numbers.values()), name
        if name not in ("rows", "coverage"):
            assert list(numbers) == sorted(numbers), name
    assert measured["rows"]["records"] == sum(measured["methods"].values()) == 600
    assert sum(measured["documentTypes"].values()) == measured["rows"]["documents"]
    assert measured["estimatedValues"]["count"] == 200
    assert 0 < measured["age"]["days"] < 120


def test_what_has_no_value_zero_and_other_currencies(tmp_path: Path) -> None:
    rows = rows_of_two()
    rows["records"][0].update(tender_numberOfTenderers=0, tender_value_amount=0, tender_value_currency="GTQ")
    rows["records"][1].update(
        tender_procurementMethodDetails="Cotización",
        tender_numberOfTenderers=7,
        tender_value_amount=50,
        tender_value_currency="USD",
    )
    rows["awards"][0].update(value_amount=300, value_currency="GTQ")
    measured = small(tmp_path, rows).distributions
    assert measured["methods"] == {ABSENT: 1.0, "Cotización": 1.0}
    assert measured["tenderers"] == {"5+": 1.0}
    assert measured["estimatedValues"] == {"count": 0.0, "total": 0.0}
    assert measured["awardValues"] == {
        "count": 1.0, "total": 300.0, **dict.fromkeys(("p10", "p25", "p50", "p75", "p90", "p99"), 300.0)
    }  # fmt: skip
    assert measured["buyers"] == {"count": 1.0, "largest": 2.0}
    # January's newest release is of 2 March, 00:00.
    assert measured["age"] == {"days": 29.0}
    assert measured["coverage"] == {}


def test_a_month_of_nothing_has_its_distributions_too(tmp_path: Path) -> None:
    measured = small(tmp_path, {}).distributions
    assert measured["age"] == measured["methods"] == measured["tenderers"] == {}
    assert measured["rows"] == dict.fromkeys(tables.NAMES, 0.0)
    month = replace(small(tmp_path, {}), history={"2025-12": measured})
    assert {_judged(check, month).state for check in (*DISTRIBUTIONS, "volume", "coverage_fallen")} == {
        "not_applicable"
    }


@pytest.mark.parametrize("statistics", [True, False])
def test_filled_rows_are_those_with_a_value(tmp_path: Path, statistics: bool) -> None:
    frame = pl.DataFrame({"a": [1, None, 3], "b": [None, None, None], "c": ["x", "", None]})
    path = tmp_path / "t.parquet"
    pq.write_table(frame.to_arrow(), path, write_statistics=statistics, row_group_size=2)
    assert filled_rows(path) == (3, {"a": 2, "b": 0, "c": 2})


def test_filled_rows_of_the_pipelines_own_files_are_not_counted_again(
    clean: quality.Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in clean.tables.values():
        found = filled_rows(path)
        with monkeypatch.context() as patched:
            patched.setattr(pl, "scan_parquet", None)
            assert filled_rows(path) == found
        frame = pl.read_parquet(path)
        assert found == (frame.height, dict(zip(frame.columns, frame.count().row(0), strict=True)))


def test_rules_of_distributions_name_what_the_test_needs() -> None:
    for check in DISTRIBUTIONS:
        rule: Rule = load()[check]
        assert rule.severity in ("warn", "note")
        assert rule.parameters.keys() == {"days", "concursos", "months", "spreads", "least"}
