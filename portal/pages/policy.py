"""The publication policy as a page, as PDF, and its dictionary as CSV and Excel.

What it says is `guatecompras/policy/`; here is what it is built from (the publication), and how it is found and sent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import Any

from fastapi import APIRouter, Request, Response

from guatecompras import spanish
from guatecompras.personal import load
from guatecompras.policy import codelists, dictionary, prose
from guatecompras.policy.document import Policy, build
from guatecompras.policy.facts import Facts, PublishedMonth
from guatecompras.policy.files import dictionary_csv, dictionary_xlsx
from guatecompras.policy.pdf import draw
from guatecompras.settings import Settings as Publisher
from portal.http.answers import respond
from portal.http.requests import edition
from portal.pages.site import render
from portal.publication import Edition
from portal.settings import Settings

router = APIRouter(include_in_schema=False)

LONGEST_QUERY = 200
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_METHODS = ["GET", "HEAD"]


@dataclass
class Drawn:
    """The policy of one edition with its files, each made when it is first asked for; a policy is never made twice."""

    policy: Policy
    _making: Lock = field(default_factory=Lock)

    def file(self, name: str) -> bytes:
        with self._making:
            return bytes(getattr(self, name))

    @cached_property
    def pdf(self) -> bytes:
        return draw(self.policy)

    @cached_property
    def csv(self) -> bytes:
        return dictionary_csv(self.policy.dictionary)

    @cached_property
    def xlsx(self) -> bytes:
        return dictionary_xlsx(self.policy)


class _Latest:
    """The newest edition's policy: kept until another edition is public."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: tuple[tuple[str, ...], Drawn] | None = None

    def of(self, key: tuple[str, ...], make: Callable[[], Policy]) -> Drawn:
        with self._lock:
            if self._held is None or self._held[0] != key:
                self._held = (key, Drawn(make()))
            return self._held[1]


_LATEST = _Latest()


def drawn(request: Request) -> Drawn:
    """The policy of what is public now."""
    found, state = edition(request), request.app.state
    key = (found.etag, state.settings.base_url, state.settings.contact, state.publisher.publisher_name)
    return _LATEST.of(key, lambda: build(_facts(found, state.settings, state.publisher)))


def _facts(found: Edition, settings: Settings, publisher: Publisher) -> Facts:
    latest = found.months[0] if found.months else None
    return Facts(
        base_url=settings.base_url,
        contact=settings.contact,
        publisher=publisher.publisher_name,
        publisher_uri=publisher.publisher_uri,
        months=tuple(_month(month, found.month(month)) for month in found.months),
        quality=found.quality(latest) if latest and found.has_quality(latest) else None,
        personal=load(found.manifest(latest)["settings"].get("personal_data", "") if latest else ""),
        tables=(lambda table: found.local(latest, f"tables/{table}.parquet")) if latest else None,
    )


def _month(month: str, told: Any) -> PublishedMonth:
    return PublishedMonth(month, told["version"], datetime.fromisoformat(told["published"]), told["counts"])


@router.api_route("/politica", methods=_METHODS)
def page(request: Request, q: str = "") -> Response:
    """All of it, or with `q` the fields of the dictionary that a text is about."""
    policy = drawn(request).policy
    text = q.strip()[:LONGEST_QUERY]
    found: Sequence[dictionary.Entry] = dictionary.search(text, policy.dictionary) if text else policy.dictionary
    context = {
        "policy": policy,
        "query": text,
        "found": found,
        "groups": [(None, found)] if text else list(dictionary.grouped(found).items()),
        "anchor": dictionary.anchor,
        "codelist_anchors": codelists.anchors(),
        "spans": prose.spans,
        "share": spanish.percent,
        "amount": spanish.plain,
        "duration": spanish.duration,
        # A search is an answer, not a page of its own for those who index the web.
        "robots": "noindex" if text else "",
    }
    return render(request, "policy.html.j2", context)


@router.api_route("/politica.pdf", methods=_METHODS)
def as_pdf(request: Request) -> Response:
    return _sent(request, drawn(request).file("pdf"), "application/pdf", "politica-de-publicacion.pdf", "inline")


@router.api_route("/politica/diccionario.csv", methods=_METHODS)
def as_csv(request: Request) -> Response:
    return _sent(request, drawn(request).file("csv"), "text/csv; charset=utf-8", "diccionario.csv")


@router.api_route("/politica/diccionario.xlsx", methods=_METHODS)
def as_xlsx(request: Request) -> Response:
    return _sent(request, drawn(request).file("xlsx"), XLSX, "diccionario.xlsx")


def _sent(request: Request, body: bytes, media: str, name: str, disposition: str = "attachment") -> Response:
    return respond(request, body, media, headers={"Content-Disposition": f'{disposition}; filename="{name}"'})
