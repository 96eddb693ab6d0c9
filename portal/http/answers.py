"""Answers on their way out: HEAD, ETag and Last-Modified with 304, compression, and pieces that a client has to take in time.

Routes give whole bodies, or `Streamed` for what is too large to hold. Which conditions hold is `conditional.py`'s business.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.http import compression
from portal.http.conditional import FOLLOWS, date_of, http_date, is_fresh, quoted
from portal.http.requests import header

# A client is given `stall_seconds` for each of these.
PIECE = 256 << 10
# In the scope: whether the request was a HEAD, which routes see as the GET that it asks about.
HEAD = "guatecompras.head"
# In the scope: the client did not take the answer in time.
STALLED = "guatecompras.stalled"

# What an answer that is not sent (304) or has no body still says.
_KEPT_BY_304 = frozenset(
    {"cache-control", "content-location", "date", "etag", "expires", "vary", "last-modified", "content-security-policy"}
)


def code_modified() -> datetime:
    """When the code that makes answers last changed: what it makes of the same data may differ from then on."""
    root = Path(__file__).parents[1]
    newest = max(path.stat().st_mtime for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return min(datetime.fromtimestamp(newest, UTC), datetime.now(UTC))


def respond(
    request: Request,
    body: bytes,
    media: str,
    *,
    etag: str = "",
    modified: datetime | None = None,
    cache: str = FOLLOWS,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A whole body. `etag`: strong and without quotes; empty: one of the body's bytes. 304 is the middleware's to decide."""
    told = {"Cache-Control": cache, "ETag": quoted(etag or etag_of(body)), **(headers or {})}
    if modified:
        told["Last-Modified"] = http_date(modified)
    return Response(body, headers=told, media_type=media)


def etag_of(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()


def not_modified(request: Request, etag: str, modified: datetime | None = None) -> Response | None:
    """304 before anything is made, where `etag` says all that decides the body; None: make it, and `respond` with the same."""
    for encoding in ("", compression.chosen(header(request.scope, b"accept-encoding"))):
        tag = _encoded(etag, encoding)
        if is_fresh(request.headers, tag, modified):
            return Response(status_code=304, headers={"ETag": quoted(tag), "Cache-Control": FOLLOWS})
    return None


def _encoded(etag: str, encoding: str) -> str:
    """Bytes that differ have ETags that differ."""
    return f"{etag.strip(chr(34))}-{encoding}" if encoding else etag.strip('"')


class Streamed(Response):
    """An answer that is sent piece by piece and never held whole. `open_pieces` is called when the body is asked for; `length`:
    None where nobody knows before it has been made."""

    def __init__(
        self,
        open_pieces: Callable[[], Iterator[bytes]],
        length: int | None,
        media: str,
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        self.status_code, self.media_type, self.background = status, media, None
        self._open_pieces = open_pieces
        self.init_headers(({} if length is None else {"Content-Length": str(length)}) | dict(headers))
        if length is None:  # as the framework says of a body that is not there yet
            del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        if scope.get(HEAD):
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        # Before the answer begins: what cannot be opened is an error, not half a file.
        pieces = await to_thread.run_sync(self._open_pieces)
        try:
            await send(start)
            while (piece := await to_thread.run_sync(next, pieces, None)) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            close: Callable[[], None] | None = getattr(pieces, "close", None)
            if close:
                close()


class StalledError(Exception):
    """A client takes its answer too slowly."""


class Answers:
    """Middleware, the one next to the routes. `modified`: when what answers are made of last changed; None: not known."""

    def __init__(self, app: ASGIApp, modified: Callable[[], datetime | None]) -> None:
        self._app, self._modified = app, modified

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"
        if head:
            scope["method"], scope[HEAD] = "GET", True
        started: list[Message] = []

        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            if not started:  # the rest of what is streamed
                if not head:
                    await send(message)
                return
            start, body = started.pop(), message.get("body", b"")
            if not message.get("more_body") and not _is_streamed(start, body, head):
                start, body = await self._whole(scope, start, body)
            await send(start)
            await send(
                {**message, "body": b"" if head else body, "more_body": message.get("more_body", False) and not head}
            )

        await self._app(scope, receive, finish)

    async def _whole(self, scope: Scope, start: Message, body: bytes) -> tuple[Message, bytes]:
        if start["status"] != 200:
            return start, body
        headers = MutableHeaders(raw=list(start["headers"]))
        etag = headers.get("etag") or quoted(etag_of(body))
        modified = self._modified()
        if modified and "last-modified" not in headers:
            headers["Last-Modified"] = http_date(modified)
        headers.setdefault("Cache-Control", FOLLOWS)
        encoding = _encoding_for(scope, headers, body)
        if encoding is not None:
            headers.add_vary_header("Accept-Encoding")
        if encoding:
            etag = quoted(_encoded(etag, encoding))
        headers["ETag"] = etag
        if is_fresh(Headers(scope=scope), etag, date_of(headers.get("last-modified"))):
            kept = [(name, value) for name, value in headers.raw if name.decode("latin-1") in _KEPT_BY_304]
            return {**start, "status": 304, "headers": kept}, b""
        if encoding:
            headers["Content-Encoding"] = encoding
            if len(body) > compression.LONG:
                body = await to_thread.run_sync(compression.compressed, body, encoding, etag)
            else:
                body = compression.compressed(body, encoding, etag)
        headers["Content-Length"] = str(len(body))
        return {**start, "headers": headers.raw}, body


def _is_streamed(start: Message, body: bytes, head: bool) -> bool:
    """Whether the one message of a body is what `Streamed` says to a HEAD: its length is not that of the body."""
    length = MutableHeaders(raw=start["headers"]).get("content-length")
    return head and not body and length not in {None, "0"}


def _encoding_for(scope: Scope, headers: MutableHeaders, body: bytes) -> str | None:
    """The encoding to send a body in, empty for none; None where it would be none for anybody."""
    if len(body) < compression.LEAST or "content-encoding" in headers:
        return None
    if not compression.is_text(headers.get("content-type", "")):
        return None
    return compression.chosen(header(scope, b"accept-encoding"))


class Pieces:
    """Middleware next to the server: what is long is sent in pieces, and who does not take one in time is left.

    The server closes the connection of an answer that has not been sent to its end.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app, self._seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def in_pieces(message: Message) -> None:
            body: Any = message.get("body", b"")
            if message["type"] != "http.response.body" or (len(body) <= PIECE and not message.get("more_body")):
                await send(message)
                return
            more, whole = message.get("more_body", False), memoryview(body)
            for at in range(0, len(whole) or 1, PIECE):
                last = at + PIECE >= len(whole)
                piece = bytes(whole[at : at + PIECE]) if len(whole) > PIECE else body
                await self._in_time(send, {**message, "body": piece, "more_body": more or not last})

        try:
            await self._app(scope, receive, in_pieces)
        except StalledError:
            scope[STALLED] = True

    async def _in_time(self, send: Send, message: Message) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await send(message)
        except TimeoutError as error:
            raise StalledError from error
