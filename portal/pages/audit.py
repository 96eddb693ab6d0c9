"""Auditoría social: a department, a municipality or an entity by year, two of them side by side, a page to print.

What is looked up is `portal/audit.py`'s, what is counted and drawn as PDF `guatecompras/audit/`'s business.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl
from fastapi import APIRouter, Depends, Request, Response

from guatecompras.audit import parameters, pdf
from guatecompras.audit.indicators import SHARES, TIMES, Share
from guatecompras.audit.scopes import LEVELS
from guatecompras.audit.tables import OTHERS, TABLES
from guatecompras.formats.csvs import as_csv
from guatecompras.people import UNNAMED
from portal.audit import Audit, Scope, as_scopes, audit_of, is_there, year_of
from portal.filters import address, once
from portal.http.answers import respond
from portal.http.errors import RefusedError, absent, bad_parameter
from portal.pages import charts
from portal.pages.site import absolute, library, render
from portal.pages.spanish import number

router = APIRouter(include_in_schema=False, dependencies=[Depends(once)])

PAGE = "/auditoria"
_ON_A_PAGE, _CHOICES, _LONGEST = 50, 12, 200
# The levels that can be chosen, by their word in addresses.
_CHOSEN = {level: scope for level, scope in LEVELS.items() if level != "pais"}
_PATHS = {
    "pais": "pais",
    "departamento": "departamento/{id}",
    "municipio": "municipio/{region}/{id}",
    "entidad": "entidad/{id}",
}
# How the concursos of a year ended: column, what it is called.
_OUTCOMES = (
    ("completos", "Adjudicados"),
    ("desiertos", "Desiertos"),
    ("no_adjudicados", "No adjudicados"),
    ("sin_efecto", "Sin efecto: anulados, prescindidos, improbados o cancelados"),
    ("en_proceso", "En proceso todavía"),
)
_TIMES = ("un cuarto, en", "la mitad, en", "tres cuartos, en")


@dataclass(frozen=True)
class Line:
    """An indicator as it is shown: its value (None: too few cases), of how many cases, and what it is for the whole country."""

    share: Share
    value: float | None
    part: Any
    whole: Any
    cases: int
    country: float | None

    @property
    def is_money(self) -> bool:
        return isinstance(self.whole, Decimal)


def lines(row: Mapping[str, Any], country: Mapping[str, Any]) -> list[Line]:
    return [
        Line(
            share,
            _float(row[share.id]),
            row[share.part],
            row[share.whole],
            row[share.cases],
            _float(country[share.id]),
        )
        for share in SHARES
    ]


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


# The way in.


@router.get(PAGE)
def home(request: Request, q: str = "", ambito: str = "", pagina: str = "1", version: str = "") -> Response:
    if ambito and ambito not in _CHOSEN:
        raise bad_parameter("ambito", f"debe ser {', '.join(_CHOSEN)}")
    text = q.strip()[:_LONGEST]
    if not is_there(request):
        return render(request, "audit.html.j2", {"audit": None})
    found = audit_of(request, version)
    rows = found.find(ambito, text)
    page = _page(pagina, rows.height)
    shown = rows.slice((page - 1) * _ON_A_PAGE, _ON_A_PAGE)
    asked = {"q": text, "ambito": ambito, "version": version}
    context = {
        "audit": found,
        "levels": _CHOSEN,
        "query": text,
        "level": ambito,
        "listed": bool(text or ambito),
        "total": rows.height,
        "first": (page - 1) * _ON_A_PAGE + 1,
        "found": _rows(shown),
        "before": address(PAGE, asked | {"pagina": page - 1}) if page > 1 else None,
        "after": address(PAGE, asked | {"pagina": page + 1}) if page * _ON_A_PAGE < rows.height else None,
        "departments": _rows(found.find("departamento", "")),
        "tables": [(TABLES[name], _files(found, name)) for name in TABLES] if found.current else [],
        "shares": SHARES,
        "least": parameters.load().least_for_shares,
        "named_people": request.app.state.settings.rank_people,
        "robots": "noindex" if text or page > 1 or version else "",
    }
    return render(request, "audit.html.j2", context)


def _page(text: str, rows: int) -> int:
    last = max(1, -(-rows // _ON_A_PAGE))
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= last):
        raise bad_parameter("pagina", f"debe ser un número de 1 a {last}")
    return int(text)


def _rows(rows: pl.DataFrame) -> list[tuple[Scope, int, float, float]]:
    """Scopes with the concursos and the amount of their last year, and the amount's share of the largest."""
    amounts = rows["monto"].to_list()
    return list(zip(as_scopes(rows), rows["concursos"].to_list(), amounts, charts.shares(amounts), strict=True))


