"""Predefined reports: the list, and of each its form, how many rows there are and the first of them, before any download."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request, Response

from guatecompras.reports import filters, writing
from guatecompras.reports.monthly import FORMAT
from guatecompras.reports.registry import REPORTS
from guatecompras.reports.report import Report
from portal.filters import address
from portal.http.errors import RefusedError, bad_parameter
from portal.http.requests import edition
from portal.pages.site import render
from portal.pages.spanish import number
from portal.reports import given, page_of, report_of, result

router = APIRouter(include_in_schema=False)

_ON_A_PAGE, _MONTHS_SHOWN = 25, 12
_FORMS = {"xlsx": "Excel", "csv": "CSV", "xml": "XML", "json": "JSON"}
_NUMBERS = frozenset({"entero", "monto", "decimal"})
# Kinds of inputs, by the filter; others are texts.
_INPUTS = {"desde": "date", "hasta": "date"}


@router.get("/reportes")
def reports(request: Request) -> Response:
    collections = edition(request).index["collections"]
    months = sorted((name for name in collections if name.startswith("reports/")), reverse=True)[:_MONTHS_SHOWN]
    made = [(name.partition("/")[2], [_made(file) for file in _packed(collections[name])]) for name in months]
    return render(request, "reports.html.j2", {"reports": list(REPORTS.values()), "made": made})


def _packed(entry: Mapping[str, Any]) -> list[Any]:
    return [file for file in entry["files"] if file["format"] == FORMAT]


def _made(file: Mapping[str, Any]) -> tuple[str, str, int]:
    """Of a month's reports in a format: its name, its address and its bytes."""
    form = file["path"].rpartition("_")[2].removesuffix(".zip")
    return _FORMS[form], f"/publication/{file['path']}", file["bytes"]


@router.get("/reportes/{id}")
def report(request: Request, id: str, pagina: str = "1") -> Response:
    chosen, asked = report_of(id), given(request, "pagina")
    asked = {name: value for name, value in asked.items() if value.strip()}
    number_of = _page(pagina)
    errors: Mapping[str, str] = {}
    made = rows = None
    try:
        made, _ = result(request, chosen, asked)
        rows = _shown(chosen, page_of(made.kept, (number_of - 1) * _ON_A_PAGE, _ON_A_PAGE).rows())
    except RefusedError as error:
        if error.status != 400:
            raise
        errors = error.parameters
    pages = max(1, -(-made.rows // _ON_A_PAGE)) if made else 1
    if number_of > pages:
        raise bad_parameter("pagina", f"no existe: la última es la {pages}")
    told = {
        "report": chosen,
        "fields": [_field(name, asked.get(name, "")) for name in chosen.filters],
        "errors": errors,
        "found": made,
        "rows": rows,
        "said": filters.said(made.told, made.months) if made else [],
        "downloads": [(label, address(f"/reportes/{chosen.id}.{form}", asked)) for form, label in _FORMS.items()],
        "pages": pages,
        "page": number_of,
        "before": _link(chosen, asked, number_of - 1) if number_of > 1 else None,
        "after": _link(chosen, asked, number_of + 1) if number_of < pages else None,
        "numeric": [one.kind in _NUMBERS for one in chosen.columns],
        "on_a_page": _ON_A_PAGE,
    }
    return render(request, "report.html.j2", told, status=400 if errors else 200)


def _page(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**7):
        raise bad_parameter("pagina", "debe ser un número de 1 en adelante")
    return int(text)


def _link(chosen: Report, asked: Mapping[str, str], page: int) -> str:
    return address(f"/reportes/{chosen.id}", {**asked, "pagina": page})


def _field(name: str, value: str) -> dict[str, Any]:
    one = filters.FILTERS[name]
    options = one.options() if one.options else None
    return {
        "name": name,
        "label": one.label,
        "help": one.meaning,
        "value": value,
        "type": _INPUTS.get(name, "text"),
        "options": options,
    }


def _shown(chosen: Report, rows: list[tuple[Any, ...]]) -> list[list[str]]:
    return [[_cell(value) for value in row] for row in rows]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y %H:%M}"
    if isinstance(value, Decimal):
        return number(float(value), 2)
    return str(value)


assert writing.MEDIA.keys() == _FORMS.keys()
