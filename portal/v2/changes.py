"""The feed of changes over all months, and the months that are public: /api/v2/cambios, /api/v2/meses."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from guatecompras.changes import feed
from guatecompras.errors import CursorError
from portal.filters import address, once
from portal.http.answers import respond
from portal.http.errors import bad_parameter
from portal.publication import Edition
from portal.v2 import described
from portal.v2.forms import DOCUMENTS, MEDIA, form_of

router = APIRouter(prefix="/api/v2", tags=["Cambios y meses"], dependencies=[Depends(once)])


class Wanted(BaseModel):
    """A page of changes."""

    model_config = ConfigDict(extra="forbid")

    cursor: str = Field("", max_length=100, description="De la respuesta anterior; sin él, desde el principio.")
    limit: int = Field(feed.LIMIT, ge=1, le=10_000, description="Cambios por página, hasta 10,000.")
    formato: Literal["json", "jsonl"] | None = Field(None, description="`json` o `jsonl`.")


class _Files:
    """An edition as the feed reads a store."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition

    def index(self) -> dict[str, Any]:
        return self._edition.index

    def version_folder(self, month: str, version: str, names: Collection[str] | None = None) -> Path:
        paths = [self._edition.fetched(f"months/{month}/{version}/{name}") for name in names or ()]
        return next(path for path in paths[0].parents if path.name == version)


@router.get(
    "/cambios",
    summary="Qué cambió",
    responses=described.paged("Cambios en el orden en que se hicieron públicos", "changes"),
)
def changes(request: Request, asked: Annotated[Wanted, Query()]) -> Response:
    """Cada diferencia de cada versión, una por fila: camino, antes, después, publicación y causa. Guarde `cursor` y siga con él:
    quien lo haga recibe cada cambio una sola vez, aunque se publique mientras tanto. En JSON Lines el cursor está en cada
    línea y en el encabezado `X-Next-Cursor`."""
    form = form_of(request, asked.formato, DOCUMENTS)
    edition = request.app.state.publication.now()
    try:
        page = feed.page(_Files(edition), asked.cursor, asked.limit)
    except CursorError:
        raise bad_parameter("cursor", "no es de esta publicación, o es de una copia más nueva") from None
    rows = [feed.as_json(row) for row in page.rows]
    told = asked.model_dump(exclude_defaults=True) | {"cursor": page.cursor}
    links = {"next": request.app.state.settings.url(address("/api/v2/cambios", told))}
    headers = {"X-Next-Cursor": page.cursor, **described.link(links)}
    if form == "jsonl":
        body = b"".join(row + b"\n" for row in rows)
    else:
        ends = {"cursor": page.cursor, "upToDate": page.up_to_date, "links": links}
        body = orjson.dumps({"changes": [orjson.Fragment(row) for row in rows], **ends})
    return respond(request, body, MEDIA[form], modified=edition.modified, headers=headers)


@router.get(
    "/meses",
    summary="Los meses publicados",
    responses=described.one("Cada mes con su versión, sus cuentas y sus archivos"),
)
def months(request: Request) -> Response:
    """Qué meses hay, en qué versión, cuántos procesos tienen y qué archivos, con su tamaño y sha256."""
    edition = request.app.state.publication.now()
    url = request.app.state.settings.url
    body = orjson.dumps(
        {
            "months": [_month(edition.month(month), month, url) for month in edition.months],
            "sequence": edition.index["sequence"],
        }
    )
    return respond(request, body, MEDIA["json"], modified=edition.modified)


def _month(entry: dict[str, Any], month: str, url: Any) -> dict[str, Any]:
    kept = ("path", "format", "bytes", "sha256", "rows")
    files = [
        {"url": url(f"/publication/{file['path']}"), **{name: file[name] for name in kept}}
        for file in entry["files"]
        if file["format"] != "search"
    ]
    told = {name: entry[name] for name in ("version", "published", "sequence", "counts")}
    return {"month": month, **told, "earlier": len(entry["versions"]), "files": files}
