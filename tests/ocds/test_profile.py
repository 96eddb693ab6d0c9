import copy
import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from guatecompras.contract import PLAUSIBLE_YEARS
from guatecompras.ocds import mapping, profile
from tests.ocds import sample_release as sample

FIELDS = {field.path: field for field in mapping.fields()}


def declared(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema: its path, its node."""
    for name, node in schema.get("properties", {}).items():
        child = f"{path}/{name}".lstrip("/")
        yield child, node
        yield from declared(node.get("items", node), child)


@pytest.mark.parametrize("make", [profile.release_schema, profile.compiled_schema])
def test_the_schema_is_the_mapping(make: Any) -> None:
    schema = make()
    jsonschema.Draft4Validator.check_schema(schema)
    nodes = dict(declared(schema))
    assert list(nodes) == list(FIELDS)
    for path, node in nodes.items():
        assert (node["title"], node["description"]) == (FIELDS[path].title, FIELDS[path].description)
        assert node["type"] == FIELDS[path].type.partition("<")[0]
        assert node.get("format", "") == FIELDS[path].format


def objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if schema.get("type") == "object":
        yield schema
    for child in schema.get("properties", {}).values():
        yield from objects(child)
    if "items" in schema:
        yield from objects(schema["items"])


@pytest.mark.parametrize(
    "make",
    [profile.release_schema, profile.compiled_schema, profile.release_package_schema, profile.record_package_schema],
)
def test_objects_are_closed_and_never_empty(make: Any) -> None:
    for node in objects(make()):
        assert node["additionalProperties"] is False
        assert node.get("required") or node["minProperties"] == 1


def test_nothing_may_be_null_or_empty() -> None:
    for path, node in declared(profile.release_schema()):
        assert node["type"] in ("string", "number", "integer", "object", "array"), path
        leaf = node.get("items", node)
        assert None not in leaf.get("enum", [])
        if node["type"] == "array":
            assert node["minItems"] == 1
        if leaf["type"] == "string":
            assert leaf.get("minLength") == 1 or leaf.get("enum")


def test_a_release_and_its_compiled_form_differ_only_in_id_and_tag() -> None:
    one, other = profile.release_schema(), profile.compiled_schema()
    assert other["properties"]["tag"]["items"]["enum"] == ["compiled"]
    assert "compiled" not in one["properties"]["tag"]["items"]["enum"]
    for schema in (one, other):
        del schema["title"], schema["description"], schema["properties"]["id"], schema["properties"]["tag"]
    assert one == other


def package(**content: Any) -> dict[str, Any]:
    return {
        "uri": "https://ocds.guatecompras.gt/file/json/2026/5",
        "version": "1.1",
        "extensions": ["https://ocds.guatecompras.gt/extensions/bids/extension.json"],
        "publishedDate": "2026-06-01T04:00:00-06:00",
        "publisher": {"name": "Ministerio de Finanzas Públicas", "uri": "https://www.guatecompras.gt"},
        "license": "https://creativecommons.org/licenses/by/4.0",
        "publicationPolicy": "https://ocds.guatecompras.gt/politica",
        **content,
    }


def record() -> dict[str, Any]:
    release = sample.release()
    url = "https://ocds.guatecompras.gt/release/" + release["id"]
    return {
        "ocid": release["ocid"],
        "releases": [{"url": url, "date": release["date"], "tag": release["tag"]}],
        "compiledRelease": sample.compiled(),
    }


@pytest.mark.parametrize(
    ("make", "name", "content"),
    [
        (profile.release_package_schema, "releases", sample.release()),
        (profile.record_package_schema, "records", record()),
    ],
)
def test_packages(make: Any, name: str, content: dict[str, Any]) -> None:
    schema = make()
    jsonschema.Draft4Validator.check_schema(schema)
    validator = jsonschema.Draft4Validator(schema)
    good = package(**{name: [content]})
    assert validator.is_valid(good)
    assert validator.is_valid(good | {"links": {"next": "https://ocds.guatecompras.gt/release/search?pagina=2"}})
    for key in good:
        spoilt = {other: value for other, value in good.items() if other != key}
        assert not validator.is_valid(spoilt), key
    assert not validator.is_valid(good | {"version": "1.10"})
    assert not validator.is_valid(good | {"nuevo": "x"})
    assert not validator.is_valid(good | {name: []})
    inner = copy.deepcopy(content)
    del inner["ocid"]
    assert not validator.is_valid(good | {name: [inner]})


def test_times_have_plausible_years_and_the_local_offset() -> None:
    first, last = PLAUSIBLE_YEARS
    years = [year for year in range(1, 3000) if re.match(profile.DATE_TIME_PATTERN, f"{year:04}-01-01T00:00:00-06:00")]
    assert years == list(range(first, last + 1))
    assert not re.match(profile.DATE_TIME_PATTERN, "2026-01-01T00:00:00Z")


ANCHORS = {
    "Organization": "parties",
    "Tender": "tender",
    "Item": "tender/items",
    "ItemAttribute": "tender/items/attributes",
    "Document": "tender/documents",
    "Award": "awards",
    "Contract": "contracts",
    "Bids": "bids",
    "Bid": "bids/details",
    "Source": "sources",
    "DataSegmentation": "dataSegmentation",
    "TenderCategory": "tender/categories",
    "TenderType": "tender/tenderType",
    "TenderSubMethod": "tender/subMethod",
}


def added(patch: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields an extension adds, as (mapping path, node)."""
    yield from declared(patch)
    for name, definition in patch.get("definitions", {}).items():
        yield from declared(definition, ANCHORS[name])


def test_extensions_say_what_the_mapping_says_each_field_once() -> None:
    seen: dict[str, str] = {}
    for extension in profile.extensions():
        for path, node in added(extension["release_schema"]):
            if path == "parties/details":  # in the standard already; only its contents are new
                continue
            assert path not in seen, (path, extension["name"], seen[path])
            seen[path] = extension["name"]
            assert (node["title"], node["description"]) == (FIELDS[path].title, FIELDS[path].description)
    assert {"bids", "publishedDate", "tender/subMethod/id", "parties/details/level/id"} <= set(seen)


def test_extension_definitions_have_the_official_form() -> None:
    for extension in profile.extensions():
        meta = extension["extension"]
        assert list(meta["name"]) == list(meta["description"]) == list(meta["documentationUrl"]) == ["es"]
        assert meta["compatibility"] == ["1.1"]
        assert meta["schemas"] == ["release-schema.json"]
        assert set(meta) <= {
            "name",
            "description",
            "version",
            "documentationUrl",
            "compatibility",
            "codelists",
            "schemas",
            "contactPoint",
        }
        named = {node["codelist"] for _, node in added(extension["release_schema"]) if "codelist" in node}
        assert named == set(extension["codelists"]) == set(meta.get("codelists", []))


def test_codelists_are_named_in_the_schema_and_hold_codes_once() -> None:
    named = {node["codelist"] for _, node in declared(profile.release_schema()) if "codelist" in node}
    assert set(profile.codelists()) <= named
    for text in profile.codelists().values():
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == len({row["Code"] for row in rows}) > 2
        assert all(row["Code"] and row["Title"] for row in rows)
    assert "Vigente,Vigente\n" in profile.codelists()["estatus.csv"]


def test_writing_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = tmp_path / "a.zip", tmp_path / "b.zip"
    written = [profile.write_profile(path) for path in paths]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with zipfile.ZipFile(paths[0]) as archive:
        names = set(archive.namelist())
        schema = json.loads(archive.read("release-schema.json"))
    assert written == [len(names), len(names)]
    assert {
        "release-schema.json",
        "compiled-release-schema.json",
        "release-package-schema.json",
        "record-package-schema.json",
        "codelists/estatus.csv",
        "extensions/bids/extension.json",
        "extensions/bids/release-schema.json",
        "extensions/bids/codelists/bidStatus.csv",
    } <= names
    assert schema == profile.release_schema(corrections=True)
