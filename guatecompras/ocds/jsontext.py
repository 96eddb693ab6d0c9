"""JSON written by columns: Polars expressions whose values are pieces of JSON text.

A whole month of releases is built without a Python object per row: each value becomes text once, and a value that is
null leaves its key out, so no null and no empty object can be published. What is built from them is `releases.py`.
"""

from typing import Any

import orjson
import polars as pl

Expr = pl.Expr


def string(text: Expr) -> Expr:
    """A JSON string of text that needs no escape: codes, digits, dates, and what `texts.escaped` gives."""
    return pl.concat_str(pl.lit('"'), text, pl.lit('"'))


def number(value: Expr) -> Expr:
    """A JSON number of a decimal or an integer, exact, without trailing zeros after the point."""
    text = value.cast(pl.String)
    return (
        pl.when(text.str.contains(".", literal=True))
        .then(text.str.strip_chars_end("0").str.strip_chars_end("."))
        .otherwise(text)
    )


def value(amount: Expr, currency: Expr) -> Expr:
    """An amount with its currency (quetzales unless the source says otherwise); null without an amount."""
    middle, end = pl.lit(',"currency":"'), pl.lit('"}')
    return pl.concat_str(pl.lit('{"amount":'), number(amount), middle, currency.fill_null("GTQ"), end)


def stamp(time: Expr) -> Expr:
    """A local time as RFC 3339 text with Guatemala's offset, which has no summer time."""
    return pl.concat_str(time.dt.replace_time_zone(None).dt.to_string("%Y-%m-%dT%H:%M:%S"), pl.lit("-06:00"))


def obj(members: dict[str, Expr]) -> Expr:
    """A JSON object of the members that are not null; null when none is there."""
    body = _members(members)
    return pl.when(body != "").then(pl.concat_str(pl.lit("{"), body, pl.lit("}")))


def _members(members: dict[str, Expr]) -> Expr:
    pieces = [pl.concat_str(pl.lit(f'"{key}":'), value) for key, value in members.items()]
    return pl.concat_str(pieces, separator=",", ignore_nulls=True)


def whole(members: dict[str, Expr]) -> Expr:
    """`obj` where the first member is never null: large text is copied less often."""
    first, *others = members
    pieces = [pl.concat_str(pl.lit(f'{{"{first}":'), members[first])]
    pieces += [pl.concat_str(pl.lit(f',"{key}":'), members[key]) for key in others]
    return pl.concat_str([*pieces, pl.lit("}")], ignore_nulls=True)


def array(*items: Expr) -> Expr:
    """A JSON array of the items that are not null; null when none is there."""
    body = pl.concat_str(items, separator=",", ignore_nulls=True)
    return pl.when(body != "").then(pl.concat_str(pl.lit("["), body, pl.lit("]")))


def gathered(items: Expr) -> Expr:
    """Inside an aggregation: a JSON array of a group's items; null when there are none."""
    body = items.drop_nulls().str.join(",")
    return pl.when(body != "").then(pl.concat_str(pl.lit("["), body, pl.lit("]")))


def literal(value: object) -> Expr:
    """The JSON text of a Python value."""
    return pl.lit(orjson.dumps(value).decode())


def select(frame: pl.DataFrame, *columns: str, **named: Any) -> pl.DataFrame:
    """`frame.select`, each piece of text made once: `obj` and `array` look at theirs twice, and only a plan shares them."""
    return frame.lazy().select(*columns, **named).collect()
