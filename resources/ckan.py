"""The open-data portal's API over HTTP: with timeouts, and tries again where trying again makes sense. What is done with it is
`guatecompras/ckan/`'s business.
"""

import os
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import requests

from guatecompras.addresses import hiding
from guatecompras.ckan.push import CkanError
from guatecompras.errors import GuatecomprasError
from guatecompras.variables import Variable

Json = dict[str, Any]

TOKEN, URL, ORGANIZATION, MOST_MB = (
    "GUATECOMPRAS_CKAN_TOKEN",
    "GUATECOMPRAS_CKAN_URL",
    "GUATECOMPRAS_CKAN_ORG",
    "GUATECOMPRAS_CKAN_MAX_MB",
)
VARIABLES = (
    Variable(URL, "address of the open-data portal"),
    Variable(TOKEN, "an API token of it that may write; it is in no message", secret=True),
    Variable(ORGANIZATION, "the organization that owns the datasets", "minfin"),
    Variable(MOST_MB, "megabytes that an upload may have; larger files are linked", "10"),
)
_TRIES = 6
_TIMEOUTS = (10.0, 180.0)  # seconds: to connect, and for an answer
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_BUSY = 429


class Ckan:
    """A portal by its address. `token`: None reads only; it is in no message. `wait`: how a try waits for the next."""

    def __init__(self, url: str, token: str | None, wait: Callable[[float], None] = time.sleep) -> None:
        self._url, self._wait = url.rstrip("/"), wait
        self._hide = hiding((token or "").strip())
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "guatecompras"
        if token:
            self._session.headers["Authorization"] = token.strip()

    @classmethod
    def from_environment(cls) -> "Ckan":
        """Raises GuatecomprasError where the address is not set."""
        url = os.environ.get(URL, "")
        if not url.startswith(("http://", "https://")):
            raise GuatecomprasError(f"{URL} is not set: give the portal's address, as https://datos.minfin.gob.gt")
        return cls(url, os.environ.get(TOKEN))

    def call(self, action: str, data: Json, files: dict[str, Path] | None = None) -> Any:
        """The result of an action. Connection errors, 429 and 5xx are tried again, ever later; 4xx are not. Raises CkanError."""
        for number in range(_TRIES):
            answer = self._once(action, data, files or {})
            if isinstance(answer, requests.Response) and answer.status_code < 500 and answer.status_code != _BUSY:
                return self._result(action, answer)
            if number + 1 < _TRIES:
                longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2**number)
                self._wait(random.uniform(longest / 2, longest))  # noqa: S311 # nosec B311 # no secret
        if isinstance(answer, str):
            raise CkanError(f"{self._url} cannot be reached: {answer}")
        raise CkanError(f"{self._url} does not manage {action}: HTTP {answer.status_code}", answer.status_code)

    def _once(self, action: str, data: Json, files: dict[str, Path]) -> requests.Response | str:
        """An answer, or why there is none."""
        address = f"{self._url}/api/3/action/{action}"
        try:
            if not files:
                body, kind = orjson.dumps(data), {"Content-Type": "application/json"}
                return self._session.post(address, data=body, headers=kind, timeout=_TIMEOUTS, allow_redirects=False)
            with ExitStack() as stack:
                sent = {name: (path.name, stack.enter_context(open(path, "rb"))) for name, path in files.items()}
                told = {name: value if isinstance(value, str) else orjson.dumps(value) for name, value in data.items()}
                return self._session.post(address, data=told, files=sent, timeout=_TIMEOUTS, allow_redirects=False)
        except (requests.RequestException, OSError) as error:
            return type(error).__name__

    def _result(self, action: str, answer: requests.Response) -> Any:
        try:
            told = answer.json()
        except ValueError:
            told = {}
        if answer.status_code == 200 and told.get("success"):
            return told["result"]
        if answer.status_code in (401, 403):
            raise CkanError(
                f"{self._url} does not allow {action}: is {TOKEN} right, and may it write?", answer.status_code
            )
        why = {key: value for key, value in (told.get("error") or {}).items() if key != "__type"}
        raise CkanError(
            f"{self._url} refuses {action} (HTTP {answer.status_code}): {self._hide(str(why))[:500]}",
            answer.status_code,
            why,
        )


def organization() -> str:
    """The organization that owns the datasets."""
    return os.environ.get(ORGANIZATION) or "minfin"


def most_bytes() -> int:
    """How large an upload may be; larger files are linked. Raises GuatecomprasError for what is no number."""
    text = os.environ.get(MOST_MB) or "10"
    if not (text.isascii() and text.isdigit()):
        raise GuatecomprasError(f"{MOST_MB}: '{text}' is not a whole number")
    return int(text) * 1_000_000
