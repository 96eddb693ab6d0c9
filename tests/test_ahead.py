"""An iterator one step ahead: the same items in order, errors where they belong, and the interpreter as it was."""

import sys
from collections.abc import Iterator

import pytest

from guatecompras.ahead import ahead


def test_items_come_in_order_and_the_interpreter_is_left_as_it_was() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    before = sys.getswitchinterval()
    with ahead(items()) as coming:
        assert list(coming) == [0, 1, 2, 3, 4]
    assert made == [0, 1, 2, 3, 4]
    assert sys.getswitchinterval() == before


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with ahead(items()) as coming:
        assert next(coming) == 1
        with pytest.raises(ValueError, match="broken"):
            next(coming)
