"""Numbers as Guatemala writes them, for reports and documents. What the portal's pages say besides is `portal/pages/spanish.py`."""

from datetime import timedelta

PERCENT = "\N{NO-BREAK SPACE}%"


def number(value: float | None, decimals: int = 0) -> str:
    """`1,234.5`; `—` for None."""
    return "—" if value is None else f"{value:,.{decimals}f}"


def plain(value: float) -> str:
    """`1,234`; decimals only where there are any."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def percent(share: float | None) -> str:
    """A share; never all unless it is all, nor nothing unless it is nothing; `—` for None."""
    if share is None:
        return "—"
    if 0 < share < 0.001:
        return f"menos de 0.1{PERCENT}"
    if 0.999 < share < 1:
        return f"más de 99.9{PERCENT}"
    return f"{100 * share:.1f}".removesuffix(".0") + PERCENT


def duration(time: timedelta) -> str:
    """In hours, or in days from two on: `13 horas`, `4 días`."""
    hours = round(time.total_seconds() / 3600)
    if hours >= 48:
        return f"{round(hours / 24):,} días"
    return "1 hora" if hours == 1 else f"{hours} horas"
