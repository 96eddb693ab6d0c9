"""The documentation of the API: made of the application's own OpenAPI document, read by people, tried without a script.

What the operations do and say of themselves is declared where they are; here they are put in order and given a form.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import polars as pl
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from guatecompras.audit import scopes
from guatecompras.policy import prose
from portal.http.answers import respond
from portal.http.requests import edition
from portal.pages.site import error, render
from portal.publication import Edition

router = APIRouter(include_in_schema=False)

Json = Mapping[str, Any]

# The query parameter by which a form says which operation it is for; no operation has one of that name.
OPERATION = "operacion_"
_METHODS = ["GET", "HEAD"]
_OTHERS = "Otras consultas"
# What the tags of the official contract are called.
_TITLES = {
    "release": "Publicaciones (releases)",
    "record": "Registros (records)",
    "file": "Archivos por mes",
    "files": "Archivos por mes",
}
_TYPES = {"integer": "número entero", "number": "número", "boolean": "sí o no", "string": "texto"}
_FORMATS = {"date": "fecha AAAA-MM-DD", "date-time": "fecha y hora", "uri": "dirección web"}
# Bounds of a schema, and how they are told.
_BOUNDS = (
    ("minimum", "mínimo {}"),
    ("maximum", "máximo {}"),
    ("minLength", "al menos {} letras"),
    ("maxLength", "hasta {} letras"),
)
# What FastAPI says where an operation says nothing, and what it lists that is never sent: the site answers 400.
_SAID = {"Successful Response": "La respuesta."}
_NEVER = "422"
_READABLE = ("json", "csv", "xml", "calendar", "text/")


@dataclass(frozen=True)
class Parameter:
    """`place`: path or query; `kind`: its type and bounds in words; `entry`: the type of its input; `choices`: all its values
    where they are few; `many`: it may be given several times."""

    name: str
    place: str
    required: bool
    meaning: str
    kind: str
    entry: str
    choices: tuple[str, ...]
    example: str
    default: str
    many: bool


@dataclass(frozen=True)
class Answer:
    """One of an operation's responses."""

    status: str
    meaning: str
    media: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """`anchor` names it in the page and in forms; `example`: the path of a request that has an answer; `inline`: that can be
    shown in the page."""

    anchor: str
    path: str
    title: str
    about: tuple[prose.Block, ...]
    parameters: tuple[Parameter, ...]
    answers: tuple[Answer, ...]
    example: str
    inline: bool


@dataclass(frozen=True)
class Group:
    anchor: str
    title: str
    about: str
    operations: tuple[Operation, ...]


@router.api_route("/api-ocds", methods=_METHODS)
def page(request: Request) -> Response:
    settings = request.app.state.settings
    groups = documented(request)
    context = {
        "groups": groups,
        "operation_name": OPERATION,
        "base": settings.base_url.rstrip("/"),
        "limits": {"minute": settings.requests_per_minute, "burst": settings.burst},
        "contact": settings.contact,
        "spans": prose.spans,
        "latest": next(iter(edition(request).months), "2026-03"),
        "known": _KNOWN.of(edition(request)),
    }
    return render(request, "api.html.j2", context)


@router.api_route("/openapi.json", methods=_METHODS)
def document(request: Request) -> Response:
    """What the page is made of, for programs."""
    return respond(request, orjson.dumps(request.app.openapi()), "application/json")


@router.api_route("/api-ocds/probar", methods=_METHODS)
def try_it(request: Request) -> Response:
    """To the address that a form was filled in for. Only to operations of the document, so never elsewhere."""
    given = [(name, value.strip()) for name, value in request.query_params.multi_items() if value.strip()]
    wanted = dict(given).get(OPERATION)
    operation = next(
        (found for group in documented(request) for found in group.operations if found.anchor == wanted), None
    )
    if operation is None:
        return error(request, 404, "Esa consulta no existe en la API.")
    lacking = [told.name for told in operation.parameters if told.place == "path" and not dict(given).get(told.name)]
    if lacking:
        return error(request, 400, f"Falta {', '.join(lacking)}.")
    return RedirectResponse(address(operation, given), 303)


