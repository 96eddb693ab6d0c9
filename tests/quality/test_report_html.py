"""The page of a month's quality: all of the document is in it, nothing else is loaded, and hostile text stays text."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any, get_args

import pytest

from guatecompras import quality, spanish
from guatecompras.ocds.mapping import fields
from guatecompras.quality.check import Dimension
from guatecompras.quality.report import charts, html
from guatecompras.quality.rules import Severity

VOID = {"meta", "br", "link", "img", "input", "wbr"}
HOSTILE = "<script>alert('x')</script>\"'&{{ 7*7 }}</td></table>"
NOG = "https://www.guatecompras.gt/concursos/consultaConcurso.aspx?nog={}&o=5"
ROOT = Path(__file__).parents[2]


class Page(HTMLParser):
    """A page as a list of its elements: name, attributes and all text within; raises on what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, dict(attrs), list[str]())
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, _, text in self._open:
            text.append(data)

    def all(self, *tags: str) -> Iterator[tuple[dict[str, str | None], str]]:
        return ((attrs, " ".join("".join(text).split())) for tag, attrs, text in self.elements if tag in tags)

    def texts(self, *tags: str) -> list[str]:
        return [text for _, text in self.all(*tags)]

    def text(self) -> str:
        return self.texts("body")[0]


def document(month: quality.Month, outcomes: list[quality.Outcome]) -> dict[str, Any]:
    """A month's report as its document tells it."""
    checks = [
        {
            **outcome.summary(),
            "level": outcome.check.level,
            "dimension": outcome.check.dimension,
            "max_share": outcome.rule.max_share,
            "max_count": outcome.rule.max_count,
            "meaning": outcome.check.meaning,
            "description": outcome.check.description,
            "paths": list(outcome.check.paths),
            "examples": [
                {**example, "url": NOG.format(example["nog"]) if example["nog"] else None}
                for example in outcome.summary()["examples"]
            ],
        }
        for outcome in outcomes
    ]
    applied = [check for check in checks if check["applicable"]]
    dimensions = {}
    for name in sorted({check["dimension"] for check in applied}):
        own = [check for check in applied if check["dimension"] == name]
        dimensions[name] = {
            "score": int(1000 * fmean(1 - check["failed"] / check["applicable"] for check in own)) / 10,
            "applicable": sum(check["applicable"] for check in own),
            "failed": sum(check["failed"] for check in own),
            "checks": len(own),
            "failing": sum(check["state"] == "fail" for check in own),
        }
    titles = {field.path: field.title for field in fields()}
    records = month.scan("records").collect()
    return {
        "schema": 1,
        "month": month.month,
        "version": "20260821T010046-cb373980d6e9",
        "as_of": "2026-08-21T01:00:46-06:00",
        "score": int(10 * fmean([told["score"] for told in dimensions.values()] or [0])) / 10,
        "dimensions": dimensions,
        "counts": dict(month.counts),
        "checks": checks,
        "coverage": {
            path: {
                "present": present,
                "possible": possible,
                "share": present / possible if possible else None,
                "title": titles[path],
            }
            for path, (present, possible) in month.coverage.items()
        },
        "distributions": {
            name: {value or "-": float(count) for value, count in records.group_by(column).len().sort(column).rows()}
            for name, column in (
                ("methods", "tender_procurementMethodDetails"),
                ("statuses", "tender_statusDetails"),
                ("categories", "tender_mainProcurementCategory"),
            )
        }
        | {"estimatedValues": {"count": 3.0, "p50": 12.5}},
        "accepted": {},
        "compared": {"previous": None, "history": {}, "unreadable": []},
        "history": {},
    }


def with_history(told: dict[str, Any], months: int = 12) -> dict[str, Any]:
    """The same report with earlier months behind it."""
    names = [f"{2025 + place // 12}-{place % 12 + 1:02}" for place in range(12 - months, 12)]
    history = {
        name: {
            "version": "20250601T000000-000000000000",
            "score": 93.1 + place % 5,
            "dimensions": dict.fromkeys(told["dimensions"], 98.5),
            "counts": {"concursos": 500 + 37 * place % 211, "releases": 1_200 + place, "awards": 380},
        }
        for place, name in enumerate(names)
    }
    compared = {"previous": "20260820T010046-aaaaaaaaaaaa", "history": dict.fromkeys(names, "v"), "unreadable": []}
    return {**told, "history": history, "compared": compared}


