"""Descarga de datos: every month in every format, and one page a month with all its files and versions.

The files themselves are sent by `portal/files.py`.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from portal.filters import address
from portal.http.requests import edition
from portal.pages import filters, offered, structured
from portal.pages.site import absolute, error, render

router = APIRouter(include_in_schema=False)

_SHOWN_VERSIONS = 3  # earlier versions on the page of all months; the month's own page has every one
# Where the source's events say so, a change is an event's; else the source was edited, or our code or settings changed.
_CAUSES = (
    ("event", "por un hecho del proceso"),
    ("silent", "por una edición de la fuente"),
    ("publisher", "por una mejora de la publicación"),
)


@router.get("/descarga-datos")
def all_months(request: Request) -> Response:
    found = edition(request)
    months = offered.months(found.index)
    history = offered.history(found.index)
    files = found.read(history.files[0].path) if history else None
    context = {
        "latest": months[0] if months else None,
        "by_year": [(year, list(group)) for year, group in groupby(months, key=lambda month: month.name[:4])],
        "years": offered.years(found.index),
        "history": history,
        "history_bytes": _size_of(files) if files else 0,
        "recipes": recipes(request, months[0]) if months else [],
        "shown_versions": _SHOWN_VERSIONS,
        "json_ld": [structured.catalog(request, months)],
    }
    return render(request, "downloads.html.j2", context)


def _size_of(manifest: bytes) -> int:
    return sum(file["bytes"] for file in orjson.loads(manifest)["files"])


@router.get("/descarga-datos/{month}")
def one_month(request: Request, month: str) -> Response:
    found = edition(request)
    try:
        shown = offered.month(found.index, month)
    except KeyError:
        return error(request, 404, "Ese mes no está publicado. Escríbalo como AAAA-MM, por ejemplo 2026-03.")
    manifest = found.manifest(month)
    context = {
        "month": shown,
        "concursos": address(filters.PAGE, {"mes": month}),
        "manifest": manifest,
        "versions": [(version, _changes(found, month, version)) for version in shown.versions],
        "around": _around(found.months, month),
        "recipes": recipes(request, shown),
        "causes": _CAUSES,
        "json_ld": [structured.month(request, shown)],
    }
    return render(request, "month.html.j2", context)


def _changes(found: Any, month: str, version: offered.Earlier) -> dict[str, int]:
    """What a version changed; its manifest is kept for ever, whatever became of its files."""
    changes: dict[str, int] = found.manifest(month, version.version).get("changes", {})
    return changes


def _around(months: Iterable[str], month: str) -> tuple[str | None, str | None]:
    """The month before and the one after, of those that are public."""
    ordered = sorted(months)
    at = ordered.index(month)
    return (ordered[at - 1] if at else None), (ordered[at + 1] if at + 1 < len(ordered) else None)


def recipes(request: Request, shown: offered.Offer) -> list[tuple[str, str, str]]:
    """How to open the month: the program, what to do in a few words, the line to copy."""
    excel, lines = shown.file("_Guatecompras.xlsx"), shown.file("_records.jsonl.gz")
    awards = shown.file("tables/awards.parquet")
    if not (excel and lines and awards):
        return []
    table, records = absolute(request, awards.url), absolute(request, lines.url)
    return [
        ("Excel", "En «Datos › Obtener datos › Desde la web», pegue esta dirección (o descargue el archivo y ábralo):",
         absolute(request, excel.url)),
        ("Python", "Con pandas (y pyarrow); en polars es igual:", f'import pandas; a = pandas.read_parquet("{table}")'),
        ("R", "Con jsonlite, un proceso por fila:", f'd <- jsonlite::stream_in(gzcon(url("{records}")))'),
        ("DuckDB", "Sin descargar el archivo entero:",
         f"FROM '{table}' SELECT value_currency, count(*), sum(value_amount) GROUP BY ALL;"),
    ]  # fmt: skip
