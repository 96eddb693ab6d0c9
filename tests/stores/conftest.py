"""Object storage for tests: a real server in a process of its own, buckets in it, and a proxy that misbehaves on demand."""

import os
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SECRET = "s3cr3t/+not-to-be-told"
ACCESS = "AKIANOTTOBETOLD"


@contextmanager
def s3_server(**environment: str) -> Iterator[str]:
    """A server of its own; its endpoint."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("s3_server.py"))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | environment,
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def make_bucket(endpoint: str) -> str:
    name = f"b-{uuid.uuid4().hex[:12]}"
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}", method="PUT")).close()
    return name


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, credentials: None) -> str:
    return make_bucket(endpoint)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("GUATECOMPRAS_WORK", str(tmp_path / "machine"))


# What a proxy does with a request: nothing special, or one of these.
Act = str
PASS, REFUSE, CUT_BEFORE, CUT_AFTER, CUT_BODY, HOLD, BARE = "pass", "503", "before", "after", "body", "hold", "bare"
FAULTS = (REFUSE, CUT_BEFORE, CUT_AFTER, CUT_BODY)


class Proxy(ThreadingHTTPServer):
    """Between a store and the server. `act(method, path)` says what happens to a request; `seen` is all that came by."""

    daemon_threads = True

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = endpoint.removeprefix("http://")
        self.act: Callable[[str, str], Act] = lambda method, path: PASS
        self.seen: list[tuple[str, str]] = []
        self.held, self.go_on = threading.Event(), threading.Event()
        self.endpoint = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """A client that was cut off, or has gone."""

    def came(self, method: str, *words: str) -> list[str]:
        return [path for seen, path in self.seen if seen == method and all(word in path for word in words)]


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path))
        act = self.server.act(self.command, self.path)
        if act == HOLD:
            self.server.held.set()
            self.server.go_on.wait(60)
        if act == REFUSE:
            self._answer(503, [], b"<Error><Code>SlowDown</Code></Error>")
        elif act == CUT_BEFORE:
            self.close_connection = True
        else:
            answer, content = self._ask(body, bare=act == BARE)
            if act == CUT_AFTER:
                self.close_connection = True
                return
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOPS]
            self._answer(answer.status, headers, content, cut=act == CUT_BODY)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _ask(self, body: bytes, bare: bool) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection(self.server.behind, timeout=60)
        headers = {name: value for name, value in self.headers.items() if not (bare and name.lower().startswith("if-"))}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, cut: bool = False) -> None:
        self.send_response_only(status)
        # A HEAD's answer tells the length of what it does not send.
        length = dict(headers).get("Content-Length") if self.command == "HEAD" else None
        for name, value in headers:
            if name != "Content-Length":
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut


_HOPS = {"connection", "transfer-encoding", "server", "date", "keep-alive"}


@pytest.fixture
def proxy(endpoint: str) -> Iterator[Proxy]:
    server = Proxy(endpoint)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()
