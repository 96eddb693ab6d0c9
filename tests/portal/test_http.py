"""HTTP around any route: conditions, compression, HEAD, headers, errors in Spanish and the log that tells of nobody."""

import asyncio
import gzip
import json
import re
import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import pyarrow as pa
import pytest
from fastapi import APIRouter, Query, Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response

from guatecompras.errors import CursorError, GuatecomprasError, StoreError
from portal.app import create_app
from portal.http import compression
from portal.http.answers import Streamed, not_modified, respond
from portal.http.clients import family_of
from portal.http.conditional import is_fresh
from portal.http.errors import TOLD, RefusedError, absent, bad_parameter, gone
from portal.http.ranges import UnsatisfiableError, part_of
from portal.http.requests import edition
from portal.settings import Settings
from tests.portal.conftest import Client

LONG = b"Contrataciones del Estado. " * 2000
MODIFIED = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)

router = APIRouter()


class Color(StrEnum):
    RED = "rojo"
    BLUE = "azul"


@router.get("/text")
def text(request: Request) -> Response:
    return respond(request, LONG, "text/plain; charset=utf-8", etag="abc", modified=MODIFIED)


@router.get("/plain")
async def plain() -> Response:
    return PlainTextResponse("corto")


@router.get("/costly")
def costly(request: Request) -> Response:
    found = edition(request)
    same = not_modified(request, found.etag, found.modified)
    if same:
        same.headers["X-Made"] = "no"
        return same
    return respond(request, LONG, "application/json", etag=found.etag, modified=found.modified)


@router.get("/image")
def image(request: Request) -> Response:
    return respond(request, LONG, "image/png")


@router.get("/api/v2/checked")
def checked(
    limit: Annotated[int, Query(ge=1, le=1000)],
    amount: float | None = None,
    color: Color = Color.RED,
    text: Annotated[str, Query(max_length=5)] = "",
    since: datetime | None = None,
) -> Response:
    return PlainTextResponse("bien")


@router.get("/raising/{kind}")
@router.get("/api/v2/raising/{kind}")
@router.get("/release/raising/{kind}")
def raising(kind: str) -> Response:
    raise {
        "absent": absent("No existe el concurso 1."),
        "gone": gone(),
        "parameter": bad_parameter("nog", "debe ser un número entero"),
        "defect": RuntimeError("clave secreta en /srv/secreto"),
        "store": StoreError("cannot read s3://bucket/key"),
        "cursor": CursorError("not one"),
        "markup": RefusedError(400, "<script>alert(1)</script>"),
    }[kind]


@router.get("/slow")
async def slow() -> Response:
    await asyncio.sleep(30)
    return PlainTextResponse("tarde")


@router.get("/page/{number}")
def page(number: int) -> Response:
    return PlainTextResponse(str(number))


@router.get("/breaking")
def breaking() -> Response:
    def pieces() -> Any:
        yield b"x" * 10
        raise StoreError("cannot read the rest")

    return Streamed(pieces, 100, "application/zip", 200, {})


@pytest.fixture(scope="module")
def log() -> list[bytes]:
    return []


@pytest.fixture(scope="module")
def client(settings: Settings, log: list[bytes]) -> Client:
    return Client(create_app(settings, routers=[router], log=log.append))


def _app(settings: Settings, **changes: Any) -> Client:
    return Client(create_app(Settings(store=settings.store, **changes), routers=[router], log=lambda _: None))


# Conditions and compression.


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip;q=0.9", "gzip"),
        ("*", "zstd"),
        ("identity", None),
        ("br", None),
        ("gzip;q=0", None),
        ("gzip;q=x", None),
        ("gzip;q=0.1, identity", None),
        (";;;,,q=,", None),
        ("GZIP", "gzip"),
    ],
)
def test_a_body_is_compressed_as_the_client_reads_it(client: Client, accepted: str, encoding: str | None) -> None:
    answer = _raw(client, "/text", Accept_Encoding=accepted)
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert int(answer.headers["Content-Length"]) < (1000 if encoding else 10**6)
    assert answer.headers["ETag"] == ('"abc"' if encoding is None else f'"abc-{encoding}"')
    assert answer.content == LONG


