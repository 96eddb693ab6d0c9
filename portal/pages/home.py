"""The home page, and the search box that stands on it and on error pages."""

import re
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from portal.http.requests import edition
from portal.pages import offered, structured
from portal.pages.site import render

router = APIRouter(include_in_schema=False)

_RECENT = 6  # publications of months that the home page tells of
# A NOG as people write it: with blanks, with `NOG` in front, as an ocid or a tender's id.
_NOG = re.compile(r"(?:ocds-xqjsxa-|GT-NOG-|NOG[\s:.#-]*)?(\d[\d\s.,]{3,12}\d)", re.IGNORECASE)
LONGEST_TEXT = 200


def nog_of(text: str) -> int | None:
    """The NOG that a text is, if it is nothing else."""
    match = _NOG.fullmatch(text.strip())
    digits = re.sub(r"\D", "", match[1]) if match else ""
    return int(digits) if 5 <= len(digits) <= 10 else None


@router.get("/")
def home(request: Request) -> Response:
    index = edition(request).index
    months = offered.months(index)
    recent = sorted(months, key=lambda month: month.published, reverse=True)[:_RECENT]
    context = {
        "latest": months[0] if months else None,
        "totals": offered.totals(index),
        "first": months[-1].name if months else None,
        "recent": recent,
        "json_ld": [structured.site(request), structured.catalog(request, months)],
    }
    return render(request, "home.html.j2", context)


@router.get("/buscar")
def search(request: Request, q: str = "") -> Response:
    """To the concurso, where the text is a NOG; else to what has these words."""
    text = q.strip()[:LONGEST_TEXT]
    nog = nog_of(text)
    target = f"/concurso/{nog}" if nog else f"/explorar?{urlencode({'q': text})}" if text else "/explorar"
    return RedirectResponse(target, 303)
