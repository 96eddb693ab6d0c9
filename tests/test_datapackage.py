"""The descriptions of the tables: sound by the real `frictionless`, true of the very files, and true to the checks."""

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from guatecompras import datapackage, tables
from guatecompras.datapackage import PRIMARY_KEYS, REFERENCES, schema
from guatecompras.formats.counting import digest
from guatecompras.quality.records import identifiers, references
from guatecompras.stores import LocalStore
from tests.publications import MONTH

frictionless = pytest.importorskip("frictionless")

Json = dict[str, Any]


@pytest.fixture(scope="module")
def folder(three_versions: Path) -> Path:
    """The current version. Not to be changed: copy it."""
    store = LocalStore(three_versions)
    return store.version_folder(MONTH, store.index()["months"][MONTH]["version"])


@pytest.fixture(scope="module")
def csv(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CSV download, unpacked as a reader would."""
    place = tmp_path_factory.mktemp("csv")
    with zipfile.ZipFile(folder / f"{MONTH}_csv.zip") as archive:
        archive.extractall(place)
    return place


def _errors(report: Any) -> list[Any]:
    return report.flatten(["title", "message"])


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_the_description_itself_is_sound(folder: Path, csv: Path, form: str) -> None:
    path = (folder if form == "parquet" else csv) / datapackage.FILE
    assert _errors(frictionless.Package.validate_descriptor(json.loads(path.read_bytes()))) == []
    package = frictionless.Package(os.fspath(path))
    assert [resource.name for resource in package.resources] == list(tables.NAMES)
    assert package.title == "Contrataciones públicas de Guatemala: enero de 2026"


def test_the_csv_download_is_a_data_package_whose_data_keep_every_promise(folder: Path) -> None:
    """Types, required cells, codes, primary and foreign keys of all twelve tables, straight from the ZIP."""
    report = frictionless.Package(os.fspath(folder / f"{MONTH}_csv.zip")).validate()
    assert _errors(report) == []
    assert len(report.tasks) == len(tables.NAMES)
    rows = {task.name: task.stats["rows"] for task in report.tasks}
    assert rows == {name: pq.read_metadata(folder / "tables" / f"{name}.parquet").num_rows for name in tables.NAMES}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda lines: [*lines, lines[1]], "primary"),
        (lambda lines: [lines[0], lines[1].replace(b"ocds-xqjsxa-", b"ocds-xqjsxa-9", 1), *lines[2:]], "foreign"),
        (lambda lines: [lines[0], lines[1].replace(b"active", b"activo"), *lines[2:]], "constraint"),
        (lambda lines: [lines[0], b"," + lines[1].partition(b",")[2], *lines[2:]], "constraint"),
        (lambda lines: [lines[0], lines[1].replace(b"-06:00", b" h"), *lines[2:]], "type"),
        (lambda lines: [lines[0].replace(b"title", b"titulo"), *lines[1:]], "label"),
    ],
)
def test_what_breaks_a_promise_is_found_by_it(csv: Path, tmp_path: Path, damage: Any, words: str) -> None:
    shutil.copytree(csv, tmp_path / "csv")
    path = tmp_path / "csv" / "awards.csv"
    lines = path.read_bytes().removesuffix(b"\r\n").split(b"\r\n")
    path.write_bytes(b"\r\n".join([*damage(lines), b""]))
    found = _errors(frictionless.Package(os.fspath(tmp_path / "csv" / datapackage.FILE)).validate(name="awards"))
    assert any(words in title.lower() for title, _ in found), found


def test_the_parquet_files_are_what_the_description_says(folder: Path) -> None:
    described = json.loads((folder / datapackage.FILE).read_bytes())
    kinds = {"string": pa.types.is_string, "integer": pa.types.is_int64, "number": pa.types.is_decimal}
    kinds["datetime"] = pa.types.is_timestamp
    for resource in described["resources"]:
        path = folder / resource["path"]
        assert (resource["hash"], resource["bytes"]) == (f"sha256:{digest(path)[0]}", path.stat().st_size)
        found = pq.read_table(path)
        assert found.schema.names == [field["name"] for field in resource["schema"]["fields"]]
        for field in resource["schema"]["fields"]:
            column = found[field["name"]]
            assert kinds[field["type"]](column.type), (resource["name"], field)
            constraints = field.get("constraints", {})
            assert not constraints.get("required") or column.null_count == 0, (resource["name"], field)
            assert set(pc.unique(column).to_pylist()) - {None} <= set(
                constraints.get("enum", pc.unique(column).to_pylist())
            )


def test_every_column_has_its_spanish_title_and_path() -> None:
    for name in tables.NAMES:
        for field in schema(name)["fields"]:
            assert field["title"], (name, field)
            assert field["ocdsPath"] == tables.path_of(name, field["name"])
    # What the mapping tells of a column is told.
    awards = {field["name"]: field for field in schema("awards")["fields"]}
    assert awards["value_amount"]["description"]
    assert awards["status"]["constraints"]["enum"] == ["pending", "active", "cancelled", "unsuccessful"]
    assert awards["id"]["constraints"] == {"required": True}
    assert "constraints" not in awards["title"]


def test_keys_are_those_that_blocking_checks_hold() -> None:
    assert dict(identifiers._KEYS) == dict(PRIMARY_KEYS)
    held = {(table, column, target) for table, column, target, key, _ in references._REFERENCES if key == "id"}
    assert set(REFERENCES) <= held
    needed = {(name, field["name"]) for name in tables.NAMES for field in _required(name)}
    # All but those whose column may be empty.
    assert {(table, column) for table, column, _ in held - set(REFERENCES)} == {
        (table, column) for table, column, _ in held if (table, column) not in needed
    }


def _required(name: str) -> Iterator[Json]:
    return (field for field in schema(name)["fields"] if field.get("constraints", {}).get("required"))
