"""Robust statistics: fences of quartiles that are silent where the sample is small or has no spread, and the lower bound of a
share. Nothing here depends on a mean or on how values are ordered.
"""

from dataclasses import dataclass

import polars as pl

REACH = 1.5  # of the interquartile range, as Tukey and OCP's Cardinal have it


@dataclass(frozen=True)
class Fence:
    """The upper fence of a sample, and of how many values."""

    size: int
    upper: float


def above(values: pl.Series, least: int) -> Fence | None:
    """The fence above which a value is an outlier; None where the sample has fewer than `least` values or no spread."""
    found = values.drop_nulls()
    if len(found) < max(least, 1):
        return None
    q1, q3 = found.quantile(0.25, "linear"), found.quantile(0.75, "linear")
    assert q1 is not None
    assert q3 is not None
    return Fence(len(found), q3 + REACH * (q3 - q1)) if q3 > q1 else None


def share_of(part: str, whole: str) -> pl.Expr:
    """A share of two columns; null of nothing."""
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def at_least(count: pl.Expr, total: pl.Expr, deviations: float) -> pl.Expr:
    """The lower end of Wilson's interval: what the share is at least, chance allowed for. Null where there are none."""
    share, square = count / total, deviations * deviations
    middle = share + square / (2 * total)
    half = deviations * (share * (1 - share) / total + square / (4 * total * total)).sqrt()
    return pl.when(total > 0).then((middle - half) / (1 + square / total))
