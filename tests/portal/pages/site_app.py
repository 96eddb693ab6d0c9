"""The application with some pages, over a real publication, as a whole: middleware, errors, static files."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from portal.app import create_app
from portal.pages.site import STATIC, error
from portal.settings import Settings


def application(store: Path, cache: Path, *routers: APIRouter) -> FastAPI:
    settings = Settings(
        store=str(store),
        cache=str(cache),
        base_url="https://ocds.example.gt",
        contact="datos@example.gt",
        requests_per_minute=100_000,
        burst=100_000,
    )
    made = create_app(settings, routers, error_page=error, log=lambda _: None)
    made.mount("/static", StaticFiles(directory=STATIC))
    return made
