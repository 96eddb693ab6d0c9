"""The red flags for programs: /api/v2/alertas, what to review first, the indicators, and the flags of one concurso.

Columns are those of the published tables (`guatecompras/integrity/columns.py`), and so are their meanings.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import polars as pl
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from guatecompras.formats.csvs import as_csv
from guatecompras.gathered import tables
from guatecompras.integrity.columns import FLAGS, REVIEW, SUMMARY, Table
from guatecompras.integrity.indicator import Level, Topic
from portal import flags
from portal.filters import address, once
from portal.http.answers import respond
from portal.http.errors import absent, bad_parameter
from portal.http.requests import edition, settings
from portal.library.query import MOST
from portal.v2 import described
from portal.v2.concursos import Nog, known
from portal.v2.forms import MEDIA, Form, form_of, lines

router = APIRouter(prefix="/api/v2", tags=["Alertas"], dependencies=[Depends(once)])

_PATH = "/api/v2/alertas"
# An empty field of a form asks nothing.
_Given = BeforeValidator(lambda value: value or None)
_Month = Annotated[str, Field(pattern=r"^(\d{4}-(0[1-9]|1[0-2]))?$")]
# What says which page and form, not which rows.
_NO_FILTERS = {"cursor", "limit", "formato"}


class Wanted(BaseModel):
    """Rows of a month, or of all."""

    model_config = ConfigDict(extra="forbid")

    mes: _Month = Field("", description="Mes de la convocatoria, AAAA-MM; sin él, todos, del más antiguo al más nuevo.")
    indicador: str = Field("", max_length=10, description="Indicador, como `R018`.")
    tema: Annotated[Topic | None, _Given] = Field(None, description="Tema del indicador.")
    comprador: str = Field("", max_length=120, description="Identificador de la entidad compradora.")
    departamento: str = Field("", max_length=60, description="Departamento, como está publicado.")
    nog: Annotated[Annotated[int, Field(ge=1, le=10**12)] | None, _Given] = Field(None, description="NOG.")
    cursor: str = Field("", max_length=600, description="De `links.next`; sin él, la primera página.")
    limit: int = Field(50, ge=1, le=MOST, description=f"Resultados por página, hasta {MOST:,}.")
    formato: Form | None = Field(None, description="Forma de la respuesta; va antes que el encabezado `Accept`.")

    def filters(self) -> dict[str, str]:
        """What is asked, as texts."""
        told = self.model_dump(exclude=_NO_FILTERS, exclude_none=True)
        return {name: str(value) for name, value in told.items() if value != ""}


class WantedFlags(Wanted):
    """Flags."""

    nivel: Annotated[Level | None, _Given] = Field(None, description="De qué es la señal.")


class WantedReview(Wanted):
    """Concursos by what to review first."""

    prioridad: str = Field("", max_length=20, description="`alta`, `media` o `baja`.")


class WantedRules(BaseModel):
    """The indicators of a month."""

    model_config = ConfigDict(extra="forbid")

    mes: _Month = Field("", description="Mes, AAAA-MM; sin él, el último.")


def _held(request: Request, month: str) -> flags.Flags:
    """The collection of a month, or of all. Raises 404."""
    found = edition(request)
    held = flags.of_month(found, month) if month else flags.of_all(found)
    if held is None:
        raise absent(f"De {month} no hay alertas publicadas." if month else flags.NOT_YET)
    return held


def _listed(request: Request, path: str, table: Table, filters: flags.Filters, asked: Wanted) -> Response:
    form, held, told = form_of(request, asked.formato), _held(request, asked.mes), asked.filters()
    first = _first(asked, held)
    total, page = held.page(table, flags.matching(filters, told), first, asked.limit)
    page = _told(request, table, page)
    links = {}
    if first + asked.limit < total:
        place = base64.urlsafe_b64encode(orjson.dumps([held.version, told, first + asked.limit])).decode()
        more = told | {"formato": asked.formato, "limit": asked.limit, "cursor": place}
        links["next"] = settings(request).url(address(path, more))
    headers = {"X-Total-Count": str(total), **described.link(links)}
    if form == "csv":
        body = as_csv(tables.flat(page))
    elif form == "jsonl":
        body = lines(_plain(page))
    else:
        about = {"version": held.version, "total": total, "limit": asked.limit, "links": links}
        body = orjson.dumps(about | {"results": _plain(page)})
    return respond(request, body, MEDIA[form], headers=headers)


def _told(request: Request, table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    named = table is not FLAGS or settings(request).rank_people
    return rows if named else flags.without_people(rows)


def _first(asked: Wanted, held: flags.Flags) -> int:
    """Where a page begins: a cursor is of a list of a version, which never changes. Raises 400."""
    if not asked.cursor:
        return 0
    try:
        *told, place = orjson.loads(base64.b64decode(asked.cursor, altchars=b"-_", validate=True))
    except (ValueError, TypeError):
        told, place = [], None
    if told != [held.version, asked.filters()] or not isinstance(place, int) or place < 0:
        raise bad_parameter("cursor", "no es de esta lista; empiece otra vez sin él")
    return place


def _plain(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: amounts are numbers."""
    return rows.with_columns(pl.col(pl.Decimal).cast(pl.Float64)).to_dicts()


