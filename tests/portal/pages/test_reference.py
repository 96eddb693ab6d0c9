"""Policy, quality and API documentation as the public gets them: over a real publication, and over an empty one."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import httpx
import orjson
import pytest
from fastapi import APIRouter, Query, Response

from guatecompras.ocds.mapping import fields
from guatecompras.stores import LocalStore
from portal.app import ROUTERS
from portal.pages import api_docs, policy, quality
from tests.portal.pages.site_app import application

api = APIRouter()
Get = Callable[..., httpx.Response]


@api.get("/record/{ocid}", tags=["record"], summary="Registro de un proceso")
def record(ocid: str) -> dict[str, str]:
    """Con sus publicaciones.

    - una
    - `otra`
    """
    return {"ocid": ocid}


@api.get(
    "/file/{type}/{year}/{month}",
    tags=["File"],
    response_class=Response,
    summary="Archivo de un mes",
    responses={200: {"content": {"application/zip": {}}, "description": "El archivo"}},
)
def file(type: Literal["json", "csv"], year: int, month: int) -> Response:  # fmt: skip
    return Response(f"{type} {year} {month}", media_type="application/zip")


@api.get("/api/v2/concursos", tags=["Concursos"], summary="Buscar <concursos>")
def concursos(
    q: Annotated[str, Query(max_length=200, description="Palabras, con `*` al final", examples=["papel bond"])] = "",
    modalidad: Annotated[list[int] | None, Query(description="Códigos")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> dict[str, object]:
    return {"q": q, "modalidad": modalidad, "limit": limit}


def _get(store: Path, cache: Path, *routers: APIRouter) -> Get:
    app = application(store, cache, policy.router, quality.router, api_docs.router, *(routers or [api]))

    def get(path: str, **more: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="https://ocds.example.gt") as client:
                return await client.request(str(more.get("method", "GET")), path)

        import anyio

        return anyio.run(ask)

    return get


@pytest.fixture(scope="module")
def get_all(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Get:
    """With the API as it is, over all that is published."""
    return _get(published, tmp_path_factory.mktemp("cache"), *ROUTERS)


@pytest.fixture(scope="module")
def get(three_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Get:
    return _get(three_versions, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def get_empty(tmp_path_factory: pytest.TempPathFactory) -> Get:
    store = LocalStore(tmp_path_factory.mktemp("empty") / "store")
    (store.root / "publication").mkdir(parents=True)
    return _get(store.root, tmp_path_factory.mktemp("cache"))


PAGES = ("/politica", "/politica?q=value_amount", "/politica?q=nada+de+eso+xyzzy", "/calidad", "/api-ocds")


@pytest.mark.parametrize("path", [*PAGES, "/calidad/2026-01"])
def test_pages_are_whole_and_keep_the_content_security_policy(get: Get, path: str) -> None:
    answer = get(path)
    assert answer.status_code == 200
    assert answer.headers["etag"]
    page = answer.text
    assert page.count("<h1") == 1
    assert " style=" not in page
    assert "<style" not in page
    assert not re.search(r"<script(?! type=\"application/ld\+json\")(?![^>]*\bsrc=)", page)
    assert not re.search(r"\bon(click|load|submit)=", page)
    assert "{{" not in page
    assert get(path).headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_stand_without_a_month(get_empty: Get, path: str) -> None:
    assert get_empty(path).status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "/calidad/2026-01"])
def test_ids_are_unique_and_links_within_the_page_lead_somewhere(get: Get, path: str) -> None:
    page = get(path).text
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert set(re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', page)) <= set(ids)
    assert set(re.findall(r'<label for="([^"]+)"', page)) <= set(ids)


@pytest.mark.parametrize("path", PAGES)
def test_links_to_the_policy_lead_to_what_is_in_it(get: Get, path: str) -> None:
    ids = set(re.findall(r'\bid="([^"]+)"', get("/politica").text))
    assert set(re.findall(r'href="/politica#([^"]+)"', get(path).text)) <= ids


# --- policy


def test_every_field_has_an_anchor(get: Get) -> None:
    page = get("/politica").text
    assert all(f'id="campo-{field.path.replace("/", "-")}"' in page for field in fields())


def test_the_meaning_of_a_column_is_found_without_script(get: Get) -> None:
    page = get("/politica?q=tender_value_amount").text
    assert re.findall(r'<article class="field" id="([^"]+)"', page)[0] == "campo-tender-value-amount"
    assert "Cantidad de dinero que la entidad calcula gastar." in page
    assert 'content="noindex"' in page


@pytest.mark.parametrize(
    "asked", ["%3Cscript%3Ealert(1)%3C/script%3E", "%22%3E%3Cimg%20src=x%3E", "%00%0d%0a", "a" * 5000]
)
def test_what_is_asked_for_is_shown_as_text(get: Get, asked: str) -> None:
    answer = get(f"/politica?q={asked}")
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    ("path", "media", "start"),
    [
        ("/politica.pdf", "application/pdf", b"%PDF"),
        ("/politica/diccionario.csv", "text/csv; charset=utf-8", b"campo,"),
        ("/politica/diccionario.xlsx", policy.XLSX, b"PK"),
    ],
)
def test_files_have_a_type_a_name_and_an_etag(get: Get, path: str, media: str, start: bytes) -> None:
    answer = get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media
    assert answer.content.startswith(start)
    assert 'filename="' in answer.headers["content-disposition"]
    assert answer.headers["etag"] == get(path).headers["etag"]
    assert get(path, method="HEAD").status_code == 200


# --- quality


def test_all_months_are_told_with_their_scores(get: Get, three_versions: Path) -> None:
    page = get("/calidad").text
    root = three_versions / "publication"
    months = orjson.loads((root / "index.json").read_bytes())["months"]
    for month, entry in months.items():
        score = orjson.loads((root / f"months/{month}/{entry['version']}/quality.json").read_bytes())["score"]
        assert f'href="/calidad/{month}"' in page
        assert f">{score:.1f}<" in page


def test_a_month_says_all_its_checks_and_links_what_is_published(get: Get, three_versions: Path) -> None:
    page = get("/calidad/2026-01").text
    root = three_versions / "publication"
    version = orjson.loads((root / "index.json").read_bytes())["months"]["2026-01"]["version"]
    report = orjson.loads((root / f"months/2026-01/{version}/quality.json").read_bytes())
    assert all(f">{check['id']}</code>" in page for check in report["checks"])
    links = re.findall(r'href="(/publication/[^"]+)"', page)
    for link in links:
        if link.startswith("/publication/months/"):
            assert (three_versions / link[1:]).exists()
    assert f"/publication/months/2026-01/{version}/quality.json" in links


@pytest.mark.parametrize("month", ["2019-01", "x", "2026-1", "..%2f..", "%3Cb%3E"])
def test_a_month_that_is_not_public_is_not_found(get: Get, month: str) -> None:
    answer = get(f"/calidad/{month}")
    assert answer.status_code == 404
    assert "<b>" not in answer.text


def summary(month: str, score: float) -> quality.Summary:
    return quality.Summary(month, "v", score, {}, {}, ())


def test_the_line_of_scores_goes_from_old_to_new() -> None:
    drawn = quality.chart([summary("2026-03", 95.0), summary("2026-02", 90.0), summary("2026-01", 100.0)])
    assert drawn is not None
    assert drawn["lowest"] == 85
    assert drawn["points"] == "0.00,0.00 50.00,66.67 100.00,33.33"
    assert (drawn["first"], drawn["last"], drawn["least"].month) == ("2026-01", "2026-03", "2026-02")
    assert quality.chart([summary("2026-01", 90.0)]) is None


# --- API documentation


def test_each_operation_has_a_form_with_all_its_parameters(get: Get) -> None:
    page = get("/api-ocds").text
    for operation in ("consulta-record-ocid", "consulta-file-type-year-month", "consulta-api-v2-concursos"):
        form = page.split(f'value="{operation}"')[1].split("</form>")[0]
        assert re.findall(r'name="(\w+)"', form)
    form = page.split('value="consulta-api-v2-concursos"')[1].split("</form>")[0]
    assert re.findall(r'name="(\w+)"', form) == ["q", "modalidad", "limit"]
    assert "Ejemplo: <code>papel bond</code>" in form
    assert "mínimo 1; máximo 1000" in form
    assert "varios, separados por comas" in form
    assert "Buscar &lt;concursos&gt;" in page
    assert "422" not in page


def test_examples_are_of_what_is_public(get: Get) -> None:
    page = get("/api-ocds").text
    ocid = re.search(r"/record/(ocds-xqjsxa-\d+)", page)
    assert ocid
    assert get(f"/record/{ocid[1]}").json() == {"ocid": ocid[1]}
    assert "https://ocds.example.gt/file/json/2026/02" in page


def test_the_example_of_every_operation_has_an_answer(get_all: Get) -> None:
    page = get_all("/api-ocds").text
    examples = re.findall(
        r"<code>curl &#39;https://ocds.example.gt(/[^&]*(?:&amp;[^&]*)*)&#39;</code>", page
    ) or re.findall(r"<code>curl 'https://ocds.example.gt(/[^']*)'</code>", page)
    assert len(examples) == page.count('<form class="try"') + 2
    answers = {path: get_all(path.replace("&amp;", "&")).status_code for path in examples}
    assert {path: status for path, status in answers.items() if status != 200} == {}


def test_the_document_itself_is_served(get_all: Get) -> None:
    told = get_all("/openapi.json").json()
    assert told["openapi"].startswith("3.")
    assert "/release/search" in told["paths"]


def test_trying_leads_to_the_address_asked_for(get: Get) -> None:
    def led(query: str) -> str:
        answer = get(f"/api-ocds/probar?{query}")
        assert answer.status_code == 303
        return answer.headers["location"]

    assert led("operacion_=consulta-record-ocid&ocid=ocds-1") == "/record/ocds-1"
    assert led("operacion_=consulta-api-v2-concursos&q=&limit=") == "/api/v2/concursos"
    found = led("operacion_=consulta-api-v2-concursos&q=a%26b&modalidad=1,3&otro=x")
    assert found == "/api/v2/concursos?q=a%26b&modalidad=1&modalidad=3"
    assert get(found).json() == {"q": "a&b", "modalidad": [1, 3], "limit": 50}


@pytest.mark.parametrize(
    "value", ["//evil.example", "https://evil.example", "..%2F..%2Fx", "a%0d%0aSet-Cookie:%20x", "%5C%5Cevil"]
)
def test_trying_never_leads_elsewhere(get: Get, value: str) -> None:
    answer = get(f"/api-ocds/probar?operacion_=consulta-record-ocid&ocid={value}")
    assert answer.headers["location"].startswith("/record/")
    assert "/" not in answer.headers["location"].removeprefix("/record/")
    assert "set-cookie" not in answer.headers


def test_trying_says_what_is_missing(get: Get) -> None:
    assert get("/api-ocds/probar").status_code == 404
    assert get("/api-ocds/probar?operacion_=x").status_code == 404
    answer = get("/api-ocds/probar?operacion_=consulta-file-type-year-month&type=json")
    assert answer.status_code == 400
    assert "year, month" in answer.text


def test_an_official_document_is_read_too() -> None:
    document = {
        "paths": {
            "/x/{a}": {
                "parameters": [
                    {"name": "a", "in": "path", "required": True, "schema": {"$ref": "#/components/schemas/A"}}
                ],
                "get": {"parameters": [{"name": "h", "in": "header", "schema": {}}], "responses": {"200": {}}},
                "post": {},
            },
            "/y": {"get": {"parameters": [{"name": "b", "in": "query", "example": 7, "schema": {"type": "integer"}}]}},
        },
        "components": {"schemas": {"A": {"type": "string", "enum": ["uno", "dos"]}}},
    }
    [group] = api_docs._read(document, {})
    first, second = group.operations
    assert first.parameters[0].choices == ("uno", "dos")
    assert first.example == "/x/uno"
    assert second.example == "/y?b=7"