def failing(told: dict[str, Any], *checks: str, failed: int = 3, **changes: Any) -> dict[str, Any]:
    """The same report with these checks failing."""
    nogs = range(30_000_001, 30_000_001 + min(5, failed))
    examples = [{"nog": nog, "path": "tender/title", "value": f"valor {nog}", "url": NOG.format(nog)} for nog in nogs]
    broken = {"state": "fail", "passed": False, "failed": failed, "failures": failed, "examples": examples, **changes}
    assert {check["id"] for check in told["checks"]} >= set(checks)
    found = [check | (broken if check["id"] in checks else {}) for check in told["checks"]]
    return {**told, "checks": [{**check, "applicable": max(check["applicable"], check["failed"])} for check in found]}


def hostile(told: dict[str, Any]) -> dict[str, Any]:
    """Every text that comes from data or people says something bad, or too much."""
    examples = [
        {"nog": None, "path": HOSTILE, "value": HOSTILE, "url": None},
        {"nog": 12, "path": "tender/title", "value": "x" * 20_000, "url": "javascript:alert(1)"},
        {"nog": 13, "path": "tender/title", "value": None, "url": 'https://example.org/"onmouseover="x'},
    ]
    broken = failing(told, "counts", "nit_check_digit", examples=examples, meaning=f"Nada {HOSTILE}.")
    return {
        **broken,
        "version": HOSTILE,
        "accepted": {"counts": HOSTILE},
        "compared": {"previous": HOSTILE, "history": {}, "unreadable": [HOSTILE, "y" * 5_000]},
        "distributions": {"methods": {HOSTILE: 3.0, "z" * 3_000: 2.0, "-": 1.0}},
    }


def nothing(told: dict[str, Any]) -> dict[str, Any]:
    """A month in which there is nothing to judge."""
    idle = {"state": "not_applicable", "applicable": 0, "failed": 0, "failures": 0, "examples": []}
    none = {"present": 0, "possible": 0, "share": None}
    return {
        **told,
        "score": 0.0,
        "dimensions": {},
        "counts": dict.fromkeys(told["counts"], 0),
        "checks": [check | idle for check in told["checks"]],
        "coverage": {path: field | none for path, field in told["coverage"].items()},
        "distributions": {},
    }


@pytest.fixture(scope="module")
def told(clean: quality.Month) -> dict[str, Any]:
    return document(clean, quality.run(clean))


