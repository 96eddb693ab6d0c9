"""What is published of natural persons: the rules, read from one file, and their one application, to the rows of a month as they
arrive and to what was made public before the rules were these.

Who is a natural person is `people.py`'s business. All that is made from a snapshot lacks what is withheld, for the snapshot does.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, get_args

import orjson
import polars as pl

from guatecompras import people
from guatecompras.arrivals import DUPLICATE, ROW
from guatecompras.contract import CONTACT, TABLES
from guatecompras.errors import GuatecomprasError

Json = dict[str, Any]
Whose = Literal["persona", "empresa", "entidad", "junta", "cui", "correo"]

FILE = Path(__file__).parent / "data" / "personal.toml"
# What stands where a value is withheld and it has to be said that there was one.
WITHHELD = "[dato personal]"

# Four, five and four figures; the last four are the department and the municipality.
_CUI = r"(?-u:\b)[0-9]{4}[ -]?[0-9]{5}[ -]?(?:0[1-9]|1[0-9]|2[0-2])(?:0[1-9]|[12][0-9]|3[0-8])(?-u:\b)"
_EMAIL = r"[A-Za-z0-9ñÑ._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
_PATTERNS: Mapping[str, str] = {"cui": _CUI, "correo": _EMAIL}
# Python's words for the same.
_COMPILED = {
    "cui": re.compile(r"(?<![0-9A-Za-z_])" + _CUI.replace(r"(?-u:\b)", "") + r"(?![0-9A-Za-z_])"),
    "correo": re.compile(_EMAIL),
}

_PARTIES, _OTHERS = "partes", "contactos_adicionales"
_PERSON = "__person"
_ORGANISED = ("GT-CISP", "GT-GCUC")
# Where a published party has what a column of the source holds, for what was published before.
_PLACES: Mapping[str, tuple[str, str]] = {
    "contacto_nombre": ("contactPoint", "name"),
    "contacto_correo": ("contactPoint", "email"),
    "contacto_telefono": ("contactPoint", "telephone"),
    "contacto_fax": ("contactPoint", "faxNumber"),
    "direccion": ("address", "streetAddress"),
    "contactos_adicionales.nombre": ("additionalContactPoints", "name"),
    "contactos_adicionales.correo": ("additionalContactPoints", "email"),
    "contactos_adicionales.telefono": ("additionalContactPoints", "telephone"),
}
_PATHS = frozenset(f"parties/{part}/{key}" for part, key in _PLACES.values()) | {
    f"parties/address/{key}" for key in ("locality", "region", "countryName")
}
# The keys of published documents that hold free text.
_TEXTS = frozenset({"title", "description", "value", "name", "legalName", "streetAddress"})


@dataclass(frozen=True)
class Rule:
    """One rule of the file, as it is described there."""

    id: str
    title: str
    of: Whose
    fields: tuple[str, ...]
    publish: bool
    reason: str
    basis: str
    fixed: bool = False


@dataclass(frozen=True)
class Policy:
    """The rules together; `load` reads them."""

    rules: tuple[Rule, ...]

    @property
    def withheld(self) -> tuple[str, ...]:
        """The rules by which something is withheld, by name."""
        return tuple(rule.id for rule in self.rules if not rule.publish)

    @property
    def told(self) -> Json:
        """What a manifest says of the policy that was applied."""
        text = orjson.dumps([(rule.id, rule.of, rule.fields, rule.publish) for rule in self.rules])
        return {"digest": hashlib.sha256(text).hexdigest(), "withheld": list(self.withheld)}

    def covers(self, told: Json | None) -> bool:
        """Whether what was published under a policy (as a manifest tells it; None: before there was one) has nothing that is
        withheld now."""
        if told is None:
            return not self.withheld
        return told == self.told or set(self.withheld) <= set(told["withheld"])

    def over(self, told: Json | None) -> "Policy | None":
        """The policy for what was published under another (`covers`), where that may have more than it lets be; None otherwise."""
        return None if self.covers(told) else self

    def missing(self, path: str) -> tuple[str, ...]:
        """The kinds of parties that lack a published path, since it is withheld of them; not those that lack all of its parent."""
        return tuple(
            kind for kind in _KINDS_OF_PARTIES if self._lacks(kind, path) and not self._lacks(kind, _parent(path))
        )

    def kinds_without(self, path: str) -> tuple[str, ...]:
        """The kinds of parties that a published path is withheld of."""
        return tuple(kind for kind in _KINDS_OF_PARTIES if self._lacks(kind, path))

    def _lacks(self, kind: str, path: str) -> bool:
        gone = {f"parties/{'/'.join(_PLACES[name])}" for rule in self._withheld(kind) for name in rule.fields}
        inside = {place for place in _PATHS if place.startswith(f"{path}/")}
        return path in gone or (bool(inside) and inside <= gone)

    # Rows of the source.

    def apply(self, table: str, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of a table of the contract without what is withheld; once more does nothing."""
        if table == _PARTIES and self._of_parties:
            rows = rows.with_columns(_person().alias(_PERSON)).with_columns(self._of_parties).drop(_PERSON)
        for whose, columns in self._texts.get(table, ()):
            pattern = _PATTERNS[whose]
            # Looking costs a tenth of replacing, and there is hardly ever anything.
            found = rows.select(pl.col(columns).str.contains(pattern).any()).row(0)
            hit = [name for name, there in zip(columns, found, strict=True) if there]
            if hit:
                rows = rows.with_columns(pl.col(hit).str.replace_all(pattern, WITHHELD))
        return rows

    def apply_to_rejects(self, rejects: pl.DataFrame) -> pl.DataFrame:
        """The same for what was left out (contract.REJECTS_SCHEMA): nobody knows any more whose value it was, so each that a rule
        may be about is withheld."""
        parties = pl.col("tabla") == _PARTIES
        columns = {name.partition(".")[0] for rule in self._withheld(*_KINDS_OF_PARTIES) for name in rule.fields}
        value, key = pl.col("valor"), pl.col("clave")
        if columns:
            value = (
                pl.when(parties & pl.col("columna").is_in(sorted(columns)) & value.is_not_null())
                .then(pl.lit(WITHHELD))
                .otherwise(value)
            )
        if self._withheld("junta"):
            left_out = rejects.filter(parties & (pl.col("nivel") == ROW) & (pl.col("motivo") != DUPLICATE))
            unpublished = parties & key.is_in(left_out["clave"].implode())
            hidden = unpublished & ~key.str.contains(f"esquema=(?:{'|'.join(_ORGANISED)}) ")
            about = pl.col("columna").is_in(["identificador", "nombre", "nit", "miembro_de"])
            value = pl.when(hidden & about & value.is_not_null()).then(pl.lit(WITHHELD)).otherwise(value)
            key = pl.when(hidden).then(key.str.replace("identificador=.*$", f"identificador={WITHHELD}")).otherwise(key)
        for whose in ("cui", "correo"):
            if self._withheld(whose):
                value, key = (text.str.replace_all(_PATTERNS[whose], WITHHELD) for text in (value, key))
        return rejects.with_columns(valor=value, clave=key)

    def _withheld(self, *kinds: str) -> list[Rule]:
        return [rule for rule in self.rules if rule.of in kinds and not rule.publish]

    @cached_property
    def _of_parties(self) -> list[pl.Expr]:
        """The columns of `partes` without what is withheld of whom."""
        by_field: dict[str, set[str]] = {}
        for rule in self._withheld(*_KINDS_OF_PARTIES):
            for name in rule.fields:
                by_field.setdefault(name, set()).add(rule.of)
        found = [
            pl.when(~_are(kinds)).then(pl.col(name)).alias(name) for name, kinds in by_field.items() if "." not in name
        ]
        others = {name.partition(".")[2]: kinds for name, kinds in by_field.items() if "." in name}
        return [*found, _other_contacts(others)] if others else found

    @cached_property
    def _texts(self) -> dict[str, list[tuple[str, list[str]]]]:
        """For each table the patterns that are withheld from it, and in which columns."""
        found: dict[str, list[tuple[str, list[str]]]] = {}
        for rule in self._withheld(*_PATTERNS):
            for table, names in groupby(sorted(rule.fields), lambda name: name.partition(".")[0]):
                found.setdefault(table, []).append((rule.of, [name.partition(".")[2] for name in names]))
        return found

    # What was published before.

    def cleaned(self, documents: Iterable[bytes]) -> list[bytes]:
        """Published releases or records (JSON texts) without what is withheld now, written as they were."""
        return [self._rewritten(text, lambda holder, key: holder.pop(key)) for text in documents]

    def marked(self, documents: Iterable[bytes]) -> list[bytes]:
        """The same with WITHHELD in place of each value, so that it can be told that there was one."""
        return [self._rewritten(text, lambda holder, key: holder.update({key: WITHHELD})) for text in documents]

    def _rewritten(self, text: bytes, withhold: Callable[[Json, str], Any]) -> bytes:
        document = orjson.loads(text)
        for party in document.get("parties") or ():
            self._withhold(party, withhold)
        for whose in _PATTERNS:
            if self._withheld(whose) and _COMPILED[whose].search(text.decode()):
                _mask(document, _COMPILED[whose])
        return orjson.dumps(document)

    def _withhold(self, party: Json, withhold: Callable[[Json, str], Any]) -> None:
        kind = _kind_of(party)
        for name in (name for rule in self._withheld(kind) for name in rule.fields if name in _PLACES):
            part, key = _PLACES[name]
            holders = party.get(part) or []
            for holder in holders if isinstance(holders, list) else [holders]:
                if key in holder:
                    withhold(holder, key)
        for part in ("contactPoint", "address", "additionalContactPoints"):
            if part in party:
                held = party[part]
                kept = [entry for entry in held if entry] if isinstance(held, list) else held
                party[part] = kept
                if not kept:
                    del party[part]


