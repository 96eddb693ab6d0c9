"""The official API, path by path: /release/search, /release/searchNog/{nog}, /release/{id}, /record/{ocid}, and the extensions
that packages name. Bulk files are `files.py`'s. Its parameters are read here, as the official site reads them: whatever their
case, all of them optional but for a date.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import orjson
from fastapi import APIRouter, Request, Response

from guatecompras.ocds.packages import package_head
from guatecompras.ocds.profile import profile_files
from guatecompras.settings import Settings
from portal.filters import address
from portal.http.answers import respond
from portal.http.errors import RefusedError, absent, bad_parameter, gone
from portal.library import Query
from portal.library.library import Library

router = APIRouter()

PAGE = 50  # releases a page
# The Ministry's number among public institutions, as org-id.guide has them.
_PUBLISHERS = {Settings().publisher_name: {"scheme": "GT-CISP", "uid": "GT-CISP-11130007"}}
_JSON = "application/json; charset=utf-8"
_MOST = 2**31 - 1


@dataclass(frozen=True)
class _Parameter:
    """A parameter: what it means, the least and most it may be, and whether it is one of time, of which one has to be there."""

    meaning: str
    least: int = 0
    most: int = _MOST
    time: bool = False
    example: int | None = None


_NUMBERS: Mapping[str, _Parameter] = {
    "pagina": _Parameter("Número de página; la primera es 1", 1, example=1),
    "Anio": _Parameter("Año de la publicación", 1, 9999, time=True, example=2026),
    "Mes": _Parameter("Mes de la publicación, de 1 a 12", 1, 12, time=True, example=5),
    "Dia": _Parameter("Día de la publicación, de 1 a 31", 1, 31, time=True),
    "Tipo_entidad": _Parameter("Código del tipo de entidad"),
    "Sub_tipo_entidad": _Parameter("Código del subtipo de entidad"),
    "Entidad": _Parameter("Código de la entidad compradora: el primer número de GT-GCUC"),
    "Unidad_compradora": _Parameter("Código de la unidad compradora: el segundo número de GT-GCUC"),
    "Modalidad_compradora": _Parameter("Código de la modalidad"),
    "Sub_modalidad_compradora": _Parameter("Código de la submodalidad"),
    "Estatus_concurso": _Parameter("Código del estatus"),
}
_ORDER = "ordenamiento"
_ORDERS = {"asc": "Asc", "desc": "Desc"}
_NAMES = {name.lower(): name for name in (*_NUMBERS, _ORDER)}

_MESSAGE = {
    "type": "object",
    "required": ["status", "operacionRealizadaConExito", "mensajeOperacion"],
    "properties": {
        "status": {"type": "string", "enum": ["Success", "Notcontent", "Error", "Warning"]},
        "operacionRealizadaConExito": {"type": "boolean"},
        "mensajeOperacion": {"type": "string"},
    },
}


def _package(kind: Literal["releases", "records"]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["uri", "version", "publishedDate", "publisher", "license", kind],
        "properties": {
            "uri": {"type": "string", "format": "uri"},
            "version": {"type": "string"},
            "extensions": {"type": "array", "items": {"type": "string", "format": "uri"}},
            "publishedDate": {"type": "string", "format": "date-time"},
            "publisher": {"type": "object"},
            "license": {"type": "string"},
            "publicationPolicy": {"type": "string"},
            kind: {"type": "array", "items": {"type": "object"}},
            "links": {"type": "object", "properties": {name: {"type": "string"} for name in ("next", "prev")}},
        },
    }


def _answers(told: str, kind: Literal["releases", "records"], *statuses: int) -> dict[int | str, dict[str, Any]]:
    errors = {
        400: "Un parámetro no es válido: el mensaje dice cuál y por qué",
        404: "No se publica nada con ese identificador",
        410: "Estuvo publicado y ya no lo está",
        414: "La dirección es demasiado larga",
        429: "Demasiadas peticiones",
        503: "Demasiadas peticiones a la vez",
    }
    told_of: dict[int | str, dict[str, Any]] = {
        status: {"description": errors[status], "content": {"application/json": {"schema": _MESSAGE}}}
        for status in (*statuses, 414, 429, 503)
    }
    return {200: {"description": told, "content": {"application/json": {"schema": _package(kind)}}}} | told_of


def _parameters() -> list[dict[str, Any]]:
    numbers = [
        {
            "name": name,
            "in": "query",
            "description": one.meaning,
            "schema": {"type": "integer", "format": "int32", "minimum": one.least, "maximum": one.most},
        }
        | ({"example": one.example} if one.example else {})
        for name, one in _NUMBERS.items()
    ]
    order = {
        "name": _ORDER,
        "in": "query",
        "description": "Orden por fecha de publicación",
        "schema": {"type": "string", "enum": list(_ORDERS.values()), "default": "Desc"},
    }
    return [*numbers, order]


@router.get(
    "/release/search",
    tags=["release"],
    summary="Buscar publicaciones por fecha de convocatoria y códigos",
    responses=_answers("La última publicación de cada concurso, de 50 en 50", "releases", 400),
    openapi_extra={"parameters": _parameters()},
)
def search(request: Request) -> Response:
    """La última publicación (release) de cada concurso convocado en un año, un mes o un día (uno de los tres es obligatorio) y con
    los códigos que se piden. `links.next` lleva a la página siguiente, sin límite de resultados."""
    told = _read(request)
    edition, library = request.app.state.library.both()
    page, down = told.pop("pagina", 1), told.pop(_ORDER, "Desc") == "Desc"
    rows, total = library.numbered(_query(told, library), (page - 1) * PAGE, PAGE, down=down)
    last = max(1, -(-total // PAGE))
    if page > last:
        raise bad_parameter("pagina", f"no existe: la última es la {last}, de {total} resultados")
    url = request.app.state.settings.url
    base = told | ({} if down else {_ORDER: "Asc"})
    links = {
        name: url(address("/release/search", {"pagina": number} | base))
        for name, number in (("next", page + 1), ("prev", page - 1))
        if 1 <= number <= last
    }
    own = url(address("/release/search", {"pagina": page} | base))
    releases = [library.last_release(int(row)) for row in rows]
    body = _packaged(request, own, edition.modified.isoformat(), "releases", releases, {"links": links})
    return respond(request, body, _JSON, modified=edition.modified)


def _read(request: Request) -> dict[str, Any]:
    """The parameters by their names. Raises 400, which says what is wrong with which one."""
    told: dict[str, Any] = {}
    for given, text in request.query_params.multi_items():
        name = _NAMES.get(given.lower())
        if name is None:
            raise bad_parameter(given[:40], f"no existe; hay {', '.join(_NAMES.values())}")
        if text == "":
            continue
        if name in told:
            raise bad_parameter(name, "se dio más de una vez")
        told[name] = _order(text) if name == _ORDER else _number(name, text)
    if not any(one.time and name in told for name, one in _NUMBERS.items()):
        raise RefusedError(400, "Anio, Mes o Dia: al menos uno de los tres es obligatorio.")
    return told


def _number(name: str, text: str) -> int:
    one = _NUMBERS[name]
    digits = text.strip().removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12 and one.least <= int(digits) <= one.most):
        raise bad_parameter(name, f"debe ser un número entero de {one.least} a {one.most}")
    return int(digits)


def _order(text: str) -> str:
    if text.lower() not in _ORDERS:
        raise bad_parameter(_ORDER, "debe ser Asc o Desc")
    return _ORDERS[text.lower()]


_FIELDS = {
    "Tipo_entidad": "tipo_entidad",
    "Sub_tipo_entidad": "sub_tipo_entidad",
    "Entidad": "entidad",
    "Unidad_compradora": "unidad",
}
_LISTS = {
    "Modalidad_compradora": "modalidad",
    "Sub_modalidad_compradora": "sub_modalidad",
    "Estatus_concurso": "estatus",
}


def _query(told: Mapping[str, Any], library: Library) -> Query:
    query = Query(day=told.get("Dia"))
    if {"Anio", "Mes"} & told.keys():
        wanted = (f"{told['Anio']:04d}-" if "Anio" in told else "", f"-{told['Mes']:02d}" if "Mes" in told else "")
        months = [one for one in library.held.months.values if one.startswith(wanted[0]) and one.endswith(wanted[1])]
        # No month is one that is not there, and not all of them.
        query = replace(query, months=tuple(months) or ("-",))
    given: dict[str, Any] = {field: told[name] for name, field in _FIELDS.items() if name in told}
    given |= {field: (told[name],) for name, field in _LISTS.items() if name in told}
    return replace(query, **given)


@router.get(
    "/release/searchNog/{nog}",
    tags=["release"],
    summary="La última publicación de un NOG",
    responses=_answers("Un paquete con la última publicación del concurso", "releases", 400, 404, 410),
    openapi_extra={
        "parameters": [
            {
                "name": "nog",
                "in": "path",
                "required": True,
                "description": "NOG (Número de Operación Guatecompras)",
                "schema": {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**63 - 1},
            }
        ]
    },
)
def search_nog(request: Request) -> Response:
    """La publicación más reciente de un concurso, por su NOG."""
    text = request.path_params["nog"]
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise bad_parameter("nog", "debe ser un número entero")
    edition, library = request.app.state.library.both()
    row = library.held.row(int(text)) if int(text) < 2**63 else None
    if row is None:
        raise _missing(library.gone(int(text)), f"el NOG {text}")
    own = request.app.state.settings.url(f"/release/searchNog/{text}")
    body = _packaged(request, own, _published(edition, library, row), "releases", [library.last_release(row)])
    return respond(request, body, _JSON, modified=edition.modified)


@router.get(
    "/release/{id}",
    tags=["release"],
    summary="Una publicación por su identificador",
    responses=_answers("Un paquete con la publicación", "releases", 404, 410),
)
def release(request: Request, id: str) -> Response:
    """Una publicación (release). Es permanente: nunca cambia."""
    edition, library = request.app.state.library.both()
    found = library.release(id)
    if found is None:
        raise _missing(library.gone_release(id), "ese identificador")
    own = request.app.state.settings.url(f"/release/{id}")
    row = library.held.row(int(orjson.loads(found)["ocid"].rpartition("-")[2]))
    body = _packaged(request, own, _published(edition, library, row or 0), "releases", [found])
    return respond(request, body, _JSON, modified=edition.modified)


@router.get(
    "/record/{ocid}",
    tags=["record"],
    summary="El registro de un proceso",
    responses=_answers("Un paquete con el registro: sus publicaciones y el registro compilado", "records", 404, 410),
)
def record(request: Request, ocid: str) -> Response:
    """El registro (record) de un proceso por su OCID, como `ocds-xqjsxa-16024362`."""
    edition, library = request.app.state.library.both()
    nog = library.nog_of(ocid)
    found = None if nog is None else library.record(nog)
    if found is None or nog is None:
        raise _missing(nog is not None and library.gone(nog), "ese OCID")
    own = request.app.state.settings.url(f"/record/{ocid}")
    body = _packaged(request, own, _published(edition, library, library.held.row(nog) or 0), "records", [found])
    return respond(request, body, _JSON, modified=edition.modified)


def _missing(was: bool, what: str) -> RefusedError:
    if was:
        return gone(f"Lo que tuvo {what} fue retirado de la publicación.")
    return absent(f"No se publica nada con {what}.")


def _published(edition: Any, library: Library, row: int) -> str:
    """When the month of a row became public."""
    shelf, _ = library.held.place(row)
    return str(edition.month(shelf.month)["published"])


def _packaged(
    request: Request, uri: str, published: str, kind: str, documents: list[bytes], more: Mapping[str, Any] | None = None
) -> bytes:
    """A package of documents as they are."""
    config: Settings = request.app.state.publisher
    head = dict(_head(config)) | {"uri": uri, "publishedDate": published}
    head["publisher"] = _PUBLISHERS.get(config.publisher_name, {}) | head["publisher"]
    return orjson.dumps(head | {kind: [orjson.Fragment(one) for one in documents]} | dict(more or {}))


@cache
def _head(config: Settings) -> Mapping[str, Any]:
    return package_head("", "", config)


@cache
def _extension_files() -> Mapping[str, bytes]:
    return {name: text if isinstance(text, bytes) else text.encode() for name, text in profile_files().items()}


@router.get("/extensions/{path:path}", include_in_schema=False)
def extension(request: Request, path: str) -> Response:
    """A file of an extension that packages name."""
    found = _extension_files().get(f"extensions/{path}")
    if found is None:
        raise absent("No hay tal archivo de una extensión.")
    edition = request.app.state.publication.now()
    media = "text/csv; charset=utf-8" if path.endswith(".csv") else _JSON
    return respond(request, found, media, modified=edition.modified)
