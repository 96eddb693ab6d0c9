"""Manifests, the index and the verification of a publication: every way in which it can lie is found and named."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras.errors import StoreError
from guatecompras.formats.counting import count_rows, digest
from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import Month
from guatecompras.publication import (
    MANIFEST,
    PublishedFile,
    Verification,
    code_digest,
    disagreements,
    empty_index,
    is_version,
    placed,
    read_index,
    switched,
    verify_publication,
    verify_version,
)
from guatecompras.stores import LocalStore
from resources.sources.demo import DemoSource
from tests.replaced import LOSSES_ALLOWED

MONTH = "2026-01"
ROOT = Path(__file__).parents[1]

Json = dict[str, Any]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions of a month. Not to be changed: use `store`."""
    store = LocalStore(tmp_path_factory.mktemp("publication") / "store")
    for seed in (1, 2):
        source = DemoSource.from_uri(f"demo:?size=40&seed={seed}")
        work, _ = MonthWork.extract(store, source, Month.parse(MONTH), LOSSES_ALLOWED)
        work.ocds()
        work.tables()
        for name in DOWNLOADS:
            work.download(name)
        work.publish()
    shutil.rmtree(store.root / "work")
    return store.root


@pytest.fixture
def store(root: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(root, tmp_path / "store")
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


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_whole_publication_has_no_faults(store: LocalStore) -> None:
    found = _verify(store)
    assert (found.months, found.versions, found.faults) == (1, 2, ())
    assert found.files == 2 * len(_entry(store)["files"])


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
    sha256, size = digest(_file(store, MANIFEST))
    _edit(store, lambda entry: _listed(entry, MANIFEST).update(sha256=sha256, bytes=size))
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


# The index.


def _switch(index: Json, version: str) -> Json:
    listed = [PublishedFile("a.csv", "csv", 1, "0" * 64, 1)]
    return switched(index, MONTH, version, f"at {version}", {"records": 1}, listed)


@given(st.lists(st.sampled_from("abcd"), max_size=12))
def test_after_any_switches_each_version_stands_once_the_newest_first(versions: list[str]) -> None:
    index = empty_index()
    for version in versions:
        before = json.dumps(index)
        after = _switch(index, version)
        assert json.dumps(index) == before
        index = after
        entry = index["months"][MONTH]
        assert entry["version"] == version
        assert entry["files"][0]["path"] == f"months/{MONTH}/{version}/a.csv"
    expected = list(dict.fromkeys(reversed(versions)))
    entries = [index["months"][MONTH], *index["months"][MONTH]["versions"]] if versions else []
    assert [entry["version"] for entry in entries] == expected
    assert all(set(entry) == {"version", "published", "counts", "files"} for entry in entries[1:])
    assert index == empty_index() or read_index(json.dumps(index).encode()) == index


def test_months_stand_in_order() -> None:
    index = empty_index()
    for month in ("2026-02", "2025-12", "2026-01"):
        index = switched(index, month, "a", "", {}, [])
    assert list(index["months"]) == ["2025-12", "2026-01", "2026-02"]


def test_a_version_in_place_that_cannot_be_read_is_one_clear_line(store: LocalStore) -> None:
    folder = store.version_folder(MONTH, _entry(store)["version"])
    manifest, files = placed(folder)
    assert {file.path for file in files} == {path["path"] for path in manifest["files"]} | {MANIFEST}
    for text in ("{", "[]", '{"files": [{"path": 1}]}'):
        (folder / MANIFEST).write_text(text)
        with pytest.raises(StoreError, match="the version in place cannot be used"):
            placed(folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(StoreError, match="the version in place cannot be used"):
        placed(folder)


# Versions.


def test_versions_are_named_alike(store: LocalStore) -> None:
    assert is_version(_entry(store)["version"])
    assert not any(
        is_version(name) for name in ("runs", ".lock", "none", f".{_entry(store)['version']}.part-x-1-00000000")
    )


def test_the_code_has_one_digest_wherever_and_whenever_it_is_read(tmp_path: Path) -> None:
    package = tmp_path / "guatecompras"
    shutil.copytree(ROOT / "guatecompras", package, ignore=shutil.ignore_patterns("__pycache__"))

    def found() -> str:
        code = "import guatecompras.publication as it; print(it.__file__, it.code_digest())"
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        run = [sys.executable, "-c", code]
        done = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        place, seal = done.stdout.split()
        assert place.startswith(str(package))
        return seal

    first = found()
    assert list(package.rglob("__pycache__"))
    for path in package.rglob("*"):
        os.utime(path, (0, 0))
    for litter in ("x.pyc", ".#month.py", "data/.hidden/x.csv", "demo/more.py", "notes.txt"):
        (package / litter).parent.mkdir(exist_ok=True)
        (package / litter).write_text("x")
    assert found() == first
    for change in ("data/catalogs/estatus.csv", "ocds/releases.py"):
        with (package / change).open("a") as file:
            file.write("\n")
        second = found()
        assert second != first
        first = second
    (package / "ocds" / "more.py").touch()
    assert found() != first
    assert len(code_digest()) == 64
