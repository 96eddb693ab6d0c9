"""/api/v2: the forms it answers in, its pages, feeds, and what it refuses. What is found, the library's tests say."""

import csv
import io
import json
from typing import Any
from urllib.parse import urlencode

import feedparser
import icalendar
import pytest

from tests.portal.conftest import Api

BASE = "https://datos.example.gt"
API = "/api/v2/concursos"


def _pages(api: Api, url: str, name: str = "next") -> list[list[Any]]:
    found = []
    while url:
        answer = api.get(url)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        found.append(told["results"])
        url = told["links"].get(name, "").removeprefix(BASE)
    return found


def test_pages_are_followed_to_the_end(api: Api) -> None:
    whole = api.get(API, params={"limit": 1000}).json()
    pages = _pages(api, f"{API}?limit=7")
    assert [row for page in pages for row in page] == whole["results"]
    assert len(whole["results"]) == whole["total"] > 50
    assert all(len(page) == 7 for page in pages[:-1])


def test_the_same_page_as_json_csv_and_json_lines(api: Api) -> None:
    rows = api.get(API, params={"limit": 30}).json()["results"]
    lines = api.get(API, params={"limit": 30}, headers={"Accept": "application/x-ndjson"})
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == rows
    table = api.get(API, params={"limit": 30}, headers={"Accept": "text/csv, */*;q=0.1"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["x-total-count"] == str(api.get(API).json()["total"])
    assert 'rel="next"' in table.headers["link"]
    told = list(csv.DictReader(io.StringIO(table.text)))
    assert [int(row["nog"]) for row in told] == [row["nog"] for row in rows]
    assert [row["called"] for row in told] == [row["called"] for row in rows]
    assert [row["suppliers"] for row in told] == ["; ".join(one["name"] for one in row["suppliers"]) for row in rows]
    asked = api.get(API, params={"limit": 30, "formato": "csv"}, headers={"Accept": "application/json"})
    assert asked.content == table.content


@pytest.mark.parametrize(
    ("accept", "status", "media"),
    [
        ("application/json", 200, "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 200, "application/json"),
        ("text/csv;q=0.5, application/x-ndjson;q=0.9", 200, "application/x-ndjson"),
        ("text/csv;q=0, application/json;q=0.1", 200, "application/json"),
        ("image/png", 406, "application/problem+json"),
        ("text/csv;q=zero", 406, "application/problem+json"),
    ],
)
def test_what_is_accepted_decides_the_form(api: Api, accept: str, status: int, media: str) -> None:
    answer = api.get(API, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (status, media)


def test_a_whole_search_is_one_file_and_says_the_same(api: Api) -> None:
    asked = {"estatus": 3, "sort": "-monto"}
    rows = api.get(API, params=asked | {"limit": 1000}).json()["results"]
    lines = api.get(f"{API}/descarga", params=asked | {"formato": "jsonl"})
    assert [json.loads(line) for line in lines.text.splitlines()] == rows
    table = api.get(f"{API}/descarga", params=asked)
    assert 'filename="concursos.csv"' in table.headers["content-disposition"]
    assert len(list(csv.DictReader(io.StringIO(table.text)))) == len(rows) == int(table.headers["x-total-count"])
    nothing = api.get(f"{API}/descarga", params={"q": "xyzzy"})
    assert list(csv.DictReader(io.StringIO(nothing.text))) == []
    assert nothing.text.startswith("nog,ocid,")
    assert api.head(f"{API}/descarga", params=asked).content == b""


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"modalidad": 999}, "modalidad"),
        ({"monto_min": -1}, "monto_min"),
        ({"monto_min": "nan"}, "monto_min"),
        ({"monto_max": "1e400"}, "monto_max"),
        ({"unspsc": "4"}, "unspsc"),
        ({"convocado_desde": "ayer"}, "convocado_desde"),
        ({"convocado_desde": "2026-02-30"}, "convocado_desde"),
        ({"updated_since": "2026"}, "updated_since"),
        ({"updated_since": "2026-01-01T00:00:00 01:00"}, "updated_since"),
        ({"sort": "precio"}, "sort"),
        ({"cursor": "no"}, "cursor"),
        ({"precio": 1}, "precio"),
        ({"q": "x" * 201}, "q"),
        ({"mes": "2026-13"}, "mes"),
        ({"objeto": "casas"}, "objeto"),
        ({"abiertos": "quizás"}, "abiertos"),
        ({"formato": "xml"}, "formato"),
        ({"estatus": "3; DROP TABLE concursos"}, "estatus"),
    ],
)
def test_what_is_wrong_is_a_problem_that_names_the_parameter(api: Api, asked: dict[str, Any], parameter: str) -> None:
    answer = api.get(API, params=asked)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert parameter in [one["parameter"] for one in answer.json()["errors"]]
    assert answer.json()["status"] == 400


@pytest.mark.parametrize(
    "text",
    ["' OR 1=1 --", "%%%", '"', "\\", "a" * 200, "* * *", "../../etc/passwd", "\x00", "🏥 papel", "<script>", "%ff"],
)
def test_any_text_is_only_a_text(api: Api, text: str) -> None:
    for path in (API, f"{API}/resumen", f"{API}.atom", f"{API}.ics", "/api/v2/proveedores"):
        assert api.get(path, params={"q": text}).status_code == 200
    raw = api.get(f"{API}?{urlencode({'departamento': text, 'comprador': text[:100]})}")
    assert raw.status_code in {200, 400}


