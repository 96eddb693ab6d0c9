"""The filters of reports, as Guatecompras has them: what each means, how it is read and how it narrows the concursos.

Which months are read is part of what is asked (`months_of`): no report reads more than it has to.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from guatecompras import catalogs
from guatecompras.errors import GuatecomprasError
from guatecompras.months import TIME_ZONE, Month
from guatecompras.search.words import words

ALL = "todos"
_DIGITS, _YEAR, _MONTH = "[0-9]{1,10}", "20[0-9]{2}", "(todos|20[0-9]{2}-(0[1-9]|1[0-2]))"
LONGEST = 200


class FilterError(GuatecomprasError):
    """What is asked cannot be. `name`: the filter; `reason`: goes on from its name, in Spanish."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


Narrow = Callable[[pl.LazyFrame, Any], pl.LazyFrame]


@dataclass(frozen=True)
class Filter:
    """One filter. `read`: raises ValueError; `wanted`: what it must be; `options`: value -> words, where there are few;
    `narrow`: None where it is not of concursos."""

    label: str
    meaning: str
    read: Callable[[str], Any]
    wanted: str
    narrow: Narrow | None = None
    options: Callable[[], Mapping[str, str]] | None = None
    pattern: str = ""

    def schema(self) -> dict[str, Any]:
        """What its text may be, as JSON Schema."""
        told: dict[str, Any] = {"type": "string", "maxLength": LONGEST}
        if self.read is _day:
            return told | {"format": "date"}
        if self.options:
            return {"type": "string", "enum": list(self.options())}
        pattern = _DIGITS if self.read is _number else self.pattern
        return told | ({"pattern": f"^{pattern}$"} if pattern else {})


