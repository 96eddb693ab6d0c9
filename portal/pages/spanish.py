"""How the pages write dates, amounts, counts and sizes: as people in Guatemala read them. Pure functions, used as filters.

Anything may be missing in what is published: None gives `NOT_TOLD`, never an empty place.
"""

from datetime import date, datetime
from typing import Any

from guatecompras.months import SPANISH, UTC_OFFSET, Month

NOT_TOLD = "no informado"
_SYMBOLS = {"GTQ": "Q", "USD": "US$", "EUR": "€"}
_SIZES = ("bytes", "kB", "MB", "GB", "TB")


def moment(value: Any) -> datetime | date | None:
    """A date or a time, from one or from ISO 8601 text; times in Guatemala's clock. None where it is neither."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC_OFFSET)
    return value if isinstance(value, date) else None


def day(value: Any) -> str:
    """`18 de junio de 2026`."""
    at = moment(value)
    return f"{at.day} de {SPANISH[at.month - 1]} de {at.year}" if at else NOT_TOLD


def short_day(value: Any) -> str:
    """`18/06/2026`."""
    at = moment(value)
    return f"{at:%d/%m/}{at.year:04d}" if at else NOT_TOLD


def time_of(value: Any) -> str:
    """`18 de junio de 2026, 10:00`; of a date without a time, the day."""
    at = moment(value)
    return f"{day(at)}, {at:%H:%M}" if isinstance(at, datetime) else day(at)


def machine_time(value: Any) -> str:
    """For the `datetime` of a `<time>`."""
    at = moment(value)
    return at.isoformat(**({"timespec": "seconds"} if isinstance(at, datetime) else {})) if at else ""


def month_name(month: str) -> str:
    """`2026-03` -> `marzo de 2026`."""
    return Month.parse(month).in_spanish


def number(value: float | None, decimals: int = 0) -> str:
    """`1,234`: thousands by commas, as is usual in Guatemala."""
    return NOT_TOLD if value is None else f"{value:,.{decimals}f}"


def quantity(value: float | None) -> str:
    """`12` or `1.5`: no more decimals than there are."""
    return NOT_TOLD if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


def money(amount: float | None, currency: str | None = "GTQ") -> str:
    """`Q1,234.50`; other currencies by their symbol or, without one, `CHF 1,234.50`."""
    if amount is None:
        return NOT_TOLD
    sign = "-" if amount < 0 else ""
    unit = _SYMBOLS.get(currency or "GTQ", f"{currency} ")
    return f"{sign}{unit}{abs(amount):,.2f}"


def round_money(amount: float | None, currency: str | None = "GTQ") -> str:
    """`Q75,872.2 millones` from a million up, where the cents would only tire; below, whole units."""
    if amount is None:
        return NOT_TOLD
    unit = _SYMBOLS.get(currency or "GTQ", f"{currency} ")
    if abs(amount) < 999_950:
        return f"{unit}{amount:,.0f}"
    millions = f"{amount / 1_000_000:,.1f}"
    return f"{unit}{millions} {'millón' if millions == '1.0' else 'millones'}"


def millions(amount: float | None) -> str:
    """For a column of millions: `268.2`, `0.04`, and what is less than a hundredth of one as such."""
    if amount is None:
        return NOT_TOLD
    shown = amount / 1_000_000
    return "0" if not amount else "< 0.01" if shown < 0.01 else f"{shown:,.2f}" if shown < 1 else f"{shown:,.1f}"


def size(count: int) -> str:
    """`2.1 MB`, in powers of 1,000 as sizes of downloads are told."""
    amount, step = float(count), 0
    while amount >= 999.5 and step < len(_SIZES) - 1:
        amount, step = amount / 1000, step + 1
    return f"{amount:,.{1 if step and amount < 99.5 else 0}f} {_SIZES[step]}"


def percent(share: float | None) -> str:
    """0.5703 -> `57.0 %`."""
    return NOT_TOLD if share is None else f"{share * 100:.1f} %"


def count(value: int, one: str, many: str) -> str:
    """`1 concurso`, `2,000 concursos`."""
    return f"{number(value)} {one if value == 1 else many}"


FILTERS = {
    "day": day,
    "short_day": short_day,
    "time_of": time_of,
    "machine_time": machine_time,
    "month_name": month_name,
    "number": number,
    "quantity": quantity,
    "money": money,
    "round_money": round_money,
    "millions": millions,
    "size": size,
    "percent": percent,
    "count_of": count,
}
