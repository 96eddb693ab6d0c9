"""The official API: its contract, path by path, and what it answers when something is wrong."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from guatecompras.formats import archive
from tests.portal.conftest import Api

Json = dict[str, Any]


@pytest.fixture(scope="module")
def releases(published: Path) -> dict[int, list[Json]]:
    """The releases that are public, by NOG."""
    index = orjson.loads((published / "publication" / "index.json").read_bytes())
    found: dict[int, list[Json]] = {}
    for month, entry in index["months"].items():
        path = published / "publication" / "months" / month / entry["version"] / f"{month}_releases.jsonl.gz"
        for line in archive.read_lines(path):
            release = orjson.loads(line)
            found.setdefault(int(release["ocid"].rpartition("-")[2]), []).append(release)
    return found


def _numbers(release: Json) -> tuple[str, str]:
    """Guatecompras' numbers of who buys: entity and unit."""
    unit = next(one for one in release["parties"] if one["id"] == release["tender"]["procuringEntity"]["id"])
    told = [unit["identifier"], *unit.get("additionalIdentifiers", [])]
    entity, number = next(one["id"] for one in told if one["scheme"] == "GT-GCUC").split("-")
    return entity, number


def _all(api: Api, url: str) -> list[Json]:
    """All that a search gives, page by page as its links lead."""
    found: list[Json] = []
    while url:
        answer = api.get(url)
        assert answer.status_code == 200, answer.text
        package = answer.json()
        found += package["releases"]
        url = package["links"].get("next", "").removeprefix("https://datos.example.gt")
    return found


def test_a_search_gives_the_last_release_of_each_concurso_page_by_page(
    api: Api, releases: dict[int, list[Json]]
) -> None:
    found = _all(api, "/release/search?Anio=2026")
    assert {one["ocid"] for one in found} == {last[-1]["ocid"] for last in releases.values()}
    assert all(one == releases[int(one["ocid"].rpartition("-")[2])][-1] for one in found)
    published = [one["tender"]["datePublished"] for one in found]
    assert published == sorted(published, reverse=True)
    turned = _all(api, "/release/search?Anio=2026&ordenamiento=Asc")
    assert [one["id"] for one in turned] == [one["id"] for one in reversed(found)]


@pytest.mark.parametrize("day", [3, 17])
def test_year_month_and_day_can_be_asked_together_and_alone(
    api: Api, releases: dict[int, list[Json]], day: int
) -> None:
    # Together they were reported broken on the official site in May 2024.
    def called(pattern: str) -> set[str]:
        import re

        last = (one[-1] for one in releases.values())
        return {one["ocid"] for one in last if re.match(pattern, one["tender"]["datePublished"])}

    for query, pattern in (
        (f"Anio=2026&Mes=1&Dia={day}", f"2026-01-{day:02d}"),
        (f"Mes=02&Dia={day:02d}", rf"\d+-02-{day:02d}"),
        (f"dia={day}", rf"\d+-\d+-{day:02d}"),
        ("MES=1", r"\d+-01"),
        ("Anio=2025", "2025"),
    ):
        assert {one["ocid"] for one in _all(api, f"/release/search?{query}")} == called(pattern)


def test_codes_narrow_a_search(api: Api, releases: dict[int, list[Json]]) -> None:
    for release in list(releases.values())[:6]:
        entity, unit = _numbers(release[-1])
        found = _all(api, f"/release/search?Anio=2026&Entidad={entity}&Unidad_compradora={unit}")
        wanted = {one[-1]["ocid"] for one in releases.values() if _numbers(one[-1]) == (entity, unit)}
        assert {one["ocid"] for one in found} == wanted
    awarded = _all(api, "/release/search?Anio=2026&Estatus_concurso=3&Modalidad_compradora=1")
    assert awarded
    assert {one["tender"]["statusDetails"] for one in awarded} == {"Adjudicado"}
    assert _all(api, "/release/search?Anio=2026&Estatus_concurso=99999") == []


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("", "al menos uno"),
        ("pagina=1", "al menos uno"),
        ("Anio=x", "Anio"),
        ("Anio=2026&Mes=13", "Mes"),
        ("Anio=2026&pagina=0", "pagina"),
        ("Anio=2026&pagina=-1", "pagina"),
        ("Anio=2026&pagina=99999999", "la última es la"),
        ("Anio=2026&pagina=9999999999999999999", "pagina"),
        ("Anio=2026&ordenamiento=alto", "ordenamiento"),
        ("Anio=2026&Anio=2025", "más de una vez"),
        ("Anio=2026&Año=2", "no existe"),
        ("Anio=2026&Entidad=1'%20OR%20'1'='1", "Entidad"),
        ("Anio=%00", "Anio"),
    ],
)
def test_what_is_wrong_is_400_and_says_which_and_why(api: Api, query: str, told: str) -> None:
    answer = api.get(f"/release/search?{query}")
    assert answer.status_code == 400
    assert answer.json().keys() == {"status", "operacionRealizadaConExito", "mensajeOperacion"}
    assert (answer.json()["status"], answer.json()["operacionRealizadaConExito"]) == ("Error", False)
    assert told in answer.json()["mensajeOperacion"]


