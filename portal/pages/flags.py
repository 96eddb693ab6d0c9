"""Alertas: which concursos to review first and why, and each indicator with its rule, its counts and what it raised.

What is looked up is `portal/flags.py`'s, what raises a flag `guatecompras/integrity/`'s business.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import polars as pl
from fastapi import APIRouter, Depends, Request, Response

from guatecompras.integrity.columns import FLAGS, REVIEW, SUMMARY
from guatecompras.integrity.indicator import Topic
from guatecompras.integrity.monthly import RULES
from guatecompras.publication import MANIFEST
from portal import flags
from portal.filters import address, once
from portal.http.errors import absent, bad_parameter
from portal.http.requests import edition, settings
from portal.pages import charts
from portal.pages.site import render
from portal.pages.spanish import money, quantity

router = APIRouter(include_in_schema=False, dependencies=[Depends(once)])

PAGE = "/alertas"
_ON_A_PAGE, _FLAGS_ON_A_PAGE, _LONGEST = 25, 20, 200
TOPICS: tuple[str, ...] = get_args(Topic)
# Endings of files as people call them, those of a table of one month.
_FORMS = {"xlsx": "Excel", "csv": "CSV", "json": "JSON", "parquet": "Parquet"}
_ALL_FORMS = {"_csv.zip": "CSV", "jsonl.gz": "JSON Lines", "parquet": "Parquet"}
_PIECE = re.compile(r"(\d{4,12}):(.*)", re.DOTALL)
# Pieces of evidence shown at once; the rest opens.
_PIECES = 3


def measured(value: float | None, unit: str) -> str:
    """A value or threshold with its unit. A share may be very small: it is told by its first figures."""
    if value is None:
        return "–"
    if unit == "quetzales":
        return money(value)
    if unit == "proporción":
        return f"{float(f'{value * 100:.3g}'):,.10g} %"
    told = quantity(value)
    if unit in ("cuenta", "índice"):
        return told
    return f"{told} {unit.removesuffix('s') if value == 1 and unit == 'oferentes' else unit}"


def pieces(evidence: str | None) -> list[tuple[str, str]]:
    """Evidence as it is read: of which NOG (empty where that is not said), and what."""
    found: list[tuple[str, str]] = []
    for piece in (evidence or "").split("; "):
        named = _PIECE.fullmatch(piece)
        if named:
            found.append((named[1], named[2]))
        elif piece:
            found.append(("", piece))
    return found


def shown(request: Request, rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Flags as the template reads them."""
    if not settings(request).rank_people:
        rows = flags.without_people(rows)
    return [_shown(row) for row in rows.to_dicts()]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    evidence = pieces(row["evidencia"])
    return row | {
        "measured": measured(row["valor"], row["unidad"]),
        "threshold": measured(row["umbral"], row["unidad"]),
        "first": evidence[:_PIECES],
        "more": evidence[_PIECES:],
        "monto": None if row["monto"] is None else float(row["monto"]),
    }


# What to review first.


@router.get(PAGE)
def home(
    request: Request,
    mes: str = "",
    indicador: str = "",
    tema: str = "",
    prioridad: str = "",
    departamento: str = "",
    comprador: str = "",
    pagina: str = "1",
) -> Response:
    found = edition(request)
    if not flags.months(found):
        return render(request, "flags.html.j2", {"held": None})
    held = flags.asked(found, mes)
    rules = held.rules
    chosen = {
        "indicador": _among("indicador", indicador, [one["id"] for one in rules["indicadores"]]),
        "tema": _among("tema", tema, TOPICS),
        "prioridad": _among("prioridad", prioridad, rules["prioridad"]),
        "departamento": departamento.strip()[:_LONGEST],
    }
    buyer = comprador.strip()[:_LONGEST]
    wanted = flags.matching(flags.OF_REVIEW, chosen)
    if buyer:
        wanted &= pl.col("comprador_id").is_in(held.buyers(buyer))
    page = _number(pagina)
    total, rows = held.page(REVIEW, wanted, (page - 1) * _ON_A_PAGE, _ON_A_PAGE)
    _check(page, total, _ON_A_PAGE)
    told = chosen | {"mes": mes, "comprador": buyer}
    summary = held.summary()
    everything = flags.of_all(found)
    context = {
        "held": held,
        "months": flags.months(found),
        "rules": rules,
        "names": {one["id"]: one["nombre"] for one in rules["indicadores"]},
        "asked": told,
        "filtered": any(chosen.values()) or bool(buyer),
        "topics": [(name, name.capitalize()) for name in TOPICS],
        "levels": [(name, name.capitalize()) for name in rules["prioridad"]],
        "departments": [(name, name) for name in held.departments()],
        "total": total,
        "priorities": _priorities(held),
        "rows": [row | {"ids": row["indicadores"].split(", ")} for row in rows.to_dicts()],
        "summary": _with_shares(summary),
        "of_indicator": lambda indicator: _link(indicator, mes),
        "tables": [(table, _files(held, table, _FORMS)) for table in (FLAGS, REVIEW, SUMMARY)],
        "whole": [(table, _files(everything, table, _ALL_FORMS)) for table in (FLAGS, REVIEW)] if everything else [],
        "named_people": settings(request).rank_people,
        "robots": "noindex" if any(told.values()) or page > 1 else "",
        **_pages(PAGE, told, page, total, _ON_A_PAGE),
    }
    return render(request, "flags.html.j2", context)


