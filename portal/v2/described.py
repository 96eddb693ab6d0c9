"""What the OpenAPI document says of the answers of /api/v2, and their links. The answers themselves are made elsewhere."""

from collections.abc import Mapping
from typing import Any

import msgspec

Responses = dict[int | str, dict[str, Any]]


def problem(*statuses: int) -> Responses:
    """Errors, as application/problem+json."""
    told = {
        400: "Un parámetro no es válido: `detail` dice cuál y por qué",
        404: "No hay tal cosa",
        406: "No se responde en esa forma",
        410: "Estuvo publicado y ya no lo está",
        429: "Demasiadas peticiones: `Retry-After` dice cuándo seguir",
        503: "Demasiadas peticiones a la vez, o la publicación no se puede leer",
    }
    schema = {
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }
    return {
        status: {"description": told[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in statuses
    }


_USUAL = (400, 406, 429, 503)


def schema_of(kind: type[Any]) -> dict[str, Any]:
    """The JSON Schema of a struct, whole, with nothing referred to."""
    _, parts = msgspec.json.schema_components([kind], ref_template="{name}")
    found: dict[str, Any] = _inlined({"$ref": kind.__name__}, parts)
    return found


def _inlined(node: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        if "$ref" in node:
            return _inlined(parts[node["$ref"].rpartition("/")[2]], parts)
        return {key: _inlined(value, parts) for key, value in node.items()}
    return [_inlined(one, parts) for one in node] if isinstance(node, list) else node


def listed(kind: type[Any], told: str) -> Responses:
    """A page of a list: JSON, CSV and JSON Lines."""
    links = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}
    page = {
        "type": "object",
        "required": ["total", "limit", "links", "results"],
        "properties": {
            "total": {"type": "integer", "minimum": 0},
            "limit": {"type": "integer", "minimum": 1},
            "links": links,
            "results": {"type": "array", "items": schema_of(kind)},
        },
    }
    forms = {
        "application/json": {"schema": page},
        "text/csv": {"schema": {"type": "string"}},
        "application/x-ndjson": {"schema": {"type": "string"}},
    }
    return {200: {"description": told, "content": forms}} | problem(*_USUAL)


def one(told: str, schema: Mapping[str, Any] | None = None) -> Responses:
    """One JSON object."""
    form = {"application/json": {"schema": dict(schema or {"type": "object"})}}
    return {200: {"description": told, "content": form}} | problem(*_USUAL, 404, 410)


def many(told: str) -> Responses:
    """A JSON array, or the same as JSON Lines."""
    forms = {
        "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
        "application/x-ndjson": {"schema": {"type": "string"}},
    }
    return {200: {"description": told, "content": forms}} | problem(*_USUAL, 404, 410)


def paged(told: str, name: str) -> Responses:
    """An object with a list by its name and a cursor, or the list alone as JSON Lines."""
    page = {
        "type": "object",
        "required": [name, "cursor", "links"],
        "properties": {name: {"type": "array", "items": {"type": "object"}}, "cursor": {"type": "string"}},
    }
    forms = {"application/json": {"schema": page}, "application/x-ndjson": {"schema": {"type": "string"}}}
    return {200: {"description": told, "content": forms}} | problem(*_USUAL)


def table(told: str) -> Responses:
    """A whole table, as CSV or JSON Lines."""
    forms = {media: {"schema": {"type": "string"}} for media in ("text/csv", "application/x-ndjson")}
    return {200: {"description": told, "content": forms}} | problem(*_USUAL)


def text(media: str, told: str) -> Responses:
    """A document of another kind."""
    return {200: {"description": told, "content": {media: {"schema": {"type": "string"}}}}} | problem(*_USUAL)


def link(links: Mapping[str, str]) -> dict[str, str]:
    """The header Link for other pages, where there are some."""
    told = ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items())
    return {"Link": told} if told else {}
