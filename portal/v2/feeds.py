"""Open tenders for a feed reader or a calendar, for any search: /api/v2/concursos.atom and .ics."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from portal.filters import Filters, address, once
from portal.http.answers import respond
from portal.library import Row
from portal.v2 import described

router = APIRouter(prefix="/api/v2", tags=["Avisos"], dependencies=[Depends(once)])

_ENTRIES = 100
# A line of iCalendar has at most 75 octets, and what is left begins with a space.
_OCTETS = 75
_ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": ""})
# What XML 1.0 cannot hold, not even escaped.
_NO_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])


class Followed(Filters):
    """A saved search. It is of those that are open, unless it says otherwise."""

    abiertos: bool = Field(True, description="Solo los que todavía reciben ofertas; `false`: todos.")


def _rows(request: Request, asked: Followed) -> tuple[list[Row], datetime]:
    edition, library = request.app.state.library.both()
    return library.search(asked.query(), asked.order(), None, _ENTRIES).rows, edition.modified


@router.get(
    "/concursos.atom",
    summary="Una búsqueda como Atom",
    responses=described.text("application/atom+xml", "Los primeros 100 concursos de la búsqueda"),
)
def atom(request: Request, asked: Annotated[Followed, Query()]) -> Response:
    """Para un lector de noticias: los concursos abiertos que cumplen la búsqueda, los más recientes primero."""
    rows, modified = _rows(request, asked)
    url = request.app.state.settings.url
    own = url(address("/api/v2/concursos.atom", asked.told()))
    page = url(address("/explorar", asked.told() | {"abiertos": asked.abiertos}))
    newest = max((row.updated for row in rows), default=modified)
    entries = "".join(_entry(row, url(f"/concurso/{row.nog}")) for row in rows)
    body = (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="es">'
        f"<title>{_xml(_title(asked))}</title><id>{_xml(own)}</id><updated>{newest.isoformat()}</updated>"
        f'<link rel="self" type="application/atom+xml" href={quoteattr(own)}/>'
        f'<link rel="alternate" type="text/html" href={quoteattr(page)}/>'
        f"<author><name>Guatecompras en datos abiertos</name></author>{entries}</feed>\n"
    )
    return respond(request, body.encode(), "application/atom+xml; charset=utf-8", modified=modified)


def _entry(row: Row, link: str) -> str:
    closes = f"Cierre: {row.closes:%d/%m/%Y %H:%M}" if row.closes else "Cierre: no informado"
    told = " · ".join(filter(None, [row.buyer, row.unit, row.modalidad_name, row.departamento, closes]))
    return (
        f"<entry><title>{_xml(row.title or f'NOG {row.nog}')}</title><id>{_xml(link)}</id>"
        f"<published>{row.called.isoformat()}</published><updated>{row.updated.isoformat()}</updated>"
        f"<link href={quoteattr(link)}/><summary>{_xml(told)}</summary><category term={quoteattr(_xml(row.estatus_name))}/></entry>"
    )


def _xml(text: str) -> str:
    return escape(text.translate(_NO_XML))


def _title(asked: Followed) -> str:
    what = "Concursos abiertos" if asked.abiertos else "Concursos"
    return f"{what}: {asked.q}" if asked.q else what


@router.get(
    "/concursos.ics",
    summary="Una búsqueda como calendario",
    responses=described.text("text/calendar", "Los cierres de recepción de ofertas"),
)
def calendar(request: Request, asked: Annotated[Followed, Query()]) -> Response:
    """Para un calendario (iCalendar): a qué hora cierra la recepción de ofertas de cada concurso que cumple la búsqueda. Los que
    no informan su cierre no aparecen."""
    rows, modified = _rows(request, asked)
    url = request.app.state.settings.url
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Guatecompras en datos abiertos//ES",
        f"X-WR-CALNAME:{_text(_title(asked))}",
    ]
    for row in rows:
        if row.closes:
            lines += _event(row, url(f"/concurso/{row.nog}"), row.closes)
    body = "".join(_folded([*lines, "END:VCALENDAR"])).encode()
    return respond(request, body, "text/calendar; charset=utf-8", modified=modified)


def _event(row: Row, link: str, closes: datetime) -> list[str]:
    start = closes - timedelta(minutes=30)
    return [
        "BEGIN:VEVENT",
        f"UID:{row.ocid}",
        f"DTSTAMP:{_stamp(row.updated)}",
        f"DTSTART:{_stamp(start)}",
        f"DTEND:{_stamp(closes)}",
        f"SUMMARY:{_text(f'Cierre de ofertas: {row.title}')}",
        f"DESCRIPTION:{_text(f'NOG {row.nog}. {row.buyer}. {row.unit}. {row.modalidad_name}')}",
        f"URL:{link}",
        "END:VEVENT",
    ]


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    return text.translate(_NO_XML).translate(_ESCAPES)


def _folded(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        rest, room = line, _OCTETS
        while len(rest.encode()) > room:
            cut = rest.encode()[:room].decode(errors="ignore")
            yield f"{cut}\r\n "
            rest, room = rest[len(cut) :], _OCTETS - 1
        yield f"{rest}\r\n"