def _files(found: Audit, table: str) -> list[tuple[str, str, int]]:
    """Of a table: the name of each form, where it is, its bytes."""
    return [
        (file["path"].rpartition(".")[2].upper(), f"/publication/{file['path']}", file["bytes"])
        for file in found.files()
        if file["path"].rpartition("/")[2].partition(".")[0] == table
    ]


# One scope.


@dataclass(frozen=True)
class Asked:
    """What is asked of one scope."""

    audit: Audit
    scope: Scope
    year: int

    def rows(self, table: str, *, all_years: bool = False) -> list[dict[str, Any]]:
        return self.audit.rows(table, self.scope, None if all_years else self.year).to_dicts()

    def country(self) -> dict[str, Any]:
        """The indicators of the whole country in that year."""
        return self.audit.rows("indicadores", self.audit.country, self.year).row(0, named=True)

    def published(self) -> list[str]:
        """The months of that year of which anything is public: in others nobody knows what there was."""
        return self.audit.rows("meses", self.audit.country, self.year)["mes"].to_list()

    def address(self, ending: str = "", **more: Any) -> str:
        """With the version: what it leads to stays the same while that version is kept."""
        return address(self.scope.path + ending, {"anio": self.year, "version": self.audit.version} | more)


def asked(request: Request, level: str) -> Asked:
    told = request.query_params
    found = audit_of(request, told.get("version", ""))
    parts = [request.path_params[name] for name in ("region", "id") if name in request.path_params]
    scope = found.scope_of("/".join([level, *parts]))
    if scope is None:
        raise absent(f"{LEVELS[level].one}: ninguno de los concursos publicados es de aquí.")
    return Asked(found, scope, year_of(told.get("anio", ""), scope.years))


def _scope_page(level: str) -> Callable[[Request], Response]:
    def page(request: Request) -> Response:
        # First: what is looked up in it and in the audit is of one edition.
        held = library(request)
        one = asked(request, level)
        is_buyer = level == "entidad" and held.total(one.scope.id, "buyer") is not None
        return render(request, "audit_scope.html.j2", _told(request, one) | {"is_buyer": is_buyer})

    return page


def _told(request: Request, one: Asked) -> dict[str, Any]:
    years = one.rows("indicadores", all_years=True)
    row = next(row for row in years if row["anio"] == one.year)
    country = one.country()
    months, suppliers = one.rows("meses", all_years=True), one.rows("proveedores")
    ended = [(label, row[column], row[column] / row["concursos"]) for column, label in _OUTCOMES]
    return {
        "asked": one,
        "published": one.published(),
        "scope": one.scope,
        "year": one.year,
        "row": row,
        "country": country if one.scope.level != "pais" else None,
        "lines": lines(row, country),
        "years": years[::-1],
        "months": [month for month in months if month["anio"] == one.year],
        "columns": charts.over_months(_filled(months), by_amount=True),
        "outcomes": ended,
        "methods": _with_bars(sorted(one.rows("modalidades"), key=lambda method: -method["monto"]), "monto"),
        "suppliers": _ranked(suppliers),
        "others": OTHERS,
        "some_unnamed": any(row["proveedor_nombre"] == UNNAMED for row in suppliers),
        "fields": one.rows("campos"),
        "slowest": _slowest(row, country),
        "least": parameters.load(),
        "permanent": absolute(request, one.address()),
        "of_year": lambda year: address(one.scope.path, {"anio": year, "version": _kept(one.audit)}),
        "explore": _explore(one),
        "robots": "" if one.audit.current else "noindex",
    }


def _kept(found: Audit) -> str:
    """The version, where it is not what is public now: then who goes on stays in it."""
    return "" if found.current else found.version


def _filled(months: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, float | None]]:
    """All months from the first to the last: one in which there was nothing is a gap that has to be seen."""
    told = {month["mes"]: (month["concursos"], float(month["monto"])) for month in months}
    year, month = map(int, min(told).split("-"))
    filled: list[tuple[str, int, float | None]] = []
    while (name := f"{year}-{month:02}") <= max(told):
        filled.append((name, *told.get(name, (0, 0.0))))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return filled