_KINDS_OF_PARTIES = ("persona", "empresa", "entidad")


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def of_published(parties: pl.LazyFrame) -> pl.LazyFrame:
    """The column `kind` for the rows of the published table `parties`."""
    columns = ("identifier_scheme", "details_legalEntityTypeDetail_description", "details_type_description")
    scheme, legal_kind, kind = map(pl.col, columns)
    person = people.is_natural(scheme, legal_kind, kind, pl.coalesce("identifier_legalName", "name"))
    supplier = pl.when(person).then(pl.lit("persona")).otherwise(pl.lit("empresa"))
    return parties.select(kind=pl.when(scheme.is_in(_ORGANISED)).then(pl.lit("entidad")).otherwise(supplier))


def _person() -> pl.Expr:
    return people.is_natural(pl.col("esquema"), pl.col("tipo_persona"), pl.col("tipo"), pl.col("nombre"))


def _are(kinds: Iterable[str]) -> pl.Expr:
    """Which rows of `partes` are of these kinds; the column _PERSON says which are natural persons."""
    supplier = ~pl.col("esquema").is_in(_ORGANISED)
    person = pl.col(_PERSON)
    every = {"persona": person, "empresa": supplier & ~person, "entidad": ~supplier}
    return pl.any_horizontal(every[kind] for kind in sorted(kinds))


