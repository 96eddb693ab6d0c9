"""Months: how they are written, counted and told from the future."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras.errors import MonthError
from guatecompras.months import Month, current_month, parse_months

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
months = st.builds(Month, st.integers(1, 9998), st.integers(1, 12))


@given(months)
def test_reading_gives_back_what_was_written(month: Month) -> None:
    assert Month.parse(str(month)) == month
    assert Month.parse(f" {month}\n") == month


@given(months, months)
def test_months_sort_as_their_text(one: Month, other: Month) -> None:
    assert (one < other) == (str(one) < str(other))


@given(months)
def test_a_month_ends_where_the_next_begins(month: Month) -> None:
    assert month.end == month.next().start
    assert 28 <= (month.end - month.start).days <= 31
    assert Month.of(month.end - timedelta(microseconds=1)) == month


def test_december_is_followed_by_january() -> None:
    assert Month(2026, 12).next() == Month(2027, 1)
    assert Month(2026, 2).end == datetime(2026, 3, 1)  # noqa: DTZ001


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13", "2026-00", "2026-1", "26-01", "2026/01", "2026-01-01", "mayo", "２０２６-０５", "0000-01"],
)
def test_anything_else_is_not_a_month(text: str) -> None:
    with pytest.raises(MonthError, match="is not a month: write it as YYYY-MM") as caught:
        Month.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        ("2026-05-01T05:59:59+00:00", "2026-04"),  # still April in Guatemala
        ("2026-05-01T06:00:00+00:00", "2026-05"),
        ("2026-12-31T23:59:59-06:00", "2026-12"),
        ("2027-01-01T00:00:00-06:00", "2027-01"),
    ],
)
def test_the_running_month_is_guatemalas(moment: str, month: str) -> None:
    assert str(current_month(datetime.fromisoformat(moment))) == month


def test_without_a_moment_the_clock_tells() -> None:
    assert current_month() >= Month.of(date(2026, 1, 1))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["2026-03"], ["2026-03"]),
        (["2025-11..2026-02"], ["2025-11", "2025-12", "2026-01", "2026-02"]),
        (["2026-02", "2026-01..2026-02", "2020-01"], ["2020-01", "2026-01", "2026-02"]),
        (["2026-05..2026-05"], ["2026-05"]),
        ([], []),
    ],
)
def test_lists_and_spans(words: list[str], expected: list[str]) -> None:
    assert [str(month) for month in parse_months(words, NOW)] == expected


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("2026-06", "2026-06 is in the future: the running month is 2026-05"),
        ("2026-04..2026-07", "2026-06 is in the future"),
        ("2026-03..2026-02", "ends before it starts"),
        ("2019-12", "before 2020-01, the first month of the publication"),
        ("2019-11..2020-02", "2019-11 is before"),
        ("2026-01..", "is not a month"),
        ("..2026-01", "is not a month"),
        ("2026-01..2026-02..2026-03", "is not a month"),
    ],
)
def test_what_cannot_be_published_is_said(word: str, message: str) -> None:
    with pytest.raises(MonthError, match=message):
        parse_months([word], NOW)