def _code(catalog: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or int(text) not in catalogs.codes(catalog):
            raise ValueError(text)
        return int(text)

    return read


def _number(text: str) -> int:
    if not re.fullmatch(_DIGITS, text):
        raise ValueError(text)
    return int(text)


def _one_of(*known: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in known:
            raise ValueError(text)
        return text

    return read


def _month(text: str) -> str:
    if not re.fullmatch(_MONTH, text):
        raise ValueError(text)
    return text


def _day(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _year(text: str) -> int:
    if not re.fullmatch(_YEAR, text):
        raise ValueError(text)
    return int(text)


def _equal(column: str) -> Narrow:
    return lambda frame, value: frame.filter(pl.col(column) == value)


def _equal_text(column: str) -> Narrow:
    return lambda frame, value: frame.filter(pl.col(column) == str(value))


def _of_catalog(label: str, meaning: str, catalog: str, wanted: str, narrow: Narrow) -> Filter:
    return Filter(label, meaning, _code(catalog), wanted, narrow, _listed(catalog))


def _listed(catalog: str) -> Callable[[], Mapping[str, str]]:
    return lambda: {str(code): name for code, name in catalogs.mapping(catalog, "id", "name").items()}


def _categoria(frame: pl.LazyFrame, code: int) -> pl.LazyFrame:
    return frame.filter(pl.col("categorias").str.contains(rf"(^|; ){code} "))


def _text(frame: pl.LazyFrame, asked: str) -> pl.LazyFrame:
    """All the words have to be in the description, whatever their accents and plurals."""
    wanted = pl.select(words(pl.lit(asked))).item().to_list()
    found = words(pl.col("descripcion"))
    return frame.filter(pl.all_horizontal([found.list.contains(word) for word in wanted])) if wanted else frame


_RECEPTION = {"electronica": "electronicSubmission", "papel": "written"}
_DATES = {"publicacion": "fecha_publicacion", "cierre": "fecha_cierre", "adjudicacion": "fecha_adjudicacion"}
_RANGES = {"0": (0, 90_000), "1": (90_000, 900_000), "2": (900_000, None)}

FILTERS: Mapping[str, Filter] = {
    "mes": Filter(
        "Mes", "Mes de la convocatoria, AAAA-MM; «todos»: todo. Sin él, el último", _month, "AAAA-MM, o todos", pattern=_MONTH
    ),
    "anio": Filter("Año", "Año de la convocatoria", _year, "un año, por ejemplo 2026", pattern=_YEAR),
    "fecha": Filter(
        "Tipo de fecha",
        "A qué fecha se refieren «Desde» y «Hasta»",
        _one_of(*_DATES),
        f"una de estas: {', '.join(_DATES)}",
        options=lambda: {"publicacion": "Publicación", "cierre": "Límite de ofertas", "adjudicacion": "Adjudicación"},
    ),
    "desde": Filter("Desde", "Primer día, AAAA-MM-DD", _day, "una fecha AAAA-MM-DD"),
    "hasta": Filter("Hasta", "Último día, incluido", _day, "una fecha AAAA-MM-DD"),
    "tipo_entidad": Filter(
        "Tipo de entidad", "Código del tipo de entidad", _number, "un número", _equal_text("tipo_entidad_id")
    ),
    "subtipo_entidad": Filter(
        "Subtipo de entidad", "Código del subtipo", _number, "un número", _equal_text("subtipo_entidad_id")
    ),
    "entidad": Filter("Entidad", "Código de la entidad compradora en Guatecompras", _number, "un número", _equal("entidad_id")),
    "unidad": Filter("Unidad", "Código de la unidad compradora; con «Entidad»", _number, "un número", _equal("unidad_id")),
    "categoria": _of_catalog("Categoría", "Código de la categoría", "categorias", "un código de categoría", _categoria),
    "modalidad": _of_catalog(
        "Modalidad", "Código de la modalidad", "modalidades", "un código de modalidad", _equal("modalidad_id")
    ),
    "submodalidad": _of_catalog(
        "Submodalidad", "Código de la submodalidad", "sub_modalidades", "un código de submodalidad", _equal("submodalidad_id")
    ),
    "tipo_concurso": _of_catalog(
        "Tipo de concurso", "Público, restringido o vinculado", "tipos_concurso", "un código de tipo", _equal("tipo_concurso_id")
    ),
    "recepcion": Filter(
        "Recepción de ofertas",
        "Electrónica o en papel",
        _one_of(*_RECEPTION),
        "electronica o papel",
        lambda f, v: f.filter(pl.col("recepcion").str.contains(_RECEPTION[v], literal=True)),
        lambda: {"electronica": "Electrónica", "papel": "En papel"},
    ),
    "estatus": _of_catalog("Estatus", "Código del estatus", "estatus", "un código de estatus", _equal("estatus_id")),
    "departamento": Filter(
        "Departamento",
        "Departamento de la unidad compradora",
        str.upper,
        "un departamento",
        lambda f, v: f.filter(pl.col("departamento").str.to_uppercase() == v),
    ),
    "nog": Filter("NOG", "Número de Operación Guatecompras", _number, "un número", _equal("nog")),
    "q": Filter("Texto", "Palabras de la descripción", str, "un texto", _text),
    "rango": Filter(
        "Rango", "Monto de cada adjudicación", _one_of(*_RANGES), "0, 1 o 2",
        options=lambda: {"0": "Q0.01 a Q90,000.00", "1": "Q90,000.01 a Q900,000.00", "2": "Q900,000.01 o más"},
    ),
    "tipo_proveedor": Filter(
        "Tipo de proveedor", "0: con NIT; 1: sin NIT", _one_of("0", "1"), "0 o 1", options=lambda: {"0": "Con NIT", "1": "Sin NIT"}
    ),
    "organizacion": Filter("Tipo de organización", "Como está registrada, por ejemplo SOCIEDAD ANÓNIMA", str.upper, "un texto"),
}  # fmt: skip
# What every report takes.
PERIOD = ("mes", "anio", "fecha", "desde", "hasta")
BUYERS = ("tipo_entidad", "subtipo_entidad", "entidad", "unidad", "departamento")
CONCURSOS = (
    *PERIOD,
    *BUYERS,
    "categoria",
    "modalidad",
    "submodalidad",
    "tipo_concurso",
    "recepcion",
    "estatus",
    "nog",
    "q",
)


def read(taken: Sequence[str], given: Mapping[str, str]) -> dict[str, Any]:
    """What is asked, typed; what is empty is not asked. Raises FilterError."""
    told: dict[str, Any] = {}
    for name, text in given.items():
        if name not in taken:
            raise FilterError(name, f"no existe en este reporte; hay {', '.join(taken)}")
        if not text.strip():
            continue
        if len(text) > LONGEST:
            raise FilterError(name, f"debe tener {LONGEST} caracteres como máximo")
        try:
            told[name] = FILTERS[name].read(text.strip())
        except (ValueError, GuatecomprasError):
            raise FilterError(name, f"debe ser {FILTERS[name].wanted}") from None
    if "unidad" in told and "entidad" not in told:
        raise FilterError("unidad", "va con entidad")
    if told.get("desde") and told.get("hasta") and told["desde"] > told["hasta"]:
        raise FilterError("hasta", "debe ser posterior a desde")
    return told


def months_of(told: Mapping[str, Any], published: Sequence[str]) -> list[str]:
    """The months that have to be read, oldest first. `published`: all there are. Raises FilterError where there is none."""
    months = sorted(published)
    month, year, kind = told.get("mes"), told.get("anio"), told.get("fecha", "publicacion")
    first, last = (str(Month.of(told[name])) if name in told else None for name in ("desde", "hasta"))
    if month and month != ALL:
        found = [one for one in months if one == month]
    elif year:
        found = [one for one in months if one.startswith(f"{year}-")]
    elif first or last:
        # A concurso closes and is awarded after it was called, whenever that was.
        found = [
            one for one in months if (kind != "publicacion" or not first or one >= first) and (not last or one <= last)
        ]
    else:
        found = months if month == ALL or "nog" in told else months[-1:]
    if not found:
        name = "mes" if month else "anio" if year else "desde"
        raise FilterError(
            name,
            f"no hay nada publicado de entonces; hay de {months[0]} a {months[-1]}"
            if months
            else "todavía no hay nada publicado",
        )
    return found


def narrowing(told: Mapping[str, Any]) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """How what is asked narrows the concursos."""

    def narrow(frame: pl.LazyFrame) -> pl.LazyFrame:
        for name, value in told.items():
            if FILTERS[name].narrow:
                frame = FILTERS[name].narrow(frame, value)  # type: ignore[misc]  # it is there
        column = pl.col(_DATES[told.get("fecha", "publicacion")])
        if "desde" in told:
            frame = frame.filter(column >= _midnight(told["desde"]))
        if told.get("hasta", date.max) < date.max:
            frame = frame.filter(column < _midnight(told["hasta"] + timedelta(days=1)))
        return frame

    return narrow


def _midnight(day: date) -> pl.Expr:
    return pl.lit(datetime(day.year, day.month, day.day)).dt.replace_time_zone(TIME_ZONE)  # noqa: DTZ001 – it gets its zone


def in_range(told: Mapping[str, Any], amount: pl.Expr) -> pl.Expr:
    """Whether an amount is in the range that is asked."""
    if "rango" not in told:
        return pl.lit(value=True)
    above, most = _RANGES[told["rango"]]
    return (amount > above) & (pl.lit(value=True) if most is None else amount <= most)


def said(told: Mapping[str, Any], months: Sequence[str]) -> list[tuple[str, str]]:
    """What is asked, in words: label and value."""
    span = months[0] if len(months) == 1 else f"{months[0]} a {months[-1]}"
    words_of = [("Meses de convocatoria", span)]
    for name, value in told.items():
        if name not in ("mes", "anio"):
            options = FILTERS[name].options
            words_of.append((FILTERS[name].label, (options() if options else {}).get(str(value), str(value))))
    return words_of