@pytest.fixture(scope="module")
def all_told(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Reports in all states."""
    worst = failing(failing(told, "references", failed=412), "nit_check_digit", "coverage", "item_total")
    return {
        "clean": told,
        "history": with_history(told),
        "two months": with_history(told, 1),
        "notes": failing(told, "item_total"),
        "warnings": failing(with_history(told), "nit_check_digit"),
        "blocked": with_history(worst),
        "accepted": {**worst, "accepted": {"references": "La entidad lo confirmó por escrito."}},
        "hostile": hostile(told),
        "nothing": nothing(told),
    }


@pytest.fixture(scope="module")
def pages(all_told: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: html.render(report) for name, report in all_told.items()}


STATES = ["clean", "history", "two months", "notes", "warnings", "blocked", "accepted", "hostile", "nothing"]


@pytest.mark.parametrize("state", STATES)
class TestEveryPage:
    def test_well_formed_and_spanish(self, pages: dict[str, str], state: str) -> None:
        page = Page(pages[state])
        assert next(page.all("html"))[0]["lang"] == "es"
        assert page.texts("title")[0].startswith("Calidad de los datos de enero de 2026")
        ids = [attrs["id"] for _, attrs, _ in page.elements if "id" in attrs]
        assert len(ids) == len(set(ids))
        labels = {attrs["aria-labelledby"] for _, attrs, _ in page.elements if "aria-labelledby" in attrs}
        assert labels <= set(ids)

    def test_nothing_is_loaded(self, pages: dict[str, str], state: str) -> None:
        page = Page(pages[state])
        assert not {tag for tag, _, _ in page.elements} & {
            "script",
            "link",
            "img",
            "iframe",
            "object",
            "embed",
            "base",
            "image",
            "use",
        }
        for tag, attrs, _ in page.elements:
            assert not any(name.startswith("on") or name in {"src", "srcset", "data", "xlink:href"} for name in attrs)
            if "href" in attrs:
                assert tag == "a"
                assert re.match(r"https://|quality\.json$|manifest\.json$", attrs["href"] or "")
        assert "url(" not in pages[state]
        assert "@import" not in pages[state]

    def test_headings_are_in_order(self, pages: dict[str, str], state: str) -> None:
        levels = [int(tag[1]) for tag, _, _ in Page(pages[state]).elements if re.fullmatch("h[1-6]", tag)]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))

    def test_every_table_has_a_caption_and_headers(self, pages: dict[str, str], state: str) -> None:
        tables = re.findall(r"<table.*?</table>", pages[state], re.DOTALL)
        assert tables
        for table in tables:
            page = Page(table)
            assert len([text for text in page.texts("caption") if text]) == 1
            assert {attrs.get("scope") for attrs, _ in page.all("th")} <= {"col", "row"}
            columns = [text for attrs, text in page.all("th") if attrs["scope"] == "col"]
            assert all(columns)
            assert len(re.findall(r"<t[hd][ >]", table)) == len(columns) * len(re.findall("<tr", table))

    def test_every_check_and_field_is_told(
        self, all_told: dict[str, dict[str, Any]], pages: dict[str, str], state: str
    ) -> None:
        page = Page(pages[state])
        rows, codes = page.texts("th"), set(page.texts("code"))
        for check in all_told[state]["checks"]:
            assert any(row.startswith(" ".join(check["meaning"].split())) for row in rows)
            assert check["id"] in codes
        assert codes >= all_told[state]["coverage"].keys()


def verdict(page: str) -> str:
    return next(text for attrs, text in Page(page).all("div") if (attrs.get("class") or "").startswith("verdict"))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("clean", "Limpio: se publica sin avisos Se cumplen "),
        ("notes", "Limpio: se publica sin avisos 1 nota. "),
        ("warnings", "Se publica con avisos 1 aviso. "),
        ("blocked", "No se puede publicar 1 control que impide publicar no se cumple; 2 avisos; 1 nota. "),
        ("accepted", "Se publica por excepción 1 fallo grave fue aceptado; 2 avisos; 1 nota. "),
        ("nothing", "Nada que revisar Ningún control se aplica a este mes."),
    ],
)
def test_the_verdict_is_said_in_words(pages: dict[str, str], state: str, words: str) -> None:
    assert verdict(pages[state]).startswith(words)


def test_failures_come_with_the_gravest_first_and_link_to_the_process(pages: dict[str, str]) -> None:
    page = Page(pages["blocked"])
    failures = page.texts("article")
    assert [text.split()[0] for text in failures] == ["Impide", "Aviso", "Aviso", "Nota"]
    assert "Falla en 412 de " in failures[0]
    assert "5 ejemplos de 412" in failures[0]
    assert (
        {"href": NOG.format(30_000_001), "rel": "noopener noreferrer"},
        "30000001",
    ) in list(page.all("a"))


def test_tolerated_failures_are_told_too(told: dict[str, Any]) -> None:
    some = failing(
        told, "clean_text", failed=2, state="pass", passed=True, applicable=40_000, max_share=0.0001, max_count=0
    )
    page = Page(html.render(some))
    assert verdict(html.render(some)).startswith("Limpio")
    assert "2 de 40,000 (menos de 0.1 %)" in page.texts("td")
    assert "0.01 %" in page.texts("td")


def test_an_override_is_told_with_its_reason(pages: dict[str, str]) -> None:
    page = Page(pages["accepted"])
    assert "Fallos aceptados" in page.texts("h2")
    assert "La entidad lo confirmó por escrito." in page.texts("td")
    assert "Fallos aceptados" not in Page(pages["blocked"]).texts("h2")


def test_the_trend_is_drawn_and_told(pages: dict[str, str]) -> None:
    page = Page(pages["history"])
    drawn = [attrs for attrs, _ in page.all("svg")]
    assert [attrs["role"] for attrs in drawn] == ["img", "img"]
    assert all("de enero de 2025 a enero de 2026" in (attrs["aria-label"] or "") for attrs in drawn)
    assert len([row for row in page.texts("th") if re.fullmatch(r"[A-Z]\w+ de 202[56]( \(este\))?", row)]) == 13
    without = Page(pages["clean"])
    assert not list(without.all("svg"))
    assert "Todavía no hay meses anteriores" in without.text()


def test_the_year_is_told_where_it_changes() -> None:
    months = ("2024-11", "2024-12", "2026-03", "2026-04")
    drawn = charts.line("Puntaje", [(month, 90.0, "90.0", month == months[-1]) for month in months], 85, 100)
    assert re.findall(r">([a-z]{3}|20[0-9]{2})<", drawn) == ["nov", "2024", "dic", "mar", "2026", "abr"]


def test_a_drawing_takes_no_text_as_markup() -> None:
    drawn = charts.bars('"><script>', [("2026-04", 3.0, "<script>", False), ("2026-05", 4.0, "<script>", True)])
    assert "<script" not in drawn
    assert drawn.count("&lt;script") == 2


def test_hostile_text_stays_text(pages: dict[str, str]) -> None:
    page = Page(pages["hostile"])
    assert "<script" not in pages["hostile"].lower()
    assert HOSTILE in page.text()
    assert all((attrs.get("href") or "").startswith(("https://", "quality", "manifest")) for attrs, _ in page.all("a"))
    assert max(map(len, page.texts("td", "th", "li"))) < 1_000


def test_the_same_document_gives_the_same_bytes_elsewhere(
    all_told: dict[str, dict[str, Any]], pages: dict[str, str], tmp_path: Path
) -> None:
    """Another process, another order of hashes and of the mappings' keys."""
    reports = {name: dict(reversed(all_told[name].items())) for name in ("blocked", "hostile")}
    for report in reports.values():
        report["coverage"] = dict(reversed(report["coverage"].items()))
        report["history"] = dict(reversed(report["history"].items()))
        report["distributions"] = {
            name: dict(reversed(counts.items())) for name, counts in report["distributions"].items()
        }
    path = tmp_path / "reports.json"
    path.write_text(json.dumps(reports))
    code = (
        "import json, sys; from guatecompras.quality.report import html; reports = json.load(open(sys.argv[1]));"
        "sys.stdout.buffer.write(json.dumps({name: html.render(told) for name, told in reports.items()}).encode())"
    )
    drawn = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True, cwd=ROOT)
    assert json.loads(drawn.stdout) == {name: pages[name] for name in reports}


def test_a_page_without_history_needs_no_drawing(told: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    started = time.perf_counter()
    html.render(told)
    assert time.perf_counter() - started < 5


def test_every_dimension_and_severity_has_its_words() -> None:
    assert html.DIMENSIONS.keys() == set(get_args(Dimension))
    assert html.SEVERITIES.keys() == set(get_args(Severity))


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (None, "—"),
        (0, "0 %"),
        (0.00001, "menos de 0.1 %"),
        (0.1234, "12.3 %"),
        (0.5, "50 %"),
        (0.99999, "más de 99.9 %"),
        (1, "100 %"),
    ],
)
def test_a_share_is_never_all_or_nothing_unless_it_is(share: float | None, words: str) -> None:
    assert spanish.percent(share).replace("\N{NO-BREAK SPACE}", " ") == words


def test_numbers_are_written_as_in_guatemala() -> None:
    assert spanish.number(1234.56, 1) == "1,234.6"
    assert spanish.number(17_426) == "17,426"
    assert html.month_words("2026-05") == "mayo de 2026"
