"""The quality of a month as one page for the public, in Spanish, drawn from the report's document and from nothing else.

The page holds all that it shows: no script, font or image is loaded. Its words are in `data/report/quality.html.j2`, how it
looks in `quality.css` beside it; here is what is counted, ordered and named for them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from guatecompras.months import SPANISH, UTC_OFFSET, Month
from guatecompras.ocds.mapping import SECTIONS, fields, section_of
from guatecompras.quality.report import charts
from guatecompras.settings import LICENSE
from guatecompras.spanish import PERCENT, number, percent

FOLDER = Path(__file__).parents[2] / "data" / "report"

# Dimensions in the order of the page, and what each asks.
DIMENSIONS: Mapping[str, str] = {
    "completitud": "¿Está todo lo que debe estar?",
    "validez": "¿Cada dato tiene la forma y los códigos debidos?",
    "coherencia": "¿Los hechos de un proceso caben juntos: fechas, estados, montos?",
    "consistencia": "¿Lo que se dice dos veces se dice igual?",
    "referencias": "¿Lo que se menciona existe?",
    "unicidad": "¿Nada está dos veces?",
    "plausibilidad": "¿Las fechas, los montos y las cantidades son creíbles?",
    "legalidad": "¿Los montos y los plazos son los que la ley fija?",
    "distribución": "¿El mes se parece a los meses anteriores?",
    "estabilidad": "¿Lo ya publicado sigue ahí y sigue igual?",
}
# From the gravest: how a severity is called, and what it means.
SEVERITIES: Mapping[str, tuple[str, str]] = {
    "block": ("impide publicar", "el mes no se publica mientras no se cumpla"),
    "warn": ("aviso", "quien publica tiene que mirarlo; no detiene la publicación"),
    "note": ("nota", "conviene saberlo al usar los datos; a menudo viene así de la fuente"),
}
# What the month is like: the distribution, what its categories are, what is counted; whether their own order is kept.
DISTRIBUTIONS: tuple[tuple[str, str, str, bool], ...] = (
    ("methods", "Modalidad", "concursos", False),
    ("statuses", "Estatus", "concursos", False),
    ("categories", "Objeto de la compra", "concursos", False),
    ("tenderers", "Número de oferentes", "concursos con alguna oferta", True),
)
CATEGORIES: Mapping[str, str] = {
    "-": "Sin dato",
    "goods": "Bienes",
    "services": "Servicios",
    "works": "Obras",
    "5+": "5 o más",
}
COUNTS: Mapping[str, str] = {
    "concursos": "Concursos convocados en el mes",
    "releases": "Publicaciones (hechos de esos concursos)",
    "awards": "Adjudicaciones",
    "rejected": "Concursos no publicados por errores",
    "reject_rows": "Filas de la fuente apartadas con su motivo",
}
# Bars of one distribution; the smaller categories are told as one.
_MOST = 15
_LONGEST = 240


def render(document: Mapping[str, Any]) -> str:
    """The page of a report (`quality.json` as `document.py` makes it). The same document gives the same text."""
    told = view(document)
    return _page().render(told | {"charts": _charts(told["trend"])})


@cache
def _page() -> Template:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, percent=percent, month=month_words, short=_shortened, counted=_counted)
    return environment.get_template("quality.html.j2")


def view(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows of a report, counted, ordered and named; all but the charts."""
    checks = sorted(document["checks"], key=lambda check: (_place(DIMENSIONS, check["dimension"]), check["id"]))
    titles = {path: told["title"] for path, told in document["coverage"].items()}
    history = [
        {"month": month, **document["history"][month]}
        for month in sorted(document["history"])
        if month != document["month"]
    ]
    this = {"month": document["month"], "score": document["score"], "counts": document["counts"]}
    trend = [*history, this] if history else []
    return {
        "report": document,
        "as_of": _moment(document["as_of"]),
        "verdict": _verdict(checks, document["accepted"]),
        "judged": any(check["applicable"] for check in checks),
        "facts": [(words, document["counts"][name]) for name, words in COUNTS.items() if name in document["counts"]],
        "dimensions": _dimensions(document["dimensions"], history),
        "before": history[-1]["month"] if history else None,
        "failing": [_failure(check, titles, document["accepted"]) for check in _gravest(checks)],
        "tolerated": [_resulted(check) for check in _worst(checks) if check["state"] == "pass" and check["failed"]],
        "sections": _sections(document["coverage"]),
        "distributions": list(_distributions(document["distributions"])),
        "trend": trend,
        "groups": _groups(checks),
        "severities": SEVERITIES,
        "license": LICENSE,
    }


