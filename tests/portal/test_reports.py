"""Reports on the portal: the same rows in every format and on the page, what is wrong said, and a form that anybody can use."""

import csv
import io
import json
from pathlib import Path

import pytest
from lxml import etree

from guatecompras.reports.registry import REPORTS
from tests.portal.conftest import Api

_MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "json": "application/json",
}


@pytest.mark.parametrize("form", _MEDIA)
def test_a_report_is_sent_in_every_format(api: Api, form: str) -> None:
    answer = api.get(f"/reportes/proveedores-por-monto.{form}", params={"anio": "2026"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, _MEDIA[form])
    assert f'filename="proveedores-por-monto.{form}"' in answer.headers["content-disposition"]
    assert len(answer.content) == int(answer.headers["content-length"])
    again = api.get(f"/reportes/proveedores-por-monto.{form}", params={"anio": "2026"})
    assert (again.content, again.headers["etag"]) == (answer.content, answer.headers["etag"])


def test_formats_say_the_same_and_the_page_how_much_it_is(api: Api) -> None:
    asked = {"mes": "todos", "estatus": "3"}
    rows = list(csv.DictReader(io.StringIO(api.get("/reportes/concursos-publicados.csv", params=asked).text)))
    told = api.get("/reportes/concursos-publicados.json", params=asked).json()["rows"]
    assert [int(row["nog"]) for row in rows] == [row["nog"] for row in told]
    xml = etree.fromstring(api.get("/reportes/concursos-publicados.xml", params=asked).content)
    schema = etree.XMLSchema(etree.fromstring(api.get("/reportes/concursos-publicados.xsd").content))
    schema.assertValid(xml)
    assert len(xml.findall("filas/fila")) == len(rows) > 0
    page = api.get("/reportes/concursos-publicados", params=asked).text
    assert f"{len(rows)} filas" in page
    assert str(rows[0]["nog"]) in page
    assert "/reportes/concursos-publicados.xlsx?mes=todos&amp;estatus=3" in page


def test_pages_of_a_report_follow_one_another(api: Api) -> None:
    first = api.get("/reportes/concursos-publicados", params={"mes": "todos"})
    assert "pagina=2" in first.text
    second = api.get("/reportes/concursos-publicados", params={"mes": "todos", "pagina": "2"})
    assert "Filas 26 a" in second.text
    for page in ("0", "-1", "x", "9999"):
        assert api.get("/reportes/concursos-publicados", params={"pagina": page}).status_code == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/reportes/nada", 404),
        ("/reportes/nada.csv", 404),
        ("/reportes/nada.xsd", 404),
        ("/reportes/por-estatus.pdf", 404),
        ("/reportes/por-estatus.csv?mes=x", 400),
        ("/reportes/por-estatus.csv?mes=2026-01&mes=2026-02", 400),
        ("/reportes/por-estatus.csv?foo=1", 400),
        ("/reportes/por-estatus?mes=x", 400),
        ("/reportes/por-estatus?anio=1", 400),
        ("/reportes/..%2f..%2fetc%2fpasswd", 404),
    ],
)
def test_what_is_wrong_is_said(api: Api, path: str, status: int) -> None:
    answer = api.get(path)
    assert answer.status_code == status
    program = path.partition("?")[0].endswith((".csv", ".xsd", ".pdf"))
    assert ("application/problem+json" in answer.headers["content-type"]) == program


def test_the_list_leads_to_every_report(api: Api) -> None:
    page = api.get("/reportes").text
    for report in REPORTS.values():
        assert f'href="/reportes/{report.id}"' in page
        assert api.get(f"/reportes/{report.id}").status_code == 200


def test_results_that_are_kept_do_not_pile_up(api: Api, settings: object) -> None:
    from portal import reports

    for number in range(reports._KEPT + 5):
        assert api.get("/reportes/por-estatus.json", params={"nog": str(1000 + number)}).status_code == 200
    folder = Path(settings.cache_folder()) / "reports"  # type: ignore[attr-defined]
    kept = list(folder.rglob("*.*")) if folder.exists() else []
    assert len(kept) <= reports._KEPT + 2
    assert not [path for path in kept if path.name.startswith(".")]


def test_the_document_lists_the_reports_and_their_filters(api: Api) -> None:
    paths = json.loads(api.get("/openapi.json").content)["paths"]
    told = paths["/reportes/proveedores-por-monto.{form}"]["get"]["parameters"]
    assert [one["name"] for one in told[1:]] == list(REPORTS["proveedores-por-monto"].filters)
