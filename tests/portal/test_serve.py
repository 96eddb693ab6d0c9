"""The real server, over real sockets: clients that are slow, silent, greedy or hostile do not hold it, and it ends in peace."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.portal.conftest import PROJECT, Server, serving

# Short, so that the tests are.
HEADER_SECONDS, STALL_SECONDS = 1, 2
LIMITS = {
    "GUATECOMPRAS_HEADER_SECONDS": str(HEADER_SECONDS),
    "GUATECOMPRAS_STALL_SECONDS": str(STALL_SECONDS),
    "GUATECOMPRAS_STOP_SECONDS": "20",
    "GUATECOMPRAS_BURST": "100000",
    "GUATECOMPRAS_AT_ONCE_PER_CLIENT": "500",
}
CHROMIUM = Path("/usr/bin/chromium")
# More than the sockets' buffers of both sides hold.
BIG = 48 << 20


@pytest.fixture(scope="module")
def big(published: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with one file that is long, and its address."""
    place = tmp_path_factory.mktemp("big") / "store"
    subprocess.run(["cp", "-r", str(published), str(place)], check=True)
    index = json.loads((place / "publication" / "index.json").read_bytes())
    file = next(file for file in index["months"]["2026-01"]["files"] if file["path"].endswith(".json.zip"))
    file["bytes"] = BIG
    path = place / "publication" / file["path"]
    path.unlink()
    with open(path, "wb") as content:
        content.truncate(BIG)
    half = next(file for file in index["months"]["2026-01"]["files"] if file["path"].endswith("_csv.zip"))
    half["bytes"] *= 2
    (place / "publication" / "index.json").write_text(json.dumps(index))
    return place, f"/publication/{file['path']}"


@pytest.fixture(scope="module")
def server(big: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(big[0], tmp_path_factory.mktemp("server"), workers=2, **LIMITS) as found:
        yield found


def _connect(server: Server, buffer: int = 0) -> socket.socket:
    found = socket.socket()
    if buffer:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    found.settimeout(30)
    found.connect(("127.0.0.1", server.port))
    return found


def _to_the_end(connection: socket.socket) -> bytes:
    """All that comes until the server ends it, or is heard of no more: on a busy machine its kernel may leave without a word."""
    content = bytearray()
    with suppress(ConnectionError, TimeoutError):
        while piece := connection.recv(1 << 20):
            content += piece
    return bytes(content)


def _answers(server: Server) -> bool:
    return httpx.get(f"{server.url}/files", timeout=5).status_code == 200


def test_it_serves(server: Server) -> None:
    answer = httpx.get(f"{server.url}/files")
    assert answer.json()["result"][0]["files"]["json"] == f"{server.url}/file/json/2026/02"
    assert answer.headers["server"] == "guatecompras"
    package = httpx.get(answer.json()["result"][0]["files"]["json"])
    assert package.content[:2] == b"PK"
    head = httpx.head(answer.json()["result"][0]["files"]["json"])
    assert int(head.headers["Content-Length"]) == len(package.content)


@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET /files HTTP/1.1\r\nHost: a\r\n\r\n", b"G"],
    ids=["nothing", "half", "an answer and then nothing", "a letter"],
)
def test_who_says_nothing_more_is_left(server: Server, said: bytes) -> None:
    with _connect(server) as connection:
        connection.sendall(said)
        began = time.monotonic()
        _to_the_end(connection)
        assert time.monotonic() - began < HEADER_SECONDS + 2


def test_headers_that_trickle_do_not_buy_time(server: Server) -> None:
    with _connect(server) as connection:
        connection.settimeout(0.1)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        began, ended = time.monotonic(), False
        while not ended and time.monotonic() - began < 10:
            try:
                connection.sendall(b"X: y\r\n")
                ended = connection.recv(100) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
        assert time.monotonic() - began < HEADER_SECONDS + 2


def test_hundreds_of_half_requests_hold_up_nobody(server: Server) -> None:
    connections = [_connect(server) for _ in range(400)]
    for connection in connections:
        connection.sendall(b"GET /files HTTP/1.1\r\nHost: a\r\nX: ")
    began = time.monotonic()
    assert _answers(server)
    assert time.monotonic() - began < 2
    assert [_to_the_end(connection) for connection in connections] == [b""] * 400
    for connection in connections:
        connection.close()


