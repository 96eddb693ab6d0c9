"""The market and what is open: against the published tables and documents read plainly, in library, API and pages."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

import polars as pl
import pytest

from guatecompras.market.columns import TABLES
from guatecompras.stores import LocalStore
from portal.alerts.telling import Public
from portal.market import Market
from portal.opportunities import BANDS, Asked, Found, find
from portal.settings import Settings
from tests.portal.conftest import Api

Json = dict[str, Any]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
API = "/api/v2/mercado"


@pytest.fixture(scope="module")
def public(market_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Public:
    return Public.of_store(Settings(store=str(market_store), cache=str(tmp_path_factory.mktemp("cache"))))


@pytest.fixture(scope="module")
def records(public: Public) -> dict[int, Json]:
    """Every concurso that is public, by NOG."""
    nogs = public.library.held.numbers["nog"].tolist()
    return {nog: json.loads(public.library.record(nog) or b"")["compiledRelease"] for nog in nogs}


@pytest.fixture
def rich(market_store: Path, api_of: Callable[[Path], Api]) -> Api:
    return api_of(market_store)


def _table(store: Path, name: str) -> list[Json]:
    entry = LocalStore(store).index()["collections"]["market"]
    return list(
        pl.read_parquet(store / "publication" / "market" / entry["version"] / f"mercado_{name}.parquet").iter_rows(
            named=True
        )
    )


def _families(record: Json) -> list[str]:
    return sorted({item["classification"]["id"][:4] for item in record["tender"].get("items", [])})


def _market(public: Public) -> Market:
    assert public.market is not None
    return public.market


# What is open.


def _open(records: dict[int, Json]) -> set[int]:
    """Those in force whose close is not past or not told."""
    found = set()
    for nog, record in records.items():
        closes = record["tender"].get("tenderPeriod", {}).get("endDate")
        if record["tender"]["status"] == "active" and (closes is None or datetime.fromisoformat(closes) > NOW):
            found.add(nog)
    return found


def _found(public: Public, asked: Asked) -> Found:
    return find(public.library, public.market, asked, 0, 1_000, NOW)


def _nogs(found: Found) -> list[int]:
    return [one.row.nog for one in found.shown]


def test_all_that_is_open_is_there_those_that_close_first_before(public: Public, records: dict[int, Json]) -> None:
    found = _found(public, Asked())
    # What is suspended is in force by its status in the standard, and receives no offers.
    assert set(_nogs(found)) <= _open(records)
    assert set(_nogs(found)) == {nog for nog in _open(records) if (row := public.library.row(nog)) and row.estatus == 1}
    closes = [one.row.closes for one in found.shown]
    dated = [moment for moment in closes if moment]
    assert dated
    assert closes == [*sorted(dated), *[None] * found.undated]
    assert (found.dated, found.undated, found.total) == (len(dated), len(closes) - len(dated), len(closes))
    assert found.undated > 0


def test_what_similar_ones_were_awarded_for_is_what_they_were(public: Public, records: dict[int, Json]) -> None:
    paid: dict[tuple[str, int], list[float]] = {}
    for nog, record in records.items():
        awards = [award["value"]["amount"] for award in record.get("awards", []) if award["status"] == "active"]
        row, of = public.library.row(nog), _families(record)
        if sum(awards) and len(of) == 1 and row:
            paid.setdefault((of[0], row.modalidad), []).append(round(sum(awards), 2))
    compared = 0
    for one in _found(public, Asked()).shown:
        of = _families(records[one.row.nog])
        assert list(one.families) == of
        amounts = paid.get((of[0], one.row.modalidad), []) if len(of) == 1 else []
        assert (one.similar is not None) == (len(amounts) >= 5), one.row.nog
        if one.similar:
            told = (one.similar.monto_p25, one.similar.monto_mediana, one.similar.monto_p75)
            assert told == pytest.approx(tuple(quantiles(amounts, n=4, method="inclusive")), abs=0.0051)
            assert one.similar.con_monto == len(amounts)
            compared += 1
    assert compared > 3


def test_filters_of_what_is_open(public: Public) -> None:
    everything = _found(public, Asked()).shown
    one = next(found for found in everything if found.similar)
    wanted: list[tuple[Asked, Callable[[Any], bool]]] = [
        (Asked(unspsc=(one.families[0],)), lambda other: one.families[0] in other.families),
        (Asked(departamento=(one.row.departamento,)), lambda other: other.row.departamento == one.row.departamento),
        (Asked(buyer=one.row.buyer_id), lambda other: other.row.buyer_id == one.row.buyer_id),
        (Asked(dated=True), lambda other: other.row.closes is not None),
        (Asked(dated=False), lambda other: other.row.closes is None),
        *(
            (
                Asked(band=name),
                lambda other, low=low, high=high: other.similar and low <= other.similar.monto_mediana < high,
            )  # type: ignore[misc]
            for name, (_, low, high) in BANDS.items()
        ),
    ]
    for asked, holds in wanted:
        assert _nogs(_found(public, asked)) == [other.row.nog for other in everything if holds(other)], asked
    newest = _found(public, Asked(sort="recientes")).shown
    called = [other.row.called for other in newest]
    assert called == sorted(called, reverse=True)
    assert {other.row.nog for other in newest} == {other.row.nog for other in everything}


def test_pages_of_what_is_open_are_parts_of_one_list(public: Public) -> None:
    whole = _nogs(_found(public, Asked()))
    parts = [_nogs(find(public.library, public.market, Asked(), first, 5, NOW)) for first in range(0, len(whole), 5)]
    assert [nog for part in parts for nog in part] == whole


# A supplier.


def test_where_a_supplier_takes_part_and_what_it_wins(public: Public, records: dict[int, Json]) -> None:
    library = public.library
    for supplier_id in library.totals("supplier", sort="-concursos")["id"].head(3):
        took: dict[str, dict[str, set[int]]] = {"concursos": {}, "won": {}}
        awarded: dict[str, set[int]] = {}
        for nog, record in records.items():
            suppliers = {
                supplier["id"]
                for award in record.get("awards", [])
                if award["status"] == "active"
                for supplier in award["suppliers"]
            }
            offers = {
                one["id"] for bid in record.get("bids", {}).get("details", []) for one in bid.get("tenderers", [])
            }
            for family in _families(record):
                if suppliers:
                    awarded.setdefault(family, set()).add(nog)
                if supplier_id in suppliers | offers:
                    took["concursos"].setdefault(family, set()).add(nog)
                if supplier_id in suppliers:
                    took["won"].setdefault(family, set()).add(nog)
        told = library.fields(supplier_id)["unspsc"]
        assert {one.value for one in told} == took["concursos"].keys()
        for one in told:
            assert one.concursos == len(took["concursos"][one.value])
            assert one.won == len(took["won"].get(one.value, ()))
            assert one.awarded == len(awarded.get(one.value, ()))
        places = library.fields(supplier_id)["departamento"]
        total = library.total(supplier_id, "supplier")
        assert total is not None
        assert [sum(getattr(one, name) for one in places) for name in ("concursos", "won")] == [
            total.concursos,
            total.awarded,
        ]
        assert sum(one.amount for one in places) == pytest.approx(total.amount, abs=0.01 * len(places))


# The market in the API.


def test_families_are_those_of_the_file(rich: Api, market_store: Path) -> None:
    for window in ("24m", "todo"):
        told = rich.get(API, {"ventana": window, "sort": "familia"}).json()
        rows = [row for row in _table(market_store, "familias") if row["ventana"] == window]
        assert told["total"] == len(rows) == len(told["results"])
        assert [one["familia"] for one in told["results"]] == [row["familia"] for row in rows]
        for one, row in zip(told["results"], rows, strict=True):
            assert one == {
                name: float(value) if value is not None and name.startswith("monto") else value
                for name, value in row.items()
            }


@pytest.mark.parametrize(
    ("sort", "column"),
    [("concursos", "concursos"), ("monto", "monto"), ("mediana", "monto_mediana"), ("oferentes", "oferentes_mediana")],
)
def test_families_in_every_order(rich: Api, sort: str, column: str) -> None:
    for sign, down in (("", False), ("-", True)):
        values = [one[column] for one in rich.get(API, {"sort": sign + sort}).json()["results"]]
        known = [value for value in values if value is not None]
        assert len(known) > 5
        assert values == [*sorted(known, reverse=down), *[None] * (len(values) - len(known))]


def test_families_by_words_and_by_code(rich: Api, market_store: Path) -> None:
    everything = rich.get(API).json()["results"]
    assert {one["familia"] for one in rich.get(API, {"q": "42"}).json()["results"]} == {
        one["familia"] for one in everything if one["familia"].startswith("42")
    }
    for word in ("MÉDICO", "medico"):
        found = rich.get(API, {"q": word}).json()
        assert 0 < found["total"] < len(everything)
        assert all("medic" in _plain(f"{one['segmento']} {one['ejemplos']}") for one in found["results"])
    assert rich.get(API, {"q": "xyzzy"}).json() | {"version": ""} == {"version": "", "total": 0, "results": []}


def _plain(text: str) -> str:
    return text.lower().translate(str.maketrans("áéíóú", "aeiou"))


def test_families_as_csv_and_json_lines(rich: Api) -> None:
    rows = rich.get(API).json()["results"]
    table = list(csv.DictReader(io.StringIO(rich.get(API, {"formato": "csv"}).text)))
    assert list(table[0]) == [column.name for column in TABLES["familias"].columns]
    assert [(row["familia"], float(row["monto"])) for row in table] == [(row["familia"], row["monto"]) for row in rows]
    lines = rich.get(API, {"formato": "jsonl"})
    assert [json.loads(line) for line in lines.text.splitlines()] == rows
    assert lines.headers["x-total-count"] == str(len(rows))


def test_a_family_is_all_of_it(rich: Api, market_store: Path) -> None:
    code = rich.get(API).json()["results"][0]["familia"]
    told = rich.get(f"{API}/{code}").json()
    assert told["familia"] == code
    assert [one["ventana"] for one in told["ventanas"]] == ["24m", "todo"]
    for name in ("modalidades", "meses", "estacionalidad", "compradores", "proveedores"):
        rows = [row for row in _table(market_store, name) if row["familia"] == code]
        assert len(told[name]) == len(rows)
        assert rows or name == "estacionalidad"  # of whole years
        for one, row in zip(told[name], rows, strict=True):
            assert all(
                value == (float(row[key]) if isinstance(value, float) else row[key]) for key, value in one.items()
            )


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"{API}?ventana=x", 400),
        (f"{API}?sort=x", 400),
        (f"{API}?x=1", 400),
        (f"{API}?q=a&q=b", 400),
        (f"{API}/421", 400),
        (f"{API}/0000", 404),
    ],
)
def test_what_is_wrong_is_refused(api: Api, address: str, status: int) -> None:
    answer = api.get(address)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_without_a_market_it_says_so(three_versions: Path, api_of: Callable[[Path], Api]) -> None:
    bare = api_of(three_versions)
    assert bare.get(API).status_code == bare.get(f"{API}/4213").status_code == 404
    assert "todavía no se ha calculado" in bare.get("/mercado").text
    assert bare.get("/mercado/4213").status_code == 404
    assert bare.get("/oportunidades").status_code == 200


# On pages.


def test_the_page_of_what_is_open(rich: Api, public: Public) -> None:
    page = rich.get("/oportunidades")
    assert page.status_code == 200
    everything = _found(public, Asked())
    assert f"{everything.total} concursos abiertos" in page.text
    assert f"Con fecha de cierre ({everything.dated})" in page.text
    assert page.text.count("Cierre no informado</p>") == everything.undated
    assert page.text.count("Cierra el 31/01/2098, 10:30") == everything.dated
    assert page.text.count("Parecidos: mediana") == sum(one.similar is not None for one in everything.shown)
    one = next(found for found in everything.shown if found.similar)
    asked = f"unspsc={one.families[0]}&departamento={one.row.departamento}"
    narrow = rich.get("/oportunidades", {"unspsc": one.families[0], "departamento": one.row.departamento})
    wanted = _found(public, Asked(unspsc=(one.families[0],), departamento=(one.row.departamento,))).total
    assert narrow.text.count('<h3><a href="/concurso/') == wanted > 0
    for form in ("atom", "ics"):
        link = next(part for part in narrow.text.split('"') if part.startswith(f"/api/v2/concursos.{form}?"))
        assert f"unspsc={one.families[0]}" in link, asked
        feed = rich.get(link.replace("&amp;", "&"))
        assert feed.status_code == 200
        assert feed.text.count("<entry>" if form == "atom" else "BEGIN:VEVENT") == (
            wanted
            if form == "atom"
            else _found(public, Asked(unspsc=(one.families[0],), departamento=(one.row.departamento,))).dated
        )


@pytest.mark.parametrize("address", ["?unspsc=x", "?monto=x", "?cierre=x", "?sort=x", "?pagina=0", "?pagina=99"])
def test_the_page_of_what_is_open_refuses_what_is_wrong(rich: Api, address: str) -> None:
    answer = rich.get(f"/oportunidades{address}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")


def test_the_page_of_a_family_shows_its_figures(rich: Api) -> None:
    listed = rich.get("/mercado")
    assert listed.status_code == 200
    first = rich.get(API).json()["results"][0]
    assert f'<a href="/mercado/{first["familia"]}">' in listed.text
    page = rich.get(f"/mercado/{first['familia']}").text
    for figure in (first["concursos"], first["compradores"], first["proveedores"]):
        assert f"<dd>{figure:,}</dd>" in page
    assert f"{first['concentracion']:,.0f} <small" in page
    assert rich.get("/mercado/0000").status_code == 404
    assert rich.get("/mercado?sort=x").status_code == 400


def test_nobody_is_ranked_by_name_who_is_a_person(market_store: Path, rich: Api, records: dict[int, Json]) -> None:
    persons = {
        party["id"]
        for record in records.values()
        for party in record["parties"]
        if (party.get("details") or {}).get("legalEntityTypeDetail", {}).get("description") == "INDIVIDUAL"
    }
    assert persons
    code = rich.get(API).json()["results"][0]["familia"]
    page = rich.get(f"/mercado/{code}").text
    assert "Personas individuales (" in page
    assert not [person for person in persons if f"/proveedor/{person}" in page]


def test_a_suppliers_page_says_where_it_wins(rich: Api, public: Public) -> None:
    supplier_id = public.library.totals("supplier", sort="-concursos")["id"][0]
    page = rich.get(f"/proveedor/{supplier_id}").text
    assert "Dónde participa y cuánto gana" in page
    best = public.library.fields(supplier_id)["unspsc"][0]
    assert f"unspsc={best.value}" in page
    assert f"{best.won / best.concursos:.1%}"[:4] in page
