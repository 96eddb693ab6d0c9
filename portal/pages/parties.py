"""Comprador and proveedor: what one buys or sells over time, with whom, and how often there was only one bidder.

Who they are beyond their name, addresses and contacts for instance, is in the data: a supplier may be a person.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request, Response

from guatecompras import catalogs
from portal import flags
from portal.audit import is_there
from portal.filters import address
from portal.library import Library, Query
from portal.library.parties import Counterpart, Period, Profile, Role
from portal.market import of_edition
from portal.pages import charts, filters
from portal.pages.site import edition, error, library, render

router = APIRouter(include_in_schema=False)

_RECENT = 10  # concursos listed
_FIELDS = 12  # families and departments of a supplier
_OF_FIELDS = {"unspsc": ("Por familia de productos", "Familia"), "departamento": ("Por departamento", "Departamento")}
_SEGMENTS = catalogs.mapping("unspsc_segmentos", "code", "name")
_SHOWN = 15  # counterparts shown at once; the rest of what the library tells opens
# Who buys is an entity or one of its units: role -> what it is called, and the filter of Explorar.
_BUYERS: dict[Role, tuple[str, str]] = {
    "buyer": ("Entidad compradora", "comprador"),
    "unit": ("Unidad compradora", "unidad"),
}


@router.get("/comprador/{id}")
def buyer(request: Request, id: str) -> Response:
    found = library(request)
    for role, (kind, name) in _BUYERS.items():
        profile = found.profile(id, role) if filters.is_party(id) else None
        if profile:
            more: dict[str, Any] = {"kind": kind, "filter": name, "role": "buyer", "other": "proveedor"}
            return _page(request, found, profile, Query(buyer=id) if role == "buyer" else Query(unit=id), more)
    return error(request, 404, "Ningún comprador de los concursos publicados tiene ese código.")


@router.get("/proveedor/{id}")
def supplier(request: Request, id: str) -> Response:
    found = library(request)
    profile = found.profile(id, "supplier") if filters.is_party(id) else None
    if not profile:
        return error(request, 404, "Ningún proveedor de los concursos publicados tiene ese código.")
    more: dict[str, Any] = {"kind": "Proveedor", "filter": "oferente", "role": "supplier", "other": "comprador"}
    market = of_edition(edition(request))
    more["fields"] = _fields(found, id, market.called if market else {})
    return _page(request, found, profile, Query(bidder=id), more)


def _page(request: Request, found: Library, profile: Profile, query: Query, more: dict[str, Any]) -> Response:
    total = profile.total
    months = _from_first(profile.months)
    context = {
        "total": total,
        "single_share": total.single / total.awarded if total.awarded else None,
        "columns": charts.over_months([(one.month, one.concursos, one.amount) for one in months], by_amount=True),
        "years": _years(months),
        "months": months[::-1],
        "counterparts": _with_shares(profile.counterparts),
        "shown": _SHOWN,
        "others": profile.others,
        "recent": found.search(query, "-updated", limit=_RECENT),
        "audited": more["filter"] == "comprador" and is_there(request),
        "flags": flags.of_buyer(edition(request), total.id) if more["filter"] == "comprador" else [],
        "of_month": lambda month: address(filters.PAGE, {more["filter"]: total.id, "mes": month}),
        **more,
    }
    return render(request, "party.html.j2", context)


def _fields(found: Library, id: str, called: Mapping[str, str]) -> list[dict[str, Any]]:
    """Where a supplier takes part and wins: heading, filter of Explorar, and each field with what it is called and its bar."""

    def name_of(family: str) -> str:
        return "; ".join(called.get(family, "").split("; ")[:2]) or _SEGMENTS.get(family[:2], "")

    told = []
    for name, rows in found.fields(id).items():
        shares = charts.shares([float(one.concursos) for one in rows[:_FIELDS]])
        heading, column = _OF_FIELDS[name]
        told.append(
            {
                "heading": heading,
                "column": column,
                "filter": name,
                "rows": [
                    (one, name_of(one.value) if name == "unspsc" else "", share)
                    for one, share in zip(rows, shares, strict=False)
                ],
                "others": len(rows) - _FIELDS,
            }
        )
    return told


def _from_first(months: Sequence[Period]) -> list[Period]:
    """From the first month in which there was anything."""
    first = next((place for place, one in enumerate(months) if one.concursos), len(months))
    return list(months[first:])


def _years(months: Sequence[Period]) -> list[tuple[str, int, int, float]]:
    """Year, concursos, those with an award, amount; newest first."""
    years = []
    for year, group in groupby(months, key=lambda one: one.month[:4]):
        of_year = list(group)
        years.append(
            (
                year,
                sum(one.concursos for one in of_year),
                sum(one.awarded for one in of_year),
                sum(one.amount for one in of_year),
            )
        )
    return years[::-1]


def _with_shares(counterparts: Sequence[Counterpart]) -> list[tuple[Counterpart, float]]:
    return list(zip(counterparts, charts.shares([one.amount for one in counterparts]), strict=True))
