"""The data dictionary: every published field with its meaning, type, codes, origin, columns and how often it was there.

Where all this is declared: `data/mapping.csv`, the flat tables' schemas, the extensions, and the month's `quality.json`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from guatecompras import tables
from guatecompras.ocds.mapping import SECTIONS, UNPUBLISHED, Field, fields, section_of
from guatecompras.personal import Policy, load
from guatecompras.policy.extensions import Extension, extension_of
from guatecompras.policy.texts import note

Coverage = Mapping[str, Mapping[str, Any]]

# Types as the public reads them, by type and format of the mapping.
_TYPES: Mapping[tuple[str, str], str] = {
    ("string", ""): "texto",
    ("string", "date-time"): "fecha y hora",
    ("string", "uri"): "dirección web",
    ("number", ""): "número con decimales",
    ("integer", ""): "número entero",
    ("object", ""): "grupo de campos",
    ("array<string>", ""): "lista de textos",
    ("array<object>", ""): "lista de grupos de campos",
}
_HOLDERS = ("object", "array<object>")
# Words that say nothing of what is looked for.
_EMPTY = frozenset(
    (
        "a",
        "al",
        "con",
        "cual",
        "cuando",
        "de",
        "del",
        "el",
        "en",
        "es",
        "la",
        "las",
        "lo",
        "los",
        "que",
        "se",
        "su",
        "y",
    )
)


@dataclass(frozen=True)
class Entry:
    """A field of the dictionary. `columns` and `sources`: `table.column`; `share`: None where it could not be there."""

    field: Field
    group: str
    columns: tuple[str, ...]
    sources: tuple[str, ...]
    extension: Extension | None
    note: str
    present: int | None
    possible: int | None

    @property
    def anchor(self) -> str:
        return anchor(self.field.path)

    @property
    def kind(self) -> str:
        return _TYPES[self.field.type, self.field.format]

    @property
    def share(self) -> float | None:
        return self.present / self.possible if self.possible and self.present is not None else None

    @property
    def column_words(self) -> tuple[str, ...]:
        """The columns to be read: one that all the tables have is told once."""
        names = [column.partition(".")[2] for column in self.columns]
        everywhere = tuple(dict.fromkeys(name for name in names if names.count(name) == len(tables.NAMES)))
        others = tuple(column for column in self.columns if column.partition(".")[2] not in everywhere)
        return tuple(f"{name} (en todas las tablas)" for name in everywhere) + others

    @property
    def origin(self) -> str:
        """Where its values come from, in words."""
        if self.sources:
            return ", ".join(self.sources)
        return "reúne otros campos" if self.field.type in _HOLDERS else "valor fijo o deducido"


def anchor(path: str) -> str:
    """The id of a field on the policy's page: `campo-tender-title`."""
    return f"campo-{path.replace('/', '-')}"


def entries(coverage: Coverage | None = None, policy: Policy | None = None) -> tuple[Entry, ...]:
    """All fields in publication order; `coverage`: that of a `quality.json`; `policy`: what is published of natural persons."""
    rules = policy or load()
    return tuple(_entry(field, (coverage or {}).get(field.path), rules) for field in fields())


def _entry(field: Field, covered: Mapping[str, Any] | None, policy: Policy) -> Entry:
    return Entry(
        field=field,
        group=section_of(field.path),
        columns=_columns().get(field.path, ()),
        sources=tuple(f"{table}.{column}" for table, column in field.sources),
        extension=extension_of(field.path),
        note=" ".join(filter(None, (note(field.path), _withheld(field.path, policy)))),
        present=covered["present"] if covered else None,
        possible=covered["possible"] if covered else None,
    )


_KINDS = {"persona": "personas individuales", "empresa": "empresas", "entidad": "entidades"}


def _withheld(path: str, policy: Policy) -> str:
    """Of whom a field is not published."""
    kinds = [_KINDS[kind] for kind in policy.kinds_without(path)]
    return f"No se publica de {' ni de '.join(kinds)} (ver Datos personales)." if kinds else ""


@cache
def _columns() -> Mapping[str, tuple[str, ...]]:
    """Path -> the columns that hold it, in all the flat tables, with the keys by which those are joined."""
    found: dict[str, list[str]] = {}
    for table in tables.NAMES:
        for column in tables.arrow_schema(table):
            found.setdefault(str(column.metadata[b"path"], "utf-8"), []).append(f"{table}.{column.name}")
    return {path: tuple(columns) for path, columns in found.items()}


def grouped(found: Iterable[Entry]) -> dict[str, list[Entry]]:
    """By group, in the order of the groups; groups without any are left out."""
    groups: dict[str, list[Entry]] = {name: [] for name in SECTIONS.values()}
    for entry in found:
        groups[entry.group].append(entry)
    return {name: held for name, held in groups.items() if held}


# --- search


def search(text: str, among: Iterable[Entry]) -> list[Entry]:
    """The entries whose path, columns, title or meaning say every word of a text, else those that say most of its words.

    The start of a word is enough, whatever its gender and number; accents and capitals do not matter, and `/`, `.`, `_` are
    read as spaces. Those that are called exactly so come first.
    """
    words = _plain(text).split()
    stems = [_stem(word) for word in words if word not in _EMPTY]
    said = [(_said(stems, entry), entry) for entry in among]
    most = max((count for count, _ in said), default=0)
    found = [entry for count, entry in said if count == most > 0]
    return sorted(found, key=lambda entry: _distance(entry, words))


def _said(words: list[str], entry: Entry) -> int:
    """How many of the words the entry says."""
    field = entry.field
    held = (field.path, field.title, field.description, field.codelist, entry.note, *entry.columns, *entry.sources)
    tokens = _plain(" ".join(held)).split()
    return sum(any(token.startswith(word) for token in tokens) for word in words)


def _distance(entry: Entry, words: list[str]) -> int:
    """0: so it is called, or one of its columns or of the source's; 1: those and its title say it; 2: its meaning does."""
    columns = (*entry.columns, *entry.sources)
    names = [entry.field.path, entry.field.title, *columns, *(name.partition(".")[2] for name in columns)]
    plain = [_plain(name).split() for name in names]
    if words in plain:
        return 0
    said = {part for name in plain for part in name}
    return 1 if all(word in said for word in words) else 2


def _stem(word: str) -> str:
    return re.sub(r"([aeo]?s|[aeo])$", "", word) if len(word) > 4 else word


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", " ", letters).strip()


# --- the source's columns that are not published


def unpublished() -> list[tuple[str, str]]:
    """(`table.column` of the source, why no field is made from it), without the keys that only join tables."""
    return [(f"{table}.{column}", why) for (table, column), why in UNPUBLISHED.items() if column != "nog"]
