"""The pages over a small publication (three versions of a month, one of another, collections), asked in the process and by a
browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from portal.app import create_app
from portal.settings import Settings

BASE = "https://compras.example"


def made(store: Path, cache: Path) -> FastAPI:
    settings = Settings(store=str(store), cache=str(cache), base_url=BASE, requests_per_minute=10**6, burst=10**6)
    return create_app(settings, log=lambda _: None)


@pytest.fixture(scope="session")
def portal(published: Path, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return made(published, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def client(portal: FastAPI) -> TestClient:
    return TestClient(portal, base_url=BASE, follow_redirects=False)


@pytest.fixture(scope="session")
def address(portal: FastAPI) -> Iterator[str]:
    """Where a browser finds the portal."""
    with listening(portal) as found:
        yield found


@pytest.fixture(scope="session")
def market(market_store: Path, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The pages over what is larger, and where something is open."""
    return made(market_store, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def market_address(market: FastAPI) -> Iterator[str]:
    with listening(market) as found:
        yield found


@contextmanager
def listening(portal: FastAPI) -> Iterator[str]:
    """A portal served to a browser; where."""
    server = uvicorn.Server(uvicorn.Config(portal, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def nogs(portal: FastAPI) -> list[int]:
    """All NOGs that are public."""
    return sorted(int(nog) for nog in portal.state.library().held.numbers["nog"])
