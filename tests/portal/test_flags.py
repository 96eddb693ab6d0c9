"""Alertas on the portal: pages and API tell the published rows, by filters, with the rule and the evidence, and name no person."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from guatecompras.integrity.columns import FLAGS, MONTHS, REVIEW, STATES, SUMMARY, Table
from guatecompras.integrity.registry import INDICATORS
from guatecompras.people import UNNAMED
from guatecompras.stores import LocalStore
from portal import flags
from portal.app import create_app
from portal.pages.flags import measured, pieces
from portal.settings import Settings
from tests.portal.conftest import BASE_URL, Api, Client
from tests.portal.usable import CHROMIUM, usable

MONTH, EARLIER = "2026-02", "2026-01"


def _read(store: Path, table: Table, month: str = MONTH) -> pl.DataFrame:
    version = LocalStore(store).index()["collections"][f"integrity/{month}"]["version"]
    folder = store / "publication" / "integrity" / month / version
    return pl.read_parquet(folder / f"{month}_{table.id}.parquet")


@pytest.fixture(scope="module")
def raised(published: Path) -> pl.DataFrame:
    return _read(published, FLAGS)


@pytest.fixture(scope="module")
def review(published: Path) -> pl.DataFrame:
    return _read(published, REVIEW)


def _all(api: Api, path: str, **params: Any) -> list[dict[str, Any]]:
    """Every page of a list."""
    found: list[dict[str, Any]] = []
    page = api.get(path, params=params).json()
    while True:
        found += page["results"]
        if "next" not in page["links"]:
            assert len(found) == page["total"]
            return found
        page = api.get(page["links"]["next"].removeprefix(BASE_URL)).json()


# Pages


def test_concursos_are_listed_by_priority(api: Api, review: pl.DataFrame, published: Path) -> None:
    page = api.get("/alertas")
    assert page.status_code == 200
    assert "no una conclusión sobre nadie" in page.text
    listed = [int(nog) for nog in re.findall(r'href="/concurso/(\d+)#alertas"', page.text)]
    assert listed == review["nog"].head(25).to_list()
    for one in _read(published, SUMMARY).iter_rows(named=True):
        assert f'href="/alertas/{one["indicador"]}"' in page.text
    # Every file that is offered is there.
    files = re.findall(r'href="(/publication/[^"]+)"', page.text)
    assert len(files) == 4 * 3 + 3 * 2 + 2 + 1  # the catalog, on every page
    for file in files:
        assert api.head(file).status_code == 200


@pytest.mark.parametrize("name", ["indicador", "tema", "prioridad", "departamento", "comprador"])
def test_filters_keep_what_is_asked(api: Api, review: pl.DataFrame, name: str) -> None:
    row = review.row(0, named=True)
    value = {
        "indicador": row["indicadores"].split(", ")[0],
        "tema": row["temas"].split(", ")[0],
        "comprador": row["comprador_id"],
    }.get(name) or row[name]
    column = {"indicador": "indicadores", "tema": "temas", "comprador": "comprador_id"}.get(name, name)
    mine = review.filter(pl.col(column).str.split(", ").list.contains(value))
    page = api.get("/alertas", params={name: value})
    told = re.search(r"<h2 id=\"concursos\">([\d,]+) concurso", page.text)
    assert told
    assert int(told[1].replace(",", "")) == mine.height > 0
    assert 'name="robots" content="noindex"' in page.text
    found = _all(api, "/api/v2/alertas/concursos", mes=MONTH, **{name: value})
    assert [one["nog"] for one in found] == mine["nog"].to_list()


def test_pages_of_a_list_follow_each_other(api: Api, published: Path) -> None:
    rows = {month: _read(published, FLAGS, month) for month in (MONTH, EARLIER)}
    counts = pl.concat(rows.values()).group_by("mes", "indicador").agg(pl.len()).sort("len", descending=True)
    month, most, count = counts.row(0)
    mine = rows[month].filter(pl.col("indicador") == most)
    assert count > 10
    path, told = f"/alertas/{most}?mes={month}", []
    while path:
        text = api.get(path).text
        told += re.findall(r'href="/concurso/(\d+)#alertas"', text)
        following = re.search(r'href="([^"#]+)#senales" rel="next"', text)
        path = following[1].replace("&amp;", "&") if following else ""
    assert [int(nog) for nog in told] == mine["nog"].to_list()


def test_a_buyer_is_found_by_words_of_its_name(api: Api, review: pl.DataFrame) -> None:
    row = review.drop_nulls("comprador").row(0, named=True)
    page = api.get("/alertas", params={"comprador": row["comprador"].lower()})
    assert f'href="/concurso/{row["nog"]}#alertas"' in page.text
    assert "Ningún concurso" in api.get("/alertas", params={"comprador": "zzzzzz"}).text


@pytest.mark.parametrize("id", ["R018", "R053", "GT07"])
def test_an_indicator_has_its_rule_and_its_flags(api: Api, raised: pl.DataFrame, published: Path, id: str) -> None:
    page = api.get(f"/alertas/{id}")
    assert page.status_code == 200
    one = INDICATORS[id]
    for text in (one.name, one.definition, *one.fields):
        assert text in page.text
    mine = raised.filter(pl.col("indicador") == id)
    assert f"{mine.height:,} {'señal' if mine.height == 1 else 'señales'} en febrero de 2026" in page.text
    for row in mine.head(10).iter_rows(named=True):
        assert row["poblacion"] in page.text
        assert row["nog"] is None or f'href="/concurso/{row["nog"]}#alertas"' in page.text
    counts = _read(published, SUMMARY, EARLIER).filter(pl.col("indicador") == id).row(0, named=True)
    assert f"/alertas/{id}?mes={EARLIER}" in page.text
    earlier = api.get(f"/alertas/{id}", params={"mes": EARLIER}).text
    assert f"<dd>{counts['activadas']:,}</dd>" in earlier
    for name in ("reglas.json", "manifest.json"):
        (link,) = set(re.findall(rf'href="(/publication/integrity/{MONTH}/[^"]+/{name})"', page.text))
        assert api.get(link).status_code == 200


def test_a_concurso_tells_its_flags_or_that_it_has_none(api: Api, raised: pl.DataFrame, published: Path) -> None:
    nog = int(_read(published, REVIEW)["nog"][0])
    mine = raised.filter((pl.col("nog") == nog) | (pl.col("nog").is_null() & pl.col("nogs").list.contains(nog)))
    page = api.get(f"/concurso/{nog}").text
    section = page[page.index('id="alertas"') :]
    assert f"({mine.height})" in section
    for row in mine.iter_rows(named=True):
        assert f'href="/alertas/{row["indicador"]}?mes={MONTH}"' in section
    states = _read(published, STATES)
    touched = raised.select(pl.col("nogs").explode()).to_series()
    quiet = int(states.drop_nulls("nog").filter(~pl.col("nog").is_in(touched.implode()))["nog"][0])
    evaluated = states.filter((pl.col("nog") == quiet) & (pl.col("estado") != "no evaluable")).height
    assert f"Sin señales en los {evaluated} indicadores" in api.get(f"/concurso/{quiet}").text
    told = api.get(f"/api/v2/concursos/{quiet}/alertas").json()
    assert (told["results"], told["evaluados"]) == ([], evaluated)
    told = api.get(f"/api/v2/concursos/{nog}/alertas").json()
    assert sorted(one["indicador"] for one in told["results"]) == sorted(mine["indicador"])
    assert api.get("/api/v2/concursos/1/alertas").status_code == 404


def test_a_buyer_tells_how_many_by_indicator(api: Api, raised: pl.DataFrame, published: Path) -> None:
    both = pl.concat([raised, _read(published, FLAGS, EARLIER)]).drop_nulls("comprador_id")
    buyer, count = both["comprador_id"].value_counts().sort("count", "comprador_id", descending=True).row(0)
    page = api.get(f"/comprador/{buyer}").text
    section = page[page.index('id="alertas"') : page.index('id="recientes"')]
    assert sum(int(one.replace(",", "")) for one in re.findall(r'<td class="r">([\d,]+)</td>', section)) == count


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/alertas?mes=1999-01", 400),
        ("/alertas?mes=x", 400),
        ("/alertas?indicador=R999", 400),
        ("/alertas?tema=nada", 400),
        ("/alertas?prioridad=nada", 400),
        ("/alertas?pagina=0", 400),
        ("/alertas?pagina=9999", 400),
        ("/alertas?tema=precios&tema=plazos", 400),
        ("/alertas/R999", 404),
        ("/alertas/R018?mes=1999-01", 400),
        ("/alertas/R018?pagina=9999", 400),
        ("/api/v2/alertas?mes=1999-01", 404),
        ("/api/v2/alertas?mes=x", 400),
        ("/api/v2/alertas?tema=nada", 400),
        ("/api/v2/alertas?nog=0", 400),
        ("/api/v2/alertas?cursor=abc", 400),
        ("/api/v2/alertas?nada=1", 400),
        ("/api/v2/alertas/indicadores?mes=1999-01", 404),
    ],
)
def test_what_is_not_there_is_said(api: Api, path: str, status: int) -> None:
    assert api.get(path).status_code == status


# API


def test_flags_by_the_api_are_those_published(api: Api, raised: pl.DataFrame) -> None:
    found = _all(api, "/api/v2/alertas", mes=MONTH, limit=100)
    assert [list(one) for one in found[:1]] == [FLAGS.names]
    for name in ("indicador", "nog", "valor", "umbral", "poblacion", "tamano", "comprador_id", "nogs"):
        assert [one[name] for one in found] == raised[name].to_list()
    text = api.get("/api/v2/alertas", params={"mes": MONTH, "formato": "csv", "limit": 1000}).text
    told = list(csv.DictReader(io.StringIO(text)))
    assert [one["indicador"] for one in told] == raised["indicador"].head(1000).to_list()
    assert list(told[0]) == FLAGS.names
    lines = api.get("/api/v2/alertas", params={"mes": MONTH, "formato": "jsonl", "limit": 1000}).text.splitlines()
    assert [orjson.loads(line)["sujeto"] for line in lines] == [one["sujeto"] for one in found[:1000]]


def test_without_a_month_all_are_told(api: Api, raised: pl.DataFrame, published: Path) -> None:
    earlier = _read(published, FLAGS, EARLIER)
    first = api.get("/api/v2/alertas").json()
    assert first["total"] == raised.height + earlier.height
    assert first["results"][0]["mes"] == EARLIER
    whole = _all(api, "/api/v2/alertas", indicador="R018", limit=1000)
    assert len(whole) == sum((one["indicador"] == "R018").sum() for one in (raised, earlier))


@pytest.mark.parametrize("name", ["indicador", "tema", "nivel", "comprador", "departamento", "nog"])
def test_filters_of_the_api(api: Api, raised: pl.DataFrame, name: str) -> None:
    column = "comprador_id" if name == "comprador" else name
    value = raised.drop_nulls(column)[column][0]
    rows = raised.filter(
        (pl.col("nog") == value) | (pl.col("nog").is_null() & pl.col("nogs").list.contains(value))
        if name == "nog"
        else pl.col(column) == value
    )
    found = _all(api, "/api/v2/alertas", mes=MONTH, limit=1000, **{name: value})
    assert [(one["indicador"], one["nog"]) for one in found] == list(rows.select("indicador", "nog").iter_rows())


def test_a_cursor_is_of_its_list(api: Api) -> None:
    page = api.get("/api/v2/alertas", params={"mes": MONTH, "limit": 2})
    cursor = re.search(r"cursor=([^&]+)", page.json()["links"]["next"])
    assert cursor
    assert 'rel="next"' in page.headers["link"]
    assert api.get(f"/api/v2/alertas?mes={MONTH}&cursor={cursor[1]}").status_code == 200
    assert api.get(f"/api/v2/alertas?mes={EARLIER}&cursor={cursor[1]}").status_code == 400


def test_indicators_by_the_api(api: Api, published: Path) -> None:
    told = api.get("/api/v2/alertas/indicadores").json()
    counts = _read(published, SUMMARY)
    assert told["mes"] == MONTH
    assert [one["id"] for one in told["results"]] == counts["indicador"].to_list() == list(INDICATORS)
    for name in ("activadas", "sin_senal", "no_evaluables"):
        assert [one[name] for one in told["results"]] == counts[name].to_list()
    assert all(one["fuente"] and one["definicion"] for one in told["results"])


# People


def _named(store: Path, tmp_path: Path, *, rank_people: bool) -> Api:
    settings = Settings(
        store=str(store), cache=str(tmp_path), base_url=BASE_URL, requests_per_minute=10**9, burst=10**6,
        rank_people=rank_people,
    )  # fmt: skip
    return Api(Client(create_app(settings, log=lambda _: None)))


def _flag_texts(api: Api, rows: pl.DataFrame) -> list[str]:
    """All that is told of flags of people: by the API, and on the pages of their indicators."""
    texts = [
        api.get("/api/v2/alertas", params={"indicador": one, "mes": MONTH, "limit": 1000, "formato": form}).text
        for one in rows["indicador"].unique().sort()
        for form in ("json", "csv", "jsonl")
    ]
    return texts + [api.get(f"/alertas/{one}").text for one in rows["indicador"].unique().sort()]


def test_no_person_is_told(published: Path, raised: pl.DataFrame, tmp_path: Path) -> None:
    people = raised.filter("persona_individual")
    assert people.height
    numbers = {one.rpartition("-")[2] for one in people["proveedor_id"]}
    api = _named(published, tmp_path / "1", rank_people=False)
    hidden = _flag_texts(api, people)
    assert all(UNNAMED in text for text in hidden[:3])
    for text in hidden:
        assert not [number for number in numbers if re.search(rf"-{number}\b", text)]
    nog = people.drop_nulls("nog")["nog"][0]
    page = api.get(f"/concurso/{nog}").text
    section = page[page.index('id="alertas"') : page.index('id="documentos"')]
    assert UNNAMED in section
    assert not [number for number in numbers if re.search(rf"-{number}\b", section)]
    shown = _flag_texts(_named(published, tmp_path / "2", rank_people=True), people)
    assert [number for number in numbers if re.search(rf"-{number}\b", shown[0])]


def test_of_those_that_a_text_names_only_a_known_organisation_is_told() -> None:
    rows = pl.DataFrame(
        [
            {"sujeto": "GT-NIT-12 + GT-NIT-345K", "proveedor_id": "GT-NIT-12", "proveedor": "UNA, S. A.",
             "persona_individual": False, "evidencia": "1:awards[GT-ADJ-1-12]/value=1.00; 2:x (GT-NIT-345K, GT-CISP-12)"},
            {"sujeto": "1", "proveedor_id": "GT-NIT-345K", "proveedor": None,
             "persona_individual": True, "evidencia": "1:awards[GT-ADJ-1-345K-2]/value=1.00"},
            {"sujeto": "1", "proveedor_id": None, "proveedor": None,
             "persona_individual": None, "evidencia": f"1:awards[GT-ADJ-1-US-{'A' * 32}]/x; 1:y=GT-GCID-US-{'B' * 32}"},
        ],
        schema=FLAGS.schema, strict=False,
    )  # fmt: skip
    told = flags.without_people(rows).select("sujeto", "evidencia", "proveedor_id", "proveedor").rows()
    assert told == [
        (
            "GT-NIT-12 + GT-NIT-…",
            "1:awards[GT-ADJ-1-12]/value=1.00; 2:x (GT-NIT-…, GT-CISP-12)",
            "GT-NIT-12",
            "UNA, S. A.",
        ),
        ("1", "1:awards[GT-ADJ-1-…-2]/value=1.00", None, UNNAMED),
        ("1", "1:awards[GT-ADJ-1-…]/x; 1:y=GT-GCID-…", None, None),
    ]


# What is not there yet


def test_without_the_collection_it_is_said(three_versions: Path, tmp_path: Path) -> None:
    api = _named(three_versions, tmp_path, rank_people=False)
    assert "Todavía no se han calculado" in api.get("/alertas").text
    for path in ("/alertas/R018", "/api/v2/alertas", "/api/v2/alertas/concursos", "/api/v2/alertas/indicadores"):
        assert api.get(path).status_code == 404
    nog = api.get("/api/v2/concursos").json()["results"][0]["nog"]
    assert 'id="alertas"' not in api.get(f"/concurso/{nog}").text
    assert api.get(f"/api/v2/concursos/{nog}/alertas").status_code == 404


def test_a_value_is_told_in_its_unit() -> None:
    assert measured(0.000069, "proporción") == "0.0069 %"
    assert measured(0.5, "proporción") == "50 %"
    assert measured(90000.0, "quetzales") == "Q90,000.00"
    assert (measured(1.0, "oferentes"), measured(2.0, "oferentes")) == ("1 oferente", "2 oferentes")
    assert measured(0.887745, "índice") == "0.8877"
    assert measured(None, "días") == "–"
    assert pieces("48 proveedores; 30000311:awards/value/amount=1.00") == [
        ("", "48 proveedores"),
        ("30000311", "awards/value/amount=1.00"),
    ]


def test_months_are_counted_as_published(api: Api, published: Path) -> None:
    version = LocalStore(published).index()["collections"]["red_flags"]["version"]
    counts = pl.read_parquet(published / "publication" / "red_flags" / version / f"{MONTHS.id}.parquet")
    page = api.get("/alertas/R018").text
    table = page[page.index('id="meses"') : page.index('id="senales"')]
    for row in counts.filter(pl.col("indicador") == "R018").iter_rows(named=True):
        assert f'<td class="r">{row["activadas"]:,}</td><td class="r">{row["sin_senal"]:,}</td>' in table


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium is installed here")
def test_everybody_can_use_the_pages(
    published: Path, raised: pl.DataFrame, review: pl.DataFrame, tmp_path: Path
) -> None:
    """WCAG by axe on a phone and wide, light and dark; nothing is wider than the screen, or refused by the policy."""
    buyer = raised.drop_nulls("comprador_id")["comprador_id"][0]
    most = raised["indicador"].value_counts().sort("count", descending=True)["indicador"][0]
    paths = ["/alertas", "/alertas?comprador=zzzz", "/alertas/R018", f"/alertas/{most}?mes={EARLIER}"]
    paths += [f"/concurso/{review['nog'][0]}", f"/comprador/{buyer}"]
    usable(published, tmp_path / "server", paths)