def test_who_reads_nothing_of_a_download_is_left(server: Server, big: tuple[Path, str]) -> None:
    with _connect(server, buffer=4096) as connection:
        connection.sendall(f"GET {big[1]} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        _wait(lambda: _cut(server))
        assert _cut(server)[0]["bytes"] < BIG
        assert len(_to_the_end(connection)) < BIG


def _cut(server: Server) -> list[dict[str, Any]]:
    """What the log has of answers that were not taken to their end."""
    return [told for line in server.lines() if (told := json.loads(line)).get("cut")]


def _wait(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it never came to pass"


def test_who_reads_a_download_by_the_drop_holds_up_nobody(server: Server, big: tuple[Path, str]) -> None:
    connections, before = [_connect(server, buffer=4096) for _ in range(60)], len(_cut(server))
    for connection in connections:
        connection.sendall(f"GET {big[1]} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert all(_answers(server) for _ in range(10))
    assert _memory(server) < 400 << 20

    def all_are_left() -> bool:
        for connection in connections:
            with suppress(ConnectionError):
                connection.recv(100)
        return len(_cut(server)) >= before + len(connections)

    _wait(all_are_left)
    for connection in connections:
        assert len(_to_the_end(connection)) < BIG
        connection.close()


def _memory(server: Server) -> int:
    """What the largest of its processes holds."""
    listed = subprocess.run(
        ["ps", "-o", "rss=", "--ppid", str(server.process.pid)], capture_output=True, text=True, check=True
    )
    return max(int(size) for size in listed.stdout.split()) << 10


def test_a_file_that_ends_too_early_is_no_whole_answer(server: Server) -> None:
    """Half of a file must not look like all of it."""
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{server.url}/file/csv/2026/1")
    assert _answers(server)


def test_who_reads_at_a_fair_pace_gets_all(server: Server, big: tuple[Path, str]) -> None:
    """For longer than anybody may stall."""
    began, size = time.monotonic(), 0
    with httpx.stream("GET", f"{server.url}{big[1]}") as answer:
        for piece in answer.iter_raw(1 << 20):
            size += len(piece)
            time.sleep(0.08)
    assert size == BIG
    assert time.monotonic() - began > STALL_SECONDS


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /files HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /files HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /files HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
        b"GET /files HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        b"GET /files HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"GET /files HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"GET /files HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
        b"POST /files HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\nabc",
        b"POST /files HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        b"GET /files HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /files HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET http://evil.example/files HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_request_is_no_5xx(server: Server, said: bytes) -> None:
    with _connect(server) as connection:
        with suppress(ConnectionError):
            connection.sendall(said)
        answer = _to_the_end(connection)
    assert not answer.startswith((b"HTTP/1.1 5", b"HTTP/1.0 5"))
    assert b"Traceback" not in answer
    assert _answers(server)


def test_a_body_is_not_taken_for_a_second_request(server: Server) -> None:
    with _connect(server) as connection:
        hidden = b"GET /files HTTP/1.1\r\nHost: a\r\n\r\n"
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (len(hidden), hidden))
        answer = _to_the_end(connection)
    assert answer.startswith(b"HTTP/1.1 413")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_the_log_has_a_line_of_json_a_request_and_nothing_else(server: Server) -> None:
    httpx.get(f"{server.url}/no/hay?q=secreto")
    _wait(lambda: any(json.loads(line)["status"] == 404 for line in server.lines()))
    for line in server.lines():
        assert set(json.loads(line)) <= {"time", "method", "route", "status", "bytes", "ms", "agent", "cut"}
        assert b"secreto" not in line


def test_what_is_under_way_is_finished_at_the_end(big: tuple[Path, str], tmp_path: Path) -> None:
    with serving(big[0], tmp_path, **LIMITS) as server:
        with httpx.stream("GET", f"{server.url}{big[1]}") as answer:
            pieces = answer.iter_raw(1 << 20)
            size = len(next(pieces))
            server.process.send_signal(signal.SIGTERM)
            size += sum(len(piece) for piece in pieces)
        assert size == BIG
        assert server.process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url)


def test_a_process_that_dies_is_replaced(published: Path, tmp_path: Path) -> None:
    with serving(published, tmp_path, workers=2, **LIMITS) as server:
        listed = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True)
        os.kill(int(listed.stdout.split()[0]), signal.SIGKILL)
        assert all(_answers(server) for _ in range(20))
        end = time.monotonic() + 30
        while (tmp_path / "errors.log").read_text().count("Started worker") < 3:
            assert time.monotonic() < end
        assert _answers(server)


def test_a_port_that_is_taken_is_told_in_one_line(server: Server) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "serve", "--port", str(server.port)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"guatecompras: cannot listen at http://127.0.0.1:{server.port}: ")
    assert ended.stderr.count("\n") == 1


def test_serving_needs_no_dagster(published: Path) -> None:
    script = (
        "import sys; from portal.app import create_app; from portal.settings import Settings; import portal.serve;"
        f"create_app(Settings(store={str(published)!r})); print([m for m in sys.modules if 'dagster' in m or m == 'sqlalchemy'])"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
def test_a_browser_shows_a_report_with_its_own_styles(server: Server, published: Path) -> None:
    from playwright.sync_api import sync_playwright

    index = json.loads((published / "publication" / "index.json").read_bytes())
    path = next(file["path"] for file in index["months"]["2026-01"]["files"] if file["path"].endswith("quality.html"))
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        page = browser.new_page()
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        page.goto(f"{server.url}/publication/{path}")
        styled = page.eval_on_selector_all(
            "[style]", "all => all.map(one => [one.getAttribute('style'), one.style.length])"
        )
        font = page.evaluate("getComputedStyle(document.body).fontFamily")
        browser.close()
    assert not [text for text in told if "Security" in text]
    assert styled
    assert all(length for _, length in styled)
    assert "system-ui" in font
