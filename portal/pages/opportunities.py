"""Oportunidades: what receives offers now, for who wants to sell: when it closes and what similar concursos were awarded for."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from portal.filters import address
from portal.http.errors import bad_parameter
from portal.market import WINDOWS, of_edition
from portal.opportunities import BANDS, DATED, Asked, buyers, departamentos, find
from portal.pages.site import edition, library, render

router = APIRouter(include_in_schema=False)

PAGE = "/oportunidades"
_ON_A_PAGE, _MOST_PAGES, _LONGEST = 20, 10_000, 200
_SORTS = {"cierre": "Los que cierran primero", "recientes": "Los más recientes"}
# Whether they say when they close: as DATED, and its heading.
_CLOSES: Mapping[str, str] = {
    "": "Todos",
    "informado": "Con fecha de cierre",
    "no-informado": "Cierre no informado",
}
_CODE = re.compile(r"\d{2,8}")


@router.get(PAGE)
def opportunities(
    request: Request,
    q: str = "",
    unspsc: str = "",
    departamento: str = "",
    comprador: str = "",
    monto: str = "",
    cierre: str = "",
    sort: str = "cierre",
    pagina: str = "1",
) -> Response:
    found = library(request)
    # What is chosen of a list is of it, or nothing: only the code is written by hand.
    for name, value, choices in (("monto", monto, BANDS), ("cierre", cierre, _CLOSES), ("sort", sort, _SORTS)):
        if value and value not in choices:
            raise bad_parameter(name, "no es de la lista")
    code = unspsc.strip().split(" ", 1)[0]
    wrong = "" if not code or _CODE.fullmatch(code) else "Escriba de 2 a 8 cifras, por ejemplo 4213."
    given = {
        "q": q.strip()[:_LONGEST],
        "unspsc": code,
        "departamento": departamento,
        "comprador": comprador,
        "monto": monto,
        "cierre": cierre,
        "sort": sort if sort != "cierre" else "",
    }
    asked = Asked(
        text=given["q"],
        unspsc=(code,) if code and not wrong else (),
        departamento=(departamento,) if departamento else (),
        buyer=comprador,
        dated=DATED[cierre],
        band=monto,
        sort=sort or "cierre",
    )
    market = of_edition(edition(request))
    page = _page(pagina)
    told = find(found, market, asked, (page - 1) * _ON_A_PAGE, _ON_A_PAGE)
    listed = {"": told.dated + told.undated, "informado": told.dated, "no-informado": told.undated}
    total = listed[cierre]
    pages = max(1, -(-total // _ON_A_PAGE))
    if page > pages:
        raise bad_parameter("pagina", f"no existe: la última es la {pages}")
    followed = {
        name: given[name] for name in ("q", "unspsc", "departamento", "comprador") if not (name == "unspsc" and wrong)
    }
    context: dict[str, Any] = {
        "given": given,
        "wrong": wrong,
        "chosen": sum(bool(value) for name, value in given.items() if name not in ("cierre", "sort")),
        "found": told,
        "total": total,
        "market": market,
        "windows": WINDOWS,
        "bands": [(name, label) for name, (label, *_) in BANDS.items()],
        "sorts": _SORTS,
        "tabs": [
            (label, listed[name], address(PAGE, given | {"cierre": name}), name == cierre)
            for name, label in _CLOSES.items()
        ],
        "buyers": buyers(found),
        "departamentos": departamentos(found),
        "families": list(market.called.items()) if market else [],
        "page": page,
        "pages": pages,
        "before": address(PAGE, given | {"pagina": page - 1}) if page > 1 else None,
        "after": address(PAGE, given | {"pagina": page + 1}) if page < pages else None,
        "feeds": {
            form: address(f"/api/v2/concursos.{form}", followed | {"abiertos": True}) for form in ("atom", "ics")
        },
        "api": address("/api/v2/concursos", followed | {"abiertos": True}),
        "robots": "noindex, follow" if any(given.values()) or page > 1 else "",
    }
    return render(request, "opportunities.html.j2", context, status=400 if wrong else 200)


def _page(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_PAGES):
        raise bad_parameter("pagina", "debe ser un número de 1 en adelante")
    return int(text)
