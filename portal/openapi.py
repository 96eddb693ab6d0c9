"""The OpenAPI document: that of the routes, with what a client has to know besides, at /openapi.json."""

from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from guatecompras.settings import LICENSE
from portal.http.answers import respond
from portal.settings import Settings

router = APIRouter(include_in_schema=False)

_TITLE = "API de Guatecompras en datos abiertos"
_ABOUT = """Contrataciones públicas de Guatemala en el Estándar de Datos para las Contrataciones Abiertas (OCDS 1.1).

Los caminos `/release`, `/record`, `/files` y `/file` son los de la API oficial, campo por campo. Bajo `/api/v2` hay búsqueda por
texto, códigos, montos, participantes y fechas, con cursor y total; el registro de cambios; compradores y proveedores con sus
totales, y avisos en Atom y iCalendar. No hay llaves ni registro.

Todo lleva `ETag` y `Last-Modified`: pregunte con `If-None-Match`; si nada cambió, la respuesta es 304. Los errores de `/api/v2` son
`application/problem+json` y dicen qué parámetro no sirve y por qué. Cada cliente puede hacer {requests:,} solicitudes por minuto, y
hasta {burst:,} de una vez; después se responde 429 con `Retry-After`. Un parámetro vacío es como si no estuviera."""
_TAGS = (
    ("Concursos", "Buscar concursos y leerlos uno por uno"),
    ("Compradores y proveedores", "Quién compra, quién vende y cuánto"),
    ("Auditoría social", "Qué compró cada entidad, departamento y municipio, año por año"),
    ("Mercado", "Qué se compra, por cuánto y entre cuántos, por familia de productos"),
    ("Alertas", "Señales de los concursos, con su regla y su evidencia, y qué revisar primero"),
    ("Cambios y meses", "Lo que cambió, y lo que está publicado"),
    ("Avisos", "Concursos abiertos para un lector de noticias o un calendario"),
    ("Reportes", "Reportes predefinidos con filtros, en Excel, CSV, XML y JSON"),
    ("release", "API oficial: publicaciones"),
    ("record", "API oficial: registros"),
    ("File", "API oficial: descargas masivas"),
)


def document(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        about = _ABOUT.format(requests=settings.requests_per_minute, burst=settings.burst)
        made = get_openapi(
            title=_TITLE,
            version="2.0",
            description=about,
            routes=app.routes,
            servers=[{"url": settings.base_url.rstrip("/") or "/"}],
            tags=[{"name": name, "description": told} for name, told in _TAGS],
            license_info={"name": "CC BY 4.0", "url": LICENSE},
        )
        for operations in made["paths"].values():
            for operation in operations.values():
                # What the framework says of its own errors: they are answered as 400.
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            made.get("components", {}).get("schemas", {}).pop(name, None)
        app.openapi_schema = made
    return app.openapi_schema


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    """The document itself."""
    body = orjson.dumps(document(request.app, request.app.state.settings))
    return respond(request, body, "application/json")