def _among(name: str, text: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    if text and text not in known:
        raise bad_parameter(name, f"debe ser {', '.join(known)}")
    return text


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) < 10**7):
        raise bad_parameter("pagina", "debe ser un número de 1 en adelante")
    return int(text)


def _check(page: int, total: int, on_a_page: int) -> None:
    last = max(1, -(-total // on_a_page))
    if page > last:
        raise bad_parameter("pagina", f"no existe: la última es la {last}")


def _pages(path: str, told: Mapping[str, Any], page: int, total: int, on_a_page: int) -> dict[str, Any]:
    return {
        "first": (page - 1) * on_a_page + 1,
        "before": address(path, {**told, "pagina": page - 1}) if page > 1 else None,
        "after": address(path, {**told, "pagina": page + 1}) if page * on_a_page < total else None,
    }


def _priorities(held: flags.Flags) -> dict[str, int]:
    """How many concursos of the month are of each priority, highest first."""
    counts = dict(held.rows(REVIEW).group_by("prioridad").agg(pl.len()).collect().iter_rows())
    return {name: counts.get(name, 0) for name in held.rules["prioridad"]}


def _with_shares(summary: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], float]]:
    """The indicators, those with most flags first, with their bars."""
    rows = sorted(summary, key=lambda one: (-one["activadas"], one["indicador"]))
    return list(zip(rows, charts.shares([float(row["activadas"]) for row in rows]), strict=True))


def _files(held: flags.Flags, table: Any, forms: Mapping[str, str]) -> list[tuple[str, str, int]]:
    """Of a table: the name of each form, where it is, its bytes."""
    found = {ending: (url, size) for ending, url, size in held.files(table)}
    return [(name, *found[ending]) for ending, name in forms.items() if ending in found]


def _link(indicator: str, month: str) -> str:
    return address(f"{PAGE}/{indicator}", {"mes": month})


# One indicator.


@router.get(PAGE + "/{indicador}")
def indicator(request: Request, indicador: str, mes: str = "", pagina: str = "1") -> Response:
    found = edition(request)
    held = flags.asked(found, mes)
    rule = held.rule(indicador)
    if rule is None:
        raise absent("No hay un indicador con ese código; todos están en «Alertas».")
    page = _number(pagina)
    wanted = flags.matching(flags.OF_FLAGS, {"indicador": indicador})
    total, rows = held.page(FLAGS, wanted, (page - 1) * _FLAGS_ON_A_PAGE, _FLAGS_ON_A_PAGE)
    _check(page, total, _FLAGS_ON_A_PAGE)
    path = f"{PAGE}/{indicador}"
    own = next(one for one in held.summary() if one["indicador"] == indicador)
    context = {
        "held": held,
        "rule": rule,
        "rules": held.rules,
        "own": own,
        "judged": own["activadas"] + own["sin_senal"],
        "counts": _by_month(flags.by_month(found, indicador), own, held.month),
        "total": total,
        "rows": shown(request, rows),
        "manifest": held.address(MANIFEST),
        "rules_file": held.address(RULES),
        "of_month": lambda month: _link(indicador, month),
        "review": address(PAGE, {"mes": mes, "indicador": indicador}),
        "measured": quantity,
        "robots": "noindex" if mes or page > 1 else "",
        **_pages(path, {"mes": mes}, page, total, _FLAGS_ON_A_PAGE),
    }
    return render(request, "flag_indicator.html.j2", context)


def _by_month(
    counts: Sequence[Mapping[str, Any]], own: Mapping[str, Any], month: str
) -> list[tuple[Mapping[str, Any], float]]:
    """The counts of each month with the share raised of those judged; of the month alone, where there are no others."""
    rows = counts or [{**own, "mes": month}]
    return [
        (row, row["activadas"] / judged if (judged := row["activadas"] + row["sin_senal"]) else 0.0) for row in rows
    ]
