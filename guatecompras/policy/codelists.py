"""The codelists of the publication with what each code means, and Guatecompras' catalogs with what each code is in OCDS.

The words are in `data/policy/codelists.toml`; which codes there are is declared in `ocds/profile.py` and `data/catalogs/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from guatecompras import catalogs
from guatecompras.ocds.mapping import fields
from guatecompras.ocds.profile import closed_codes
from guatecompras.policy.texts import table

_HEADINGS = ("Código", "Nombre", "Significado")
_NOTHING = "—"


@dataclass(frozen=True)
class Codelist:
    """`closed`: no other code is valid; None for a catalog that is no field's list. `paths`: the fields that use it.
    `compact`: one column, best shown as a line of codes. The first column of `rows` is a code."""

    name: str
    title: str
    intro: str
    origin: str
    closed: bool | None
    paths: tuple[str, ...]
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    compact: bool

    @property
    def anchor(self) -> str:
        return f"lista-{self.name.replace('_', '-')}"


@cache
def all_codelists() -> tuple[Codelist, ...]:
    """All of them, each OCDS list beside the catalog that is translated into it."""
    return tuple(_codelist(name, told) for name, told in table("codelists").items())


@cache
def anchors() -> dict[str, str]:
    """Codelist -> its anchor on the policy's page."""
    return {codelist.name: codelist.anchor for codelist in all_codelists()}


def _codelist(name: str, told: Mapping[str, Any]) -> Codelist:
    paths = tuple(field.path for field in fields() if field.codelist == name)
    shown = told.get("columns")
    return Codelist(
        name=name,
        title=told["title"],
        intro=told["intro"],
        origin=told["origin"],
        closed=name in closed_codes() if paths else None,
        paths=paths,
        headings=tuple(shown.values()) if shown else _HEADINGS,
        rows=_catalog(told["catalog"], list(shown)) if shown else _codes(told["codes"]),
        compact=told.get("compact", False),
    )


def _codes(told: Mapping[str, list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple((code, *words) for code, words in told.items())


def _catalog(name: str, columns: list[str]) -> tuple[tuple[str, ...], ...]:
    rows = catalogs.table(name).select(columns).rows()
    return tuple(tuple(_NOTHING if value is None else str(value) for value in row) for row in rows)
