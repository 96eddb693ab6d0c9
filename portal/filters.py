"""The filters of a search as the public writes them in an address: the same for pages, /api/v2, feeds and downloads."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_origin
from urllib.parse import urlencode

from fastapi import Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from guatecompras import catalogs
from guatecompras.months import UTC_OFFSET
from portal.http.errors import bad_parameter
from portal.library import Query

SORTS = {"convocado": "called", "actualizado": "updated", "monto": "amount", "cierre": "closes"}
Sort = Literal["-convocado", "convocado", "-actualizado", "actualizado", "-monto", "monto", "-cierre", "cierre"]
_LARGEST = 1e15
_DATED = re.compile(r"\d{4}-\d\d-\d\d")


# An empty field of a form asks nothing.
def _given(value: Any) -> Any:
    return None if value == "" else value


def _moment(value: Any) -> Any:
    """A time as people write it: the framework would take a number for seconds."""
    if isinstance(value, str) and value and not _DATED.match(value):
        raise ValueError("debe ser una fecha con hora, como 2026-05-01T00:00:00-06:00")
    return _given(value)


def _day(value: Any) -> Any:
    """A day, for the same reason."""
    if isinstance(value, str) and value and not _DATED.fullmatch(value):
        raise ValueError("debe ser una fecha AAAA-MM-DD")
    return _given(value)


def _listed(value: Any) -> Any:
    return [one for one in value if one != ""] if isinstance(value, list) else value


def _in_catalog(catalog: str) -> AfterValidator:
    def check(codes: list[int]) -> list[int]:
        unknown = sorted(set(codes) - catalogs.codes(catalog))
        if unknown:
            raise ValueError(f"debe ser un código del catálogo «{catalog}»: {unknown[0]} no lo es")
        return codes

    return AfterValidator(check)


def _codes(catalog: str, told: str) -> Any:
    """A field of codes of a catalog, which the document lists."""
    listed: Any = {"items": {"type": "integer", "enum": sorted(catalogs.codes(catalog))}}
    return Field([], max_length=30, description=f"Código {told}; se puede repetir.", json_schema_extra=listed)


def _local(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC_OFFSET)


Codes = Annotated[list[int], BeforeValidator(_listed)]
Day = Annotated[date | None, BeforeValidator(_day)]
Amount = Annotated[Annotated[float, Field(ge=0, le=_LARGEST, allow_inf_nan=False)] | None, BeforeValidator(_given)]
Id = Annotated[str, Field(max_length=120)]


class Filters(BaseModel):
    """What a concurso has to be. Every filter is optional; all that are given have to hold."""

    model_config = ConfigDict(extra="forbid")

    q: str = Field(
        "",
        max_length=200,
        description="Palabras del título o de los renglones, sin importar acentos ni plurales; con `*` al final, su comienzo.",
        examples=["papel bond"],
    )
    unspsc: Annotated[list[Annotated[str, Field(pattern=r"^\d{2,8}$")]], BeforeValidator(_listed)] = Field(
        [],
        max_length=30,
        description="Comienzo de un código UNSPSC, de 2 a 8 dígitos; se puede repetir.",
        examples=[["4321"]],
    )
    monto_min: Amount = Field(
        None, description="Monto mínimo, en quetzales: lo adjudicado o, si no lo hay, lo estimado."
    )
    monto_max: Amount = Field(None, description="Monto máximo, en quetzales.")
    comprador: Id = Field("", description="Identificador de la entidad compradora.", examples=["GT-CISP-11130009"])
    unidad: Id = Field("", description="Identificador de la unidad compradora.", examples=["GT-GCUC-9-12"])
    proveedor: Id = Field("", description="Identificador de un proveedor adjudicado.", examples=["GT-NIT-12345678"])
    oferente: Id = Field("", description="Identificador de quien presentó oferta.")
    modalidad: Annotated[Codes, _in_catalog("modalidades")] = _codes("modalidades", "de la modalidad")
    submodalidad: Annotated[Codes, _in_catalog("sub_modalidades")] = _codes("sub_modalidades", "de la submodalidad")
    estatus: Annotated[Codes, _in_catalog("estatus")] = _codes("estatus", "del estatus")
    categoria: Annotated[Codes, _in_catalog("categorias")] = _codes("categorias", "de la categoría de Guatecompras")
    objeto: Annotated[list[Literal["goods", "services", "works"]], BeforeValidator(_listed)] = Field(
        [], max_length=3, description="Objeto principal: bienes (`goods`), servicios (`services`) u obras (`works`)."
    )
    departamento: Annotated[list[Annotated[str, Field(max_length=60)]], BeforeValidator(_listed)] = Field(
        [], max_length=30, description="Departamento de la unidad compradora, como está publicado; se puede repetir."
    )
    mes: Annotated[list[Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]], BeforeValidator(_listed)] = Field(
        [], max_length=30, description="Mes de la convocatoria, AAAA-MM; se puede repetir.", examples=[["2026-05"]]
    )
    convocado_desde: Day = Field(None, description="Primer día de la convocatoria (AAAA-MM-DD, hora de Guatemala).")
    convocado_hasta: Day = Field(None, description="Último día de la convocatoria, incluido.")
    adjudicado_desde: Day = Field(None, description="Primer día de la última adjudicación.")
    adjudicado_hasta: Day = Field(None, description="Último día de la última adjudicación, incluido.")
    cierra_desde: Day = Field(None, description="Primer día del cierre de recepción de ofertas.")
    cierra_hasta: Day = Field(None, description="Último día del cierre de recepción de ofertas, incluido.")
    updated_since: Annotated[
        datetime | None, BeforeValidator(_moment), AfterValidator(lambda value: value and _local(value))
    ] = Field(
        None, description="Con publicaciones registradas desde ese momento (ISO 8601; sin zona, hora de Guatemala)."
    )
    abiertos: bool = Field(
        False,
        description="Solo los que todavía reciben ofertas: vigentes cuyo cierre no ha pasado o no está informado.",
    )
    sort: Sort = Field("-convocado", description="Orden; con `-` de mayor a menor.")

    def query(self) -> Query:
        """As the library asks."""
        return Query(
            text=self.q,
            unspsc=tuple(self.unspsc),
            amount_min=self.monto_min,
            amount_max=self.monto_max,
            buyer=self.comprador,
            unit=self.unidad,
            supplier=self.proveedor,
            bidder=self.oferente,
            modalidad=tuple(self.modalidad),
            sub_modalidad=tuple(self.submodalidad),
            estatus=tuple(self.estatus),
            categoria=tuple(self.categoria),
            objeto=tuple(self.objeto),
            departamento=tuple(self.departamento),
            called_from=self.convocado_desde,
            called_to=self.convocado_hasta,
            awarded_from=self.adjudicado_desde,
            awarded_to=self.adjudicado_hasta,
            closes_from=self.cierra_desde,
            closes_to=self.cierra_hasta,
            months=tuple(self.mes),
            updated_since=self.updated_since,
            open=self.abiertos,
        )

    def order(self) -> str:
        """The sort as the library knows it."""
        return ("-" if self.sort.startswith("-") else "") + SORTS[self.sort.removeprefix("-")]

    def told(self) -> dict[str, Any]:
        """What is asked, without what is not, as it is written in an address."""
        return self.model_dump(mode="json", exclude_defaults=True)


# What can be given more than once.
LISTS = frozenset(name for name, field in Filters.model_fields.items() if get_origin(field.annotation) is list) | {
    "por"
}


def once(request: Request) -> None:
    """Refuse what is given more than once and can be but one thing: whoever asks would not know which one held."""
    for name, count in Counter(name for name, _ in request.query_params.multi_items()).items():
        if count > 1 and name not in LISTS:
            raise bad_parameter(name[:40], "se dio más de una vez")


def address(path: str, told: Mapping[str, Any]) -> str:
    """A path with parameters; lists are repeated."""
    plain = {name: _text(value) for name, value in told.items() if value not in (None, "", [])}
    return f"{path}?{urlencode(plain, doseq=True)}" if plain else path


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
