"""The profile against the official OCDS 1.1.5 files; skipped where they are not at hand."""

import copy
import csv
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from json_merge_patch import merge  # comes with ocdskit
from ocdsmerge.rules import get_merge_rules
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from guatecompras import catalogs
from guatecompras.ocds import mapping, profile
from guatecompras.ocds.validation import Validator
from tests.ocds import sample_release as sample
from tests.ocds.test_profile import package, record

SHARED = Path(os.environ.get("GUATECOMPRAS_SHARED") or Path(__file__).parents[2].parent / "shared")
STANDARD = SHARED / "data" / "standard"
pytestmark = pytest.mark.skipif(not STANDARD.is_dir(), reason="the official files are not at hand")

Schema = dict[str, Any]

# Official definitions that are of no use as they stand: dataSegmentation declares an object by `items`.
MALFORMED = {"/properties/dataSegmentation"}
# Refers to a definition that the shared extract of the extension does not have; not published here.
INCOMPLETE = {"/definitions/Bid/properties/identifiers"}
OWN_MERGE_RULES = {("tender", "categories"): "wholeListMerge"}  # this project's own field


def read(name: str) -> Schema:
    return json.loads((STANDARD / name).read_bytes())


def place(schema: Schema, pointer: str, definition: Schema) -> None:
    """Put an official definition at its pointer, following references, over what our extension said there."""
    *steps, last = pointer.strip("/").split("/")
    node = schema
    for step in steps:
        node = node.setdefault(step, {})
        if "$ref" in node:
            node = schema["definitions"][node["$ref"].rpartition("/")[2]]
    kept = {key: node[last][key] for key in ("properties", "required") if key in node.get(last, {})}
    node[last] = kept | definition


@pytest.fixture(scope="module")
def official() -> Schema:
    """The official release schema, patched with our extensions and, where known, the official ones over them."""
    schema = read("release-schema.json")
    for extension in profile.extensions():
        schema = merge(schema, extension["release_schema"])
    for definitions in json.loads((SHARED / "domain" / "extensions.json").read_bytes()).values():
        for entry in definitions:
            if entry["path"] not in MALFORMED | INCOMPLETE:
                place(schema, entry["path"], copy.deepcopy(entry["def"]))
    jsonschema.Draft4Validator.check_schema(schema)
    return schema


