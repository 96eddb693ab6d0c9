"""The portal over a small publication: the store, the application, a client of it in this process, and real server processes."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from fastapi import FastAPI

from guatecompras import dcat
from guatecompras.audit import build as audit
from guatecompras.gathered.collect import bring, collect
from guatecompras.integrity import history, monthly
from guatecompras.market import collection as market
from guatecompras.settings import Settings as PublicationSettings
from guatecompras.stores import LocalStore
from portal.app import create_app
from portal.settings import Settings
from tests.publications import OpenSource
from tests.publications import published as published_month

BASE_URL = "https://datos.example.gt"
PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def published(three_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two months, 2026-01 in its third version and 2026-02, with collections and catalog. Not to be changed: copy it."""
    place = tmp_path_factory.mktemp("portal") / "store"
    shutil.copytree(three_versions, place)
    store = LocalStore(place)
    collect(store)
    bring(store, lambda parts: [audit.plan(store, parts, PublicationSettings())])
    bring(store, lambda parts: [market.plan(store, parts)])
    bring(store, lambda parts: [monthly.plan(store, part, parts, monthly.Rules()) for part in parts])
    bring(store, lambda parts: history.plan(store, parts))
    dcat.publish(store, PublicationSettings())
    return place


@pytest.fixture(scope="session")
def market_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two months with concursos that receive offers whatever the day is, and with the market. Not to be changed."""
    store = LocalStore(tmp_path_factory.mktemp("market") / "store")
    for month in ("2026-01", "2026-02"):
        published_month(store, 1, month, 800, kind=OpenSource)
    bring(store, lambda parts: [market.plan(store, parts)])
    return store.root


@pytest.fixture
def store(published: Path, tmp_path: Path) -> Path:
    """The same, for a test to change."""
    place = tmp_path / "store"
    shutil.copytree(published, place, symlinks=True)
    return place


@pytest.fixture(scope="session")
def settings(published: Path) -> Settings:
    """Without limits that tests would meet."""
    return Settings(store=str(published), base_url=BASE_URL, requests_per_minute=10**9, burst=10**6)


@pytest.fixture(scope="session")
def lines() -> list[bytes]:
    """The access log."""
    return []


@pytest.fixture(scope="session")
def app(settings: Settings, lines: list[bytes]) -> FastAPI:
    return create_app(settings, log=lines.append)


class Client:
    """Asks an application in this process. `ask` takes a method, an address as it is to be sent, and headers."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def ask(self, method: str, address: str, content: bytes | None = None, **headers: str) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                told = {name.replace("_", "-"): value for name, value in headers.items()}
                url = httpx.URL("http://test").copy_with(raw_path=address.encode())
                return await client.request(
                    method, url, content=content, headers={"Accept-Encoding": "identity"} | told
                )

        return asyncio.run(one())

    def get(self, address: str, **headers: str) -> httpx.Response:
        return self.ask("GET", address, **headers)


@pytest.fixture(scope="session")
def client(app: FastAPI) -> Client:
    return Client(app)


class Api:
    """The same with parameters and headers by themselves, as a client of an API writes them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(
        self, address: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self._ask("GET", address, params, headers)

    def head(self, address: str, params: Mapping[str, Any] | None = None) -> httpx.Response:
        return self._ask("HEAD", address, params, None)

    def _ask(
        self, method: str, address: str, params: Mapping[str, Any] | None, headers: Mapping[str, str] | None
    ) -> httpx.Response:
        asked = f"{address}?{urlencode(params, doseq=True)}" if params else quote(address, safe="/?&=%:+'*@,;!()$-._~")
        return self._client.ask(method, asked, None, **{k.replace("-", "_"): v for k, v in (headers or {}).items()})


@pytest.fixture(scope="session")
def api(client: Client) -> Api:
    return Api(client)


@pytest.fixture
def api_of(tmp_path: Path) -> Callable[[Path], Api]:
    """The API over any store."""
    told = {"base_url": BASE_URL, "requests_per_minute": 10**9, "burst": 10**6}

    def made(store: Path) -> Api:
        settings = Settings(store=str(store), cache=str(tmp_path / "cache"), **told)
        return Api(Client(create_app(settings, log=lambda _: None)))

    return made


class Server:
    """A real one, in processes of its own. `lines()`: its access log so far."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process, self.url, self._log = process, url, log
        self.port = int(url.rpartition(":")[2])

    def lines(self) -> list[bytes]:
        # The last one may be half written.
        return self._log.read_bytes().rpartition(b"\n")[0].splitlines()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def serving(
    store: Path, folder: Path, workers: int = 1, more: Sequence[str] = (), **environment: str
) -> Iterator[Server]:
    """`guatecompras serve`, as an operator starts it."""
    folder.mkdir(exist_ok=True, parents=True)
    command = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "serve",
        "--port",
        "0",
        "--workers",
        str(workers),
        "--store",
        str(store),
        *more,
    ]
    with open(folder / "access.log", "wb") as log, open(folder / "errors.log", "wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdout=log,
            stderr=errors,
            env=_clean(os.environ) | environment,
            start_new_session=True,
        )
    try:
        yield Server(process, _address(process, folder / "errors.log", workers), folder / "access.log")
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


def _clean(environment: os._Environ[str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("GUATECOMPRAS_")}


def _address(process: subprocess.Popen[bytes], log: Path, workers: int) -> str:
    """Where it listens, once all its processes do."""
    while log.read_text().count("Started worker") < workers:
        if process.poll() is not None:
            pytest.fail(log.read_text())
    return next(line.split()[-1] for line in log.read_text().splitlines() if "serving http" in line)
