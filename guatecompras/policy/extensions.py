"""The extensions of the publication in words: what each adds, and which published fields those are.

The definitions themselves are in `data/extensions/`, read by `ocds/profile.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from guatecompras.ocds.mapping import fields
from guatecompras.ocds.profile import extensions

Json = Mapping[str, Any]

# Where the standard uses its definitions (as far as this publication does).
_PLACES: Mapping[str, tuple[str, ...]] = {
    "Tender": ("tender",),
    "Organization": ("parties",),
    "Item": ("tender/items",),
    "Document": ("tender/documents", "contracts/documents"),
    "Award": ("awards",),
    "Contract": ("contracts",),
    "ContactPoint": ("parties/contactPoint", "parties/additionalContactPoints"),
    "Value": ("tender/value", "bids/details/value", "awards/value", "contracts/value"),
    "Address": ("parties/address",),
}


@dataclass(frozen=True)
class Extension:
    """`name` is its folder; `paths` are the published fields that it defines, in publication order."""

    name: str
    title: str
    description: str
    version: str
    codelists: tuple[str, ...]
    paths: tuple[str, ...]

    @property
    def anchor(self) -> str:
        return f"extension-{self.name.replace('_', '-')}"


@cache
def all_extensions() -> tuple[Extension, ...]:
    """Every extension that the packages name, by its folder's name."""
    return tuple(_extension(told) for told in extensions())


@cache
def extension_of(path: str) -> Extension | None:
    """The extension that defines a field; None for a field of the standard."""
    return next((extension for extension in all_extensions() if path in extension.paths), None)


def _extension(told: Json) -> Extension:
    meta = told["extension"]
    defined = set(_paths(told["release_schema"]))
    return Extension(
        name=told["name"],
        title=meta["name"]["es"],
        description=meta["description"]["es"],
        version=meta["version"],
        codelists=tuple(file.removesuffix(".csv") for file in meta.get("codelists", [])),
        paths=tuple(field.path for field in fields() if field.path in defined),
    )


def _paths(schema: Json) -> Iterable[str]:
    """Each path that a patch of the release schema defines, the published and the others."""
    definitions = schema.get("definitions", {})
    yield from _properties(schema, "", definitions)
    for name, definition in definitions.items():
        for place in _PLACES.get(name, ()):
            yield from _properties(definition, place, definitions)


def _properties(schema: Json, place: str, definitions: Json) -> Iterable[str]:
    for name, told in schema.get("properties", {}).items():
        path = f"{place}/{name}" if place else name
        yield path
        inner = told.get("items", told)
        reference = inner.get("$ref", "").removeprefix("#/definitions/")
        held = definitions.get(reference, {}) if reference else inner
        yield from _properties(held, path, definitions)
        # What an own definition refers to and the patch does not define is the standard's: its fields come along with it.
        if reference and not held:
            yield from (field.path for field in fields() if field.path.startswith(f"{path}/"))
