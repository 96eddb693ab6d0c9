"""Rows and catalogs in the words and letters that are published: readable text, escaped as it stands in JSON.

What counts as readable is `guatecompras/texts.py`; which word goes where is the other modules' business.
"""

from typing import Any

import orjson
import polars as pl

from guatecompras import catalogs
from guatecompras.contract import TABLES
from guatecompras.texts import escaped, readable

Rows = dict[str, pl.DataFrame]


def published_text(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A table's rows with their text as it is published and as it stands in JSON: readable, ids as they are, escaped."""
    columns: list[pl.Series] = []
    for column in TABLES[table].columns:
        if column.kind == "text":
            columns.append(escaped(readable(frame[column.name])))
        elif column.kind == "id" and column.name != "url":  # `documents.addresses` writes those without need of escapes
            columns.append(escaped(frame[column.name]))
        elif column.kind == "contacts" and frame[column.name].null_count() < frame.height:
            columns.append(_published_contacts(frame[column.name]))
    return frame.with_columns(columns)


def _published_contacts(contacts: pl.Series) -> pl.Series:
    """Contacts with readable text, each once and none empty."""
    rows = pl.DataFrame({"row": pl.int_range(len(contacts), eager=True), "contact": contacts})
    one = rows.explode("contact", empty_as_null=False, keep_nulls=False).unnest("contact")
    one = one.with_columns(escaped(readable(one[name])) for name in ("nombre", "correo", "telefono"))
    one = one.filter(pl.any_horizontal(pl.exclude("row").is_not_null())).unique(maintain_order=True)
    grouped = one.group_by("row", maintain_order=True).agg(contact=pl.struct(pl.exclude("row")))
    joined = rows.select("row").join(grouped, on="row", how="left", maintain_order="left")
    return joined["contact"].rename(contacts.name)


def words(catalog: str, key: str, value: str) -> dict[Any, str]:
    """A catalog's texts by one of its columns, as they stand in JSON."""
    return {code: orjson.dumps(text).decode()[1:-1] for code, text in catalogs.mapping(catalog, key, value).items()}


def coded(column: str, texts: dict[Any, str]) -> pl.Expr:
    """A column's codes as the texts that stand for them; null for any other."""
    return pl.col(column).replace_strict(texts, default=None, return_dtype=pl.String)
