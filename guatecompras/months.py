"""Months as the publication counts them: `YYYY-MM`, local time of Guatemala (UTC-6, no daylight saving).

What a month holds is the source contract's business, not this module's.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from guatecompras.errors import MonthError

TIME_ZONE = "America/Guatemala"
UTC_OFFSET = timezone(timedelta(hours=-6))
FIRST_MONTH = "2020-01"

SPANISH = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month; `str()` gives `YYYY-MM`."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read `YYYY-MM`; raises MonthError on anything else."""
        match = _MONTH.fullmatch(text.strip())
        if not match or match[1] == "0000" or not 1 <= int(match[2]) <= 12:
            raise MonthError(f"'{text}' is not a month: write it as YYYY-MM, for example 2026-05")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> "Month":
        return cls(day.year, day.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def start(self) -> datetime:
        """First local instant of the month, naive."""
        return datetime(self.year, self.number, 1)  # noqa: DTZ001  # the contract's times are local and naive

    @property
    def end(self) -> datetime:
        """First local instant of the next month, naive."""
        return self.next().start

    @property
    def in_spanish(self) -> str:
        """As the public reads it: `mayo de 2026`."""
        return f"{SPANISH[self.number - 1]} de {self.year}"

    def next(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    def previous(self) -> "Month":
        return Month(self.year - (self.number == 1), (self.number - 2) % 12 + 1)


def current_month(now: datetime | None = None) -> Month:
    """The month that is running in Guatemala (at `now`, an aware datetime, or by the clock)."""
    return Month.of((now or datetime.now(UTC_OFFSET)).astimezone(UTC_OFFSET).date())


def parse_months(words: list[str] | tuple[str, ...], now: datetime | None = None) -> list[Month]:
    """Read `MONTH...` and `FIRST..LAST` into distinct months in order; raises MonthError, also for months in the future."""
    months: set[Month] = set()
    for word in words:
        first, dots, last = word.partition("..")
        month, end = Month.parse(first), Month.parse(last if dots else first)
        if end < month:
            raise MonthError(f"'{word}' ends before it starts")
        while month <= end:
            months.add(month)
            month = month.next()
    running = current_month(now)
    future = sorted(month for month in months if month > running)
    if future:
        raise MonthError(f"{future[0]} is in the future: the running month is {running}")
    early = sorted(month for month in months if str(month) < FIRST_MONTH)
    if early:
        raise MonthError(f"{early[0]} is before {FIRST_MONTH}, the first month of the publication")
    return sorted(months)
