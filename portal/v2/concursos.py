"""Concursos by filters, one by one, and how they are spread: /api/v2/concursos."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
import polars as pl
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from portal.filters import Filters, address
from portal.http.answers import Streamed, respond
from portal.http.conditional import FOLLOWS
from portal.http.errors import RefusedError, absent, bad_parameter, gone
from portal.library import BadCursorError, Row
from portal.library.library import FACETS, Library
from portal.library.query import MOST
from portal.library.shelf import Ints
from portal.v2 import described
from portal.v2.forms import DOCUMENTS, MEDIA, Form, form_of, lines, table

router = APIRouter(prefix="/api/v2", tags=["Concursos"])

Nog = Annotated[int, Path(ge=1, le=10**12, description="NOG, Número de Operación Guatecompras")]
_TIME = pl.Datetime("us", "America/Guatemala")
_MOST_AT_ONCE, _PART = 200_000, 1_000
Facet = Literal[
    "month", "year", "estatus", "modalidad", "categoria", "objeto", "departamento", "buyer", "unspsc", "supplier"
]
COLUMNS: dict[str, tuple[Any, Any]] = {
    "nog": (pl.Int64, lambda row: row.nog),
    "ocid": (pl.String, lambda row: row.ocid),
    "title": (pl.String, lambda row: row.title),
    "status": (pl.String, lambda row: row.status),
    "estatus": (pl.Int64, lambda row: row.estatus),
    "estatus_name": (pl.String, lambda row: row.estatus_name),
    "modalidad": (pl.Int64, lambda row: row.modalidad),
    "modalidad_name": (pl.String, lambda row: row.modalidad_name),
    "objeto": (pl.String, lambda row: row.objeto),
    "buyer_id": (pl.String, lambda row: row.buyer_id),
    "buyer": (pl.String, lambda row: row.buyer),
    "unit_id": (pl.String, lambda row: row.unit_id),
    "unit": (pl.String, lambda row: row.unit),
    "departamento": (pl.String, lambda row: row.departamento),
    "called": (_TIME, lambda row: row.called),
    "closes": (_TIME, lambda row: row.closes),
    "awarded": (_TIME, lambda row: row.awarded),
    "updated": (_TIME, lambda row: row.updated),
    "estimated": (pl.Decimal(18, 2), lambda row: _cents(row.estimated)),
    "awarded_amount": (pl.Decimal(18, 2), lambda row: _cents(row.awarded_amount)),
    "amount": (pl.Decimal(18, 2), lambda row: _cents(row.amount)),
    "currency": (pl.String, lambda row: row.currency),
    "tenderers": (pl.Int64, lambda row: row.tenderers),
    "items": (pl.Int64, lambda row: row.items),
    "supplier_ids": (pl.String, lambda row: "; ".join(one.id for one in row.suppliers)),
    "suppliers": (pl.String, lambda row: "; ".join(one.name for one in row.suppliers)),
    "month": (pl.String, lambda row: row.month),
}


class Search(Filters):
    """A page of a search."""

    cursor: str = Field("", max_length=300, description="De `links.next` o `links.prev`; sin él, la primera página.")
    limit: int = Field(50, ge=1, le=MOST, description=f"Resultados por página, hasta {MOST:,}.")
    formato: Form | None = Field(None, description="Forma de la respuesta; va antes que el encabezado `Accept`.")


@router.get(
    "/concursos",
    summary="Buscar concursos",
    responses=described.listed(Row, "Concursos, con el total y los enlaces a otras páginas"),
)
def search(request: Request, asked: Annotated[Search, Query()]) -> Response:
    """Busca por palabras, códigos, montos, participantes y fechas; todo lo que se pide debe cumplirse. `total` es cuántos hay
    en todas las páginas. Para recorrer todo, siga `links.next`: es un cursor, y lo que se publica mientras tanto no lo mueve."""
    form = form_of(request, asked.formato)
    edition, library = request.app.state.library.both()
    try:
        page = library.search(asked.query(), asked.order(), asked.cursor or None, asked.limit)
    except BadCursorError:
        raise bad_parameter("cursor", "no es de esta búsqueda; empiece otra vez sin él") from None
    links = {name: _page(request, asked, place) for name, place in (("next", page.next), ("prev", page.prev)) if place}
    headers = {"X-Total-Count": str(page.total), **described.link(links)}
    if form == "csv":
        body = table(page.rows, COLUMNS)
    elif form == "jsonl":
        body = lines(page.rows)
    else:
        body = msgspec.json.encode({"total": page.total, "limit": asked.limit, "links": links, "results": page.rows})
    return respond(request, body, MEDIA[form], modified=edition.modified, headers=headers)


def _page(request: Request, asked: Search, place: str) -> str:
    return str(request.app.state.settings.url(address("/api/v2/concursos", asked.told() | {"cursor": place})))


def _cents(amount: float | None) -> Any:
    return None if amount is None else f"{amount:.2f}"


class Whole(Filters):
    """All of a search."""

    formato: Literal["csv", "jsonl"] = Field("csv", description="CSV o JSON Lines.")


@router.get(
    "/concursos/descarga",
    summary="Descargar una búsqueda entera",
    responses=described.table("Todos los concursos de la búsqueda"),
)
def download(request: Request, asked: Annotated[Whole, Query()]) -> Response:
    """Todo lo que cumple la búsqueda, en un solo archivo, hasta 200,000 concursos. Para todo lo publicado están las descargas por
    mes, por año y completas."""
    library: Library = request.app.state.library()
    found = library.ordered(asked.query(), asked.order())
    if len(found) > _MOST_AT_ONCE:
        told = f"La búsqueda encuentra {len(found):,} concursos y se descargan {_MOST_AT_ONCE:,} como máximo: agregue filtros."
        raise RefusedError(400, told)
    headers = {
        "Content-Disposition": f'attachment; filename="concursos.{asked.formato}"',
        "X-Total-Count": str(len(found)),
        "Cache-Control": FOLLOWS,
    }
    return Streamed(lambda: _parts(library, found, asked.formato), None, MEDIA[asked.formato], 200, headers)


def _parts(library: Library, found: Ints, form: Form) -> Iterator[bytes]:
    if form == "csv" and not len(found):
        yield table([], COLUMNS)
    for start in range(0, len(found), _PART):
        rows = library.rows(found[start : start + _PART])
        yield table(rows, COLUMNS, header=start == 0) if form == "csv" else lines(rows)


class Spread(Filters):
    """How a search is spread."""

    por: list[Facet] = Field(
        ["month"], min_length=1, max_length=len(FACETS), description=f"Por qué: {', '.join(FACETS)}; se puede repetir."
    )


@router.get(
    "/concursos/resumen",
    summary="Repartir una búsqueda",
    responses=described.one("Por cada faceta, sus valores con concursos y monto"),
)
def spread(request: Request, asked: Annotated[Spread, Query()]) -> Response:
    """Cuántos concursos de una búsqueda hay por mes, modalidad, entidad… y cuánto suman, en quetzales. De cada faceta, los 50
    valores con más concursos; el monto falta donde un concurso puede tener varios valores."""
    edition, library = request.app.state.library.both()
    found = library.facets(asked.query(), asked.por)
    body = msgspec.json.encode({"total": library.count(asked.query()), "facets": found})
    return respond(request, body, MEDIA["json"], modified=edition.modified)


@router.get(
    "/concursos/{nog}",
    summary="Un concurso",
    responses=described.one("El concurso en breve, con enlaces a su registro y sus publicaciones"),
)
def concurso(request: Request, nog: Nog) -> Response:
    """Un concurso como en las listas."""
    edition, library = request.app.state.library.both()
    row = known(library, nog, library.row(nog))
    url = request.app.state.settings.url
    links = {
        "record": url(f"/api/v2/concursos/{nog}/record"),
        "releases": url(f"/api/v2/concursos/{nog}/releases"),
        "page": url(f"/concurso/{nog}"),
    }
    body = msgspec.json.encode(msgspec.structs.asdict(row) | {"links": links})
    return respond(request, body, MEDIA["json"], modified=edition.modified)


@router.get(
    "/concursos/{nog}/record",
    summary="El registro (record) de un concurso",
    responses=described.one("ocid, publicaciones enlazadas y registro compilado, como están publicados"),
)
def record(request: Request, nog: Nog) -> Response:
    """El registro OCDS del concurso."""
    edition, library = request.app.state.library.both()
    body = known(library, nog, library.record(nog))
    return respond(request, body, MEDIA["json"], modified=edition.modified)


class Documents(BaseModel):
    """In what form."""

    model_config = ConfigDict(extra="forbid")

    formato: Literal["json", "jsonl"] | None = Field(None, description="`json` o `jsonl`.")


@router.get(
    "/concursos/{nog}/releases",
    summary="Las publicaciones (releases) de un concurso",
    responses=described.many("Las publicaciones, de la más antigua a la más reciente"),
)
def releases(request: Request, nog: Nog, asked: Annotated[Documents, Query()]) -> Response:
    """Todas las publicaciones del concurso, como salieron. Una publicación nunca cambia."""
    form = form_of(request, asked.formato, DOCUMENTS)
    edition, library = request.app.state.library.both()
    found = known(library, nog, library.releases(nog) or None)
    body = b"".join(one + b"\n" for one in found) if form == "jsonl" else b"[%s]" % b",".join(found)
    return respond(request, body, MEDIA[form], modified=edition.modified)


def known(library: Library, nog: int, found: Any) -> Any:
    """What was found of a NOG; raises 410 where it is public no more, 404 where it never was."""
    if found is not None:
        return found
    if library.gone(nog):
        raise gone(f"El concurso {nog} fue retirado de la publicación: Guatecompras ya no lo tiene.")
    raise absent(f"No hay un concurso publicado con el NOG {nog}.")
