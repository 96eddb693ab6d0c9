"""Buyers, purchasing units and suppliers with their totals: /api/v2/compradores, /unidades, /proveedores."""

import base64
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
import orjson
import polars as pl
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from guatecompras.formats.csvs import as_csv
from portal.filters import address, once
from portal.http.answers import respond
from portal.http.errors import absent, bad_parameter
from portal.library.parties import Profile, Role, Total, as_totals
from portal.library.query import MOST
from portal.v2 import described
from portal.v2.forms import MEDIA, Form, form_of, lines

router = APIRouter(prefix="/api/v2", tags=["Compradores y proveedores"], dependencies=[Depends(once)])

SORTS = {"monto": "amount", "concursos": "concursos", "nombre": "name"}
# Path -> role, what a page of them is called, and one of them.
_KINDS: dict[str, tuple[Role, str, str]] = {
    "compradores": ("buyer", "Entidades compradoras", "Una entidad compradora"),
    "unidades": ("unit", "Unidades compradoras", "Una unidad compradora"),
    "proveedores": ("supplier", "Proveedores y oferentes", "Un proveedor u oferente"),
}


class Wanted(BaseModel):
    """A page of them."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", max_length=200, description="Palabras del nombre, sin importar acentos, o el identificador.")
    sort: Literal["-monto", "monto", "-concursos", "concursos", "nombre", "-nombre"] = Field(
        "-monto", description="Orden; con `-` de mayor a menor."
    )
    cursor: str = Field("", max_length=400, description="De `links.next`; sin él, la primera página.")
    limit: int = Field(50, ge=1, le=MOST, description=f"Resultados por página, hasta {MOST:,}.")
    formato: Form | None = Field(None, description="Forma de la respuesta; va antes que el encabezado `Accept`.")


def _totals(request: Request, kind: str, asked: Wanted) -> Response:
    form = form_of(request, asked.formato)
    edition, library = request.app.state.library.both()
    name, down = SORTS[asked.sort.removeprefix("-")], asked.sort.startswith("-")
    found = library.totals(_KINDS[kind][0], asked.q, ("-" if down else "") + name)
    page = found if not asked.cursor else _beyond(found, name, asked.cursor, asked.sort, down=down)
    more, page = page.height > asked.limit, page.head(asked.limit)
    links = {}
    if more:
        last = page.row(-1, named=True)
        place = base64.urlsafe_b64encode(orjson.dumps([asked.sort, last[name], last["id"]])).decode()
        told = asked.model_dump(exclude_defaults=True) | {"cursor": place}
        links["next"] = request.app.state.settings.url(address(f"/api/v2/{kind}", told))
    headers = {"X-Total-Count": str(found.height), **described.link(links)}
    if form == "csv":
        body = as_csv(page.drop("folded").with_columns(pl.col("amount").cast(pl.Decimal(18, 2))))
    elif form == "jsonl":
        body = lines(as_totals(page))
    else:
        body = msgspec.json.encode(
            {"total": found.height, "limit": asked.limit, "links": links, "results": as_totals(page)}
        )
    return respond(request, body, MEDIA[form], modified=edition.modified, headers=headers)


def _beyond(found: pl.DataFrame, name: str, cursor: str, sort: str, *, down: bool) -> pl.DataFrame:
    """What comes after a cursor. Raises 400."""
    try:
        told, value, last = orjson.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, TypeError):
        told = value = last = None
    fits = isinstance(value, str) if name == "name" else isinstance(value, (int, float))
    if told != sort or not isinstance(last, str) or not fits:
        raise bad_parameter("cursor", "no es de esta lista; empiece otra vez sin él")
    past = pl.col(name) < value if down else pl.col(name) > value
    return found.filter(past | ((pl.col(name) == value) & (pl.col("id") > last)))


def _profile(request: Request, kind: str, party: str) -> Response:
    edition, library = request.app.state.library.both()
    role, _, one = _KINDS[kind]
    found = library.profile(party, role)
    if found is None:
        raise absent(f"{one} con ese identificador no hay.")
    return respond(request, msgspec.json.encode(found), MEDIA["json"], modified=edition.modified)


def _routes(kind: str) -> tuple[Callable[..., Response], Callable[..., Response]]:
    def totals(request: Request, asked: Annotated[Wanted, Query()]) -> Response:
        return _totals(request, kind, asked)

    def profile(request: Request, party: Annotated[str, Path(max_length=120, description="Identificador")]) -> Response:
        return _profile(request, kind, party)

    return totals, profile


_TOTALS = """Con sus totales en todo lo publicado: concursos (convocados, o en los que ofertó), con adjudicación, con un solo
oferente, y lo adjudicado en quetzales."""
_PROFILE = "Sus totales, mes por mes, y las 50 contrapartes con más monto: sus proveedores, o quienes le compran."

for _kind, (_, _many, _one) in _KINDS.items():
    _list, _single = _routes(_kind)
    router.add_api_route(
        f"/{_kind}",
        _list,
        operation_id=_kind,
        summary=_many,
        description=_TOTALS,
        responses=described.listed(Total, "Sus totales"),
    )
    router.add_api_route(
        f"/{_kind}/{{party}}",
        _single,
        operation_id=f"{_kind}_uno",
        summary=_one,
        description=_PROFILE,
        responses=described.one("Totales, meses y contrapartes", described.schema_of(Profile)),
    )