def _other_contacts(withheld: Mapping[str, set[str]]) -> pl.Expr:
    """The further contacts without some of what they hold; null where nothing is left of any."""
    column = pl.col(_OTHERS)
    for kind in _KINDS_OF_PARTIES:
        names = [name for name, kinds in withheld.items() if kind in kinds]
        if names:
            kept = [
                pl.lit(None, pl.String).alias(field.name)
                if field.name in names
                else pl.element().struct.field(field.name)
                for field in CONTACT.fields
            ]
            left = (
                pl.lit(None, CONTACT_LIST) if len(names) == len(CONTACT.fields) else column.list.eval(pl.struct(kept))
            )
            column = pl.when(_are([kind])).then(left).otherwise(column)
    return column.alias(_OTHERS)


CONTACT_LIST = pl.List(CONTACT)


def _kind_of(party: Json) -> str:
    """Of which kind a published party is, as `_are` tells it of its row."""
    scheme, details = "-".join(str(party.get("id", "")).split("-")[:2]), party.get("details") or {}
    if scheme in _ORGANISED:
        return "entidad"
    legal_kind, kind = ((details.get(key) or {}).get("description") for key in ("legalEntityTypeDetail", "type"))
    return _kind_of_supplier(
        scheme, legal_kind, kind, (party.get("identifier") or {}).get("legalName") or party.get("name")
    )