def _with_bars(rows: Sequence[dict[str, Any]], column: str) -> list[tuple[dict[str, Any], float]]:
    return list(zip(rows, charts.shares([float(row[column]) for row in rows]), strict=True))


def _ranked(rows: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], float]]:
    """Suppliers with their bars, then those that are told together, of which a bar would say nothing."""
    first = [row for row in rows if row["proveedor_tipo"] != OTHERS]
    return [*_with_bars(first, "monto"), *((row, 0.0) for row in rows[len(first) :])]


def _slowest(*rows: Mapping[str, Any]) -> float:
    """The longest time that is drawn."""
    return max([float(row["dias_q3"]) for row in rows if row["dias_q3"] is not None], default=1.0) or 1.0


def _explore(one: Asked) -> str | None:
    """The concursos themselves, where Explorar can show exactly them."""
    days = {"convocado_desde": f"{one.year}-01-01", "convocado_hasta": f"{one.year}-12-31"}
    by = {"entidad": {"comprador": one.scope.id}, "departamento": {"departamento": one.scope.name}, "pais": {}}
    filters = by.get(one.scope.level)
    return None if filters is None else address("/explorar", filters | days)


# The same as files.


def _table(level: str) -> Callable[[Request], Response]:
    def table(request: Request) -> Response:
        """A table's rows of the scope: of a year where one is given, else of all."""
        one, name = asked(request, level), request.path_params["table"]
        if name not in TABLES:
            raise absent(f"Las tablas son {', '.join(TABLES)}.")
        year = one.year if request.query_params.get("anio") else None
        body = as_csv(one.audit.rows(name, one.scope, year))
        return _sent(request, body, "text/csv; charset=utf-8", f"{_file_name(one, year)}-{name}.csv", "attachment")

    return table


def _profile(level: str) -> Callable[[Request], Response]:
    def profile(request: Request) -> Response:
        """The scope and year on one page, as PDF."""
        one = asked(request, level)
        body = pdf.draw(
            pdf.Profile(
                kind=one.scope.kind,
                name=one.scope.full_name,
                year=one.year,
                row=one.audit.rows("indicadores", one.scope, one.year).row(0, named=True),
                country=one.country() if level != "pais" else None,
                months=one.rows("meses"),
                published=one.published(),
                methods=one.rows("modalidades"),
                suppliers=one.rows("proveedores"),
                fields=one.rows("campos"),
                version=one.audit.version,
                url=absolute(request, one.address()),
                publisher=request.app.state.publisher.publisher_name,
            )
        )
        return _sent(request, body, "application/pdf", f"auditoria-{_file_name(one, one.year)}.pdf", "inline")

    return profile


def _file_name(one: Asked, year: int | None) -> str:
    words = one.scope.key.replace("/", "-")
    return f"{words}-{year}" if year else words


def _sent(request: Request, body: bytes, media: str, name: str, disposition: str) -> Response:
    return respond(request, body, media, headers={"Content-Disposition": f'{disposition}; filename="{name}"'})


