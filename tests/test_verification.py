"""Reading a publication again: every way in which it can lie is found and named."""

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guatecompras.formats.counting import count_rows, digest
from guatecompras.publication import MANIFEST
from guatecompras.stores import LocalStore
from guatecompras.verification import Verification, disagreements, verify_publication, verify_version
from tests.publications import MONTH

Json = dict[str, Any]


@pytest.fixture
def store(three_versions: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(three_versions, tmp_path / "store")
    return LocalStore(tmp_path / "store")


def _verify(store: LocalStore) -> Verification:
    return verify_publication(store.index(), store.version_folder)


def _entry(store: LocalStore) -> Json:
    entry: Json = store.index()["months"][MONTH]
    return entry


def _file(store: LocalStore, name: str, entry: Json | None = None) -> Path:
    return store.version_folder(MONTH, (entry or _entry(store))["version"]) / name


def _edit(store: LocalStore, change: Callable[[Json], object]) -> None:
    """Change the entry of the month in the index."""

    def changed(index: Json) -> Json:
        copy: Json = json.loads(json.dumps(index))
        change(copy["months"][MONTH])
        return copy

    store.update_index(changed)


def _listed(entry: Json, name: str) -> Json:
    return next(file for file in entry["files"] if file["path"].endswith(f"/{name}"))


def _relist(store: LocalStore, name: str, rows: int) -> None:
    """Let manifest and index say what a file is now, so that only its content can give it away."""
    for path, listed in ((name, rows), (MANIFEST, 1)):
        sha256, size = digest(_file(store, path))
        said = {"sha256": sha256, "bytes": size, "rows": listed}
        if path != MANIFEST:
            manifest = json.loads(_file(store, MANIFEST).read_bytes())
            next(file for file in manifest["files"] if file["path"] == path).update(said)
            _file(store, MANIFEST).write_text(json.dumps(manifest))
        _edit(store, lambda entry, path=path, said=said: _listed(entry, path).update(said))
    _relist_manifest(store)


def _relist_manifest(store: LocalStore) -> None:
    """Let the index say what the current manifest is now."""
    sha256, size = digest(_file(store, MANIFEST))
    for where in (lambda entry: _listed(entry, MANIFEST), lambda entry: entry["manifest"]):
        _edit(store, lambda entry, where=where: where(entry).update(sha256=sha256, bytes=size))


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_whole_publication_has_no_faults(store: LocalStore) -> None:
    found = _verify(store)
    assert (found.months, found.versions, found.faults, found.left) == (2, 4, (), 0)
    assert found.files == 4 * len(_entry(store)["files"])


# Files that are not what they were.


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        (f"{MONTH}_csv.zip", lambda path: path.unlink(), "missing"),
        ("tables/bids.parquet", lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes instead of"),
        (f"{MONTH}_releases.jsonl.gz", _flip, "sha256 is"),
        (MANIFEST, lambda path: path.unlink(), "missing"),
        (MANIFEST, _flip, "sha256 is"),
        (MANIFEST, lambda path: path.write_bytes(path.read_bytes() + b" "), "bytes instead of"),
        ("tables/more.parquet", lambda path: path.touch(), "not listed"),
    ],
)
def test_a_damaged_file_of_any_version_is_named(
    store: LocalStore, name: str, damage: Callable[[Path], None], words: str, older: bool
) -> None:
    entry = _entry(store)["versions"][0] if older else _entry(store)
    damage(_file(store, name, entry))
    faults = _verify(store).faults
    assert faults
    assert faults[0].startswith(f"months/{MONTH}/{entry['version']}/{name}: ")
    assert words in faults[0]
    assert all(entry["version"] in fault for fault in faults)


def test_a_version_that_is_gone_is_named_file_by_file(store: LocalStore) -> None:
    entry = _entry(store)
    shutil.rmtree(store.version_folder(MONTH, entry["version"]))
    assert _verify(store).faults == tuple(f"{file['path']}: missing" for file in entry["files"])


# Words that are not so.


@pytest.mark.parametrize(
    ("name", "lie", "words"),
    [
        (f"{MONTH}_csv.zip", {"rows": 1}, r"_csv\.zip: \d+ rows instead of 1$"),
        ("tables/records.parquet", {"rows": 39}, "40 rows instead of 39$"),
        (f"{MONTH}_records.jsonl.gz", {"bytes": 1}, "bytes instead of 1$"),
        (f"{MONTH}_records.jsonl.gz", {"sha256": "0" * 64}, "sha256 is"),
        (f"{MONTH}_csv.zip", {"format": "parquet.zip"}, "damaged"),
        (f"{MONTH}_csv.zip", {"format": "tar"}, "'tar' is not a published format"),
        (f"{MONTH}_csv.zip", {"format": "schema"}, "lists other files than the index"),
        ("tables/bids.parquet", {"path": "../../secret"}, "not a file of version"),
    ],
)
def test_an_index_that_lies_about_a_file_is_found(store: LocalStore, name: str, lie: Json, words: str) -> None:
    _edit(store, lambda entry: _listed(entry, name).update(lie))
    assert any(re.search(words, fault) for fault in _verify(store).faults)