def _raw(client: Client, address: str, **headers: str) -> httpx.Response:
    """The answer; httpx reads gzip by itself, and zstd where a package is there, which it needs not be."""
    answer = client.get(address, **headers)
    if answer.headers.get("Content-Encoding") == "zstd" and answer.content != LONG:
        content = pa.Codec("zstd").decompress(answer.content, decompressed_size=len(LONG), asbytes=True)
        headers_left = {name: value for name, value in answer.headers.items() if name.lower() != "content-encoding"}
        found = httpx.Response(answer.status_code, content=content)
        found.headers = httpx.Headers(headers_left | {"Content-Encoding": "zstd"})
        return found
    return answer


def test_what_is_short_or_compressed_already_is_sent_as_it_is(client: Client) -> None:
    for address in ("/plain", "/image"):
        answer = client.get(address, Accept_Encoding="gzip")
        assert "Content-Encoding" not in answer.headers
        assert "Vary" not in answer.headers


def test_compressed_bytes_are_the_same_each_time() -> None:
    assert compression.compressed(LONG, "gzip", "a") == compression.compressed(LONG, "gzip", "b")
    assert gzip.decompress(compression.compressed(LONG, "gzip", "a")) == LONG


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_each_encoding_has_its_own_304(client: Client, encoding: str) -> None:
    etag = client.ask("HEAD", "/text", Accept_Encoding=encoding).headers["ETag"]
    same = client.get("/text", Accept_Encoding=encoding, If_None_Match=etag)
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag)
    assert same.headers["Last-Modified"] == "Fri, 01 May 2026 12:00:00 GMT"
    assert "Content-Length" not in same.headers
    other = "gzip" if encoding != "gzip" else "zstd"
    assert client.ask("HEAD", "/text", Accept_Encoding=other, If_None_Match=etag).status_code == 200


def test_everything_has_an_etag_and_a_date(client: Client) -> None:
    answer = client.get("/plain")
    assert re.fullmatch(r'"[0-9a-f]{32}"', answer.headers["ETag"])
    assert client.get("/plain", If_None_Match=answer.headers["ETag"]).status_code == 304
    client.get("/costly")  # now something is known of what is public
    dated = client.get("/plain")
    assert client.get("/plain", If_Modified_Since=dated.headers["Last-Modified"]).status_code == 304
    assert client.get("/plain", If_Modified_Since="Thu, 01 Jan 1970 00:00:00 GMT").status_code == 200


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_a_304_can_be_had_before_the_work(client: Client, encoding: str) -> None:
    etag = client.ask("HEAD", "/costly", Accept_Encoding=encoding).headers["ETag"]
    same = client.get("/costly", Accept_Encoding=encoding, If_None_Match=etag)
    assert (same.status_code, same.headers["X-Made"], same.headers["ETag"]) == (304, "no", etag)


def test_head_is_get_without_the_body(client: Client) -> None:
    for address in ("/text", "/plain", "/costly", "/nothing", "/api/v2/checked"):
        got, told = client.get(address), client.ask("HEAD", address)
        assert (told.status_code, told.content) == (got.status_code, b"")
        assert told.headers["Content-Length"] == got.headers["Content-Length"]
        assert told.headers.get("ETag") == got.headers.get("ETag")


@given(st.text(max_size=60))
def test_no_header_breaks_what_reads_headers(text: str) -> None:
    told = text.encode("utf-8", "ignore").decode("latin-1")
    headers = Headers(raw=[(b"if-none-match", told.encode("latin-1")), (b"if-modified-since", told.encode("latin-1"))])
    assert is_fresh(headers, "abc", MODIFIED) in {True, False}
    assert is_fresh(Headers(raw=headers.raw[1:]), "abc", MODIFIED) in {True, False}
    assert compression.chosen(told) in {"", "gzip", "zstd"}
    assert family_of(told)
    try:
        part = part_of(told, 100)
    except UnsatisfiableError:
        return
    assert part is None or 0 <= part[0] < part[1] <= 100