# Two side by side.


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: what its field shows, and whom that means; `choices`: whom it may mean."""

    name: str
    text: str
    year_text: str
    asked: Asked | None
    choices: tuple[Scope, ...] = ()
    error: str = ""


@router.get(f"{PAGE}/comparar")
def compare(
    request: Request, a: str = "", b: str = "", anio_a: str = "", anio_b: str = "", version: str = ""
) -> Response:
    found = audit_of(request, version)
    sides = _sides(found, a, b, anio_a, anio_b)
    pair = [side.asked for side in sides if side.asked]
    context = {
        "audit": found,
        "sides": sides,
        "pair": _pair(pair) if len(pair) == 2 else None,
        "robots": "noindex",
        "pick": lambda side, scope: address(
            f"{PAGE}/comparar",
            {"a": a, "b": b, "anio_a": anio_a, "anio_b": anio_b, "version": version} | {side.name: scope.key},
        ),
        "permanent": absolute(request, _compared(pair, found)) if len(pair) == 2 else "",
        "table": _compared(pair, found, ".csv") if len(pair) == 2 else "",
        "least": parameters.load(),
    }
    return render(request, "audit_compare.html.j2", context)


@router.get(f"{PAGE}/comparar.csv")
def compared_table(
    request: Request, a: str = "", b: str = "", anio_a: str = "", anio_b: str = "", version: str = ""
) -> Response:
    """The indicators of the two, a row each."""
    found = audit_of(request, version)
    pair = [side.asked for side in _sides(found, a, b, anio_a, anio_b) if side.asked]
    if len(pair) < 2:
        raise absent("Hacen falta dos entidades, lugares o años con datos, como los dice la página «Comparar».")
    body = as_csv(pl.concat(one.audit.rows("indicadores", one.scope, one.year) for one in pair))
    name = "-y-".join(_file_name(one, one.year) for one in pair)
    return _sent(request, body, "text/csv; charset=utf-8", f"{name}.csv", "attachment")


def _sides(found: Audit, a: str, b: str, anio_a: str, anio_b: str) -> list[Side]:
    # One alone is compared with itself in another year.
    return [_side(found, "a", a, anio_a), _side(found, "b", b or (a if anio_b else ""), anio_b)]


def _side(found: Audit, name: str, text: str, year: str) -> Side:
    text = text.strip()[:_LONGEST]
    if not text:
        return Side(name, text, year, None)
    scope = found.scope_of(text)
    if scope is None:
        rows = found.find("", text)
        if rows.height != 1:
            told = "Nadie se llama así." if rows.is_empty() else f"{rows.height:,} se llaman así: elija."
            return Side(name, text, year, None, tuple(as_scopes(rows.head(_CHOICES))), told)
        scope = as_scopes(rows)[0]
    try:
        return Side(name, scope.key, year, Asked(found, scope, year_of(year, scope.years, f"anio_{name}")))
    except RefusedError as error:
        if error.status != 404:
            raise
        return Side(name, scope.key, year, None, (), error.detail)


def _compared(pair: Sequence[Asked], found: Audit, ending: str = "") -> str:
    first, second = pair
    told = {"a": first.scope.key, "anio_a": first.year, "b": second.scope.key, "anio_b": second.year}
    return address(f"{PAGE}/comparar{ending}", told | {"version": found.version})


def _pair(pair: Sequence[Asked]) -> dict[str, Any]:
    rows = [one.rows("indicadores")[0] for one in pair]
    amounts = charts.shares([float(row["monto"]) for row in rows])
    months = [_of_year(one) for one in pair]
    return {
        "asked": pair,
        "rows": rows,
        "amounts": amounts,
        "shares": [
            (share, *(_float(row[share.id]) for row in rows), [row[share.cases] for row in rows]) for share in SHARES
        ],
        "times": [
            (label, *(_float(row[name]) for row in rows)) for (name, *_), label in zip(TIMES, _TIMES, strict=True)
        ],
        "columns": [charts.over_months(told, by_amount=True) for told in months],
        "months": list(zip(*months, strict=True)),
        "slowest": _slowest(*rows),
        "points": _points,
        "later": _later,
        "same": pair[0].scope == pair[1].scope,
    }


def _of_year(one: Asked) -> list[tuple[str, int, float | None]]:
    """All twelve months of a year, so that two years stand beside each other; those that are not published without an amount."""
    told, published = {month["mes"]: month for month in one.rows("meses")}, one.published()
    found: list[tuple[str, int, float | None]] = []
    for name in (f"{one.year}-{month:02}" for month in range(1, 13)):
        row = told.get(name, {"concursos": 0, "monto": 0})
        found.append((name, row["concursos"], float(row["monto"]) if name in published else None))
    return found


def _points(first: float | None, second: float | None) -> str:
    """The difference of two shares, in points of a hundred."""
    if first is None or second is None:
        return "–"
    points = round(100 * (second - first), 1)
    return "igual" if points == 0 else f"{'+' if points > 0 else '−'}{number(abs(points), 1)} puntos"


def _later(first: float | None, second: float | None) -> str:
    """The difference of two times, in days."""
    if first is None or second is None:
        return "–"
    days = round(second - first, 1)
    return (
        "igual"
        if days == 0
        else f"{'+' if days > 0 else '−'}{number(abs(days), 1)} {'día' if abs(days) == 1 else 'días'}"
    )


for _level, _path in _PATHS.items():
    router.add_api_route(f"{PAGE}/{_path}/perfil.pdf", _profile(_level))
    router.add_api_route(f"{PAGE}/{_path}/{{table}}.csv", _table(_level))
    router.add_api_route(f"{PAGE}/{_path}", _scope_page(_level))