@pytest.mark.parametrize("name", ["concursos", "releases", "records", "awards", "rejected"])
def test_an_index_that_lies_about_counts_is_found(store: LocalStore, name: str) -> None:
    _edit(store, lambda entry: entry["counts"].update({name: entry["counts"][name] + 1}))
    assert any("counts differ from the index" in fault for fault in _verify(store).faults)


def test_counts_that_the_manifest_lies_about_too_are_found(store: LocalStore) -> None:
    manifest = json.loads(_file(store, MANIFEST).read_bytes())
    manifest["counts"]["awards"] += 1
    _file(store, MANIFEST).write_text(json.dumps(manifest))
    _edit(store, lambda entry: entry["counts"].update(awards=entry["counts"]["awards"] + 1))
    _relist(store, f"{MONTH}_csv.zip", _listed(_entry(store), f"{MONTH}_csv.zip")["rows"])
    awards = manifest["counts"]["awards"]
    prefix = f"months/{MONTH}/{_entry(store)['version']}/"
    assert _verify(store).faults == (f"{prefix}: counts {awards} awards, its table has {awards - 1} rows",)


def test_an_index_without_a_file_or_its_manifest_is_found(store: LocalStore) -> None:
    _edit(store, lambda entry: entry["files"].remove(_listed(entry, f"{MONTH}_csv.zip")))
    assert [fault.rpartition(": ")[2] for fault in _verify(store).faults] == [
        "not listed",
        "lists other files than the index",
    ]
    _edit(store, lambda entry: entry["files"].remove(_listed(entry, MANIFEST)))
    assert any(fault.endswith("manifest.json: not in the index") for fault in _verify(store).faults)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest["files"].pop(), "lists other files than the index"),
        (lambda manifest: manifest["files"][0].update(rows=10**6), "lists other files than the index"),
        (lambda manifest: manifest["counts"].update(records=1), "counts differ from the index"),
        (lambda manifest: manifest.update(version="x"), "is of another version"),
        (lambda manifest: manifest.update(inputs="x"), "inputs differ from the index"),
        (lambda manifest: manifest.update(previous=None), "the chain is broken: before it came none"),
        (lambda manifest: manifest.pop("files"), "not a manifest"),
        (lambda manifest: manifest.clear(), "not a manifest"),
    ],
)
def test_a_manifest_that_disagrees_with_the_index_is_found(
    store: LocalStore, change: Callable[[Json], None], words: str
) -> None:
    manifest = json.loads(_file(store, MANIFEST).read_bytes())
    change(manifest)
    _file(store, MANIFEST).write_text(json.dumps(manifest))
    _relist_manifest(store)
    (fault,) = _verify(store).faults
    assert words in fault


def _csv_without(store: LocalStore, drop: Callable[[str, list[bytes]], list[bytes] | None]) -> int:
    """Write the month's CSV zip again, `drop` giving each member's lines or None; returns the rows left."""
    path = _file(store, f"{MONTH}_csv.zip")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            lines = drop(name, content.split(b"\r\n" if b"\r\n" in content else b"\n"))
            if lines is not None:
                archive.writestr(name, (b"\r\n" if b"\r\n" in content else b"\n").join(lines))
    return sum(count_rows(path, "csv.zip").values())


def test_formats_that_count_differently_are_found(store: LocalStore) -> None:
    rows = _csv_without(store, lambda name, lines: lines[:1] + lines[2:] if name == "party_roles.csv" else lines)
    _relist(store, f"{MONTH}_csv.zip", rows)
    (fault,) = _verify(store).faults
    assert fault.startswith(f"{MONTH}: party_roles has ")
    assert "2026-01_csv.zip" in fault


def test_a_table_that_a_download_lacks_is_found(store: LocalStore) -> None:
    rows = _csv_without(store, lambda name, lines: None if name == "awards.csv" else lines)
    _relist(store, f"{MONTH}_csv.zip", rows)
    (fault,) = _verify(store).faults
    assert "0 rows in 2026-01_csv.zip" in fault


def test_a_version_is_verified_without_counting_too(store: LocalStore) -> None:
    entry = _entry(store)
    folder = store.version_folder(MONTH, entry["version"])
    assert verify_version(folder, entry["files"], MONTH, counted=False) == []
    _flip(_file(store, "tables/bids.parquet"))
    assert len(verify_version(folder, entry["files"], MONTH, counted=False)) == 1


def test_disagreements_compare_what_each_format_can_hold() -> None:
    agreeing = {
        "tables/records.parquet": {"rows": 2},
        "tables/releases.parquet": {"rows": 3},
        "2026-01_csv.zip": {"records": 2, "releases": 3},
        "2026-01_Guatecompras.xlsx": {"records": 2, "releases": 3},
        "2026-01_Guatecompras.json.zip": {"records": 2},
        "2026-01_records.jsonl.gz": {"lines": 2},
        "2026-01_releases.jsonl.gz": {"lines": 3},
        "2026-01_rechazos.parquet": {"rows": 7},
    }
    assert disagreements(MONTH, agreeing) == []
    for name, rows in agreeing.items():
        for table in rows if not name.endswith("_rechazos.parquet") else ():
            assert len(disagreements(MONTH, agreeing | {name: rows | {table: 9}})) == 1
