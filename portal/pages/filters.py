"""The filters of Explorar: from the address to the library's query and back; what is wrong is told, nothing is guessed.

How results are shown is `explore.py`'s business; the API has parameters of its own (`portal/v2/`).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from guatecompras import catalogs
from guatecompras.errors import MonthError
from guatecompras.months import Month
from portal.library.parties import Role
from portal.library.query import Query
from portal.pages.spanish import day, money, month_name

# In the address -> the library's sort, and what it is called.
SORTS: dict[str, tuple[str, str]] = {
    "recientes": ("-called", "Convocados más recientes"),
    "antiguos": ("called", "Convocados más antiguos"),
    "novedad": ("-updated", "Con novedades más recientes"),
    "monto": ("-amount", "De mayor a menor monto"),
    "monto-menor": ("amount", "De menor a mayor monto"),
    "cierre": ("closes", "Los que cierran primero"),
    "cierre-tarde": ("-closes", "Los que cierran último"),
}
DEFAULT_SORT = "recientes"
OBJECTS = {"goods": "Bienes", "services": "Servicios", "works": "Obras"}
LONGEST = 200  # characters of a value; who writes more has pasted something else
MOST_VALUES = 40  # of one filter

_PARTY = re.compile(r"GT-[A-Z]{2,8}-[0-9A-Za-z-]{1,60}")
_UNSPSC = re.compile(r"\d{2,8}")


def is_party(text: str) -> bool:
    """Whether it is a party's id, and not a name."""
    return _PARTY.fullmatch(text) is not None


def _amount(text: str) -> float:
    number = float(re.sub(r"^[Qq]|[,\s]", "", text))
    if not 0 <= number < 1e15:
        raise ValueError
    return number


def _unspsc(text: str) -> str:
    # As the list proposes it, a code may have its name behind it.
    code = text.split(" ", 1)[0].rstrip("·")
    if not _UNSPSC.fullmatch(code):
        raise ValueError
    return code


def _party(text: str) -> str:
    if not is_party(text):
        raise ValueError
    return text


def _of_catalog(name: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) not in catalogs.codes(name):
            raise ValueError
        return int(text)

    return read


def _object(text: str) -> str:
    if text not in OBJECTS:
        raise ValueError
    return text


def _month(text: str) -> str:
    return str(Month.parse(text))


def _sub_method(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) not in catalogs.table("sub_modalidades")["id"].to_list():
        raise ValueError
    return int(text)


def _named(catalog: str) -> Callable[[Any], str]:
    return lambda value: str(catalogs.mapping(catalog, "id", "name").get(value, value))


@dataclass(frozen=True)
class Filter:
    """One filter. `name`: in the address; `field`: of Query; `read`: raises ValueError or MonthError; `tell`: for the chip."""

    name: str
    field: str
    label: str
    read: Callable[[str], Any] = str
    wanted: str = ""
    many: bool = False
    tell: Callable[[Any], str] = str


_AMOUNT, _DAY, _ID = "un monto en quetzales, por ejemplo 90000", "una fecha AAAA-MM-DD", "un identificador, por ejemplo GT-NIT-23529121"
FILTERS: tuple[Filter, ...] = (
    Filter("q", "text", "Texto"),
    Filter("unspsc", "unspsc", "UNSPSC", _unspsc, "de 2 a 8 cifras", many=True),
    Filter("monto_min", "amount_min", "Desde", _amount, _AMOUNT, tell=money),
    Filter("monto_max", "amount_max", "Hasta", _amount, _AMOUNT, tell=money),
    Filter("comprador", "buyer", "Comprador", _party, _ID),
    Filter("unidad", "unit", "Unidad", _party, _ID),
    Filter("proveedor", "supplier", "Proveedor", _party, _ID),
    Filter("oferente", "bidder", "Oferente", _party, _ID),
    Filter("modalidad", "modalidad", "Modalidad", _of_catalog("modalidades"), "un código de modalidad", many=True, tell=_named("modalidades")),
    Filter("submodalidad", "sub_modalidad", "Submodalidad", _sub_method, "un código de submodalidad", many=True, tell=_named("sub_modalidades")),
    Filter("estatus", "estatus", "Estatus", _of_catalog("estatus"), "un código de estatus", many=True, tell=_named("estatus")),
    Filter("categoria", "categoria", "Categoría", _of_catalog("categorias"), "un código de categoría", many=True, tell=_named("categorias")),
    Filter("objeto", "objeto", "Objeto", _object, "goods, services o works", many=True, tell=lambda value: OBJECTS[value]),
    Filter("departamento", "departamento", "Departamento", many=True),
    Filter("mes", "months", "Mes", _month, "un mes AAAA-MM", many=True, tell=month_name),
    Filter("convocado_desde", "called_from", "Convocado desde", date.fromisoformat, _DAY, tell=day),
    Filter("convocado_hasta", "called_to", "Convocado hasta", date.fromisoformat, _DAY, tell=day),
    Filter("cierra_desde", "closes_from", "Cierra desde", date.fromisoformat, _DAY, tell=day),
    Filter("cierra_hasta", "closes_to", "Cierra hasta", date.fromisoformat, _DAY, tell=day),
    Filter("adjudicado_desde", "awarded_from", "Adjudicado desde", date.fromisoformat, _DAY, tell=day),
    Filter("adjudicado_hasta", "awarded_to", "Adjudicado hasta", date.fromisoformat, _DAY, tell=day),
    Filter("abiertos", "open", "Solo abiertos", lambda text: text in ("1", "on", "si"), tell=lambda _: "sí"),
)  # fmt: skip
# Filters by who: a name may stand where an id belongs, until one has been chosen.
# Who writes the name of a hospital as the buyer means a unit: its filter is proposed too.
BY_WHO: dict[str, tuple[tuple[str, Role], ...]] = {
    "comprador": (("comprador", "buyer"), ("unidad", "unit")),
    "unidad": (("unidad", "unit"),),
    "proveedor": (("proveedor", "supplier"),),
    "oferente": (("oferente", "supplier"),),
}
_PAIRS = (("monto_min", "monto_max"), ("convocado_desde", "convocado_hasta"), ("cierra_desde", "cierra_hasta"),
          ("adjudicado_desde", "adjudicado_hasta"))  # fmt: skip


