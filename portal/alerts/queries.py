"""Saved searches as an operator writes them in a file, and what each finds. What of it is new is `telling.py`'s business."""

import os
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from guatecompras.errors import GuatecomprasError
from portal.filters import LISTS
from portal.library import Library
from portal.library.shelf import Ints
from portal.market import Market
from portal.opportunities import BANDS, DATED, narrowed
from portal.v2.feeds import Followed

_KEYS = {"name", "search", "webhook", "webhook_env", "secret_env"}
# How a list is shown says nothing of what is in it.
_SHOWING = {"sort", "limit", "cursor", "formato", "pagina"}
# Those of /oportunidades alone.
_ONLY = {"monto": BANDS, "cierre": DATED}


@dataclass(frozen=True)
class Saved:
    """A saved search. `search`: as it was written; `band` and `dated`: as /oportunidades asks; `secret`: None signs nothing."""

    name: str
    search: str
    filters: Followed
    band: str
    dated: bool | None
    webhook: str
    secret: bytes | None

    def found(self, library: Library, market: Market | None, now: datetime) -> Ints:
        """The rows that it finds, the oldest call first. Raises GuatecomprasError where there is no market to compare with."""
        rows = library.ordered(self.filters.query(), "called", now)
        if not self.band and self.dated is None:
            return rows
        if self.band and market is None:
            raise GuatecomprasError(
                f"query '{self.name}': monto needs the market, which is not public: run collect first"
            )
        return narrowed(library, market, rows, self.band, self.dated)["row"].to_numpy()


def read(path: Path) -> list[Saved]:
    """The searches of a file. Raises GuatecomprasError, one line, for whatever is wrong with it."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GuatecomprasError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise GuatecomprasError(f"{path} is not TOML: {error}") from error
    entries = told.get("query")
    if not isinstance(entries, list) or not entries or set(told) != {"query"}:
        raise GuatecomprasError(f"{path}: write one [[query]] or more, and nothing else")
    saved = [_saved(entry) for entry in entries]
    if twice := [name for name, count in Counter(one.name for one in saved).items() if count > 1]:
        raise GuatecomprasError(f"{path}: there is more than one query '{twice[0]}'")
    return saved


def _saved(entry: Any) -> Saved:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not (isinstance(name, str) and name.strip()):
        raise GuatecomprasError("a query without a name")
    if wrong := sorted(set(entry) - _KEYS) or sorted(key for key in entry if not isinstance(entry[key], str)):
        raise GuatecomprasError(f"query '{name}': {wrong[0]} is none of {', '.join(sorted(_KEYS))}, or no text")
    if "search" not in entry or ("webhook" in entry) == ("webhook_env" in entry):
        raise GuatecomprasError(f"query '{name}': give search, and webhook or webhook_env")
    told = _parameters(name, entry["search"])
    only = {key: told.pop(key, "") for key in _ONLY}
    for key, values in _ONLY.items():
        if only[key] and only[key] not in values:
            raise GuatecomprasError(f"query '{name}': {key} is none of {', '.join(filter(None, values))}")
    try:
        filters = Followed.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        raise GuatecomprasError(f"query '{name}': {first['loc'][0]}: {first['msg']}") from error
    webhook = entry["webhook"] if "webhook" in entry else _variable(name, entry["webhook_env"])
    if urlsplit(webhook).scheme not in ("http", "https") or not urlsplit(webhook).hostname:
        raise GuatecomprasError(f"query '{name}': the webhook is no http or https address")
    secret = _variable(name, entry["secret_env"]).encode() if "secret_env" in entry else None
    return Saved(name, entry["search"], filters, only["monto"], DATED[only["cierre"]], webhook, secret)


def _parameters(name: str, search: str) -> dict[str, Any]:
    """Those of a query string, with or without the address before it."""
    _, asked, query = search.partition("?")
    address = search.startswith(("/", "http://", "https://"))
    pairs = parse_qsl(query if asked else "" if address else search, keep_blank_values=True)
    told: dict[str, Any] = {}
    for key, value in pairs:
        if key in _SHOWING:
            continue
        if key in LISTS:
            told.setdefault(key, []).append(value)
        elif key in told:
            raise GuatecomprasError(f"query '{name}': {key} is given more than once")
        else:
            told[key] = value
    return told


def _variable(name: str, variable: str, environment: Mapping[str, str] = os.environ) -> str:
    if not environment.get(variable):
        raise GuatecomprasError(f"query '{name}': {variable} is not set")
    return environment[variable]
