"""How much one client, and all together, may ask: the pace, how much at once, and who a client is."""

import asyncio
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from portal.app import create_app
from portal.http.clients import client_of
from portal.http.limits import Buckets
from portal.settings import Settings
from tests.portal.conftest import Client

router = APIRouter()


@router.get("/x")
async def x() -> Response:
    return PlainTextResponse("x")


@router.get("/static/x")
async def static() -> Response:
    return PlainTextResponse("x")


@router.get("/wait")
async def wait() -> Response:
    await _go_on().wait()
    return PlainTextResponse("x")


_events: dict[asyncio.AbstractEventLoop, asyncio.Event] = {}


def _go_on() -> asyncio.Event:
    return _events.setdefault(asyncio.get_running_loop(), asyncio.Event())


def _app(settings: Settings, **changes: Any) -> Any:
    return create_app(Settings(store=settings.store, **changes), routers=[router], log=lambda _: None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_is_emptied_and_fills_with_time() -> None:
    clock = Clock()
    buckets = Buckets(per_minute=60, burst=3, clock=clock)
    assert [buckets.take("a").passes for _ in range(4)] == [True, True, True, False]
    refused = buckets.take("a")
    assert (refused.left, refused.next_after) == (0, 1.0)
    assert buckets.take("b").passes  # another client's is its own
    clock.now = 1.0
    assert [buckets.take("a").passes for _ in range(2)] == [True, False]
    clock.now = 1000.0
    full = buckets.take("a")
    assert (full.passes, full.left, full.full_after) == (True, 2, 1.0)


def test_clients_without_number_take_bounded_memory() -> None:
    buckets = Buckets(per_minute=60, burst=1, most=100, clock=Clock())
    for number in range(10_000):
        assert buckets.take(str(number)).passes
    assert len(buckets._buckets) == 100
    assert not buckets.take("9999").passes
    assert buckets.take("1").passes  # forgotten


def test_who_asks_too_much_is_told_when_to_ask_again(settings: Settings) -> None:
    client = Client(_app(settings, burst=2, requests_per_minute=6))
    first = client.get("/x")
    assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("2", "1")
    assert first.headers["RateLimit-Policy"] == "6;w=60;burst=2"
    assert client.get("/nothing").status_code == 404  # counts too
    refused = client.get("/api/v2/x")
    assert (refused.status_code, refused.headers["Content-Type"]) == (429, "application/problem+json")
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.json()["title"] == "Demasiadas solicitudes"
    assert client.get("/static/x").status_code == 200


PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ("203.0.113.5", None, "203.0.113.5"),
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),  # nobody we trust says so
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.2.3.4", "198.51.100.1"),  # what stands before it the client wrote
        ("10.0.0.1", "disparate", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, disparate", "10.0.0.1"),
        ("10.0.0.1", "10.9.9.9", "10.9.9.9"),
        ("10.0.0.1", ", ,", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.5", None, "203.0.113.5"),
        ("fd00::1", "2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("10.0.0.1", "[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("/run/socket", None, "/run/socket"),
    ],
)
def test_who_a_client_is(peer: str, told: str | None, client: str) -> None:
    headers = [(b"x-forwarded-for", told.encode())] if told is not None else []
    assert client_of({"client": (peer, 1), "headers": headers}, PROXIES) == client


def test_a_client_without_a_proxy_cannot_be_many(settings: Settings) -> None:
    client = Client(_app(settings, burst=2, requests_per_minute=1))
    answers = [client.get("/x", X_Forwarded_For=f"198.51.100.{number}").status_code for number in range(5)]
    assert answers == [200, 200, 429, 429, 429]


def _while_waiting(app: Any, waiting: int) -> tuple[httpx.Response, list[int]]:
    """An answer while so many others are under way, and how those end."""

    async def run() -> tuple[httpx.Response, list[int]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            others = [asyncio.create_task(client.get("/wait")) for _ in range(waiting)]
            for _ in range(20):
                await asyncio.sleep(0)
            answer = await client.get("/x")
            _go_on().set()
            ended = [(await other).status_code for other in others]
            assert (await client.get("/x")).status_code == 200  # all is as before
            return answer, ended

    return asyncio.run(run())


def test_too_many_at_once_are_asked_to_come_again(settings: Settings) -> None:
    answer, ended = _while_waiting(_app(settings, at_once=3), 3)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert ended == [200, 200, 200]


def test_too_many_at_once_of_one_client_too(settings: Settings) -> None:
    answer, ended = _while_waiting(_app(settings, at_once=100, at_once_per_client=2), 2)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert ended == [200, 200]