@dataclass(frozen=True)
class Chip:
    """A filter that is set, and the address without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class Asked:
    """What an address asks for. `given`: name -> the texts in it; `values`: name -> what was read; `errors`: name -> why not."""

    given: Mapping[str, tuple[str, ...]]
    values: Mapping[str, tuple[Any, ...]]
    errors: Mapping[str, str]
    sort: str
    cursor: str | None
    names: Mapping[str, str] = field(default_factory=dict)  # party id -> its name, where known

    def query(self) -> Query:
        told: dict[str, Any] = {}
        for one in FILTERS:
            values = self.values.get(one.name, ())
            if values:
                told[one.field] = values if one.many else values[0]
        return Query(**told)

    def text(self, name: str) -> str:
        """What the field of a filter shows."""
        return (self.given.get(name) or ("",))[0]

    def has(self, name: str, value: str) -> bool:
        return value in self.given.get(name, ())

    def pairs(self, without: tuple[str, str] | None = None) -> list[tuple[str, str]]:
        """The filters as they stand in an address, but for one name and text."""
        return [
            (name, text)
            for name, texts in self.given.items()
            for text in texts
            if without is None or (name, text) != without
        ]

    def address(self, more: Iterable[tuple[str, str]] = (), *, without: tuple[str, str] | None = None, sort: str = "") -> str:
        """The page with these filters, from its first result on."""
        pairs = [*self.pairs(without), *(pair for pair in more if pair not in self.pairs(without))]
        sort = sort or self.sort
        if sort != DEFAULT_SORT:
            pairs.append(("orden", sort))
        return f"/explorar?{urlencode(pairs)}" if pairs else "/explorar"

    def page(self, cursor: str) -> str:
        """The page from a cursor on."""
        address = self.address()
        return f"{address}{'&' if '?' in address else '?'}{urlencode({'cursor': cursor})}"

    def chips(self) -> list[Chip]:
        told = []
        for one in FILTERS:
            for text, value in zip(self.given.get(one.name, ()), self.values.get(one.name, ()), strict=False):
                shown = self.names.get(text) or one.tell(value)
                told.append(Chip(one.label, shown, self.address(without=(one.name, text))))
        return told


def _read(one: Filter, texts: Sequence[str]) -> tuple[tuple[Any, ...], str]:
    """The values of a filter, and what is wrong."""
    try:
        if any(len(text) > LONGEST for text in texts) or len(texts) > MOST_VALUES:
            return (), f"{one.label}: es demasiado largo."
        return tuple(one.read(text) for text in texts), ""
    except (ValueError, MonthError):
        wrong = next(text for text in texts if not _readable(one, text))
        return (), f"{one.label}: «{wrong}» no sirve; escriba {one.wanted}."


def _readable(one: Filter, text: str) -> bool:
    try:
        one.read(text)
    except (ValueError, MonthError):
        return False
    return True


def asked(params: QueryParams) -> Asked:
    """Read an address. Names of parties are not looked up here: they are errors until an id stands in their place."""
    given: dict[str, tuple[str, ...]] = {}
    values: dict[str, tuple[Any, ...]] = {}
    errors: dict[str, str] = {}
    for one in FILTERS:
        texts = list(dict.fromkeys(text.strip() for text in params.getlist(one.name) if text.strip()))
        if not texts:
            continue
        given[one.name] = tuple(texts if one.many else texts[:1])
        values[one.name], error = _read(one, given[one.name])
        if error:
            errors[one.name] = error
    for low, high in _PAIRS:
        if values.get(low) and values.get(high) and values[low][0] > values[high][0]:
            errors[high] = "El final va antes que el principio: cámbielos de lugar."
    sort = params.get("orden", DEFAULT_SORT)
    if sort not in SORTS:
        errors["orden"], sort = "Ese orden no existe.", DEFAULT_SORT
    return Asked(given, values, errors, sort, params.get("cursor") or None)
