"""Auditoría social on the portal: pages, tables, the page to print, comparisons and the API tell the published rows, and of which
version they are."""

import csv
import io
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import polars as pl
import pytest

from guatecompras.audit import build
from guatecompras.audit.tables import TABLES
from guatecompras.gathered.collect import bring
from guatecompras.people import PERSON, UNNAMED
from guatecompras.settings import Settings as PublicationSettings
from guatecompras.stores import LocalStore
from portal.app import create_app
from portal.settings import Settings
from tests.portal.conftest import BASE_URL, Api, Client
from tests.portal.usable import CHROMIUM, usable
from tests.publications import published as publish


def _version(store: Path) -> str:
    return str(LocalStore(store).index()["collections"]["audit"]["version"])


@pytest.fixture(scope="module")
def frames(published: Path) -> dict[str, pl.DataFrame]:
    folder = published / "publication" / "audit" / _version(published)
    return {name: pl.read_parquet(folder / f"{name}.parquet") for name in TABLES}


def _first(frames: dict[str, pl.DataFrame], level: str) -> dict[str, Any]:
    """The one of a level with most concursos."""
    rows = frames["indicadores"].filter(pl.col("ambito") == level)
    return rows.sort("concursos", "id", descending=True).row(0, named=True)


def _path(row: dict[str, Any]) -> str:
    return "/auditoria/pais" if row["ambito"] == "pais" else f"/auditoria/{row['ambito']}/{row['id']}"


_LEVELS = ("pais", "departamento", "municipio", "entidad")


@pytest.mark.parametrize("level", _LEVELS)
def test_a_scope_has_its_page_tables_and_profile(
    api: Api, frames: dict[str, pl.DataFrame], published: Path, level: str, tmp_path: Path
) -> None:
    row = _first(frames, level)
    path = _path(row)
    page = api.get(path)
    assert page.status_code == 200
    assert f"{row['concursos']:,}" in page.text
    assert f"anio={row['anio']}&amp;version={_version(published)}" in page.text
    for name, frame in frames.items():
        answer = api.get(f"{path}/{name}.csv", params={"anio": row["anio"]})
        told = list(csv.DictReader(io.StringIO(answer.text)))
        mine = frame.filter((pl.col("ambito") == level) & (pl.col("id") == row["id"]) & (pl.col("anio") == row["anio"]))
        assert len(told) == mine.height > 0
        assert list(told[0]) == frame.columns
        assert [one["id"] for one in told] == mine["id"].to_list()
    pdf = api.get(f"{path}/perfil.pdf")
    assert (pdf.status_code, pdf.headers["content-type"]) == (200, "application/pdf")
    assert api.get(f"{path}/perfil.pdf").content == pdf.content
    (tmp_path / "profile.pdf").write_bytes(pdf.content)
    about = subprocess.run(["pdfinfo", tmp_path / "profile.pdf"], capture_output=True, text=True, check=True).stdout
    words = {line.partition(":")[0]: line.partition(":")[2].strip() for line in about.splitlines()}
    assert (words["Pages"], words["Tagged"]) == ("1", "yes")


def test_every_entity_fits_on_one_page(api: Api, frames: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    for key in frames["indicadores"].filter(pl.col("ambito") == "entidad")["id"].unique().sort().head(12):
        (tmp_path / "one.pdf").write_bytes(api.get(f"/auditoria/entidad/{key}/perfil.pdf").content)
        told = subprocess.run(["pdfinfo", tmp_path / "one.pdf"], capture_output=True, text=True, check=True).stdout
        assert [line.split()[-1] for line in told.splitlines() if line.startswith("Pages")] == ["1"], key


def test_names_are_found_without_their_accents(api: Api, frames: dict[str, pl.DataFrame]) -> None:
    row = _first(frames, "municipio")
    answer = api.get("/auditoria", params={"q": row["nombre"].lower(), "ambito": "municipio"})
    assert f'href="{_path(row)}"' in answer.text
    assert "Nada se llama así" in api.get("/auditoria", params={"q": "zzzzz"}).text
    named = api.get("/auditoria", params={"q": "instituto guatemaltéco"}).text
    assert "SEGURIDAD SOCIAL" in named


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/auditoria?ambito=nada", 400),
        ("/auditoria?pagina=0", 400),
        ("/auditoria?pagina=9999", 400),
        ("/auditoria?q=a&q=b", 400),
        ("/auditoria?version=x", 404),
        ("/auditoria?version=20200101T000000-0123456789ab", 410),
        ("/auditoria/entidad/nadie", 404),
        ("/auditoria/departamento/nada/perfil.pdf", 404),
        ("/auditoria/pais/nada.csv", 404),
        ("/auditoria/pais?anio=x", 400),
        ("/auditoria/pais?anio=1999", 404),
        ("/auditoria/pais?version=x", 404),
        ("/auditoria/comparar?a=pais&anio_a=x", 400),
        ("/auditoria/comparar.csv?a=pais", 404),
        ("/api/v2/auditoria/pais?anio=1999", 404),
        ("/api/v2/auditoria/entidades?anio=x", 400),
        ("/api/v2/auditoria/entidades?cursor=x", 400),
        ("/api/v2/auditoria/entidades/nadie", 404),
        ("/api/v2/auditoria/municipios/nada/nada", 404),
    ],
)
def test_what_is_wrong_is_said(api: Api, path: str, status: int) -> None:
    assert api.get(path).status_code == status


