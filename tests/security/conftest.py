"""A source with a password that is asked for, and a server that refuses everything and says aloud what it was sent."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest

from guatecompras.months import Month
from resources.settings import PROJECT
from resources.sources.demo import demo_chunks
from resources.sources.sql import write_tables
from tests.pipelines.conftest import MONTHS

# As awkward as passwords get: each of these characters is written otherwise in an address or a connection string.
PASSWORD, WRONG = "Clave'Plantada 7/ñ@x", "Clave%Equivocada&9"
READER = "lector_con_clave"


@dataclass
class Database:
    """A source of two months on a server that asks its reader for a password."""

    server: Any
    name: str

    def uri(self, password: str = PASSWORD, **other: str) -> str:
        """As an operator writes it; the socket's folder is the host."""
        host = other.get("host", self.folder)
        return f"postgresql+psycopg2://{READER}:{quote(password, safe='')}@/{self.name}?host={host}"

    @property
    def folder(self) -> str:
        return str(self.server.get_uri(self.name)).partition("host=")[2]

    def execute(self, *statements: str) -> None:
        with closing(psycopg2.connect(self.server.get_uri(self.name))) as connection:
            connection.autocommit = True
            for statement in statements:
                connection.cursor().execute(statement)


def make_database(server: Any, name: str) -> Database:
    server.psql(f"CREATE DATABASE {name}")
    database = Database(server, name)
    database.execute(
        f"DO $$ BEGIN CREATE ROLE {READER} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"ALTER ROLE {READER} PASSWORD '{PASSWORD.replace(chr(39), chr(39) * 2)}'",
    )
    write_tables(server.get_uri(name), demo_chunks(Month.parse(MONTHS[0]), len(MONTHS), 40, 1))
    database.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}")
    rules = Path(server.pgdata) / "pg_hba.conf"
    text = rules.read_text()
    line = f"local all {READER} scram-sha-256\n"
    if line not in text:
        rules.write_text(line + text)
    _wait_until_asked(database)
    return database


def _wait_until_asked(database: Database) -> None:
    """The server reads its rules anew some time after it was told to."""
    for _ in range(500):
        database.execute("SELECT pg_reload_conf()")
        try:
            psycopg2.connect(database.uri(WRONG).replace("+psycopg2", "")).close()
        except psycopg2.OperationalError:
            return
    pytest.fail("the server asks for no password")


@pytest.fixture(scope="session")
def database(postgres_server: Any) -> Database:
    return make_database(postgres_server, "origen_con_clave")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An embedded home of its own."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(PROJECT / "pipelines" / "deploy" / "embedded" / "dagster.yaml", folder)
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """`guatecompras` in this process: its exit status, and all that it wrote, tracebacks too."""

    def run(*words: str) -> tuple[int, str]:
        import signal
        import traceback

        from pipelines.cli import main

        before, status = signal.getsignal(signal.SIGTERM), 0
        try:
            main(list(words), standalone_mode=False)
        except SystemExit as end:
            status = int(end.code or 0)
        except Exception:  # noqa: BLE001 # whatever it is, its traceback is looked at
            status = 2
            traceback.print_exc()
        finally:
            signal.signal(signal.SIGTERM, before)
        told = capfd.readouterr()
        return status, told.out + told.err

    return run


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Gossip"

    def _refuse(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard.append(f"{self.requestline}\n{self.headers}")
        told = {"success": False, "error": {"message": f"{self.requestline} {dict(self.headers)} {body[:200]!r}"}}
        answer = json.dumps(told, ensure_ascii=False).encode()
        self.send_response(self.server.status, "No")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _refuse  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Gossip(ThreadingHTTPServer):
    """Refuses with `status`, and repeats in its answer what it was sent; `heard`: what that was."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.status = 403
        self.heard: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def gossip() -> Iterator[Gossip]:
    server = Gossip()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
