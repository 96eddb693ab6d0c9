"""Explorar: search with filters, results, and how they are spread over months, modalidades, categories, buyers, departments.

Works without script: the filters are a form, all else are links. The same result as data comes from `/api/v2/`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import quote
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from guatecompras import catalogs
from portal.library import Bucket, Library, Query
from portal.library.library import as_totals
from portal.library.parties import Total
from portal.library.query import MOST, BadCursorError
from portal.pages import charts, filters
from portal.pages.home import nog_of
from portal.pages.site import library, render

router = APIRouter(include_in_schema=False)

_API = "/api/v2/concursos"
_FORMS = (("CSV", "csv"), ("JSON", "json"), ("JSON Lines", "jsonl"))
_ON_A_PAGE = 20
_PROPOSED = 12  # parties proposed for a name
_ROWS = 8  # of a table of a facet
# Facet -> its heading, the filter that a row sets, how many rows, whether it stands open. Departments: the map in a table.
_FACETS: tuple[tuple[str, str, str, int, bool], ...] = (
    ("modalidad", "Por modalidad", "modalidad", _ROWS, True),
    ("buyer", "Compradores con más concursos", "comprador", _ROWS, True),
    ("departamento", "Por departamento del comprador", "departamento", 30, True),
    ("categoria", "Por categoría", "categoria", 14, True),
    ("estatus", "Por estatus", "estatus", _ROWS, False),
    ("objeto", "Por objeto", "objeto", _ROWS, False),
    ("supplier", "Proveedores con más adjudicaciones", "proveedor", _ROWS, False),
    ("unspsc", "Por producto (familias de UNSPSC)", "unspsc", _ROWS, False),
)
_CODED = {"modalidad", "estatus", "categoria"}
# The choices of the form: filter, its heading, the facet that says which there are.
_CHOICES = (
    ("estatus", "Estatus", "estatus"),
    ("modalidad", "Modalidad", "modalidad"),
    ("objeto", "Objeto", "objeto"),
    ("categoria", "Categoría", "categoria"),
    ("departamento", "Departamento", "departamento"),
)

_KINDS = {"comprador": "entidad", "unidad": "unidad compradora", "proveedor": "proveedor", "oferente": "proveedor"}


_PROFILES = {"comprador": "comprador", "unidad": "comprador", "proveedor": "proveedor", "oferente": "proveedor"}


class Proposal(NamedTuple):
    """Who may be meant by a text: how many there are, and some with their name, what they are, the
    address that chooses them, and their concursos."""

    text: str
    all_told: int
    links: list[tuple[str, str, str, int]]


# How all concursos are spread: what the form offers, and what who has not filtered yet sees. Kept as long as the library is.
_wholes: "WeakKeyDictionary[Library, dict[str, list[Bucket]]]" = WeakKeyDictionary()


def _facets(found: Library, query: Query) -> dict[str, list[Bucket]]:
    names = ["month", *(facet for facet, *_ in _FACETS)]
    if query != Query():
        return found.facets(query, names)
    if found not in _wholes:
        _wholes[found] = found.facets(query, names)
    return _wholes[found]


def _choices(found: Library) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """What can be chosen in the form: what occurs at all, the most frequent first."""
    whole = _facets(found, Query())
    return [
        (name, heading, [(bucket.value, _label(facet, bucket)) for bucket in whole[facet]])
        for name, heading, facet in _CHOICES
    ]


def _label(facet: str, bucket: Bucket) -> str:
    return filters.OBJECTS.get(bucket.value, bucket.label) if facet == "objeto" else bucket.label


@router.get(filters.PAGE)
def explore(request: Request) -> Response:
    found = library(request)
    told = filters.asked(request.query_params)
    nog = nog_of(told.text("q"))
    if nog and found.row(nog):
        return RedirectResponse(f"/concurso/{nog}", 303)
    told, proposals = _with_parties(found, told)
    page = None
    if not told.errors and not proposals:
        try:
            page = found.search(told.filters.query(), told.filters.order(), told.cursor, _ON_A_PAGE)
        except BadCursorError:
            told = told.wrong(
                "cursor", "El lugar de la lista al que lleva esta dirección no existe. Empiece por el principio."
            )
    context: dict[str, Any] = {
        "asked": told,
        "page": page,
        "proposals": proposals,
        "sorts": filters.SORTS,
        "choices": _choices(found),
        "segments": catalogs.table("unspsc_segmentos").rows(),
        "chips": told.chips(),
        "profiles": _profiles(told),
        "robots": "noindex, follow" if told.everything() or told.cursor else "",
        "spread": _spread(found, told) if page and page.total else None,
        "downloads": [(label, told.address(f"{_API}", formato=form, limit=MOST)) for label, form in _FORMS],
        "feeds": {form: told.address(f"{_API}.{form}", abiertos=True) for form in ("atom", "ics")},
        "whole": MOST,
    }
    return render(request, "explore.html.j2", context, status=400 if told.errors else 200)


def _with_parties(found: Library, told: filters.Asked) -> tuple[filters.Asked, list[Proposal]]:
    """Who is meant where a name stands instead of an id: taken if there is one, proposed if there are several."""
    proposals, names = [], dict[str, str]()
    for name in filters.BY_WHO:
        text = told.text(name)
        if not text or name in told.errors:
            continue
        if filters.is_party(text):
            names[text] = _name_of(found, name, text)
            continue
        meant, all_told = _meant(found, name, text)
        if len(meant) == 1:
            place, total = meant[0]
            told, names[total.id] = told.meaning(name, place, total.id), total.name
        elif meant:
            links = [
                (one.name, _KINDS[place], told.meaning(name, place, one.id).address(), one.concursos)
                for place, one in meant
            ]
            proposals.append(Proposal(text, all_told, links))
        else:
            told = told.wrong(name, f"Nadie se llama «{text}». Escriba menos palabras.")
    return replace(told, names=names), proposals


def _profiles(told: filters.Asked) -> list[tuple[str, str]]:
    """Of those whom the filters name, the address of their own page and their name."""
    meant = ((page, str(told.told().get(name))) for name, page in _PROFILES.items())
    return [(f"/{page}/{quote(party)}", told.names[party]) for page, party in meant if party in told.names]


def _name_of(found: Library, name: str, id: str) -> str:
    totals = (found.total(id, role) for _, role in filters.BY_WHO[name])
    return next((total.name for total in totals if total), id)


def _meant(found: Library, name: str, text: str) -> tuple[list[tuple[str, Total]], int]:
    """Those with such a name, each with the filter that it is one of, those with most concursos first; and how many."""
    meant, all_told = list[tuple[str, Total]](), 0
    for place, role in filters.BY_WHO[name]:
        frame = found.totals(role, text, "-concursos")
        meant += [(place, total) for total in as_totals(frame.head(_PROPOSED))]
        all_told += frame.height
    return meant[:_PROPOSED], all_told


def _spread(found: Library, told: filters.Asked) -> Mapping[str, Any]:
    """How the results are spread: columns by month, and a table with bars for each facet."""
    spread = _facets(found, told.filters.query())
    months = [(bucket.value, bucket.concursos, bucket.amount) for bucket in spread["month"]]
    filled = [place for place, (_, concursos, _) in enumerate(months) if concursos]
    months = months[filled[0] : filled[-1] + 1] if filled else []
    return {
        "months": [(*month, told.address(mes=month[0])) for month in months],
        "columns": charts.over_months(months),
        "facets": [
            (heading, facet, _bars(facet, name, spread[facet][:rows], told), stands_open)
            for facet, heading, name, rows, stands_open in _FACETS
            if spread[facet]
        ],
    }


def _bars(facet: str, name: str, buckets: Sequence[Bucket], told: filters.Asked) -> list[charts.Bar]:
    shares = charts.shares([float(bucket.concursos) for bucket in buckets])
    bars = []
    for bucket, share in zip(buckets, shares, strict=True):
        value: Any = int(bucket.value) if facet in _CODED else bucket.value
        link, chosen = told.address(**{name: value}), told.has(name, value)
        bars.append(charts.Bar(_label(facet, bucket), link, bucket.concursos, bucket.amount, share, chosen))
    return bars