def test_one_concurso_its_record_and_its_releases(api: Api) -> None:
    row = api.get(API).json()["results"][0]
    one = api.get(f"{API}/{row['nog']}").json()
    assert {name: one[name] for name in row} == row
    record = api.get(one["links"]["record"].removeprefix(BASE)).json()
    assert record == api.get(f"/record/{row['ocid']}").json()["records"][0]
    releases = api.get(one["links"]["releases"].removeprefix(BASE))
    assert [f"{BASE}/release/{release['id']}" for release in releases.json()] == [r["url"] for r in record["releases"]]
    lines = api.get(f"{API}/{row['nog']}/releases", params={"formato": "jsonl"})
    assert [json.loads(line) for line in lines.text.splitlines()] == releases.json()
    assert api.get(f"{API}/1").status_code == 404


def test_how_a_search_is_spread(api: Api) -> None:
    told = api.get(f"{API}/resumen", params={"por": ["modalidad", "month"]}).json()
    assert sum(one["concursos"] for one in told["facets"]["month"]) == told["total"] == api.get(API).json()["total"]
    assert {one["label"] for one in told["facets"]["modalidad"]} >= {
        "Compra Directa con Oferta Electrónica (Art. 43 LCE Inciso b)"
    }


@pytest.mark.parametrize("kind", ["compradores", "unidades", "proveedores"])
@pytest.mark.parametrize("sort", ["-monto", "monto", "-concursos", "nombre", "-nombre"])
def test_parties_are_followed_to_the_end(api: Api, kind: str, sort: str) -> None:
    pages = _pages(api, f"/api/v2/{kind}?limit=9&sort={sort}")
    found = [row for page in pages for row in page]
    assert len({row["id"] for row in found}) == len(found) == api.get(f"/api/v2/{kind}").json()["total"]
    name = {"monto": "amount", "concursos": "concursos", "nombre": "name"}[sort.removeprefix("-")]
    assert [row[name] for row in found] == sorted([row[name] for row in found], reverse=sort.startswith("-"))
    one = api.get(f"/api/v2/{kind}/{found[0]['id']}").json()
    assert one["total"] == found[0]
    assert api.get(f"/api/v2/{kind}/GT-NIT-0").status_code == 404
    table = api.get(f"/api/v2/{kind}", params={"formato": "csv", "sort": sort, "limit": 9})
    assert [row["id"] for row in csv.DictReader(io.StringIO(table.text))] == [row["id"] for row in pages[0]]


def test_the_changes_are_followed_with_a_cursor_and_each_comes_once(api: Api) -> None:
    seen, cursor = [], ""
    while True:
        told = api.get("/api/v2/cambios", params={"cursor": cursor, "limit": 500}).json()
        seen += [row["cursor"] for row in told["changes"]]
        cursor = told["cursor"]
        if told["upToDate"]:
            break
    assert len(set(seen)) == len(seen) > 100
    lines = api.get("/api/v2/cambios", params={"limit": 10_000, "formato": "jsonl"})
    assert [json.loads(line)["cursor"] for line in lines.text.splitlines()] == seen[:10_000]
    assert lines.headers["x-next-cursor"]
    assert api.get("/api/v2/cambios", params={"cursor": "nada"}).status_code == 400
    assert api.get("/api/v2/cambios", params={"formato": "csv"}).status_code == 400


def test_months_say_their_files(api: Api) -> None:
    for month in api.get("/api/v2/meses").json()["months"]:
        assert {file["format"] for file in month["files"]} >= {"json", "csv.zip", "xlsx", "parquet.zip", "jsonl.gz"}
        for file in month["files"][:3]:
            answer = api.get(file["url"].removeprefix(BASE))
            assert answer.status_code == 200
            assert len(answer.content) == file["bytes"]


def test_a_saved_search_as_atom(api: Api) -> None:
    answer = api.get(f"{API}.atom", params={"abiertos": "false", "q": "compra"})
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = feedparser.parse(answer.content)
    assert not feed.bozo
    rows = api.get(API, params={"q": "compra", "limit": 100}).json()["results"]
    assert [entry.link for entry in feed.entries] == [f"{BASE}/concurso/{row['nog']}" for row in rows]
    assert [entry.title for entry in feed.entries] == [row["title"] for row in rows]
    assert feed.feed.id.startswith(f"{BASE}{API}.atom?")


def test_a_saved_search_as_a_calendar(api: Api) -> None:
    answer = api.get(f"{API}.ics", params={"abiertos": "false"})
    calendar = icalendar.Calendar.from_ical(answer.content)
    rows = {row["ocid"]: row for row in api.get(API, params={"limit": 100}).json()["results"] if row["closes"]}
    events = {str(event["UID"]): event for event in calendar.walk("VEVENT")}
    assert events.keys() == rows.keys()
    from datetime import datetime

    for ocid, event in events.items():
        assert event["DTEND"].dt == datetime.fromisoformat(rows[ocid]["closes"])
        assert str(event["SUMMARY"]) == f"Cierre de ofertas: {rows[ocid]['title']}"
    assert max(len(line) for line in answer.content.split(b"\r\n")) <= 75


def test_feeds_are_of_open_ones_unless_told_otherwise(api: Api) -> None:
    wanted = api.get(API, params={"abiertos": "true", "limit": 100}).json()["results"]
    feed = feedparser.parse(api.get(f"{API}.atom").content)
    assert [entry.link for entry in feed.entries] == [f"{BASE}/concurso/{row['nog']}" for row in wanted]


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-12:00", "2026-01-01", "1969-12-31T00:00:00Z"]
)
def test_any_moment_can_be_asked_for(api: Api, moment: str) -> None:
    for path in (API, f"{API}.ics", f"{API}.atom", f"{API}/resumen"):
        assert api.get(path, params={"updated_since": moment}).status_code == 200
