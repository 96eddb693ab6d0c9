"""The social audit for programs: /api/v2/auditoria, the scopes of a level in a year, and all of one of them.

Columns are those of the published tables (`guatecompras/audit/tables.py`), and so are their meanings.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import orjson
import polars as pl
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from guatecompras.audit.tables import TABLES, Table
from guatecompras.formats.csvs import as_csv
from portal.audit import Audit, Scope, audit_of, year_of
from portal.filters import address, once
from portal.http.answers import respond
from portal.http.errors import absent, bad_parameter
from portal.library.query import MOST
from portal.v2 import described
from portal.v2.forms import MEDIA, Form, form_of, lines

router = APIRouter(prefix="/api/v2/auditoria", tags=["Auditoría social"], dependencies=[Depends(once)])

_SAME = ("ambito", "id", "nombre", "departamento")  # in all rows of one scope
_SORTS = {"monto": "monto", "concursos": "concursos", "nombre": "nombre"}
# Path -> level, what a list of them is called, and one of them.
_KINDS: Mapping[str, tuple[str, str, str]] = {
    "departamentos": ("departamento", "Departamentos en un año", "Un departamento"),
    "municipios": ("municipio", "Municipios en un año", "Un municipio"),
    "entidades": ("entidad", "Entidades en un año", "Una entidad"),
}
_YEAR = Field("", pattern=r"^([0-9]{4})?$", description="Año de la convocatoria; sin él, el último publicado.")
_VERSION = Field(
    "", max_length=40, description="Versión de la auditoría, como la dice `version`; sin ella, la vigente."
)


class Wanted(BaseModel):
    """The scopes of a level in a year."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field("", max_length=200, description="Palabras del nombre, sin importar acentos.")
    anio: str = _YEAR
    version: str = _VERSION
    sort: Literal["-monto", "monto", "-concursos", "concursos", "nombre", "-nombre"] = Field(
        "-monto", description="Orden; con `-` de mayor a menor."
    )
    cursor: str = Field("", max_length=400, description="De `links.next`; sin él, la primera página.")
    limit: int = Field(50, ge=1, le=MOST, description=f"Resultados por página, hasta {MOST:,}.")
    formato: Form | None = Field(None, description="Forma de la respuesta; va antes que el encabezado `Accept`.")


class WantedOne(BaseModel):
    """All of one scope."""

    model_config = ConfigDict(extra="forbid")

    anio: str = Field("", pattern=r"^([0-9]{4})?$", description="Año de la convocatoria; sin él, todos.")
    version: str = _VERSION


def _listed(request: Request, kind: str, asked: Wanted) -> Response:
    form, found = form_of(request, asked.formato), audit_of(request, asked.version)
    year = year_of(asked.anio, found.country.years)
    named = found.find(_KINDS[kind][0], asked.q).select("id")
    name, down = _SORTS[asked.sort.removeprefix("-")], asked.sort.startswith("-")
    rows = found.year(_KINDS[kind][0], year).join(named, on="id", how="semi")
    rows = rows.sort(name, "id", descending=[down, False], nulls_last=True)
    first = _first(asked, found)
    page = rows.slice(first, asked.limit)
    links = {}
    if first + asked.limit < rows.height:
        place = _cursor(asked, found, first + asked.limit)
        told = asked.model_dump(exclude_defaults=True) | {"cursor": place}
        links["next"] = request.app.state.settings.url(address(f"/api/v2/auditoria/{kind}", told))
    headers = {"X-Total-Count": str(rows.height), **described.link(links)}
    if form == "csv":
        body = as_csv(page)
    elif form == "jsonl":
        body = lines(_plain(page))
    else:
        told = {"version": found.version, "anio": year, "total": rows.height, "limit": asked.limit, "links": links}
        body = orjson.dumps(told | {"results": _plain(page)})
    return respond(request, body, MEDIA[form], headers=headers)


def _cursor(asked: Wanted, found: Audit, place: int) -> str:
    """Of a place in the list of a version, which never changes."""
    told = [found.version, asked.q, asked.anio, asked.sort, place]
    return base64.urlsafe_b64encode(orjson.dumps(told)).decode()


def _first(asked: Wanted, found: Audit) -> int:
    """Where a page begins. Raises 400."""
    if not asked.cursor:
        return 0
    try:
        *told, place = orjson.loads(base64.b64decode(asked.cursor, altchars=b"-_", validate=True))
    except (ValueError, TypeError):
        told, place = [], None
    if told != [found.version, asked.q, asked.anio, asked.sort] or not isinstance(place, int) or place < 0:
        raise bad_parameter("cursor", "no es de esta lista; empiece otra vez sin él")
    return place


