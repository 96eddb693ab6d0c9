"""Mercado: what the state buys by UNSPSC family, and all of one family: size, competition, seasons, who buys and who sells.

The numbers are those of the published collection; nothing is counted here.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from guatecompras.market.columns import TABLES
from guatecompras.months import SPANISH
from portal.filters import address
from portal.http.errors import bad_parameter
from portal.market import SORTS, WINDOWS, Detail, Family, Market, Month, Season, of_edition
from portal.pages import charts
from portal.pages.site import edition, error, render
from portal.pages.spanish import number

router = APIRouter(include_in_schema=False)

PAGE = "/mercado"
# Sort -> its heading.
_HEADS = {
    "concursos": "Concursos",
    "monto": "Millones de Q",
    "mediana": "Monto típico",
    "oferentes": "Oferentes",
}
# From which index on a market is called so: the guidelines for mergers of the United States (2023), which others follow.
_CONCENTRATED = ((1_800, "muy concentrado"), (1_000, "algo concentrado"), (0, "poco concentrado"))
_LONGEST = 200


@router.get(PAGE)
def families(request: Request, q: str = "", ventana: str = "24m", sort: str = "-concursos") -> Response:
    if ventana not in WINDOWS:
        raise bad_parameter("ventana", f"debe ser {' o '.join(WINDOWS)}")
    if sort.removeprefix("-") not in SORTS:
        raise bad_parameter("sort", f"debe ser uno de {', '.join(SORTS)}")
    market = of_edition(edition(request))
    asked = {"q": q.strip()[:_LONGEST], "ventana": ventana, "sort": sort}
    found = market.families(ventana, asked["q"], sort) if market else None  # type: ignore[arg-type]  # one of WINDOWS
    rows = [Family(**row) for row in found.iter_rows(named=True)] if found is not None else []
    context: dict[str, Any] = {
        "market": market,
        "asked": asked,
        "windows": WINDOWS,
        "rows": list(zip(rows, charts.shares([float(one.concursos) for one in rows]), strict=True)),
        "heads": [(label, _sorted(asked, name), _turned(sort, name)) for name, label in _HEADS.items()],
        "by_code": (_sorted(asked, "familia"), _turned(sort, "familia")),
        "files": _files(market) if market else [],
        "api": address("/api/v2/mercado", asked),
        "robots": "noindex, follow" if q else "",
    }
    return render(request, "market.html.j2", context)


def _sorted(asked: dict[str, str], name: str) -> str:
    """The address of the list by a column: the largest first, or the other way round where it is so already."""
    first, then = (name, f"-{name}") if name == "familia" else (f"-{name}", name)
    return address(PAGE, {**asked, "sort": then if asked["sort"] == first else first})


def _turned(sort: str, name: str) -> str:
    """As `aria-sort` says it."""
    if sort.removeprefix("-") != name:
        return "none"
    return "descending" if sort.startswith("-") else "ascending"


def _files(market: Market) -> list[tuple[str, list[tuple[str, str, int]]]]:
    """What each table holds, and its files: form, address, bytes."""
    told = []
    for name, table in TABLES.items():
        files = [file for file in market.files if file.name.startswith(f"mercado_{name}.")]
        told.append(
            (
                table.meaning,
                [(file.name.rpartition(".")[2].upper(), f"/publication/{file.path}", file.bytes) for file in files],
            )
        )
    return told


@router.get("/mercado/{familia}")
def family(request: Request, familia: str) -> Response:
    market = of_edition(edition(request))
    detail = market.detail(familia) if market else None
    if market is None or detail is None:
        return error(request, 404, "No hay concursos publicados con productos de esa familia.")
    now = detail.ventanas[0]
    months = _months(detail, edition(request).months)
    context: dict[str, Any] = {
        "detail": detail,
        "now": now,
        "windows": WINDOWS,
        "concentrated": _in_words(now.concentracion),
        "methods": {window: [one for one in detail.modalidades if one.ventana == window] for window in WINDOWS},
        "columns": charts.over_months([(one.mes, one.concursos, one.monto) for one in months]),
        "months": months[::-1],
        "seasons": _seasons(detail.estacionalidad),
        "season_columns": _season_columns(detail.estacionalidad),
        "buyers": _with_shares([(one, one.monto) for one in detail.compradores]),
        "sellers": _with_shares([(one, one.monto) for one in detail.proveedores]),
        "api": f"/api/v2/mercado/{familia}",
    }
    return render(request, "market_family.html.j2", context)


def _in_words(index: float | None) -> str:
    return "" if index is None else next(told for least, told in _CONCENTRATED if index >= least)


def _with_shares(rows: Sequence[tuple[Any, float]]) -> list[tuple[Any, float]]:
    shares = charts.shares([amount for _, amount in rows])
    return [(row, share) for (row, _), share in zip(rows, shares, strict=True)]


def _months(detail: Detail, published: Sequence[str]) -> list[Month]:
    """The last months that were counted, oldest first, those in which nothing of the family was called too."""
    known, counted = {one.mes: one for one in detail.meses}, detail.ventanas[0]
    names = sorted(name for name in published if counted.desde <= name <= counted.hasta)
    return [known.get(name, Month(name, 0, 0, 0.0)) for name in names]


def _seasons(seasons: Sequence[Season]) -> list[tuple[str, Season]]:
    """By the name of their month; none where they are not told."""
    return [(SPANISH[one.mes_del_anio - 1].capitalize(), one) for one in seasons if one.indice is not None]


def _season_columns(seasons: Sequence[Season]) -> charts.Columns | None:
    """The year as columns, against a month as any other."""
    told = [(SPANISH[one.mes_del_anio - 1], one.indice) for one in seasons if one.indice is not None]
    if not told:
        return None
    return charts.of_values(
        [(name, value, f"{name}: {number(value, 2)} veces un mes promedio") for name, value in told],
        "Columnas por mes del año",
    )
