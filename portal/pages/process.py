"""Concurso: one process as a person reads it, and the same as JSON (the record as published) and CSV (one value a row).

E-mails and telephones stand on the page only where they are a public office's own; those of suppliers and of persons are in
the data, not here.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
import polars as pl
from fastapi import APIRouter, Request, Response

import guatecompras
from guatecompras import catalogs
from guatecompras.formats.csvs import as_csv
from portal import flags
from portal.http.answers import respond
from portal.http.errors import RefusedError
from portal.pages import story
from portal.pages.flags import shown as shown_flags
from portal.pages.site import GUATECOMPRAS, edition, error, library, render

router = APIRouter(include_in_schema=False)

Json = dict[str, Any]

_PUBLIC_BODIES = {"buyer", "procuringEntity"}
_OBJECTS = {"goods": "Bienes", "services": "Servicios", "works": "Obras"}
_METHODS = {"open": "Abierto", "selective": "Selectivo", "limited": "Limitado", "direct": "Directo"}
_SUBMISSION = {"electronicSubmission": "Electrónica", "written": "En papel"}
_BIDS = {
    "valid": "Válida",
    "disqualified": "Descalificada",
    "withdrawn": "Retirada",
    "pending": "En evaluación",
    "invited": "Invitada",
}
_NOG = re.compile(r"[0-9]{1,10}")
_CSV_HEADER = ("campo", "entrada", "nombre", "valor")


def _record(request: Request, nog: str) -> tuple[int, bytes]:
    """The NOG and its record, as published. Raises RefusedError where there is none."""
    if not _NOG.fullmatch(nog):
        raise RefusedError(404, "Un NOG se escribe solo con cifras, por ejemplo 24567890.")
    number, found = int(nog), library(request)
    text = found.record(number)
    if text is not None:
        return number, text
    if found.gone(number):
        raise RefusedError(410, f"El NOG {number} estuvo publicado aquí y ya no lo está.")
    raise RefusedError(404, f"El NOG {number} no está entre los publicados.")


def _file(request: Request, body: bytes, media: str, name: str) -> Response:
    return respond(request, body, media, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/concurso/{nog}.json")
def json_file(request: Request, nog: str) -> Response:
    number, text = _record(request, nog)
    return _file(request, text, "application/json", f"NOG-{number}.json")


@router.get("/concurso/{nog}.csv")
def csv_file(request: Request, nog: str) -> Response:
    number, text = _record(request, nog)
    return _file(
        request, csv_text(orjson.loads(text)["compiledRelease"]), "text/csv; charset=utf-8", f"NOG-{number}.csv"
    )


@router.get("/concurso/{nog}")
def page(request: Request, nog: str) -> Response:
    try:
        number, text = _record(request, nog)
    except RefusedError as absent:
        # Guatecompras may have it all the same.
        return error(request, absent.status, absent.detail, nog=nog if _NOG.fullmatch(nog) else None)
    releases = [orjson.loads(release) for release in library(request).releases(number)]
    context = {
        "process": shown(number, orjson.loads(text)["compiledRelease"]),
        "steps": story.steps(releases),
        "review": _review(request, number),
    }
    return render(request, "process.html.j2", context)


def _review(request: Request, nog: int) -> Json | None:
    """The red flags of its month that speak of it; None where that month has none yet."""
    row = library(request).row(nog)
    found = flags.of_concurso(edition(request), row.month, nog) if row else None
    return found and found | {"flags": shown_flags(request, found["flags"])}


# One value a row, with its Spanish name: what is nested is not cut into columns `.../0/...`, so a journalist can read it from
# top to bottom, filter by `campo`, and find every meaning in the policy by the same path.


@cache
def _titles() -> dict[str, str]:
    mapping = Path(guatecompras.__file__).parent / "data" / "mapping.csv"
    rows = pl.read_csv(mapping, infer_schema=False).select("path", "title").drop_nulls()
    return dict(rows.iter_rows())


def _values(value: Any, path: tuple[str, ...] = (), entry: tuple[int, ...] = ()) -> Iterator[tuple[str, str, Any]]:
    """Every single value: its path without places, the places of the entries that it is in (from 1), itself."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _values(inner, (*path, key), entry)
    elif isinstance(value, list):
        for place, inner in enumerate(value, 1):
            yield from _values(inner, path, (*entry, place))
    else:
        yield "/".join(path), ".".join(map(str, entry)), value