def address(operation: Operation, given: list[tuple[str, str]]) -> str:
    """The path and query of an operation with these values; those of no parameter of it are left out."""
    values = dict(given)
    path, query = operation.path, []
    for told in operation.parameters:
        if told.place == "path":
            path = path.replace(f"{{{told.name}}}", quote(values.get(told.name, ""), safe=""))
            continue
        for value in (value for name, value in given if name == told.name):
            parts = value.split(",") if told.many else [value]
            query += [(told.name, part.strip()) for part in parts if part.strip()]
    return f"{path}?{urlencode(query)}" if query else path


# --- the document, read


def documented(request: Request) -> tuple[Group, ...]:
    """The operations that read (GET), by tag, in the order of the document."""
    return _read(request.app.openapi(), _KNOWN.of(edition(request)))


def _read(document: Json, known: Mapping[str, str]) -> tuple[Group, ...]:
    tags = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    found: dict[str, list[Operation]] = {name: [] for name in tags}
    for path, methods in document.get("paths", {}).items():
        if told := methods.get("get"):
            tag = next(iter(told.get("tags", ())), _OTHERS)
            shared = methods.get("parameters", ())
            found.setdefault(tag, []).append(_operation(document, path, told, shared, known))
    return tuple(
        Group(_slug(f"grupo-{name}"), _TITLES.get(name.casefold(), name), tags.get(name, ""), tuple(operations))
        for name, operations in found.items()
        if operations
    )


def _operation(document: Json, path: str, told: Json, shared: Any, known: Mapping[str, str]) -> Operation:
    listed = [_resolved(document, parameter) for parameter in (*shared, *told.get("parameters", ()))]
    parameters = tuple(
        _parameter(document, path, parameter, known) for parameter in listed if parameter["in"] in ("path", "query")
    )
    answers = tuple(_answers(document, told.get("responses", {})))
    operation = Operation(
        anchor=_slug(f"consulta-{path}"),
        path=path,
        title=told.get("summary") or path,
        about=prose.blocks(told.get("description") or ""),
        parameters=parameters,
        answers=answers,
        example="",
        inline=all(_readable(media) for answer in answers if answer.status == "200" for media in answer.media),
    )
    given = [(parameter.name, parameter.example) for parameter in parameters if parameter.example]
    return Operation(**{**vars(operation), "example": address(operation, given)})


def _parameter(document: Json, path: str, told: Json, known: Mapping[str, str]) -> Parameter:
    schema = _schema(document, told.get("schema", {}))
    many = schema.get("type") == "array"
    held = _schema(document, schema.get("items", {})) if many else schema
    choices = tuple(str(value) for value in held.get("enum", ()) if value is not None)
    if held.get("type") == "boolean":
        choices = ("true", "false")
    given = _given(told) or _given(schema) or _given(held)
    needed = bool(told.get("required"))
    if not given and needed:
        before = path.partition(f"/{{{told['name']}}}")[0].rpartition("/")[2]
        given = known.get(before) or known.get(told["name"].casefold()) or next(iter(choices), "")
    return Parameter(
        name=told["name"],
        place=told["in"],
        required=needed,
        meaning=" ".join((told.get("description") or told.get("schema", {}).get("description") or "").split()),
        kind=_kind(held, many),
        entry="date" if held.get("format") == "date" and not many else "text",
        choices=choices if not many else (),
        example=given,
        default=_text(schema.get("default")),
        many=many,
    )


def _given(told: Json) -> str:
    """The first example that a parameter or its schema gives, in whatever way."""
    examples = told.get("examples")
    first = next(iter(examples.values() if isinstance(examples, dict) else examples or ()), None)
    value = told.get("example", first)
    return _text(value.get("value") if isinstance(value, dict) else value)


