"""What the portal answers fits the official API's own OpenAPI document, field by field; ours may say more than it does."""

import json
from typing import Any

import jsonschema
import pytest

from tests.portal.conftest import Api, api, app, client, lines, published, settings  # noqa: F401 – the portal's fixtures
from tests.real.conftest import SHARED

CONTRACT = SHARED / "domain" / "official-openapi.json"
pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason="the official contract is not beside the project")


def _schema(name: str) -> dict[str, Any]:
    """A schema of the contract as JSON Schema: what may be null may, and more may be there."""
    document = json.loads(CONTRACT.read_bytes())

    def turned(node: Any) -> Any:
        if isinstance(node, list):
            return [turned(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return turned(document["components"]["schemas"][node["$ref"].rpartition("/")[2]])
        told = {key: turned(value) for key, value in node.items() if key not in ("nullable", "additionalProperties")}
        if node.get("nullable") and "type" in told:
            told["type"] = [told["type"], "null"]
        return told

    found: dict[str, Any] = turned({"$ref": f"#/components/schemas/{name}"})
    return found


def _paths(node: Any, schema: dict[str, Any], path: str = "") -> set[str]:
    """The fields of the contract that an answer has."""
    if isinstance(node, list):
        return {found for one in node for found in _paths(one, schema.get("items", {}), path)}
    if not isinstance(node, dict):
        return set()
    told = {f"{path}/{name}" for name in node if name in schema.get("properties", {})}
    for name, value in node.items():
        told |= _paths(value, schema.get("properties", {}).get(name, {}), f"{path}/{name}")
    return told


@pytest.mark.parametrize("path", ["/release/search?Anio=2026", "/release/search?Mes=2&pagina=1&ordenamiento=Asc"])
def test_a_search_fits_the_contract(api: Api, path: str) -> None:  # noqa: F811
    schema, answer = _schema("HeaderRelease"), api.get(path).json()
    jsonschema.validate(answer, schema)
    # What the official site has of every release, ours has too.
    told = _paths(answer, schema)
    for name in (
        "id",
        "ocid",
        "date",
        "publishedDate",
        "language",
        "tag",
        "initiationType",
        "parties",
        "buyer",
        "tender",
    ):
        assert f"/releases/{name}" in told
    for name in ("id", "title", "status", "statusDetails", "datePublished", "procuringEntity", "items", "documents"):
        assert f"/releases/tender/{name}" in told
    assert {"/uri", "/version", "/extensions", "/publishedDate", "/license", "/publisher", "/publicationPolicy"} <= told
    assert {"/publisher/scheme", "/publisher/uid", "/publisher/name", "/publisher/uri"} <= told


def test_a_nog_fits_the_contract(api: Api) -> None:  # noqa: F811
    ocid = api.get("/release/search?Anio=2026").json()["releases"][0]["ocid"]
    answer = api.get(f"/release/searchNog/{ocid.rpartition('-')[2]}").json()
    jsonschema.validate(answer, _schema("HeaderRelease"))
    assert len(answer["releases"]) == 1


def test_files_fit_the_contract(api: Api) -> None:  # noqa: F811
    answer = api.get("/files").json()
    jsonschema.validate(answer, _schema("FilePkgRecord"))
    for one in answer["result"]:
        assert set(one) == {"id", "files", "year", "month", "monthName", "source", "timestamp"}
        assert set(one["files"]) == {"csv", "xlsx", "json", "sha"}


@pytest.mark.parametrize("path", ["/release/search", "/file/json/2026/13", "/file/pdf/2026/01", "/files?month=x"])
def test_errors_fit_the_contract(api: Api, path: str) -> None:  # noqa: F811
    answer = api.get(path)
    assert answer.status_code == 400
    jsonschema.validate(answer.json(), _schema("MensajeResultadoDeOperacionesModelo"))


def test_every_path_and_parameter_of_the_contract_is_in_ours(api: Api) -> None:  # noqa: F811
    theirs, ours = json.loads(CONTRACT.read_bytes())["paths"], api.get("/openapi.json").json()["paths"]
    for path, operations in theirs.items():
        told = {one["name"] for one in ours[path]["get"].get("parameters", [])}
        assert {one["name"] for one in operations["get"].get("parameters", [])} <= told, path