@cache
def _kind_of_supplier(scheme: str, legal_kind: str | None, kind: str | None, name: str | None) -> str:
    columns = (pl.lit(value, pl.String) for value in (scheme, legal_kind, kind, name))
    return "persona" if pl.select(people.is_natural(*columns)).item() else "empresa"


def _mask(value: Any, pattern: re.Pattern[str], key: str = "") -> Any:
    """A document with what has a pattern's form replaced in its free texts, in place."""
    if isinstance(value, dict):
        for name, held in value.items():
            value[name] = _mask(held, pattern, name)
    elif isinstance(value, list):
        value[:] = [_mask(entry, pattern, key) for entry in value]
    elif isinstance(value, str) and key in _TEXTS:
        return pattern.sub(WITHHELD, value)
    return value


# The file.


@cache
def load(replacing: str = "") -> Policy:
    """The rules of FILE, `replacing` (TOML: a table for each rule) in place of what it names of them.

    Raises GuatecomprasError naming what is wrong in it.
    """
    rules = {name: _rule(name, given) for name, given in tomllib.loads(FILE.read_text(encoding="utf-8")).items()}
    try:
        given = tomllib.loads(replacing)
    except tomllib.TOMLDecodeError as error:
        raise GuatecomprasError(f"the rules on personal data: {error}") from error
    for name, told in given.items():
        rules[name] = _replaced(rules.get(name), name, told)
    return Policy(tuple(rules.values()))


def _rule(name: str, given: Json) -> Rule:
    rule = Rule(name, **given | {"fields": tuple(given["fields"])})
    known = {f"{table}.{column}" for table, spec in TABLES.items() for column in spec.schema}
    parties = {column.partition(".")[2] for column in known if column.startswith(f"{_PARTIES}.")}
    parties |= {f"{_OTHERS}.{field.name}" for field in CONTACT.fields}
    unknown = set(rule.fields) - (known if rule.of in _PATTERNS else parties)
    assert rule.of in get_args(Whose) and not unknown, (name, unknown)  # noqa: PT018  # our own file
    return rule


def _replaced(rule: Rule | None, name: str, told: Any) -> Rule:
    if rule is None:
        raise GuatecomprasError(f"the rules on personal data: there is no rule '{name}'")
    if not isinstance(told, dict) or told.keys() - {"publish", "reason"}:
        raise GuatecomprasError(f"the rules on personal data: {name}: only publish and reason can be set")
    if not isinstance(told.get("publish", rule.publish), bool) or not isinstance(told.get("reason", ""), str):
        raise GuatecomprasError(f"the rules on personal data: {name}: publish is true or false, reason a text")
    if rule.fixed and told.get("publish", rule.publish) != rule.publish:
        raise GuatecomprasError(f"the rules on personal data: {name} cannot be switched")
    return replace(rule, **told)