def _cell(value: Any) -> str | None:
    return {True: "sí", False: "no"}[value] if isinstance(value, bool) else None if value is None else str(value)


def csv_text(compiled: Json) -> bytes:
    """As the CSV of a month is written, after a byte order mark, so that Excel reads the accents."""
    titles = _titles()
    rows = [(path, entry, titles.get(path), _cell(value)) for path, entry, value in _values(compiled)]
    return BOM_UTF8 + as_csv(pl.DataFrame(rows, schema=dict.fromkeys(_CSV_HEADER, pl.String), orient="row"))


# What the page shows of a compiled release.


@cache
def _segments() -> dict[str, str]:
    return dict(catalogs.mapping("unspsc_segmentos", "code", "name"))


def shown(nog: int, compiled: Json) -> Json:
    """The compiled release as the template reads it: everything has a place, what is not informed is None or empty."""
    tender, parties = compiled.get("tender") or {}, {party.get("id"): party for party in compiled.get("parties") or []}
    period, value = tender.get("tenderPeriod") or {}, tender.get("value") or {}
    awards = [_award(entry, compiled.get("contracts") or []) for entry in compiled.get("awards") or []]
    winners = {supplier["id"] for award in awards if award["standing"] for supplier in award["suppliers"]} - {None}
    return {
        "nog": nog,
        "ocid": compiled["ocid"],
        "title": tender.get("title"),
        "status": tender.get("status"),
        "status_name": tender.get("statusDetails"),
        "updated": compiled.get("date"),
        "buyer": _body(compiled.get("buyer"), parties),
        "unit": _body(tender.get("procuringEntity"), parties),
        "method": tender.get("procurementMethodDetails"),
        "sub_method": (tender.get("subMethod") or {}).get("description"),
        "openness": _METHODS.get(tender.get("procurementMethod") or ""),
        "rationale": tender.get("procurementMethodRationale"),
        "object": _OBJECTS.get(tender.get("mainProcurementCategory") or ""),
        "categories": [entry.get("description") for entry in tender.get("categories") or []],
        "kind": (tender.get("tenderType") or {}).get("description"),
        "submission": [_SUBMISSION.get(way, way) for way in tender.get("submissionMethod") or []],
        "called": tender.get("datePublished"),
        "closes": period.get("endDate"),
        "awarded": max((award["date"] for award in awards if award["standing"] and award["date"]), default=None),
        "estimated": value.get("amount"),
        "currency": value.get("currency"),
        "totals": _totals(awards),
        "tenderers": tender.get("numberOfTenderers"),
        "items": [_item(entry) for entry in tender.get("items") or []],
        "bids": _bids((compiled.get("bids") or {}).get("details") or [], winners),
        "awards": awards,
        "contracts": [_contract(entry) for entry in compiled.get("contracts") or []],
        "documents": _documents(tender.get("documents") or []),
        "guatecompras": f"{GUATECOMPRAS}/concursos/consultaConcurso.aspx?nog={nog}&o=5",
    }


def _body(reference: Json | None, parties: dict[str, Json]) -> Json | None:
    """The buyer or its unit: who it is, where, and the office's own contact."""
    if not reference:
        return None
    party = parties.get(reference.get("id") or "", {})
    details, address = party.get("details") or {}, party.get("address") or {}
    return {
        "id": reference.get("id"),
        "name": reference.get("name") or party.get("name") or reference.get("id"),
        "kind": (details.get("level") or details.get("entityType") or {}).get("description"),
        "place": ", ".join(
            filter(None, (address.get("streetAddress"), address.get("locality"), address.get("region")))
        ),
        "contact": _office(party),
    }


