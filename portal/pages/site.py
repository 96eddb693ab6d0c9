"""What all pages share: the Jinja environment, what every page knows (menu, freshness, address), answers and error pages.

A page's own content is its module's business; security headers, compression and conditional requests are `portal/http/`'s.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from guatecompras.publication import data_time
from guatecompras.settings import LICENSE
from portal.http.answers import etag_of, respond
from portal.http.conditional import NEVER
from portal.http.requests import edition, settings
from portal.library import Current, Library
from portal.pages import spanish
from portal.publication import Edition

__all__ = [
    "ERRORS",
    "FOLDER",
    "GUATECOMPRAS",
    "MENU",
    "STATIC",
    "absolute",
    "data_as_of",
    "edition",
    "environment",
    "error",
    "library",
    "render",
    "static_digest",
    "static_url",
]

HTML = "text/html; charset=utf-8"
FOLDER = Path(__file__).parent.parent
STATIC = FOLDER / "static"
GUATECOMPRAS = "https://www.guatecompras.gt"

# Address, what it is called in the menu, what it is in a few words (home page and footer).
MENU = (
    ("/explorar", "Explorar", "Buscar concursos por texto, entidad, proveedor, monto o fecha."),
    ("/oportunidades", "Oportunidades", "Lo que recibe ofertas ahora, y por cuánto se adjudica lo parecido."),
    ("/mercado", "Mercado", "Qué se compra, por cuánto y entre cuántos, por familia de productos."),
    ("/descarga-datos", "Descargas", "Cada mes en Excel, CSV, JSON y Parquet."),
    ("/reportes", "Reportes", "Listados y resúmenes con filtros, en Excel, CSV y XML."),
    ("/auditoria", "Auditoría", "Qué compró cada entidad, departamento y municipio, y cómo."),
    ("/alertas", "Alertas", "Qué concursos revisar primero, y por qué."),
    ("/api-ocds", "API", "Consultar los datos desde un programa."),
    ("/politica", "Política", "Qué se publica y qué significa cada campo."),
    ("/calidad", "Calidad", "Qué tan completos y correctos son los datos."),
)

# Status -> title, what happened and what one can do.
ERRORS = {
    400: ("Hay un dato que no se entiende", "Revise la dirección o los filtros que escribió e inténtelo de nuevo."),
    404: ("No encontramos esta página", "La dirección puede estar incompleta o haber cambiado."),
    405: ("Esta página solo se puede leer", "El sitio no recibe datos: solo admite consultas."),
    410: ("Esto ya no se publica", "Estuvo publicado antes y la fuente lo retiró."),
    414: ("La dirección es demasiado larga", "Use menos filtros a la vez."),
    429: (
        "Demasiadas consultas seguidas",
        "Espere un momento y vuelva a intentarlo. Para muchos datos, use las descargas.",
    ),
    500: ("Algo falló de nuestro lado", "Ya quedó registrado. Inténtelo de nuevo en unos minutos."),
    503: ("El sitio no está disponible por ahora", "Inténtelo de nuevo en unos minutos."),
}


@cache
def static_digest(name: str) -> str:
    """Of a static file's bytes: it stands in its address, so that browsers keep it for good."""
    return blake2b((STATIC / name).read_bytes(), digest_size=6).hexdigest()


def static_url(name: str) -> str:
    return f"/static/{name}?v={static_digest(name)}"


@cache
def environment() -> Environment:
    # Everything is escaped, whatever a template is called; a name that is not there is an error, not an empty place.
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= spanish.FILTERS
    made.globals |= {"static_url": static_url, "NOT_TOLD": spanish.NOT_TOLD, "MENU": MENU, "GUATECOMPRAS": GUATECOMPRAS}
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": False}
    return made


def library(request: Request) -> Library:
    """What finds concursos, buyers and suppliers in what is public; the rest of the answer is of its edition too."""
    current: Current = request.app.state.library
    request.state.edition, found = current.both()
    return found


def data_as_of(index: Mapping[str, Any]) -> datetime | None:
    """When the newest data that is public is of."""
    return max((data_time(entry["version"]) for entry in index["months"].values()), default=None)


def absolute(request: Request, path: str) -> str:
    """The public address of a path, whatever host the request came by."""
    return settings(request).url(path)


def _base(request: Request, found: Edition | None) -> dict[str, Any]:
    index = found.index if found else {"months": {}}
    return {
        "path": request.url.path,
        "canonical": absolute(request, request.url.path),
        "base_url": absolute(request, ""),
        "as_of": data_as_of(index),
        "months": found.months if found else (),
        "license": LICENSE,
        "json_ld": (),
        "robots": "",
    }


def render(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    *,
    etag_parts: Sequence[str] = (),
    status: int = 200,
) -> Response:
    """A page. Its ETag is of its bytes (and of `etag_parts`, where something else decides what is sent)."""
    found = edition(request)
    return _answer(request, template, context, found, etag_parts, status)


def _answer(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    found: Edition | None,
    etag_parts: Sequence[str],
    status: int,
) -> Response:
    body = environment().get_template(template).render(_base(request, found) | dict(context)).encode()
    if status != 200:
        return Response(body, status, {"Cache-Control": NEVER}, HTML)
    return respond(request, body, HTML, etag=etag_of(body + "\0".join(etag_parts).encode()))


def error(request: Request, status: int, detail: str = "", **more: Any) -> Response:
    """The page for an error; it is there even when the publication cannot be read. `detail`: Spanish, for people."""
    found: Edition | None = None
    with suppress(Exception):  # an error page must not fail for what may have made the error
        found = edition(request)
    title, advice = ERRORS.get(status, ERRORS[500] if status >= 500 else ERRORS[404])
    told = {
        "status": status,
        "title": title,
        "advice": advice,
        "detail": detail,
        "robots": "noindex",
        "nog": None,
    } | more
    return _answer(request, "error.html.j2", told, found, (), status)
