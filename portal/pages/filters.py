"""The filters of Explorar as a person writes them and reads them: on top of `portal/filters.py`, which the API shares.

A form takes more than the API does: `Q90,000`, a code with its name behind it, a name where an id belongs. What is wrong is
told beside its field; nothing is guessed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import QueryParams

from guatecompras import catalogs
from portal.filters import Filters, address
from portal.library.parties import Role
from portal.pages.spanish import day, money, month_name, time_of

PAGE = "/explorar"
SORTS = {
    "-convocado": "Convocados más recientes",
    "convocado": "Convocados más antiguos",
    "-actualizado": "Con novedades más recientes",
    "actualizado": "Con novedades más antiguas",
    "-monto": "De mayor a menor monto",
    "monto": "De menor a mayor monto",
    "cierre": "Los que cierran primero",
    "-cierre": "Los que cierran último",
}
OBJECTS = {"goods": "Bienes", "services": "Servicios", "works": "Obras"}

_PARTY = re.compile(r"GT-[A-Z]{2,8}-[0-9A-Za-z-]{1,60}")


def is_party(text: str) -> bool:
    """Whether it is a party's id, and not a name."""
    return _PARTY.fullmatch(text) is not None


def _bare_amount(text: str) -> str:
    return re.sub(r"^[Qq]|[,\s]", "", text)


def _bare_code(text: str) -> str:
    # As the list proposes it, a code may have its name behind it.
    return text.split(" ", 1)[0]


def _named(catalog: str) -> Callable[[Any], str]:
    return lambda value: str(catalogs.mapping(catalog, "id", "name").get(value, value))


@dataclass(frozen=True)
class Field:
    """A filter as it is read: `wanted` is what should have been written, `tell` says a value, `bare` takes off what is only for
    people."""

    label: str
    wanted: str = "un valor de la lista"
    tell: Callable[[Any], str] = str
    bare: Callable[[str], str] = str


_AMOUNT, _DAY, _ID = "un monto en quetzales, por ejemplo 90000", "una fecha, por ejemplo 2026-03-31", "un identificador"
FIELDS: Mapping[str, Field] = {
    "q": Field("Texto", "200 letras como máximo"),
    "abiertos": Field("Solo abiertos", "true o false", lambda value: "sí" if value else "no"),
    "comprador": Field("Comprador", _ID),
    "unidad": Field("Unidad", _ID),
    "proveedor": Field("Proveedor", _ID),
    "oferente": Field("Oferente", _ID),
    "monto_min": Field("Desde", _AMOUNT, money, _bare_amount),
    "monto_max": Field("Hasta", _AMOUNT, money, _bare_amount),
    "unspsc": Field("UNSPSC", "de 2 a 8 cifras", bare=_bare_code),
    "estatus": Field("Estatus", tell=_named("estatus")),
    "modalidad": Field("Modalidad", tell=_named("modalidades")),
    "submodalidad": Field("Submodalidad", tell=_named("sub_modalidades")),
    "objeto": Field("Objeto", tell=lambda value: OBJECTS[value]),
    "categoria": Field("Categoría", tell=_named("categorias")),
    "departamento": Field("Departamento"),
    "mes": Field("Mes", "un mes AAAA-MM", month_name),
    "convocado_desde": Field("Convocado desde", _DAY, day),
    "convocado_hasta": Field("Convocado hasta", _DAY, day),
    "cierra_desde": Field("Cierra desde", _DAY, day),
    "cierra_hasta": Field("Cierra hasta", _DAY, day),
    "adjudicado_desde": Field("Adjudicado desde", _DAY, day),
    "adjudicado_hasta": Field("Adjudicado hasta", _DAY, day),
    "updated_since": Field("Con novedades desde", "una fecha con hora", time_of),
    "sort": Field("Orden"),
}
# Filters by who: a name may stand where an id belongs, until one has been chosen. Who writes the name of a hospital as the
# buyer means a unit: units are proposed too.
BY_WHO: Mapping[str, tuple[tuple[str, Role], ...]] = {
    "comprador": (("comprador", "buyer"), ("unidad", "unit")),
    "unidad": (("unidad", "unit"),),
    "proveedor": (("proveedor", "supplier"),),
    "oferente": (("oferente", "supplier"),),
}
_PAIRS = tuple((f"{name}_desde", f"{name}_hasta") for name in ("convocado", "cierra", "adjudicado"))
_PAIRS += (("monto_min", "monto_max"),)