# Headers.


def test_every_answer_has_the_security_headers(client: Client) -> None:
    for address in ("/text", "/nothing", "/api/v2/nothing", "/raising/defect"):
        headers = client.get(address).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"]
        assert headers["Permissions-Policy"]
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Strict-Transport-Security"].startswith("max-age=")
        assert headers["Server"] == "guatecompras"


def test_what_is_not_encrypted_does_not_ask_to_be(settings: Settings) -> None:
    assert "Strict-Transport-Security" not in _app(settings, base_url="http://localhost").get("/text").headers


def test_other_sites_may_read_data_and_no_pages(client: Client) -> None:
    data, page_ = client.get("/api/v2/checked?limit=1", Origin="https://a.example"), client.get("/text")
    assert data.headers["Access-Control-Allow-Origin"] == "*"
    assert {"ETag", "Link", "Retry-After"} <= set(data.headers["Access-Control-Expose-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in data.headers
    assert "Access-Control-Allow-Origin" not in page_.headers
    asked = client.ask("OPTIONS", "/api/v2/checked", Origin="https://a.example", Access_Control_Request_Method="GET")
    assert (asked.status_code, asked.headers["Access-Control-Allow-Methods"]) == (204, "GET, HEAD, OPTIONS")


# Errors.


@pytest.mark.parametrize(
    ("query", "parameter", "reason"),
    [
        ("", "limit", "es obligatorio"),
        ("limit=x", "limit", "debe ser un número entero"),
        ("limit=0", "limit", "debe ser 1 o mayor"),
        ("limit=1001", "limit", "debe ser 1000 o menor"),
        ("limit=1.5", "limit", "debe ser un número entero"),
        (f"limit={'9' * 5000}", "limit", "es un número demasiado grande"),
        ("limit=1&amount=mucho", "amount", "debe ser un número"),
        ("limit=1&color=verde", "color", "debe ser uno de estos: 'rojo' o 'azul'"),
        ("limit=1&text=demasiado", "text", "debe tener 5 caracteres como máximo"),
        ("limit=1&since=ayer", "since", "debe ser una fecha con hora, como 2026-05-01T00:00:00-06:00"),
    ],
)
def test_a_bad_parameter_is_named_with_its_reason(client: Client, query: str, parameter: str, reason: str) -> None:
    answer = client.get(f"/api/v2/checked?{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    told = answer.json()
    assert told["errors"] == [{"parameter": parameter, "reason": reason}]
    assert told["status"] == 400
    assert told["detail"] == f"El parámetro «{parameter}» {reason}."


@pytest.mark.parametrize(
    ("kind", "status"),
    [("absent", 404), ("gone", 410), ("parameter", 400), ("defect", 500), ("store", 503), ("cursor", 400)],
)
def test_an_error_is_told_to_whoever_asked(client: Client, kind: str, status: int) -> None:
    problem, official, page_ = (client.get(f"{start}/raising/{kind}") for start in ("/api/v2", "/release", ""))
    assert {problem.status_code, official.status_code, page_.status_code} == {status}
    assert problem.headers["Content-Type"] == "application/problem+json"
    assert problem.json()["title"] == TOLD[status][0]
    assert official.json()["operacionRealizadaConExito"] is False
    assert official.json()["status"] == ("Notcontent" if status in {404, 410} else "Error")
    assert page_.headers["Content-Type"] == "text/html; charset=utf-8"
    assert '<html lang="es' in page_.text
    for answer in (problem, official, page_):
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search("secret|Traceback|RuntimeError|s3://|File ", answer.text)
        assert ("Retry-After" in answer.headers) == (status == 503)


def test_a_page_shows_no_markup_from_outside(client: Client) -> None:
    assert "<script>" not in client.get("/raising/markup").text


def test_an_address_of_a_page_that_is_none_is_not_found(client: Client) -> None:
    assert client.get("/page/5").text == "5"
    assert client.get("/page/cinco").status_code == 404
    assert client.get("/page/5/").status_code == 404


def test_files_beside_pages_fail_as_their_readers_can_read(client: Client) -> None:
    assert client.get("/concurso/1.json").headers["Content-Type"] == "application/problem+json"
    assert client.get("/concurso/1.json", Accept="text/html").headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "FOO"])
def test_nothing_can_be_written(client: Client, method: str) -> None:
    answer = client.ask(method, "/text")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_question_has_no_body(client: Client) -> None:
    assert client.ask("GET", "/text", content=b"hola").status_code == 413


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        (f"/text?{'a' * 9000}", {}, 414),
        (f"/{'a' * 9000}", {}, 414),
        ("/text", {"X": "a" * 40_000}, 431),
        ("/text%00", {}, 400),
        (f"/text?{'a' * 8000}", {}, 200),
    ],
)
def test_what_is_too_long_is_refused(client: Client, address: str, headers: dict[str, str], status: int) -> None:
    assert client.get(address, **headers).status_code == status


