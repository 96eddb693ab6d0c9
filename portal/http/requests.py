"""What every route may ask of a request: what is public, the settings, the kind of answer that is expected at its address."""

from enum import Enum

from starlette.requests import Request
from starlette.types import Scope

from portal.publication import Edition, Publication
from portal.settings import Settings


class Kind(Enum):
    """Who reads an answer, which decides how errors are told."""

    OFFICIAL = "official"  # tools made for the official contract
    API = "api"
    FILE = "file"
    PAGE = "page"


_KINDS = (
    ("/release", Kind.OFFICIAL),
    ("/record", Kind.OFFICIAL),
    ("/files", Kind.OFFICIAL),
    ("/file", Kind.OFFICIAL),
    ("/api", Kind.API),
    ("/openapi.json", Kind.API),
    ("/publication", Kind.FILE),
)
# What is read by programs although its address is beside a page.
_DATA = (".json", ".jsonl", ".jsonld", ".csv", ".xlsx", ".atom", ".ics", ".xml", ".xsd", ".txt", ".pdf")


def kind_of(scope: Scope) -> Kind:
    path: str = scope["path"]
    for start, kind in _KINDS:
        if path == start or path.startswith(f"{start}/"):
            return kind
    return Kind.FILE if path.endswith(_DATA) else Kind.PAGE


def publication(request: Request) -> Publication:
    found: Publication = request.app.state.publication
    return found


def settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


def edition(request: Request) -> Edition:
    """What is public, looked at once in a request: all of an answer tells of one moment. It may wait for the store a little, so it
    is for routes that run in a thread (`def`)."""
    found: Edition | None = getattr(request.state, "edition", None)
    if found is None:
        found = request.state.edition = publication(request).now()
    return found


def header(scope: Scope, name: bytes) -> str:
    """A header of a request, its lines joined; empty where it has none."""
    return ", ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)
