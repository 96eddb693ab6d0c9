"""In what forms answers are given, by `formato` or the header Accept: JSON, CSV, JSON Lines. The words of both are here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
import polars as pl
from fastapi import Request

from guatecompras.formats.csvs import as_csv
from portal.http.errors import RefusedError

Form = Literal["json", "csv", "jsonl"]
FORMS: tuple[Form, ...] = ("json", "csv", "jsonl")
DOCUMENTS: tuple[Form, ...] = ("json", "jsonl")  # what is no table
MEDIA: Mapping[Form, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
}
_ACCEPTED: Mapping[str, Form] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/json-seq": "jsonl",
    "application/*": "json",
    "text/*": "csv",
    "*/*": "json",
}


def form_of(request: Request, asked: Form | None, forms: Sequence[Form] = FORMS) -> Form:
    """What the client wants most of `forms`; `asked` goes first. Raises 406 where it wants nothing of it."""
    if asked:
        return asked
    header = request.headers.get("accept", "").strip() or "*/*"
    ranges = sorted((_range(part) for part in header.split(",")), key=lambda found: -found[1])
    for media, quality in ranges:
        if quality > 0 and _ACCEPTED.get(media) in forms:
            return _ACCEPTED[media]
    if any(media == "text/html" for media, _ in ranges):  # a browser that lists no wildcard
        return "json"
    raise RefusedError(406, f"Se responde en {', '.join(MEDIA[form].partition(';')[0] for form in forms)}.")


def _range(text: str) -> tuple[str, float]:
    media, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
    try:
        return media, float(quality)
    except ValueError:
        return media, 0.0


def lines(items: Iterable[Any]) -> bytes:
    """JSON Lines."""
    return msgspec.json.Encoder().encode_lines(list(items))


def table(
    rows: Sequence[Any], columns: Mapping[str, tuple[Any, Callable[[Any], Any]]], *, header: bool = True
) -> bytes:
    """CSV of rows: column -> its type and how a row gives it. Cells that a spreadsheet would run are text."""
    data = {name: [value(row) for row in rows] for name, (_, value) in columns.items()}
    return as_csv(pl.DataFrame(data, schema={name: kind for name, (kind, _) in columns.items()}), header)
