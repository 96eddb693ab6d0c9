"""The profile of a scope and year on one page, as PDF, set by Typst with its own fonts: always the same bytes for the same rows.

How it looks is `data/audit/profile.typ`; what is counted, `indicators.py`'s. It is tagged for screen readers (PDF/UA-1).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from guatecompras.audit.indicators import SHARES, TIMES
from guatecompras.audit.parameters import FOLDER, load
from guatecompras.audit.tables import OTHERS
from guatecompras.months import SPANISH
from guatecompras.publication import data_time
from guatecompras.spanish import number, percent

Row = Mapping[str, Any]

_METHODS, _SUPPLIERS, _FIELDS = 5, 8, 5
# Longer names would take lines that the page has not.
_NAME, _TITLE = 64, 140
_FEW = "pocos casos"


@dataclass(frozen=True)
class Profile:
    """What is drawn: rows of the audit's tables, all of one scope and year. `country`: the same year's indicators of the whole
    country; None where that is what is drawn; `published`: the months of the year of which anything is public."""

    kind: str
    name: str
    year: int
    row: Row
    country: Row | None
    months: Sequence[Row]
    published: Collection[str]
    methods: Sequence[Row]
    suppliers: Sequence[Row]
    fields: Sequence[Row]
    version: str
    url: str
    publisher: str


def draw(profile: Profile) -> bytes:
    """The PDF. Raises RuntimeError (Typst's own) when the template does not fit the document."""
    # A compiler: only who draws loads it.
    import typst  # noqa: PLC0415

    return typst.compile(
        str(FOLDER / "profile.typ"),
        root=str(FOLDER),
        sys_inputs={"profile": orjson.dumps(_told(profile)).decode()},
        ignore_system_fonts=True,
        pdf_standards="ua-1",
        timestamp=int(data_time(profile.version).timestamp()),
        format="pdf",
    )


def _told(profile: Profile) -> dict[str, Any]:
    dated, row = data_time(profile.version), profile.row
    return {
        "kind": profile.kind,
        "name": _cut(profile.name, _TITLE),
        "year": profile.year,
        "date": [dated.year, dated.month, dated.day],
        "as_of": f"{dated.day} de {SPANISH[dated.month - 1]} de {dated.year}",
        "version": profile.version,
        "url": profile.url,
        "publisher": profile.publisher,
        "least": load().least_for_shares,
        "figures": [
            [number(row["concursos"]), "concursos convocados"],
            [number(row["adjudicados"]), "adjudicados"],
            [_money(row["monto"]), "adjudicados en total"],
            [number(row["proveedores"]), "proveedores distintos"],
        ],
        "has_country": profile.country is not None,
        "indicators": [*_shares(profile), *_times(profile)],
        "months": _months(profile),
        "methods": _methods(profile.methods),
        "suppliers": _suppliers(profile.suppliers),
        "fields": _fields(profile.fields),
    }


def _shares(profile: Profile) -> list[list[Any]]:
    """Title, value, of how many cases, the country's value, and how long its bar is."""
    return [
        [
            share.title,
            _share(profile.row[share.id]),
            number(profile.row[share.cases]),
            _share(profile.country[share.id]) if profile.country else "",
            float(profile.row[share.id] or 0),
        ]
        for share in SHARES
    ]


def _times(profile: Profile) -> list[list[Any]]:
    cases = number(profile.row["con_tiempo"])
    return [
        [
            f"Días a la adjudicación: {words}",
            _days(profile.row[name]),
            cases,
            _days(profile.country[name]) if profile.country else "",
            0.0,
        ]
        for (name, _, _), words in zip(TIMES, ("un cuarto, en", "la mitad, en", "tres cuartos, en"), strict=True)
    ]


def _share(value: Any) -> str:
    return _FEW if value is None else percent(float(value))


def _days(value: Any) -> str:
    return _FEW if value is None else number(float(value), 1)


def _money(value: Any) -> str:
    """Whole quetzales; millions from a million on."""
    return f"Q{number(float(value) / 1e6, 2)} millones" if value >= 1_000_000 else f"Q{number(float(value))}"


def _months(profile: Profile) -> list[list[Any]]:
    """All twelve: of one in which nothing was bought that is told, of one that is not published nothing is."""
    told = {row["mes"]: row for row in profile.months}
    most = max((float(row["monto"]) for row in profile.months), default=0.0) or 1.0
    made: list[list[Any]] = []
    for place, word in enumerate(SPANISH, 1):
        month = f"{profile.year}-{place:02}"
        row = told.get(month, {"concursos": 0, "monto": 0})
        amount = float(row["monto"])
        counts = [number(row["concursos"]), number(amount / 1000)] if month in profile.published else ["—", "—"]
        made.append([word[:3], *counts, amount / most])
    return made


def _methods(rows: Sequence[Row]) -> list[list[str]]:
    """Those of most amount, and the others together."""
    ranked = sorted(rows, key=lambda row: (-row["monto"], row["modalidad"] or ""))
    shown = [[_cut(row["modalidad"] or "No informada", _NAME), *_amounts(row)] for row in ranked[:_METHODS]]
    return [*shown, *_rest(ranked[_METHODS:], "Otras modalidades", len(ranked) - _METHODS)]


def _suppliers(rows: Sequence[Row]) -> list[list[str]]:
    """Those with most, and the others together."""
    first = [row for row in rows if row["proveedor_tipo"] != OTHERS][:_SUPPLIERS]
    rest = rows[len(first) :]
    return [
        *(
            [_cut(row["proveedor_nombre"] or row["proveedor"] or "No informado", _NAME), *_amounts(row)]
            for row in first
        ),
        *_rest(rest, "Otros proveedores", sum(row["proveedores"] for row in rest)),
    ]


def _rest(rows: Sequence[Row], label: str, count: int) -> list[list[str]]:
    if not rows:
        return []
    amount, share = sum(row["monto"] for row in rows), sum(float(row["cuota"] or 0) for row in rows)
    concursos = sum(row["concursos"] for row in rows)
    return [[f"{label} ({number(count)})", *_amounts({"concursos": concursos, "monto": amount, "cuota": share})]]


def _amounts(row: Row) -> list[str]:
    share = "—" if row["cuota"] is None else percent(float(row["cuota"]))
    return [number(row["concursos"]), f"Q{number(float(row['monto']))}", share]


def _fields(rows: Sequence[Row]) -> list[list[str]]:
    """The ones that are missing most; what is always there is not told."""
    lacking = [row for row in rows if row["cuota"] is not None and row["presentes"] < row["esperados"]]
    ranked = sorted(lacking, key=lambda row: (row["cuota"], row["orden"]))
    return [
        [row["titulo"], f"{number(row['presentes'])} de {number(row['esperados'])}", percent(float(row["cuota"]))]
        for row in ranked[:_FIELDS]
    ]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip(' ,.;-')}…"
