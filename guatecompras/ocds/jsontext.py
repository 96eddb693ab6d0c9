"""JSON written by columns: Polars expressions whose values are pieces of JSON text.

A whole month of releases is built without a Python object per row: each value becomes text once, and a value that is
null leaves its key out, so no null and no empty object can be published. What is built from them is `releases.py`.
"""

import orjson
import polars as pl

Expr = pl.Expr

# Line breaks, tabs, runs of spaces, control characters and invisible marks: one space.
_BLANKS = r"[\s\x00-\x1f\x7f-\x9f\u00a0\u200b-\u200f\u2028\u2029\ufeff]+"
_TAGS = r"(?i)</?(br|p|div|span|b|i|u|strong|em|font|table|tbody|tr|td|th|ul|ol|li|a|h[1-6])\b[^<>]*/?>"
_ENTITIES = {
    "&nbsp;": " ", "&quot;": '"', "&#39;": "'", "&#34;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">",
    "&aacute;": "á", "&eacute;": "é", "&iacute;": "í", "&oacute;": "ó", "&uacute;": "ú", "&ntilde;": "ñ", "&uuml;": "ü",
    "&Aacute;": "Á", "&Eacute;": "É", "&Iacute;": "Í", "&Oacute;": "Ó", "&Uacute;": "Ú", "&Ntilde;": "Ñ", "&Uuml;": "Ü",
    "&deg;": "°", "&ordm;": "º", "&ordf;": "ª", "&ndash;": "–", "&mdash;": "—", "&bull;": "•", "&amp;": "&",
}  # fmt: skip


def clean(text: Expr) -> Expr:
    """Text as published: no markup, entities read, white space single, nothing at the ends; null when nothing is left."""
    plain = text.str.replace_all(_TAGS, " ")
    plain = plain.str.replace_many(list(_ENTITIES), list(_ENTITIES.values()))
    plain = plain.str.replace_all(_BLANKS, " ").str.strip_chars(" ")
    return pl.when(plain != "").then(plain)


def string(text: Expr) -> Expr:
    """A JSON string of text without control characters (what `clean` leaves)."""
    escaped = text.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return pl.concat_str(pl.lit('"'), escaped, pl.lit('"'))


def plain(text: Expr) -> Expr:
    """A JSON string of text that needs no escape: codes, digits, dates."""
    return pl.concat_str(pl.lit('"'), text, pl.lit('"'))


def number(value: Expr) -> Expr:
    """A JSON number of a decimal or an integer, exact, without trailing zeros after the point."""
    text = value.cast(pl.String)
    return (
        pl.when(text.str.contains(".", literal=True))
        .then(text.str.strip_chars_end("0").str.strip_chars_end("."))
        .otherwise(text)
    )


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
