"""The NIT, Guatemala's tax number: digits and a check character. Who has one, and where it is published, is not known here."""

import polars as pl

# What fits an Int64; the tax office gives out ten at most.
_DIGITS = 17
_FORM = rf"^[0-9]{{1,{_DIGITS}}}[0-9K]$"


def is_valid(number: pl.Expr) -> pl.Expr:
    """Whether a text is a NIT, written without a hyphen and with K in capitals; null where it is null.

    The check character is minus the sum of the digits before it, weighted 2, 3, … from the right, modulo 11; K for 10.
    """
    # Strictness would stop at the texts that are no numbers, which `_FORM` refuses anyway.
    body = number.str.head(-1).cast(pl.Int64, strict=False)
    weighted = pl.sum_horizontal((body // 10**place % 10) * (place + 2) for place in range(_DIGITS))
    last = number.str.tail(1)
    check = pl.when(last == "K").then(10).otherwise(last.cast(pl.Int64, strict=False))
    return number.str.contains(_FORM) & ((weighted + check) % 11 == 0)
