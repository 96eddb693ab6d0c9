"""The access log: a line of JSON a request, without anything personal. No address, no path as it was asked for, no query.

What goes wrong inside is logged where it does; what is counted of requests is `metrics.py`'s, which hears of each from here.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.http.answers import STALLED
from portal.http.clients import family_of
from portal.http.metrics import Counting
from portal.http.requests import header

Write = Callable[[bytes], object]

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"})


def to_output(line: bytes) -> None:
    """One write a line, so that those of several processes do not mix."""
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


class AccessLog:
    """Middleware, the outermost. Each value is a number, a time or a word of ours, so that nobody writes into the log but us."""

    def __init__(self, app: ASGIApp, write: Write = to_output, counted: Counting | None = None) -> None:
        self._app, self._write, self._counted = app, write, counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, began = scope["method"], time.perf_counter()
        status, sent, start = 0, 0, began
        if self._counted:
            self._counted.begin()

        async def counting(message: Message) -> None:
            nonlocal status, sent, start
            if message["type"] == "http.response.start":
                status, start = message["status"], time.perf_counter()
            else:
                sent += len(message.get("body", b""))
            await send(message)

        whole = False
        try:
            await self._app(scope, receive, counting)
            whole = STALLED not in scope
        finally:
            route = getattr(scope.get("route"), "path", None)
            if self._counted:
                self._counted.end(route, status, start - began, sent, whole)
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "method": method if method in _METHODS else "OTHER",
                "route": route,
                "status": status,
                "bytes": sent,
                "ms": round((time.perf_counter() - began) * 1000, 1),
                "agent": family_of(header(scope, b"user-agent")),
            }
            self._write(orjson.dumps(line if whole else line | {"cut": True}, option=orjson.OPT_APPEND_NEWLINE))
