"""Headers that every answer has: what a browser may do with it, and who else may read it.

What a page may load is one policy for all; a published report brings its own styles, whose digests are let through, one by one.
"""

import re
from base64 import b64encode
from hashlib import sha256

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.http.requests import Kind, kind_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; connect-src 'self'"
)
_ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Otherwise the server's own name and version.
    "Server": "guatecompras",
}
_HSTS = "max-age=31536000; includeSubDomains"

_EXPOSED = (
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Last-Modified, Link, RateLimit-Limit, RateLimit-Policy, "
    "RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Next-Cursor, X-Total-Count"
)
METHODS = "GET, HEAD, OPTIONS"
# For a browser that asks whether it may ask.
PREFLIGHT = {
    "Allow": METHODS,
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": "Accept, If-Modified-Since, If-None-Match, If-Range, Range",
    "Access-Control-Max-Age": "86400",
}

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_ATTRIBUTE = re.compile(r'\sstyle="([^"]*)"')
# Longer, and proxies refuse the answer.
_LONGEST = 7000


class Security:
    """Middleware: the headers above, and for what programs read leave to any site to read it (there is nothing but public data, and
    no cookie)."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self._app = app
        self._always = _ALWAYS | ({"Strict-Transport-Security": _HSTS} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_open = kind_of(scope) is not Kind.PAGE

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in self._always.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin" if is_open else "same-origin")
                if is_open:
                    headers["Access-Control-Allow-Origin"] = "*"
                    headers["Access-Control-Expose-Headers"] = _EXPOSED
            await send(message)

        await self._app(scope, receive, with_headers)


def policy_of_report(page: bytes) -> str | None:
    """The policy for a published report, which is one page with styles of its own and loads nothing. None where it has so many that
    a browser should not show it: a bar without its width would say something else."""
    text = page.decode()
    digests = {_digest(style) for style in (*_STYLE.findall(text), *_ATTRIBUTE.findall(text))}
    styles = " ".join(["'unsafe-hashes'", *sorted(digests)]) if digests else "'none'"
    policy = f"default-src 'none'; style-src {styles}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return policy if len(policy) <= _LONGEST else None


def _digest(style: str) -> str:
    return f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