@dataclass(frozen=True)
class Chip:
    """A filter that is set, and the address without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class Asked:
    """What an address asks for. `given`: name -> what its field shows; `errors`: name -> what is wrong with it."""

    filters: Filters
    given: Mapping[str, tuple[str, ...]]
    errors: Mapping[str, str]
    cursor: str | None
    names: Mapping[str, str] = field(default_factory=dict)  # party id -> its name, where known

    def text(self, name: str) -> str:
        return (self.given.get(name) or ("",))[0]

    def told(self) -> dict[str, Any]:
        """The filters as they stand in an address, without the order."""
        return {name: value for name, value in self.filters.told().items() if name != "sort"}

    def everything(self) -> dict[str, Any]:
        return self.filters.told()

    def has(self, name: str, value: Any) -> bool:
        told = self.told().get(name)
        return value in told if isinstance(told, list) else value == told

    def address(self, path: str = PAGE, **more: Any) -> str:
        """With these filters too; what can have many values gets one more."""
        told = self.everything()
        for name, value in more.items():
            if not isinstance(getattr(self.filters, name, None), list):
                told[name] = value
            elif not self.has(name, value):
                told[name] = [*told.get(name, ()), value]
        return address(path, told)

    def without(self, name: str, value: Any) -> str:
        told = self.everything()
        rest = [one for one in told[name] if one != value] if isinstance(told[name], list) else None
        return address(PAGE, {**told, name: rest})

    def chips(self) -> list[Chip]:
        chips = []
        for name, value in self.told().items():
            for one in value if isinstance(value, list) else [value]:
                shown = self.names.get(one) if isinstance(one, str) else None
                chips.append(Chip(FIELDS[name].label, shown or FIELDS[name].tell(one), self.without(name, one)))
        return chips

    def wrong(self, name: str, why: str) -> "Asked":
        return replace(self, errors={**self.errors, name: why})

    def meaning(self, name: str, place: str, id: str) -> "Asked":
        """With an id instead of the name in field `name`; `place`: the filter that it belongs to."""
        given = {key: texts for key, texts in self.given.items() if key != name} | {place: (id,)}
        return replace(self, filters=self.filters.model_copy(update={name: "", place: id}), given=given)


def asked(params: QueryParams) -> Asked:
    """Read an address. Whether a party's id is one, or a name, is not looked at here."""
    given, plain = {}, {}
    for name, one in FIELDS.items():
        texts = [text.strip() for text in params.getlist(name) if text.strip()]
        if texts:
            many = isinstance(_DEFAULT[name], list)
            given[name] = tuple(dict.fromkeys(texts)) if many else (texts[-1],)
            bare = [one.bare(text) for text in given[name]]
            plain[name] = bare if many else bare[0]
    read, errors = _read(plain)
    for low, high in _PAIRS:
        first, last = getattr(read, low), getattr(read, high)
        if first is not None and last is not None and first > last:
            errors[high] = f"{FIELDS[high].label}: el final va antes que el principio; cámbielos de lugar."
    return Asked(read, given, errors, params.get("cursor") or None)


_DEFAULT: Mapping[str, Any] = Filters.model_validate({}).model_dump()


def _read(plain: Mapping[str, Any]) -> tuple[Filters, dict[str, str]]:
    """The filters that can be read, and what is wrong with the others."""
    try:
        return Filters.model_validate(plain), {}
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors()}
    errors = {
        name: f"{FIELDS[name].label}: lo que está escrito no sirve; se espera {FIELDS[name].wanted}." for name in wrong
    }
    return Filters.model_validate({name: value for name, value in plain.items() if name not in wrong}), errors