def test_an_answer_that_takes_too_long_is_given_up(settings: Settings) -> None:
    began = time.monotonic()
    answer = _app(settings, request_seconds=1).get("/slow")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert time.monotonic() - began < 5


def test_half_a_file_is_not_a_whole_one(client: Client, log: list[bytes]) -> None:
    answer = client.get("/breaking")
    assert len(answer.content) < int(answer.headers["Content-Length"])
    assert json.loads(log[-1])["cut"] is True


# The log.


def test_the_log_tells_of_nobody(client: Client, log: list[bytes]) -> None:
    client.get(
        "/page/77?nombre=Juana%0a%7b%22status%22:200%7d",
        User_Agent='Mozilla/5.0 "}\\n{"x": "Firefox/1 de Juana',
        X_Forwarded_For="203.0.113.9",
        Referer="https://ejemplo.gt/juana",
        Cookie="sesion=juana",
    )
    line = log[-1]
    assert line.count(b"\n") == 1
    told = json.loads(line)
    assert set(told) == {"time", "method", "route", "status", "bytes", "ms", "agent"}
    assert (told["method"], told["route"], told["status"], told["bytes"]) == ("GET", "/page/{number}", 200, 2)
    assert told["agent"] == "firefox"
    assert not re.search(b"uana|77|203|ejemplo|127.0.0.1", re.sub(rb'"(time|ms)":[^,]*', b"", line))


def test_the_log_has_no_words_but_ours(client: Client, log: list[bytes]) -> None:
    client.ask("JUANA", "/no/hay/juana", User_Agent="juana")
    told = json.loads(log[-1])
    assert (told["method"], told["route"], told["status"], told["agent"]) == ("OTHER", None, 405, "other")


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("", "none"),
        ("curl/8.5.0", "curl"),
        ("python-requests/2.31", "python"),
        ("kingfisher-collect (+https://kingfisher-collect.readthedocs.io)", "kingfisher"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1)", "bot"),
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/130 Safari/537.36 Edg/130", "edge"),
        ("Mozilla/5.0 (iPhone) AppleWebKit Version/17 Safari/604", "safari"),
        ("lo que sea", "other"),
    ],
)
def test_families_of_programs(agent: str, family: str) -> None:
    assert family_of(agent) == family


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GUATECOMPRAS_TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    monkeypatch.setenv("GUATECOMPRAS_BURST", "7")
    found = Settings.from_environment(store=str(tmp_path), base_url=None)
    assert (found.store, found.burst, len(found.trusted_proxies)) == (str(tmp_path), 7, 2)
    for variable, value in (
        ("GUATECOMPRAS_BURST", "-1"),
        ("GUATECOMPRAS_BURST", "muchos"),
        ("GUATECOMPRAS_HEADER_SECONDS", "61"),
        ("GUATECOMPRAS_TRUSTED_PROXIES", "10.0.0.0/99"),
    ):
        monkeypatch.setenv(variable, value)
        with pytest.raises(GuatecomprasError, match=variable):
            Settings.from_environment()
        monkeypatch.delenv(variable)