def test_two_stand_side_by_side(api: Api, frames: dict[str, pl.DataFrame]) -> None:
    one, other = _first(frames, "entidad"), _first(frames, "departamento")
    asked = {"a": f"entidad/{one['id']}", "b": f"departamento/{other['id']}"}
    text = api.get("/auditoria/comparar", params=asked).text
    assert f"{one['concursos']:,}" in text
    assert f"{other['concursos']:,}" in text
    assert "Para citar esta comparación" in text
    same = api.get("/auditoria/comparar", params={"a": "pais", "anio_a": 2026, "anio_b": 2026}).text
    assert "igual" in same
    table = api.get("/auditoria/comparar.csv", params=asked | {"anio_a": one["anio"], "anio_b": other["anio"]})
    told = list(csv.DictReader(io.StringIO(table.text)))
    assert [(row["id"], int(row["concursos"])) for row in told] == [
        (row["id"], row["concursos"]) for row in (one, other)
    ]
    assert "Para citar esta comparación" in same


def test_a_name_of_several_gives_a_choice(api: Api) -> None:
    text = api.get("/auditoria/comparar", params={"a": "guatemala", "b": "zzzz"}).text
    assert "se llaman así: elija" in text
    assert "a=departamento%2Fguatemala" in text
    assert "Nadie se llama así" in text


def test_the_api_tells_the_published_rows(api: Api, frames: dict[str, pl.DataFrame], published: Path) -> None:
    rows = frames["indicadores"].filter((pl.col("ambito") == "entidad") & (pl.col("anio") == 2026))
    found: list[dict[str, Any]] = []
    params: dict[str, Any] | None = {"limit": 7, "sort": "nombre"}
    while params is not None:
        answer = api.get("/api/v2/auditoria/entidades", params=params)
        assert answer.headers["x-total-count"] == str(rows.height)
        told = answer.json()
        assert told["version"] == _version(published)
        found += told["results"]
        following = told["links"].get("next")
        params = {key: value[0] for key, value in parse_qs(urlsplit(following).query).items()} if following else None
    assert sorted(row["id"] for row in found) == sorted(rows["id"])
    assert [row["nombre"] for row in found] == sorted(row["nombre"] for row in found)
    by_id = {row["id"]: row for row in found}
    for row in rows.iter_rows(named=True):
        assert by_id[row["id"]] == {
            name: float(value) if str(rows.schema[name]).startswith("Decimal") and value is not None else value
            for name, value in row.items()
        }
    text = api.get("/api/v2/auditoria/entidades", params={"formato": "csv", "limit": 500}).text
    assert len(text.splitlines()) == rows.height + 1
    lines = api.get("/api/v2/auditoria/entidades", params={"formato": "jsonl", "limit": 500}).text
    assert {orjson.loads(line)["id"] for line in lines.splitlines()} == set(rows["id"])


@pytest.mark.parametrize("level", _LEVELS)
def test_one_scope_by_the_api(api: Api, frames: dict[str, pl.DataFrame], level: str) -> None:
    row = _first(frames, level)
    many = {"departamento": "departamentos", "municipio": "municipios", "entidad": "entidades"}
    path = "pais" if level == "pais" else f"{many[level]}/{row['id']}"
    told = api.get(f"/api/v2/auditoria/{path}", params={"anio": row["anio"]}).json()
    assert told["nombre"] == row["nombre"]
    assert told["indicadores"][0]["concursos"] == row["concursos"]
    for name, frame in frames.items():
        mine = frame.filter((pl.col("ambito") == level) & (pl.col("id") == row["id"]) & (pl.col("anio") == row["anio"]))
        assert len(told[name]) == mine.height