# --- words


def month_words(month: str) -> str:
    """`2026-05`: mayo de 2026."""
    return Month.parse(month).in_spanish


def _moment(written: str) -> str:
    """An RFC 3339 moment as a Guatemalan reads it."""
    moment = datetime.fromisoformat(written).astimezone(UTC_OFFSET)
    return f"{moment.day} de {SPANISH[moment.month - 1]} de {moment.year}, a las {moment:%H:%M}, hora de Guatemala"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _counted(count: int, one: str, many: str) -> str:
    return f"{number(count)} {one if count == 1 else many}"


def _place(order: Iterable[str], name: str) -> tuple[int, str]:
    """Where a name stands in an order; those that are not in it come last."""
    known = list(order)
    return (known.index(name) if name in known else len(known), name)


# --- what is shown


def _verdict(checks: Sequence[Mapping[str, Any]], accepted: Mapping[str, str]) -> dict[str, str]:
    """Whether the month may be published, in words, and the kind of it for the looks."""
    failing = [check for check in checks if check["state"] == "fail"]
    blocking = [check for check in failing if check["severity"] == "block"]
    stopping = [check for check in blocking if check["id"] not in accepted]
    warnings = [check for check in failing if check["severity"] == "warn"]
    notes = len(failing) - len(blocking) - len(warnings)
    applied = sum(check["state"] != "not_applicable" for check in checks)
    if stopping:
        kind, words = "block", "No se puede publicar"
        why = [
            _counted(
                len(stopping),
                "control que impide publicar no se cumple",
                "controles que impiden publicar no se cumplen",
            )
        ]
    elif not applied:
        kind, words, why = "none", "Nada que revisar", ["Ningún control se aplica a este mes"]
    elif blocking:
        kind, words = "warn", "Se publica por excepción"
        why = [_counted(len(blocking), "fallo grave fue aceptado", "fallos graves fueron aceptados")]
    elif warnings:
        kind, words, why = "warn", "Se publica con avisos", []
    else:
        kind, words, why = "pass", "Limpio: se publica sin avisos", []
    why += [_counted(len(warnings), "aviso", "avisos")] if warnings else []
    why += [_counted(notes, "nota", "notas")] if notes else []
    passed = applied - len(failing)
    told = (
        f" Se cumplen {number(passed)} de los {number(applied)} controles que se aplican a este mes." if applied else ""
    )
    return {"kind": kind, "words": words, "why": f"{'; '.join(why)}.{told}" if why else told.strip()}