def _office(party: Json) -> Json:
    """The contact of a public office, where it is the office's and nobody's in person."""
    contact = party.get("contactPoint") or {}
    own = contact.get("name") in (None, party.get("name")) and _PUBLIC_BODIES & set(party.get("roles") or ())
    return {name: contact.get(name) for name in ("email", "telephone")} if own else {}


def _totals(awards: list[Json]) -> list[tuple[float, str]]:
    """What is awarded and stands, by currency."""
    sums: dict[str, float] = {}
    for award in awards:
        if award["standing"] and award["amount"] is not None:
            sums[award["currency"]] = sums.get(award["currency"], 0) + award["amount"]
    return [(amount, currency) for currency, amount in sums.items()]


def _award(entry: Json, contracts: list[Json]) -> Json:
    value = entry.get("value") or {}
    return {
        "id": entry.get("id"),
        "suppliers": _references(entry.get("suppliers")),
        "date": entry.get("date"),
        "amount": value.get("amount"),
        "currency": value.get("currency") or "GTQ",
        "status": entry.get("statusDetails"),
        "standing": entry.get("status") == "active",
        "contracts": [one.get("contractNumber") for one in contracts if one.get("awardID") == entry.get("id")],
    }


def _contract(entry: Json) -> Json:
    value, period = entry.get("value") or {}, entry.get("period") or {}
    return {
        "number": entry.get("contractNumber"),
        "status": entry.get("statusDetails"),
        "standing": entry.get("status") == "active",
        "signed": entry.get("dateSigned"),
        "start": period.get("startDate"),
        "end": period.get("endDate"),
        "amount": value.get("amount"),
        "currency": value.get("currency") or "GTQ",
        "documents": [_document(document) for document in entry.get("documents") or []],
    }


def _item(entry: Json) -> Json:
    code = (entry.get("classification") or {}).get("id")
    price = (entry.get("unit") or {}).get("value") or {}
    return {
        "description": entry.get("description"),
        "code": code,
        "segment": _segments().get((code or "")[:2]),
        "quantity": entry.get("quantity"),
        "unit": (entry.get("unit") or {}).get("name"),
        "price": price.get("amount"),
        "currency": price.get("currency") or "GTQ",
        "attributes": [{"name": one.get("name"), "value": one.get("value")} for one in entry.get("attributes") or []],
    }


def _bids(details: list[Json], winners: set[str]) -> list[Json]:
    """Offers, the lowest first; those without an amount last."""
    bids = []
    for entry in details:
        value, tenderers = entry.get("value") or {}, _references(entry.get("tenderers"))
        bids.append(
            {
                "tenderers": tenderers,
                "date": entry.get("date"),
                "status": _BIDS.get(entry.get("status") or ""),
                "amount": value.get("amount"),
                "currency": value.get("currency") or "GTQ",
                "won": any(tenderer["id"] in winners for tenderer in tenderers),
            }
        )
    return sorted(bids, key=lambda bid: (bid["amount"] is None, bid["amount"] or 0))


def _documents(documents: list[Json]) -> list[tuple[str, list[Json]]]:
    """By their kind, as Guatecompras names it, each kind's newest first."""
    kinds: dict[str, list[Json]] = {}
    for entry in map(_document, documents):
        kinds.setdefault(entry["kind"] or "Sin tipo informado", []).append(entry)
    return [(kind, sorted(entries, key=lambda one: one["date"] or "", reverse=True)) for kind, entries in kinds.items()]


def _document(entry: Json) -> Json:
    """`file`: its name as the address has it, without the NOG in front; it tells documents of one kind apart."""
    url = _web(entry.get("url"))
    file = unquote((url or "").rsplit("/", 1)[-1]).split("@", 1)[-1]
    return {
        "kind": entry.get("documentTypeDetails") or entry.get("title"),
        "file": file or entry.get("title") or entry.get("id") or "Documento",
        "url": url,
        "date": entry.get("datePublished"),
    }


def _web(url: str | None) -> str | None:
    """An address that a page may link to: what the source wrote could be anything."""
    return url if url and url.startswith(("https://", "http://")) else None


def _references(parties: list[Json] | None) -> list[Json]:
    return [{"id": party.get("id"), "name": party.get("name") or party.get("id")} for party in parties or []]