def _application(store: Path, tmp_path: Path, *, rank_people: bool = False) -> Api:
    settings = Settings(
        store=str(store), cache=str(tmp_path), base_url=BASE_URL, requests_per_minute=10**9, burst=10**6,
        rank_people=rank_people,
    )  # fmt: skip
    return Api(Client(create_app(settings, log=lambda _: None)))


def test_a_permanent_link_says_the_same_until_it_says_that_it_is_gone(store: Path, tmp_path: Path) -> None:
    place, first = LocalStore(store), _version(store)
    asked = {"version": first, "anio": 2026}
    before = _application(store, tmp_path / "1").get("/auditoria/pais/indicadores.csv", params=asked)
    assert before.status_code == 200
    publish(place, 7, "2026-02")
    bring(place, lambda parts: [build.plan(place, parts, PublicationSettings(keep_versions=2))])
    second = _application(store, tmp_path / "2")
    assert second.get("/auditoria/pais/indicadores.csv", params=asked).content == before.content
    page = second.get("/auditoria/pais", params=asked)
    assert "datos de una versión anterior" in page.text
    assert first in page.text
    assert "datos de una versión anterior" not in second.get("/auditoria/pais").text
    publish(place, 8, "2026-02")
    bring(place, lambda parts: [build.plan(place, parts, PublicationSettings(keep_versions=2))])
    third = _application(store, tmp_path / "3")
    for path in ("/auditoria/pais", "/auditoria/pais/indicadores.csv", "/api/v2/auditoria/pais"):
        assert third.get(path, params=asked).status_code == 410


@pytest.mark.parametrize(("published_by_name", "shown_by_name"), [(False, True), (True, False), (True, True)])
def test_people_are_named_only_where_who_publishes_and_who_serves_both_say_so(
    store: Path, tmp_path: Path, published_by_name: bool, shown_by_name: bool
) -> None:
    place, settings = LocalStore(store), PublicationSettings(rank_people=published_by_name)
    bring(place, lambda parts: [build.plan(place, parts, settings)])
    api = _application(store, tmp_path, rank_people=shown_by_name)
    path = store / "publication" / "audit" / _version(store) / "proveedores.parquet"
    wanted = (pl.col("proveedor_tipo") == PERSON) & (pl.col("ambito") == "entidad")
    people = pl.read_parquet(path).filter(wanted).sort("monto", descending=True)
    row = people.row(0, named=True)
    assert (row["proveedor"] is not None) == (row["proveedor_nombre"] != UNNAMED) == published_by_name
    address = f"/auditoria/entidad/{row['id']}"
    texts = [
        api.get(address, params={"anio": row["anio"]}).text,
        api.get(f"{address}/proveedores.csv").text,
        api.get(f"{address}/indicadores.csv").text,
        api.get(f"/api/v2/auditoria/entidades/{row['id']}").text,
        api.get("/api/v2/auditoria/entidades", params={"limit": 500}).text,
    ]
    (tmp_path / "one.pdf").write_bytes(api.get(f"{address}/perfil.pdf", params={"anio": row["anio"]}).content)
    drawn = subprocess.run(["pdftotext", tmp_path / "one.pdf", "-"], capture_output=True, text=True, check=True).stdout
    if published_by_name and shown_by_name:
        assert row["proveedor"] in texts[0]
        assert row["proveedor"] in texts[1]
        assert row["proveedor"] in texts[3]
        return
    assert UNNAMED in texts[0]
    assert UNNAMED in texts[1]
    assert UNNAMED in drawn
    for name in {*people["proveedor"], *people["proveedor_nombre"]} - {None, UNNAMED}:
        assert not [text for text in (*texts, drawn) if name in text]


def test_without_the_collection_it_is_said(three_versions: Path, tmp_path: Path) -> None:
    api = _application(three_versions, tmp_path)
    assert "Todavía no se ha calculado" in api.get("/auditoria").text
    for path in ("/auditoria/pais", "/auditoria/comparar", "/api/v2/auditoria/entidades"):
        assert api.get(path).status_code == 404


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium is installed here")
def test_everybody_can_use_the_pages(published: Path, frames: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    """WCAG by axe on a phone and wide, light and dark; nothing is wider than the screen, or refused by the policy."""
    entity = _first(frames, "entidad")
    paths = [
        "/auditoria",
        "/auditoria?q=guatemala",
        _path(entity),
        f"{_path(_first(frames, 'municipio'))}?anio=2026",
        "/auditoria/comparar?a=guatemala&b=zzzz",
        f"/auditoria/comparar?a=entidad/{entity['id']}&b=departamento/guatemala",
    ]
    usable(published, tmp_path / "server", paths)