def _plain(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: amounts are numbers."""
    return rows.with_columns(pl.col(pl.Decimal).cast(pl.Float64)).to_dicts()


def _one(request: Request, key: str, asked: WantedOne) -> Response:
    found = audit_of(request, asked.version)
    scope = found.scope_of(key)
    if scope is None:
        raise absent("Ninguno de los concursos publicados es de ahí.")
    year = year_of(asked.anio, scope.years) if asked.anio else None
    about = {"ambito": scope.level, "id": scope.id, "nombre": scope.name, "departamento": scope.region}
    told = {"version": found.version, **about, "anios": scope.years, **_tables(found, scope, year)}
    return respond(request, orjson.dumps(told), MEDIA["json"])


def _tables(found: Audit, scope: Scope, year: int | None) -> dict[str, Any]:
    """The rows of every table, without what is the same in all."""
    return {name: _plain(found.rows(name, scope, year).drop(_SAME)) for name in TABLES}


# What the document says.

_JSON_KINDS: Mapping[str, dict[str, Any]] = {
    "texto": {"type": ["string", "null"]},
    "entero": {"type": ["integer", "null"]},
    "monto": {"type": ["number", "null"]},
    "decimal": {"type": ["number", "null"]},
}


def _row(table: Table, *without: str) -> dict[str, Any]:
    columns = [one for one in table.all_columns if one.name not in without]
    return {
        "type": "object",
        "required": [one.name for one in columns],
        "properties": {one.name: _JSON_KINDS[one.kind] | {"description": one.meaning} for one in columns},
    }


def _told_list() -> described.Responses:
    page = {
        "type": "object",
        "required": ["version", "anio", "total", "limit", "links", "results"],
        "properties": {
            "version": {"type": "string"},
            "anio": {"type": "integer"},
            "total": {"type": "integer", "minimum": 0},
            "limit": {"type": "integer", "minimum": 1},
            "links": {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}},
            "results": {"type": "array", "items": _row(TABLES["indicadores"])},
        },
    }
    text = {"schema": {"type": "string"}}
    forms = {"application/json": {"schema": page}, "text/csv": text, "application/x-ndjson": text}
    told: described.Responses = {200: {"description": "Sus indicadores", "content": forms}}
    return told | described.problem(400, 404, 406, 410, 414, 429, 503)


def _told_one() -> described.Responses:
    text = {"type": "string"}
    properties: dict[str, Any] = dict.fromkeys(("version", "ambito", "id", "nombre"), text)
    properties |= {
        "departamento": {"type": ["string", "null"]},
        "anios": {"type": "array", "items": {"type": "integer"}},
    }
    properties |= {name: {"type": "array", "items": _row(table, *_SAME)} for name, table in TABLES.items()}
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return described.one("Todas sus tablas", schema)


_LIST = """Los indicadores de un año: gasto, compra directa, un solo oferente, desiertos, tiempos y demás, cada uno con los conteos
de los que sale. Una parte o un tiempo de pocos casos es nulo. Los nombres de columnas son los de las tablas publicadas."""
_ONE = "Sus indicadores, meses, modalidades, mayores proveedores y la calidad de sus datos, de un año o de todos."

_Id = Annotated[str, Path(max_length=120, description="Identificador, de la lista")]


def _routes(kind: str) -> tuple[Callable[..., Response], Callable[..., Response]]:
    level = _KINDS[kind][0]

    def listed(request: Request, asked: Annotated[Wanted, Query()]) -> Response:
        return _listed(request, kind, asked)

    def one(request: Request, id: _Id, asked: Annotated[WantedOne, Query()]) -> Response:
        return _one(request, f"{level}/{id}", asked)

    def municipality(
        request: Request, departamento: _Id, municipio: _Id, asked: Annotated[WantedOne, Query()]
    ) -> Response:
        return _one(request, f"{level}/{departamento}/{municipio}", asked)

    return listed, municipality if level == "municipio" else one


@router.get("/pais", operation_id="auditoria_pais", summary="Todo el país", description=_ONE, responses=_told_one())
def country(request: Request, asked: Annotated[WantedOne, Query()]) -> Response:
    return _one(request, "pais", asked)


for _kind, (_level, _many, _single) in _KINDS.items():
    _list_route, _one_route = _routes(_kind)
    router.add_api_route(
        f"/{_kind}",
        _list_route,
        operation_id=f"auditoria_{_kind}",
        summary=_many,
        description=_LIST,
        responses=_told_list(),
    )
    router.add_api_route(
        f"/{_kind}/" + ("{departamento}/{municipio}" if _level == "municipio" else "{id}"),
        _one_route,
        operation_id=f"auditoria_{_kind}_uno",
        summary=_single,
        description=_ONE,
        responses=_told_one(),
    )