def test_each_release_has_its_permanent_address(api: Api, releases: dict[int, list[Json]]) -> None:
    for one in [release for told in list(releases.values())[:20] for release in told]:
        answer = api.get(f"/release/{one['id']}")
        assert answer.status_code == 200
        assert answer.json()["releases"] == [one]
        assert answer.json()["uri"] == f"https://datos.example.gt/release/{one['id']}"


def test_a_nog_gives_its_last_release_and_an_ocid_its_record(api: Api, releases: dict[int, list[Json]]) -> None:
    for nog, told in list(releases.items())[:10]:
        assert api.get(f"/release/searchNog/{nog}").json()["releases"] == [told[-1]]
        package = api.get(f"/record/ocds-xqjsxa-{nog}").json()
        (record,) = package["records"]
        assert [one["url"] for one in record["releases"]] == [
            f"https://datos.example.gt/release/{r['id']}" for r in told
        ]
        assert record["compiledRelease"]["ocid"] == record["ocid"] == f"ocds-xqjsxa-{nog}"
        assert {"uri", "version", "publishedDate", "publisher", "license", "publicationPolicy"} <= package.keys()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/release/searchNog/1", 404),
        ("/release/searchNog/x", 400),
        ("/release/searchNog/99999999999999999999", 400),
        ("/release/searchNog/9223372036854775807", 404),
        ("/release/GT-NOG-1-T1", 404),
        ("/release/..%2f..%2fetc%2fpasswd", 404),
        ("/record/ocds-xqjsxa-1", 404),
        ("/record/ocds-213czf-1", 404),
        ("/record/", 404),
    ],
)
def test_what_is_not_there_says_so(api: Api, path: str, status: int) -> None:
    answer = api.get(path)
    assert answer.status_code == status
    assert answer.json()["operacionRealizadaConExito"] is False


def test_what_was_withdrawn_is_gone(api: Api, published: Path) -> None:
    public = published / "publication" / "months" / "2026-01"
    current = orjson.loads((published / "publication" / "index.json").read_bytes())["months"]["2026-01"]["version"]
    before = next(path for path in public.iterdir() if path.name != current)
    now = {orjson.loads(line)["ocid"] for line in archive.read_lines(public / current / "2026-01_records.jsonl.gz")}
    gone = [
        release
        for release in map(orjson.loads, archive.read_lines(before / "2026-01_releases.jsonl.gz"))
        if release["ocid"] not in now
    ]
    assert gone
    nog = gone[0]["ocid"].rpartition("-")[2]
    for path in (f"/release/{gone[0]['id']}", f"/record/{gone[0]['ocid']}", f"/release/searchNog/{nog}"):
        answer = api.get(path)
        assert answer.status_code == 410
        assert answer.json()["status"] == "Notcontent"
    assert api.get(f"/api/v2/concursos/{nog}").status_code == 410


def test_extensions_that_packages_name_are_there(api: Api) -> None:
    package = api.get("/release/search?Anio=2026").json()
    assert package["extensions"]
    for url in package["extensions"]:
        path = url.replace("https://ocds.guatecompras.gt", "")
        extension = api.get(path)
        assert extension.status_code == 200
        assert "name" in extension.json()
        patch = api.get(path.replace("extension.json", "release-schema.json"))
        assert patch.status_code == 200
    assert api.get("/extensions/../mapping.csv").status_code == 404


def test_what_has_not_changed_is_not_sent_again(api: Api) -> None:
    first = api.get("/release/search?Anio=2026")
    again = api.get("/release/search?Anio=2026", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    since = api.get("/release/search?Anio=2026", headers={"If-Modified-Since": first.headers["last-modified"]})
    assert since.status_code == 304
    head = api.head("/release/search?Anio=2026")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == first.headers["etag"]
