"""Collections: what is in them, that they follow their months, and that a reader always finds whole ones."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from guatecompras import tables
from guatecompras.errors import StoreError
from guatecompras.formats.archive import read_lines
from guatecompras.gathered import history, years
from guatecompras.gathered.collect import Collected, collect, switched
from guatecompras.gathered.parts import parts_of, version_of
from guatecompras.gathered.verify import verify_collections
from guatecompras.publication import MANIFEST, describe, placed, previous_of, versions_of
from guatecompras.publication import switched as switched_month
from guatecompras.stores import STALE_AFTER, LocalStore

Json = dict[str, Any]
MONTHS = ("2025-12", "2026-01", "2026-02")
NAMES = ["years/2025", "years/2026", "history"]


@pytest.fixture(scope="module")
def root(three_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three months in two years. Not to be changed."""
    place = tmp_path_factory.mktemp("gathered") / "store"
    shutil.copytree(three_versions, place)
    _publish(LocalStore(place), "2025-12", 1)
    return place


def _publish(store: LocalStore, month: str, number: int) -> str:
    """Publish a version that holds the files of a month that is public already, under the names of this one."""
    model = month if month in store.index()["months"] else MONTHS[-1]
    folder, version = _month(store, model), f"20260101T000000-{number:012x}"
    previous = previous_of(store.index(), month, version)
    document, files = placed(folder)
    listed = [replace(file, path=file.path.replace(model, month)) for file in files if file.path != MANIFEST]
    path = store.work(month) / MANIFEST
    path.write_bytes(
        json.dumps(
            document | {"version": version, "previous": previous, "files": [asdict(file) for file in listed]}
        ).encode()
    )
    names = {file.path.replace(model, month): folder / file.path for file in files}
    store.put_version(month, version, names | {MANIFEST: path})
    listed.append(describe(path, MANIFEST, "manifest", 1))
    counts = store.index()["months"][model]["counts"]
    store.update_index(
        lambda index: switched_month(index, month, version, "", counts, listed, previous=previous, inputs="")
    )
    path.unlink()
    return version