def resolve(schema: Schema, node: Schema) -> Schema:
    return schema["definitions"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def test_every_path_is_in_the_official_schema_or_in_our_extensions(official: Schema) -> None:
    for field in mapping.fields():
        node = official
        for step in field.path.split("/"):
            node = resolve(official, node)
            node = resolve(official, node.get("items", node))["properties"][step]
        declared = resolve(official, node)
        assert field.type.partition("<")[0] in declared["type"], field.path
        assert declared.get("format", "") == field.format, field.path


def test_core_paths_are_those_that_no_extension_adds() -> None:
    """Nothing in our extensions is already in the standard, but the members of parties/details."""
    core = read("release-schema.json")
    for extension in profile.extensions():
        patch = extension["release_schema"]
        assert not set(patch.get("properties", {})) & set(core["properties"])
        for name, definition in patch.get("definitions", {}).items():
            known = set(core["definitions"].get(name, {}).get("properties", {}))
            assert not set(definition["properties"]) & known or extension["name"] == "party_details"


@pytest.mark.parametrize(("kind", "document"), [("release", sample.release()), ("compiled", sample.compiled())])
def test_the_sample_is_valid_in_both(official: Schema, kind: Any, document: Schema) -> None:
    assert Validator(kind).errors(json.dumps(document).encode()) == []
    formats = jsonschema.FormatChecker()
    assert not list(jsonschema.Draft4Validator(official, format_checker=formats).iter_errors(document))
    assert jsonschema_rs.Draft4Validator(official, validate_formats=True).is_valid(document)


@pytest.mark.parametrize(("kind", "document"), [("release", sample.release()), ("compiled", sample.compiled())])
def test_what_the_official_schema_refuses_ours_refuses(official: Schema, kind: Any, document: Schema) -> None:
    ours = Validator(kind)
    fast = jsonschema_rs.Draft4Validator(official, validate_formats=True)
    exact = jsonschema.Draft4Validator(official, format_checker=jsonschema.FormatChecker())
    spoilt = list(sample.mutations(document))
    passed = [ours.clear(json.dumps(mutant).encode()) for _, mutant in spoilt]
    gaps = [
        steps
        for (steps, mutant), passes in zip(spoilt, passed, strict=True)
        if passes and not (fast.is_valid(mutant) and exact.is_valid(mutant))
    ]
    assert gaps == []
    refused = sum(not fast.is_valid(mutant) for _, mutant in spoilt)
    assert 2000 < refused < passed.count(False)


def test_lists_merge_by_the_official_rules(official: Schema) -> None:
    ours = get_merge_rules(profile.release_schema())
    assert ours == get_merge_rules(profile.compiled_schema())
    paths = {tuple(field.path.split("/")) for field in mapping.fields()}
    theirs = {path: rule for path, rule in get_merge_rules(official).items() if path in paths}
    assert ours == theirs
    assert OWN_MERGE_RULES.items() <= ours.items()


def enum_of(official: Schema, path: str) -> list[str]:
    node = official
    for step in path.split("/"):
        node = resolve(official, node)
        node = resolve(official, node.get("items", node))["properties"][step]
    return [code for code in node.get("items", node)["enum"] if code is not None]


def test_closed_codelists_are_the_official_ones(official: Schema) -> None:
    for field in mapping.fields():
        if field.codelist in profile.closed_codes():
            codes = set(enum_of(official, field.path)) - {"compiled"}
            assert set(profile.closed_codes()[field.codelist]) == codes, field.path


def codelist(name: str) -> set[str]:
    with (STANDARD / "codelists" / name).open(encoding="utf-8-sig", newline="") as file:
        return {row["Code"] for row in csv.DictReader(file)}


def test_document_types_are_official_but_one() -> None:
    types = set(catalogs.mapping("tipos_documento", "literal", "document_type").values())
    assert types - codelist("documentType.csv") == {"purchaseRequest"}  # as the official publication names it
    assert set(catalogs.mapping("recepcion", "literal", "code").values()) <= codelist("submissionMethod.csv")


def test_catalogs_hold_every_code_that_is_known() -> None:
    known = json.loads((SHARED / "domain" / "catalogs.json").read_bytes())
    ids = {row["id"] for key in ("modalidades", "modalidades_legacy_codes") for row in known[key]}
    assert catalogs.codes("modalidades") == ids
    assert catalogs.codes("estatus") == {row["id"] for row in known["estatus"]}
    assert catalogs.codes("sub_modalidades") == {row["id"] for row in known["sub_modalidades"]}
    assert catalogs.codes("categorias") == {row["id"] for row in known["categorias"]}
    assert len(catalogs.table("tipos_documento")) == len(known["document_types"])
    assert {"GTQ", "USD", "EUR"} < catalogs.codes("monedas") == codelist("currency.csv")


@pytest.mark.parametrize(
    ("name", "ours", "good"),
    [
        ("release-package-schema.json", profile.release_package_schema, package(releases=[sample.release()])),
        ("record-package-schema.json", profile.record_package_schema, package(records=[record()])),
    ],
)
def test_packages(official: Schema, name: str, ours: Any, good: Schema) -> None:
    schemas = [official, read("versioned-release-validation-schema.json"), read(name)]
    registry = Registry().with_resources([(each["id"], Resource.from_contents(each, DRAFT4)) for each in schemas])
    formats = jsonschema.FormatChecker()
    theirs = jsonschema.Draft4Validator(schemas[-1], registry=registry, format_checker=formats)
    mine = jsonschema.Draft4Validator(ours(), format_checker=formats)
    fast = jsonschema_rs.Draft4Validator(ours(), validate_formats=True)
    assert theirs.is_valid(good)
    assert mine.is_valid(good)
    assert fast.is_valid(good)
    head = ("uri", "version", "extensions", "publishedDate", "publisher", "license", "publicationPolicy", "releases")
    for steps, spoilt in sample.mutations({**good, "links": {"next": "https://ocds.guatecompras.gt/?pagina=2"}}):
        outside = steps[0] in head or (steps[0] == "records" and "compiledRelease" not in steps)
        if outside and "tender" not in steps and "parties" not in steps and fast.is_valid(spoilt):
            assert theirs.is_valid(spoilt), steps
