"""What one client, and all of them together, may ask of a process: sizes, methods, the pace, how much at once, how long.

Who a client is, `clients.py` says. How long it may take to send its headers is the server's business (`serve.py`).
"""

import asyncio
import logging
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.http.answers import StalledError
from portal.http.clients import client_of
from portal.http.errors import RefusedError, answer
from portal.http.requests import header
from portal.http.security import METHODS, PREFLIGHT
from portal.settings import Settings

LONGEST_ADDRESS = 8 << 10
LONGEST_HEADERS = 32 << 10
_MOST_CLIENTS = 50_000
_METHODS = frozenset(METHODS.split(", "))
# Browsers fetch it beside each page, and keep it for good.
_UNCOUNTED = "/static/"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


@dataclass(frozen=True)
class Taken:
    """Whether a request may pass; how many more may at once, and after how many seconds one more and all may again."""

    passes: bool
    left: int
    next_after: float
    full_after: float


class Buckets:
    """A bucket of tokens a client, which fills with time. Of very many clients, those that asked longest ago are forgotten."""

    def __init__(
        self, per_minute: int, burst: int, most: int = _MOST_CLIENTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._most, self._clock = per_minute / 60.0, float(burst), most, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, client: str) -> Taken:
        now = self._clock()
        bucket = self._buckets.pop(client, None) or _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled) * self._rate)
        bucket.filled = now
        passes = bucket.tokens >= 1.0
        if passes:
            bucket.tokens -= 1.0
        self._buckets[client] = bucket  # the last one now
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        missing = self._burst - bucket.tokens
        return Taken(passes, int(bucket.tokens), max(0.0, 1.0 - bucket.tokens) / self._rate, missing / self._rate)


class Limits:
    """Middleware: refuses what is too much, and answers browsers that ask whether they may ask."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._buckets = Buckets(settings.requests_per_minute, settings.burst)
        self._working = 0
        self._clients: Counter[str] = Counter()
        self._policy = f"{settings.requests_per_minute};w=60;burst={settings.burst}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = client_of(scope, self._settings.trusted_proxies)
        refused = _shape(scope)
        if not scope["path"].startswith(_UNCOUNTED):
            taken = self._buckets.take(client)
            send = self._telling(send, taken)
            if not taken.passes:
                refused = _later(taken.next_after)
        if refused is None:
            refused = self._crowded(client)
        if refused is not None:
            await answer(Request(scope), refused)(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=PREFLIGHT)(scope, receive, send)
        else:
            await self._passed(scope, receive, send, client)

    def _crowded(self, client: str) -> RefusedError | None:
        if self._clients[client] >= self._settings.at_once_per_client:
            return _later(1.0)
        return RefusedError(503) if self._working >= self._settings.at_once else None

    async def _passed(self, scope: Scope, receive: Receive, send: Send, client: str) -> None:
        """An answer that has begun is work no more: who takes it slowly holds up nobody but, for that, himself."""
        self._clients[client] += 1
        self._working += 1
        begun = False

        def begin() -> None:
            nonlocal begun
            if not begun:
                begun = True
                self._working -= 1

        try:
            await _in_time(self._app, scope, receive, send, self._settings.request_seconds, begin)
        finally:
            begin()
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def _telling(self, send: Send, taken: Taken) -> Send:
        async def with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers["RateLimit-Limit"] = str(self._settings.burst)
                headers["RateLimit-Remaining"] = str(taken.left)
                headers["RateLimit-Reset"] = str(math.ceil(taken.full_after))
                headers["RateLimit-Policy"] = self._policy
            await send(message)

        return with_limits


def _later(seconds: float) -> RefusedError:
    return RefusedError(429, headers={"Retry-After": str(max(1, math.ceil(seconds)))})


def _shape(scope: Scope) -> RefusedError | None:
    """What is wrong with a request whatever it asks for."""
    address = len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    length = header(scope, b"content-length")
    faults = (
        (405, scope["method"] not in _METHODS),
        (414, address > LONGEST_ADDRESS),
        (431, headers > LONGEST_HEADERS),
        (413, length not in {"", "0"} or bool(header(scope, b"transfer-encoding"))),
        (400, "\0" in scope["path"]),
    )
    status = next((status for status, holds in faults if holds), None)
    if status is None:
        return None
    # Of a body that is not read nobody could tell where the next request begins.
    closing = {"Connection": "close"} if status in {405, 413} else {}
    return RefusedError(status, headers=closing | ({"Allow": METHODS} if status == 405 else {}))


async def _in_time(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, seconds: float, begin: Callable[[], None]
) -> None:
    """Pass a request on, and call `begin` when its answer does. One that has not begun in time, or fails before, is an error's."""
    started = False
    clock = asyncio.timeout(seconds)

    async def noticing(message: Message) -> None:
        nonlocal started
        if not started:
            started = True
            clock.reschedule(None)  # from here on the client's pace counts (`answers.Pieces`)
            begin()
        await send(message)

    try:
        async with clock:
            await app(scope, receive, noticing)
    except StalledError:
        raise
    except Exception as error:
        late = isinstance(error, TimeoutError) and clock.expired()
        _log.error(
            "an answer %s (route %s)",
            "took too long" if late else "failed",
            getattr(scope.get("route"), "path", "-"),
            exc_info=None if late else error,
        )
        if started:
            raise
        await answer(Request(scope), RefusedError(503 if late else 500))(scope, receive, send)