def _gravest(checks: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Checks that fail, the gravest first, and among them those of which most fails."""
    failing = [check for check in _worst(checks) if check["state"] == "fail"]
    return sorted(failing, key=lambda check: _place(SEVERITIES, check["severity"])[0])


def _worst(checks: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(checks, key=lambda check: (-_share(check), check["id"]))


def _share(check: Mapping[str, Any]) -> float:
    return float(check["failed"] / check["applicable"]) if check["applicable"] else 0.0


def _failure(check: Mapping[str, Any], titles: Mapping[str, str], accepted: Mapping[str, str]) -> dict[str, Any]:
    examples = [example | {"title": titles.get(example["path"], "")} for example in check["examples"]]
    return {**_resulted(check), "examples": examples, "accepted": accepted.get(check["id"])}


def _resulted(check: Mapping[str, Any]) -> dict[str, Any]:
    return {**check, "share": _share(check), "tolerated": _tolerated(check)}


def _tolerated(check: Mapping[str, Any]) -> str:
    """What the rule lets fail, in words; empty where nothing may."""
    words = [f"{100 * check['max_share']:.6g}{PERCENT}"] if check["max_share"] else []
    words += [_counted(check["max_count"], "caso", "casos")] if check["max_count"] else []
    return " o ".join(words)


def _dimensions(told: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    before = history[-1]["dimensions"] if history else {}
    return [
        {"name": name, "asks": DIMENSIONS.get(name, ""), "before": before.get(name), **told[name]}
        for name in sorted(told, key=lambda name: _place(DIMENSIONS, name))
    ]


def _sections(coverage: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The published fields, in the order of the mapping, grouped."""
    order = {field.path: place for place, field in enumerate(fields())}
    found: dict[str, list[dict[str, Any]]] = {section: [] for section in SECTIONS.values()}
    for path in sorted(coverage, key=lambda path: (order.get(path, len(order)), path)):
        told = coverage[path]
        share = told["share"] if told["possible"] else None
        found[section_of(path)].append({"path": path, **told, "share": share})
    return [
        {
            "title": title,
            "fields": rows,
            "always": sum(row["share"] == 1 for row in rows),
            "rarest": min(
                (row for row in rows if row["share"] is not None), key=lambda row: row["share"], default=None
            ),
        }
        for title, rows in found.items()
        if rows
    ]


def _distributions(told: Mapping[str, Mapping[str, float]]) -> Iterable[dict[str, Any]]:
    for name, title, unit, ordered in DISTRIBUTIONS:
        counts = told.get(name, {})
        total = sum(counts.values())
        if not total:
            continue
        rows = sorted(counts.items(), key=lambda row: row if ordered else (-row[1], row[0]))
        rest = rows[_MOST:] if len(rows) > _MOST + 1 else []
        rows = rows[: len(rows) - len(rest)]
        if rest:
            rows.append((f"Otras {number(len(rest))} categorías", sum(count for _, count in rest)))
        yield {
            "title": title,
            "unit": unit,
            "rows": [
                {"name": CATEGORIES.get(name, name), "count": count, "share": count / total} for name, count in rows
            ],
        }


def _charts(trend: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The score and the number of concursos of each month; nothing where there is but one."""
    if not trend:
        return []
    first, last = month_words(trend[0]["month"]), month_words(trend[-1]["month"])
    scores = [(row["month"], row["score"], number(row["score"], 1)) for row in trend]
    concursos = [(row["month"], row["counts"]["concursos"], number(row["counts"]["concursos"])) for row in trend]
    lowest = max(0, min(score for _, score, _ in scores) // 5 * 5 - 5)
    return [
        {
            "caption": f"Puntaje de cada mes. El eje empieza en {number(lowest)}, no en cero.",
            "svg": charts.line(
                f"Gráfica de línea: puntaje de calidad por mes, de {first} a {last}; {_spread(scores)}.",
                _points(scores),
                lowest,
                100,
            ),
        },
        {
            "caption": "Concursos convocados en cada mes.",
            "svg": charts.bars(
                f"Gráfica de barras: concursos por mes, de {first} a {last}; {_spread(concursos)}.", _points(concursos)
            ),
        },
    ]


def _points(rows: Sequence[tuple[str, float, str]]) -> list[charts.Point]:
    return [(*row, place == len(rows) - 1) for place, row in enumerate(rows)]


def _spread(rows: Sequence[tuple[str, float, str]]) -> str:
    lowest, highest = min(rows, key=lambda row: row[1]), max(rows, key=lambda row: row[1])
    return f"el menor es {lowest[2]} ({month_words(lowest[0])}), el mayor {highest[2]} ({month_words(highest[0])})"


def _groups(checks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All checks by dimension, each with how it went."""
    names = dict.fromkeys(check["dimension"] for check in checks)
    return [
        {
            "name": name,
            "asks": DIMENSIONS.get(name, ""),
            "failing": sum(check["state"] == "fail" for check in checks if check["dimension"] == name),
            "checks": [_resulted(check) for check in checks if check["dimension"] == name],
        }
        for name in names
    ]
