"""Errors as they are told: problem details (RFC 9457) to the API, the official message to the official paths, a page to people.

All in Spanish, none with more than the client needs to know. Which page, `pages/` says (`create_app`).
"""

import logging
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from portal.http.conditional import NEVER
from portal.http.requests import Kind, kind_of

ErrorPage = Callable[[Request, int, str], Response]

# Status -> what it is called, and what is said where nothing more is known.
TOLD = {
    400: ("Solicitud incorrecta", "La solicitud tiene un dato que no se entiende."),
    404: ("No encontrado", "No hay nada en esta dirección."),
    405: ("Método no permitido", "El sitio solo admite consultas: GET, HEAD y OPTIONS."),
    406: ("Formato no disponible", "No se ofrece ninguno de los formatos pedidos."),
    410: ("Ya no se publica", "Estuvo publicado y fue retirado."),
    413: ("Contenido no admitido", "Una consulta no lleva contenido: quite el cuerpo de la solicitud."),
    414: ("Dirección demasiado larga", "La dirección pasa del largo permitido: use menos filtros a la vez."),
    416: ("Rango no disponible", "El rango pedido empieza después del final del archivo."),
    429: ("Demasiadas solicitudes", "Espere los segundos que indica Retry-After y vuelva a intentarlo."),
    431: ("Encabezados demasiado largos", "La solicitud lleva demasiados encabezados o son demasiado largos."),
    500: ("Error interno", "Algo falló de nuestro lado. Vuelva a intentarlo en unos minutos."),
    503: (
        "No disponible por ahora",
        "El servicio no puede responder en este momento. Vuelva a intentarlo en unos segundos.",
    ),
}
_RETRY_SECONDS = 5

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """An answer that is an error. `detail`: one Spanish sentence; `parameters`: what is wrong with which of them."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.parameters, self.headers = dict(parameters or {}), dict(headers or {})


def bad_parameter(name: str, reason: str) -> RefusedError:
    """400: `reason` goes on from the parameter's name, as «debe ser un número entero»."""
    return RefusedError(400, parameters={name: reason})


def absent(detail: str = "") -> RefusedError:
    return RefusedError(404, detail)


def gone(detail: str = "") -> RefusedError:
    return RefusedError(410, detail)


def answer(request: Request, error: RefusedError) -> Response:
    """The error as whoever asked reads it."""
    title, usual = TOLD.get(error.status) or TOLD[400 if error.status < 500 else 500]
    faults = " ".join(f"El parámetro «{name}» {reason}." for name, reason in error.parameters.items())
    detail = " ".join(filter(None, (error.detail, faults))) or usual
    response = _as_told(request, error, title, detail)
    response.headers["Cache-Control"] = NEVER
    if error.status == 503:
        response.headers["Retry-After"] = str(_RETRY_SECONDS)
    response.headers.update(error.headers)
    return response


def _as_told(request: Request, error: RefusedError, title: str, detail: str) -> Response:
    kind = kind_of(request.scope)
    if kind is Kind.OFFICIAL:
        return Response(orjson.dumps(official(error.status, detail)), error.status, media_type="application/json")
    if kind is Kind.API or (kind is Kind.FILE and "text/html" not in request.headers.get("accept", "")):
        body = problem(error, title, detail)
        return Response(orjson.dumps(body), error.status, media_type="application/problem+json")
    page: ErrorPage = request.app.state.error_page
    return page(request, error.status, detail)


def problem(error: RefusedError, title: str, detail: str) -> dict[str, Any]:
    told = {"type": "about:blank", "title": title, "status": error.status, "detail": detail}
    faults = [{"parameter": name, "reason": reason} for name, reason in error.parameters.items()]
    return told | ({"errors": faults} if faults else {})


def official(status: int, detail: str) -> dict[str, Any]:
    """`MensajeResultadoDeOperacionesModelo` of the official contract."""
    word = "Notcontent" if status in {404, 410} else "Error"
    return {"status": word, "operacionRealizadaConExito": False, "mensajeOperacion": detail}


def plain_page(request: Request, status: int, detail: str) -> Response:
    """The page for an error where there are no pages, or theirs fails."""
    title = TOLD.get(status, TOLD[500])[0]
    return Response(
        f'<!doctype html><html lang="es"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body><h1>{title}</h1><p>{escape(detail)}</p><p><a href="/">Ir al inicio</a></p></body></html>',
        status,
        media_type="text/html; charset=utf-8",
    )
