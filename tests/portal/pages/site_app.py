"""An application with pages alone, over a real publication, under the site's content security policy."""

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.base import RequestResponseEndpoint

from portal.pages.site import STATIC
from portal.publication import Publication
from portal.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; connect-src 'self'"
)


def application(store: Path, cache: Path, *routers: APIRouter) -> FastAPI:
    made = FastAPI(title="Datos abiertos")
    made.state.settings = Settings(store=str(store), base_url="https://ocds.example.gt", contact="datos@example.gt")
    made.state.publication = Publication(str(store), cache)
    for router in routers:
        made.include_router(router)
    made.mount("/static", StaticFiles(directory=STATIC))

    @made.middleware("http")
    async def secured(request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return made
