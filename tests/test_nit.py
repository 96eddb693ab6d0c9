"""NITs against python-stdnum's algorithm, written out: each digit by its weight, one number at a time."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras import nit

CHARACTERS = "0123456789K"

bodies = st.from_regex("[0-9]{1,17}", fullmatch=True)


def check_character(body: str) -> str:
    total = sum(weight * int(digit) for weight, digit in enumerate(reversed(body), 2))
    return CHARACTERS[-total % 11]


def valid(*numbers: str | None) -> list[bool | None]:
    return (
        pl.DataFrame({"number": pl.Series(numbers, dtype=pl.String)})
        .select(nit.is_valid(pl.col("number")))["number"]
        .to_list()
    )


def test_known_numbers() -> None:
    right = ("576937K", "71080", "4132726", "7894880")
    assert valid(*right) == [True] * len(right)
    assert valid("89771120") == [False]
    assert valid(*(number[:-1] + ("1" if number[-1] != "1" else "2") for number in right)) == [False] * len(right)


@pytest.mark.parametrize(
    "number",
    ["", "K", "0", "576937-K", "576937k", " 576937K", "5769K7K", "CF", "C/F", "1" * 19, "-71080", "7108٠", "7,1080"],
)
def test_what_has_not_the_form_is_none(number: str) -> None:
    assert valid(number) == [False]


def test_nothing_is_neither() -> None:
    assert valid(None, "71080") == [None, True]


@given(bodies)
def test_exactly_one_character_checks_a_number(body: str) -> None:
    expected = [character == check_character(body) for character in CHARACTERS]
    assert valid(*(body + character for character in CHARACTERS)) == expected


@given(st.from_regex("[0-9]{1,9}", fullmatch=True), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(body: str, place: int, shift: int) -> None:
    """Of numbers as long as they are given out: the tenth digit from the right would weigh 11, which is nothing."""
    place %= len(body)
    other = body[:place] + str((int(body[place]) + shift) % 10) + body[place + 1 :]
    assert valid(other + check_character(body)) == [False]