# What the document says.

_JSON_KINDS: Mapping[str, dict[str, Any]] = {
    "texto": {"type": ["string", "null"]},
    "entero": {"type": ["integer", "null"]},
    "monto": {"type": ["number", "null"]},
    "número": {"type": ["number", "null"]},
    "momento": {"type": ["string", "null"], "format": "date-time"},
    "sí o no": {"type": ["boolean", "null"]},
    "números": {"type": ["array", "null"], "items": {"type": "integer"}},
}
_TEXT, _COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}


def _row(table: Table) -> dict[str, Any]:
    return {
        "type": "object",
        "required": table.names,
        "properties": {one.name: _JSON_KINDS[one.kind] | {"description": one.meaning} for one in table.columns},
    }


def _told_list(table: Table) -> described.Responses:
    page = {
        "type": "object",
        "required": ["version", "total", "limit", "links", "results"],
        "properties": {
            "version": _TEXT,
            "total": _COUNT,
            "limit": _COUNT,
            "links": {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}},
            "results": {"type": "array", "items": _row(table)},
        },
    }
    text = {"schema": _TEXT}
    forms = {"application/json": {"schema": page}, "text/csv": text, "application/x-ndjson": text}
    told: described.Responses = {200: {"description": table.title, "content": forms}}
    return told | described.problem(400, 404, 406, 414, 429, 503)


def _told_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


_RULES = _told_object(
    mes=_TEXT,
    version=_TEXT,
    advertencia=_TEXT,
    prioridad={"type": "object", "additionalProperties": {"type": "integer"}},
    results={"type": "array", "items": {"type": "object"}},
)
_OF_CONCURSO = _told_object(
    nog=_COUNT,
    mes=_TEXT,
    version=_TEXT,
    evaluados=_COUNT,
    no_evaluables={"type": "array", "items": _told_object(indicador=_TEXT, nombre=_TEXT, falta=_TEXT)},
    results={"type": "array", "items": _row(FLAGS)},
)


# The routes.


@router.get("/alertas", operation_id="alertas", summary="Alertas: las señales", responses=_told_list(FLAGS))
def listed(request: Request, asked: Annotated[WantedFlags, Query()]) -> Response:
    """Una fila por señal activada, con lo medido, el umbral, con qué se comparó y dónde verlo. Una señal es una pregunta para quien
    revisa, no una conclusión sobre nadie. A las personas individuales no se las nombra."""
    return _listed(request, _PATH, FLAGS, flags.OF_FLAGS, asked)


@router.get(
    "/alertas/concursos",
    operation_id="alertas_concursos",
    summary="Qué concursos revisar primero",
    responses=_told_list(REVIEW),
)
def review(request: Request, asked: Annotated[WantedReview, Query()]) -> Response:
    """Los concursos de los que habla alguna señal, los de cada mes por puntos. Dice por dónde empezar a revisar; no mide culpa."""
    return _listed(request, f"{_PATH}/concursos", REVIEW, flags.OF_REVIEW, asked)


@router.get(
    "/alertas/indicadores",
    operation_id="alertas_indicadores",
    summary="Los indicadores y sus conteos",
    responses=described.one("Cada indicador con su regla y, en el mes, cuántos sujetos se evaluaron", _RULES),
)
def indicators(request: Request, asked: Annotated[WantedRules, Query()]) -> Response:
    """La definición, la versión, los parámetros, la fuente legal y los campos de cada indicador, y sus conteos en un mes."""
    months = flags.months(edition(request))
    held = _held(request, asked.mes or (months[0] if months else ""))
    rules, counts = held.rules, {one["indicador"]: one for one in held.summary()}
    shown = [name for name in SUMMARY.names if name in ("activadas", "sin_senal", "no_evaluables", "falta")]
    results = [one | {name: counts[one["id"]][name] for name in shown} for one in rules["indicadores"]]
    told = {name: rules[name] for name in ("mes", "advertencia", "reglas", "prioridad")}
    return respond(request, orjson.dumps(told | {"version": held.version, "results": results}), MEDIA["json"])


@router.get(
    "/concursos/{nog}/alertas",
    operation_id="alertas_de_un_concurso",
    summary="Las alertas de un concurso",
    responses=described.one("Sus señales, y los indicadores que no se pudieron evaluar", _OF_CONCURSO),
)
def of_concurso(request: Request, nog: Nog) -> Response:
    """Las señales que hablan de un concurso en las alertas de su mes; y de qué indicadores no se puede decir nada, y por qué."""
    found, library = request.app.state.library.both()
    row = known(library, nog, library.row(nog))
    told = flags.of_concurso(found, row.month, nog)
    if told is None:
        raise absent(f"De {row.month} no hay alertas publicadas.")
    missing = [{"indicador": one, "nombre": name, "falta": why} for one, name, why in told["not_evaluable"]]
    about = {"nog": nog, "mes": row.month, "version": told["version"], "evaluados": told["evaluated"]}
    rows = _plain(_told(request, FLAGS, told["flags"]))
    return respond(request, orjson.dumps(about | {"no_evaluables": missing, "results": rows}), MEDIA["json"])