@pytest.fixture
def store(root: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(root, tmp_path / "store")
    return LocalStore(tmp_path / "store")


@pytest.fixture(scope="module")
def gathered(root: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """The same, with its collections. Not to be changed."""
    place = tmp_path_factory.mktemp("collected") / "store"
    shutil.copytree(root, place)
    collect(LocalStore(place))
    return LocalStore(place)


def _folder(store: LocalStore, name: str) -> Path:
    return store.collection_folder(f"{name}/{store.index()['collections'][name]['version']}")


def _month(store: LocalStore, month: str) -> Path:
    return store.version_folder(month, store.index()["months"][month]["version"])


def _manifest(store: LocalStore, name: str) -> Json:
    found: Json = json.loads((_folder(store, name) / "manifest.json").read_bytes())
    return found


def _faults(store: LocalStore) -> list[str]:
    return verify_collections(store.index(), store.collection_folder)[1]


def _made(found: list[Collected]) -> list[str]:
    return [one.name for one in found if one.made]


# What is in them.


def test_a_year_holds_its_months_one_after_the_other(gathered: LocalStore) -> None:
    for year in ("2025", "2026"):
        folder = _folder(gathered, f"years/{year}")
        months = [_month(gathered, month) for month in MONTHS if month.startswith(year)]
        for kind in ("records", "releases"):
            lines = [line for place in months for line in read_lines(next(place.glob(f"*_{kind}.jsonl.gz")))]
            assert list(read_lines(folder / f"{year}_{kind}.jsonl.gz")) == lines
        for name in tables.NAMES:
            rows = pl.concat([pl.read_parquet(place / "tables" / f"{name}.parquet") for place in months])
            assert pl.read_parquet(folder / "tables" / f"{name}.parquet").equals(rows)


def test_the_history_is_read_in_one_line_by_duckdb_polars_and_pyarrow(gathered: LocalStore) -> None:
    place = gathered.root / "publication" / "history" / "current"
    for name in tables.NAMES:
        rows = {
            month: pq.read_metadata(_month(gathered, month) / f"tables/{name}.parquet").num_rows for month in MONTHS
        }
        expected = {month: number for month, number in rows.items() if number}
        folder = f"{place}/{name}"
        by_duckdb = duckdb.sql(f"SELECT month, count(*) FROM '{folder}/*/*.parquet' GROUP BY month").fetchall()
        by_polars = pl.scan_parquet(folder, hive_partitioning=True).group_by("month").len().collect()
        by_pyarrow = ds.dataset(folder, partitioning="hive").to_table(columns=["month", "ocid"])
        assert dict(by_duckdb) == expected, name
        assert dict(by_polars.rows()) == expected
        assert Counter(by_pyarrow["month"].to_pylist()) == expected
    # Values come as they are, and a month can be picked.
    line = f"FROM '{place}/awards/*/*.parquet' WHERE month = '2026-01'"
    total = pl.read_parquet(_month(gathered, "2026-01") / "tables/awards.parquet")["value_amount"].sum()
    assert duckdb.sql(f"SELECT sum(value_amount) {line}").fetchall() == [(total,)]


def test_the_history_is_the_very_files_of_the_months(gathered: LocalStore) -> None:
    folder = _folder(gathered, "history")
    for month in MONTHS:
        for name in tables.NAMES:
            file = folder / name / f"month={month}" / "data.parquet"
            assert file.samefile(_month(gathered, month) / f"tables/{name}.parquet")


def test_the_index_and_the_manifests_say_what_is_there(gathered: LocalStore) -> None:
    index = gathered.index()
    assert list(index["collections"]) == ["history", "years/2025", "years/2026"]
    before = [entry["sequence"] for month in MONTHS for entry in versions_of(index, month)]
    assert index["sequence"] == max(before) + 1
    for name, entry in index["collections"].items():
        assert entry["sequence"] == index["sequence"]  # all at once
        months = [month for month in MONTHS if name == "history" or month.startswith(name.removeprefix("years/"))]
        assert _manifest(gathered, name)["months"] == {
            month: {
                "version": index["months"][month]["version"],
                "sha256": index["months"][month]["manifest"]["sha256"],
            }
            for month in months
        }
        assert entry["counts"]["months"] == len(months)
        assert entry["counts"]["records"] == sum(index["months"][month]["counts"]["records"] for month in months)
        for file in entry["files"]:
            assert (gathered.root / "publication" / file["path"]).stat().st_size == file["bytes"]
    # A file each month and table would make the index, which everybody reads, many times as large.
    assert [file["format"] for file in index["collections"]["history"]["files"]] == ["manifest"]
    files, faults = verify_collections(index, gathered.collection_folder)
    assert (files, faults) == (2 * (2 + 12 + 1) + 3 * 12 + 1, [])


def test_tables_of_other_columns_get_those_of_now(store: LocalStore, tmp_path: Path) -> None:
    """Code changes: what a table lacked then is null, what it has no more is left out, and a data set has one schema."""
    parts = parts_of(store.index())
    path = _month(store, MONTHS[0]) / "tables/awards.parquet"
    old = pq.read_table(path)
    path.unlink()
    pq.write_table(old.drop_columns(["status"]).append_column("gone", old["nog"]), path)
    entry = parts[0].files["tables/awards.parquet"] | {"bytes": path.stat().st_size}
    parts[0] = replace(parts[0], files={**parts[0].files, "tables/awards.parquet": entry})
    made = history.build(store, parts, tmp_path / "whole")
    for part in parts:
        found = pq.read_table(made.files[f"awards/month={part.month}/data.parquet"], partitioning=None)
        assert found.schema.equals(tables.arrow_schema("awards"))
    name = f"awards/month={MONTHS[0]}/data.parquet"
    adapted = pq.read_table(made.files[name], partitioning=None)
    assert adapted["status"].null_count == old.num_rows > 0
    assert adapted.drop_columns(["status"]).equals(old.drop_columns(["status"]))
    listed = next(file for file in made.listed if file.path == name)
    assert (listed.rows, listed.bytes) == (old.num_rows, made.files[name].stat().st_size)
    years.build(store, "2025", parts[:1], tmp_path / "year")
    assert pq.read_table(tmp_path / "year/tables/awards.parquet").equals(adapted)


# Following the months.


def test_what_did_not_change_is_not_made_again(gathered: LocalStore) -> None:
    before = (gathered.root / "publication" / "index.json").read_bytes()
    assert _made(collect(gathered)) == []
    assert (gathered.root / "publication" / "index.json").read_bytes() == before
    assert not list((gathered.root / "work" / "collections").glob("[!.]*"))


def test_the_same_months_give_the_same_bytes(gathered: LocalStore, store: LocalStore) -> None:
    collect(store)
    for name in NAMES:
        one, other = _folder(gathered, name), _folder(store, name)
        assert one.name == other.name
        files = {path.relative_to(one) for path in one.rglob("*") if path.is_file()}
        assert files == {path.relative_to(other) for path in other.rglob("*") if path.is_file()}
        assert all((one / path).read_bytes() == (other / path).read_bytes() for path in files)


def test_a_month_that_changed_makes_its_year_and_the_history_new_and_the_last_two_stay(store: LocalStore) -> None:
    assert _made(collect(store)) == NAMES
    seen = {name: [_folder(store, name)] for name in NAMES}
    for seed in (2, 3):
        _publish(store, "2026-01", seed)
        assert _made(collect(store)) == ["years/2026", "history"]
        for name in NAMES[1:]:
            seen[name].append(_folder(store, name))
    index = store.index()
    for name in NAMES[1:]:
        oldest, before, current = seen[name]
        assert not oldest.exists()
        assert before.is_dir()
        assert (current.parent / "current").resolve() == current
        told = [(old["version"], old["kept"]) for old in index["collections"][name]["versions"]]
        assert told == [(before.name, True), (oldest.name, False)]
    assert _faults(store) == []
    # A year alone, or the history alone, can be asked for.
    _publish(store, "2025-12", 4)
    assert _made(collect(store, yearly=False)) == ["history"]
    assert _made(collect(store, whole=False)) == ["years/2025"]
    assert _faults(store) == []


def test_what_a_run_that_died_left_is_finished_by_the_next(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    collect(store)
    first = _folder(store, "history")
    _publish(store, "2026-01", 2)
    collect(store)
    _publish(store, "2026-01", 3)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    # It died between the switch of the index and what comes after it.
    with monkeypatch.context() as patched:
        patched.setattr(store, "link_current", dies)
        with pytest.raises(KeyboardInterrupt):
            collect(store)
    assert first.is_dir()
    assert (first.parent / "current").resolve() != _folder(store, "history")
    assert _made(collect(store)) == []
    assert not first.exists()
    assert (first.parent / "current").resolve() == _folder(store, "history")

    # It died before the switch, with its collection in place and files beside it: the index does not know the one, and one
    # day it goes.
    _publish(store, "2026-01", 4)
    with monkeypatch.context() as patched:
        patched.setattr(store, "update_index", dies)
        with pytest.raises(KeyboardInterrupt):
            collect(store)
    leftover = store.work("collections") / "years-2026" / "tables"
    leftover.mkdir(parents=True)
    listed = store.index()["collections"]["history"]
    known = {"current", *(one["version"] for one in (listed, *listed["versions"]))}
    (orphan,) = [path for path in first.parent.iterdir() if path.name not in known]
    _publish(store, "2026-01", 5)
    assert _made(collect(store)) == NAMES[1:]
    assert not leftover.exists()
    assert orphan.is_dir()
    os.utime(orphan, (orphan.stat().st_mtime - 2 * STALE_AFTER,) * 2)
    collect(store)
    assert not orphan.exists()
    assert _faults(store) == []


def test_a_month_that_is_published_meanwhile_is_in_the_next_collections(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = store.index()["months"]["2026-01"]["version"]
    real, new = store.put_collection, []

    def put(path: str, files: Mapping[str, Path]) -> None:
        if not new:
            new.append(_publish(LocalStore(store.root), "2026-01", 2))
        real(path, files)

    with monkeypatch.context() as patched:
        patched.setattr(store, "put_collection", put)
        assert _made(collect(store)) == NAMES
    assert {_manifest(store, name)["months"]["2026-01"]["version"] for name in NAMES[1:]} == {old}
    assert store.index()["months"]["2026-01"]["version"] == new[0]
    assert _faults(store) == []
    assert _made(collect(store)) == NAMES[1:]
    assert {_manifest(store, name)["months"]["2026-01"]["version"] for name in NAMES[1:]} == {new[0]}


def test_two_runs_at_once_make_each_collection_once(store: LocalStore) -> None:
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: _made(collect(LocalStore(store.root))), range(2)))
    assert sorted(found) == [[], NAMES]
    assert _faults(store) == []


def _entry(version: str, read: int) -> Json:
    return {"version": version, "published": "", "read": read, "manifest": {}, "counts": {}, "files": []}


def test_a_run_that_read_the_index_earlier_does_not_put_back_what_a_later_one_made() -> None:
    index: Json = {"sequence": 9, "months": {}, "collections": {}}
    index = switched(index, {"history": _entry("new", 8)})
    assert index["sequence"] == 10
    assert switched(index, {"history": _entry("old", 5)}) == index
    assert switched(index, {"history": _entry("new", 9)}) == index
    both = switched(index, {"history": _entry("newest", 9), "years/2026": _entry("a", 9)})
    assert [both["collections"][name]["sequence"] for name in ("history", "years/2026")] == [11, 11]
    assert [old["version"] for old in both["collections"]["history"]["versions"]] == ["new"]
    # One that comes back stands once.
    back = switched(both, {"history": _entry("new", 10)})["collections"]["history"]
    assert (back["version"], [old["version"] for old in back["versions"]]) == ("new", ["newest"])


def test_a_collection_may_keep_more_versions_than_others() -> None:
    index: Json = {"sequence": 0, "months": {}, "collections": {}}
    for read, version in enumerate("abcd"):
        entries = {name: _entry(version, read) for name in ("audit", "history")}
        index = switched(index, entries, kept={"audit": 3})
    kept = {
        name: [(old["version"], old["kept"]) for old in entry["versions"]]
        for name, entry in index["collections"].items()
    }
    assert kept["audit"] == [("c", True), ("b", True), ("a", False)]
    assert kept["history"] == [("c", True), ("b", False)]


# What can be wrong.


def test_there_is_nothing_to_gather_in_an_empty_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no publication"):
        collect(LocalStore(tmp_path / "store"))


@pytest.mark.parametrize("name", ["2026-01_records.jsonl.gz", "tables/awards.parquet"])
def test_a_month_that_is_damaged_is_named_and_nothing_becomes_public(store: LocalStore, name: str) -> None:
    victim = _month(store, "2026-01") / name
    content = victim.read_bytes()
    victim.write_bytes(content[:-1] if name.endswith("parquet") else content[:-9] + b"x" + content[-8:])
    with pytest.raises(StoreError, match="cannot gather 2026-01"):
        collect(store)
    assert store.index()["collections"] == {}
    assert not list((store.root / "work" / "collections").glob("[!.]*"))


def test_verifying_names_every_fault(gathered: LocalStore, tmp_path: Path) -> None:
    shutil.copytree(gathered.root, tmp_path / "store", symlinks=True)
    store = LocalStore(tmp_path / "store")
    year, whole = _folder(store, "years/2026"), _folder(store, "history")
    assert _faults(store) == []
    (whole / "awards/month=2026-01/data.parquet").unlink()
    (whole / "awards/month=2026-03").mkdir()
    (whole / "awards/month=2026-03/data.parquet").write_bytes(b"more")
    records = year / "2026_records.jsonl.gz"
    records.write_bytes(records.read_bytes()[:-1] + b"x")
    faults = _faults(store)
    assert faults[:2] == [
        f"history/{whole.name}/awards/month=2026-01/data.parquet: missing",
        f"history/{whole.name}/awards/month=2026-03/data.parquet: not listed",
    ]
    assert faults[2].startswith(f"years/2026/{year.name}/2026_records.jsonl.gz: sha256 is")
    assert len(faults) == 3
    manifest = _folder(store, "years/2025") / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"months": 1', b'"months": 2'))
    assert any("years/2025" in fault and "manifest.json: sha256 is" in fault for fault in _faults(store))
    manifest.unlink()
    assert f"years/2025/{manifest.parent.name}/manifest.json: missing" in _faults(store)


def test_names_say_what_was_gathered(store: LocalStore) -> None:
    parts = parts_of(store.index())
    found = [
        version_of("history", parts),
        version_of("years/2026", parts),
        version_of("history", parts[1:]),
        version_of("history", [*parts[:2], replace(parts[2], manifest="0" * 64)]),
    ]
    assert len(set(found)) == len(found)
