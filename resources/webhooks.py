"""Webhooks of others over HTTP: a signed POST with timeouts, tried again where trying again makes sense. What is posted is
`portal/alerts/`'s business.
"""

import hashlib
import hmac
import random
import time
from collections.abc import Callable

import requests

from guatecompras.errors import NotTakenError

SIGNATURE, DELIVERY = "X-Guatecompras-Signature", "X-Guatecompras-Delivery"
_TRIES = 4
_TIMEOUTS = (10.0, 20.0)  # seconds: to connect, and for an answer
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
# Of the answers below 500, those that ask for patience.
_LATER = {408, 425, 429}


class Webhooks:
    """Posts to whatever address is given. `timeouts`: to connect and for an answer; `wait`: how a try waits for the next."""

    def __init__(
        self, timeouts: tuple[float, float] = _TIMEOUTS, wait: Callable[[float], None] = time.sleep, tries: int = _TRIES
    ) -> None:
        self._timeouts, self._wait, self._tries = timeouts, wait, tries

    def post(self, url: str, id: str, body: bytes, secret: bytes | None = None) -> None:
        """Post until it is taken (2xx). Connection errors, timeouts, 408, 425, 429 and 5xx are tried again, ever later; other
        answers, redirections too, are not. Raises NotTakenError, which does not tell the address."""
        headers = {"Content-Type": "application/json", "User-Agent": "guatecompras", DELIVERY: id}
        if secret:
            headers[SIGNATURE] = signature(secret, body)
        fault, after = "", None
        for number in range(self._tries):
            if number:
                longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (number - 1))
                self._wait(after or random.uniform(longest / 2, longest))  # noqa: S311 # nosec B311 # no secret
            fault, after, final = self._once(url, headers, body)
            if not fault:
                return
            if final:
                break
        raise NotTakenError(fault)

    def _once(self, url: str, headers: dict[str, str], body: bytes) -> tuple[str, float | None, bool]:
        """Why it was not taken (empty: it was), how long to wait if that was said, and whether trying again is of no use."""
        try:
            # The answer's body is not waited for.
            with requests.post(
                url, data=body, headers=headers, timeout=self._timeouts, allow_redirects=False, stream=True
            ) as answer:
                status, after = answer.status_code, _seconds(answer.headers.get("Retry-After", ""))
        except requests.RequestException as error:
            return type(error).__name__, None, isinstance(error, ValueError)
        if 200 <= status < 300:
            return "", None, True
        return f"HTTP {status}", after, status < 500 and status not in _LATER


def signature(secret: bytes, body: bytes) -> str:
    """As who receives it can make it, too, to know who sent it."""
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def _seconds(text: str) -> float | None:
    """What Retry-After asks for, within reason; None for a date."""
    return min(float(text), _LONGEST_WAIT) if text.isascii() and text.isdigit() else None
