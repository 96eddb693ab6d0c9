"""The portal as one application: its routers put together, what all answers have in common around them, and its errors.

What is answered where is the routers' business; how it is run, `serve.py`'s.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial

from anyio import to_thread
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from guatecompras.errors import CursorError, GuatecomprasError
from guatecompras.settings import Settings as Publisher
from portal import files, official, openapi, reports
from portal.http import errors, validation
from portal.http.access_log import AccessLog, Write, to_output
from portal.http.answers import Answers, Pieces, code_modified
from portal.http.errors import ErrorPage, RefusedError
from portal.http.limits import Limits
from portal.http.metrics import Counting
from portal.http.requests import Kind, kind_of
from portal.http.security import Security
from portal.library import Current
from portal.pages import api_docs, audit, downloads, explore, flags, home, opportunities, policy, process, quality, site
from portal.pages import feeds as news
from portal.pages import market as market_pages
from portal.pages import parties as profiles
from portal.pages import reports as report_pages
from portal.publication import Publication
from portal.settings import Settings
from portal.v2 import audit as v2_audit
from portal.v2 import changes, concursos, feeds, market, parties
from portal.v2 import flags as v2_flags

_THREADS = 16
# In the order in which an address is looked for.
ROUTERS: Sequence[APIRouter] = (
    files.router,
    openapi.router,
    official.router,
    feeds.router,
    concursos.router,
    changes.router,
    parties.router,
    v2_audit.router,
    market.router,
    v2_flags.router,
    reports.router,
    *(
        page.router
        for page in (
            home,
            downloads,
            report_pages,
            audit,
            flags,
            policy,
            api_docs,
            explore,
            opportunities,
            market_pages,
            process,
            profiles,
            quality,
            news,
        )
    ),
)


def create_app(
    settings: Settings,
    routers: Iterable[APIRouter] = ROUTERS,
    error_page: ErrorPage = site.error,
    log: Write = to_output,
    counted: Counting | None = None,
) -> FastAPI:
    """The application over the publication of `settings`. Nothing is read of it yet."""
    publication = Publication(settings.store, settings.cache_folder())
    app = FastAPI(
        title="Guatecompras en datos abiertos",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[
            Middleware(AccessLog, write=log, counted=counted),
            Middleware(Pieces, seconds=settings.stall_seconds),
            Middleware(Security, https=settings.base_url.startswith("https://")),
            Middleware(Limits, settings=settings),
            Middleware(Answers, modified=_modified(publication)),
        ],
        lifespan=_prepared,
        # An address with one slash more is another one, which is nothing.
        redirect_slashes=False,
    )
    app.state.settings, app.state.publication, app.state.error_page = settings, publication, error_page
    app.state.library, app.state.publisher = Current(publication, settings.base_url), Publisher.from_environment()
    for router in routers:
        app.include_router(router)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.openapi = partial(openapi.document, app, settings)  # type: ignore[method-assign]  # as FastAPI has it
    return app


@asynccontextmanager
async def _prepared(app: FastAPI) -> AsyncIterator[None]:
    """Before the first request: the library is open. Where it cannot be, who asks for it is told."""
    # More would only share the same cores, and each holds its own memory.
    to_thread.current_default_thread_limiter().total_tokens = _THREADS
    with suppress(GuatecomprasError):
        await to_thread.run_sync(app.state.library)
    yield


def _modified(publication: Publication) -> Callable[[], datetime | None]:
    """When what answers are made of last changed: the publication, or what makes answers of it."""
    code = code_modified()
    return lambda: max(code, publication.last.modified) if publication.last else None


# What routes raise, and what is answered.


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return errors.answer(request, error)


def _http(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself: no such address, no such method. Its words are not told: they are English."""
    assert isinstance(error, HTTPException)
    return errors.answer(request, RefusedError(error.status_code, headers=error.headers))


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if kind_of(request.scope) is Kind.PAGE and all(one["loc"][0] == "path" for one in found):
        return errors.answer(request, RefusedError(404))
    return errors.answer(request, validation.refused(found))


def _bad_cursor(request: Request, error: Exception) -> Response:
    return errors.answer(request, errors.bad_parameter("cursor", "no es de esta publicación"))


def _unavailable(request: Request, error: Exception) -> Response:
    errors.log.warning("not available: %s", error)
    return errors.answer(request, RefusedError(503))


_HANDLERS = {
    RefusedError: _refused,
    HTTPException: _http,
    RequestValidationError: _invalid,
    CursorError: _bad_cursor,
    GuatecomprasError: _unavailable,
}
