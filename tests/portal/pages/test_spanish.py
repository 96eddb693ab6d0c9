"""Dates, amounts and sizes as people read them."""

from datetime import UTC, date, datetime

import pytest

from portal.pages import spanish


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("2026-03-02T15:51:18-06:00", "2 de marzo de 2026, 15:51"),
        # Read in UTC, it would be the next day.
        (datetime(2026, 3, 3, 4, 0, tzinfo=UTC), "2 de marzo de 2026, 22:00"),
        ("2026-03-02", "2 de marzo de 2026"),
        (date(2026, 12, 31), "31 de diciembre de 2026"),
        (None, "no informado"),
        ("ayer", "no informado"),
    ],
)
def test_times_are_guatemalas(value: object, told: str) -> None:
    assert spanish.time_of(value) == told


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        (1234.5, "GTQ", "Q1,234.50"),
        (0.0, "GTQ", "Q0.00"),
        (-5.0, "GTQ", "-Q5.00"),
        (10.0, "USD", "US$10.00"),
        (10.0, "CHF", "CHF 10.00"),
        (10.0, None, "Q10.00"),
        (None, "GTQ", "no informado"),
    ],
)
def test_money(amount: float | None, currency: str | None, told: str) -> None:
    assert spanish.money(amount, currency) == told


@pytest.mark.parametrize(
    ("amount", "told"),
    [(949, "Q949"), (999_949, "Q999,949"), (999_950, "Q1.0 millón"), (75_872_248_255.06, "Q75,872.2 millones")],
)
def test_large_amounts_are_rounded(amount: float, told: str) -> None:
    assert spanish.round_money(amount) == told


@pytest.mark.parametrize(
    ("amount", "told"), [(0, "0"), (5000, "< 0.01"), (40_000, "0.04"), (268_240_000, "268.2"), (None, "no informado")]
)
def test_millions(amount: float | None, told: str) -> None:
    assert spanish.millions(amount) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 bytes"),
        (768, "768 bytes"),
        (1000, "1.0 kB"),
        (2_077_551, "2.1 MB"),
        (99_949_000, "100 MB"),
        (5_600_000_000, "5.6 GB"),
    ],
)
def test_sizes(count: int, told: str) -> None:
    assert spanish.size(count) == told


def test_counts_agree_in_number() -> None:
    assert spanish.count(1, "oferta", "ofertas") == "1 oferta"
    assert spanish.count(2000, "oferta", "ofertas") == "2,000 ofertas"


@pytest.mark.parametrize(
    ("value", "told"), [(97.0, "97"), (1.5, "1.5"), (0.125, "0.125"), (1000, "1,000"), (None, "no informado")]
)
def test_quantities_have_no_needless_decimals(value: float | None, told: str) -> None:
    assert spanish.quantity(value) == told