def _text(value: Any) -> str:
    if value is None or value in ([], ()):
        return ""
    if isinstance(value, list | tuple):
        return ",".join(_text(part) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(schema: Json, many: bool) -> str:
    words = _FORMATS.get(schema.get("format", "")) or _TYPES.get(schema.get("type", ""), "texto")
    bounds = [told.format(schema[name]) for name, told in _BOUNDS if name in schema]
    values = [f"uno de: {', '.join(map(str, schema['enum']))}"] if many and "enum" in schema else []
    several = ["varios, separados por comas"] if many else []
    told = "; ".join([words, *bounds, *values, *several])
    return told[0].upper() + told[1:]


def _answers(document: Json, responses: Json) -> Iterator[Answer]:
    for status, told in responses.items():
        response = _resolved(document, told)
        words = str(response.get("description", ""))
        if status != _NEVER:
            yield Answer(status, _SAID.get(words) or words, tuple(response.get("content", {})))


def _readable(media: str) -> bool:
    return any(part in media for part in _READABLE)


def _resolved(document: Json, told: Json) -> Json:
    """What a reference within the document stands for, or the thing itself."""
    reference = told.get("$ref", "")
    if not reference.startswith("#/"):
        return told
    found: Any = document
    for part in reference[2:].split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return _resolved(document, found)


def _schema(document: Json, told: Json) -> Json:
    """A schema without its reference, and without the null that makes a parameter optional."""
    found = _resolved(document, told)
    options = [_resolved(document, option) for option in (*found.get("anyOf", ()), *found.get("allOf", ()))]
    real = [option for option in options if option.get("type") != "null"]
    return {
        **(real[0] if real else {}),
        **{name: value for name, value in found.items() if name not in ("anyOf", "allOf")},
    }


def _slug(text: str) -> str:
    letters = "".join(letter if letter.isalnum() else "-" for letter in text.casefold())
    return "-".join(part for part in letters.split("-") if part)


# --- values that have an answer


# Name -> the table and column that has one, and which of its values will do.
_ANY = pl.lit(True)
_OF_TABLES: Mapping[str, tuple[str, str, pl.Expr]] = {
    "ocid": ("releases", "ocid", _ANY),
    "nog": ("releases", "nog", _ANY),
    "id": ("releases", "id", _ANY),
    "compradores": ("records", "buyer_id", _ANY),
    "unidades": (
        "records",
        "tender_procuringEntity_id",
        pl.col("tender_procuringEntity_id").str.starts_with("GT-GCUC-"),
    ),
    "proveedores": ("award_suppliers", "id", _ANY),
    "entidades": ("records", "buyer_id", _ANY),
}


class _Known:
    """Values for parameters without an example: of a concurso that is public, kept until another edition is."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: tuple[str, Mapping[str, str]] | None = None

    def of(self, found: Edition) -> Mapping[str, str]:
        with self._lock:
            if self._held is None or self._held[0] != found.etag:
                self._held = (found.etag, _known(found))
            return self._held[1]


_KNOWN = _Known()


def _known(found: Edition) -> Mapping[str, str]:
    """By the parameter's name in small letters, or by the part of the path that stands before it."""
    if not found.months:
        return {}
    month = found.months[0]
    year, _, number = month.partition("-")
    told = {"year": year, "month": number, "anio": year, "mes": number, "type": "json"}
    for name, (table, column, kept) in _OF_TABLES.items():
        rows = pl.scan_parquet(found.local(month, f"tables/{table}.parquet")).select(pl.col(column).cast(pl.String))
        if values := rows.filter(kept).head(1).collect()[column].to_list():
            told[name] = values[0]
    return told | _place(found, month)


def _place(found: Edition, month: str) -> dict[str, str]:
    """A department and a municipality of it that units of the month are in, as the social audit names them."""
    units = pl.scan_parquet(found.local(month, "tables/parties.parquet")).filter(
        pl.col("id").str.starts_with("GT-GCUC-") & pl.col("address_locality").is_not_null()
    )
    slugs = {name: scopes.slug(pl.col(f"address_{column}")) for name, column in _PLACES.items()}
    rows = units.select(**slugs).head(1).collect().to_dicts()
    return rows[0] | {"departamentos": rows[0]["departamento"]} if rows else {}


_PLACES = {"departamento": "region", "municipio": "locality"}
