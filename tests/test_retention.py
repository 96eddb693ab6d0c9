"""Retention: which versions keep their files, and that the others keep what proves them, whatever is killed when."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras.errors import GuatecomprasError
from guatecompras.publication import FOR_EVER, MANIFEST, empty_index, versions_of
from guatecompras.retention import marked, withdrawn
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from guatecompras.verification import known_files, verify_publication
from tests.publications import MONTH, built, published
from tests.replaced import LOSSES_ALLOWED
from tests.switching import switched_to

KEEP_TWO = replace(LOSSES_ALLOWED, keep_versions=2)
Json = dict[str, Any]


@pytest.fixture
def store(three_versions: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(three_versions, tmp_path / "store")
    return LocalStore(tmp_path / "store")


def _history(years: list[int]) -> Json:
    index = empty_index()
    for number, year in enumerate(years):
        index = switched_to(index, MONTH, f"v{number}")
        index["months"][MONTH]["published"] = f"{year}-05-01T00:00:00-06:00"
    return index


@given(st.lists(st.integers(2024, 2027), max_size=12).map(sorted), st.integers(2, 5), st.integers(2, 5))
def test_the_last_ones_and_the_first_of_each_year_stay(years: list[int], keep: int, later: int) -> None:
    index = marked(_history(years), MONTH, keep)
    gone = {entry["version"] for entry in withdrawn(index, MONTH)}
    for number, year in enumerate(years):
        stays = number >= len(years) - keep or years.index(year) == number
        assert (f"v{number}" in gone) != stays
    assert marked(index, MONTH, keep) == index
    # What is withdrawn does not come back.
    again = marked(index, MONTH, later)
    assert {entry["version"] for entry in withdrawn(again, MONTH)} >= gone
    assert [entry["version"] for entry in versions_of(again, MONTH)] == [f"v{n}" for n in range(len(years))][::-1]


def test_other_months_are_left_alone() -> None:
    index = switched_to(_history([2026] * 4), "2026-02", "a")
    assert marked(index, "2026-02", 2) == index
    assert marked(index, "2026-03", 2) == index
    assert marked(index, MONTH, 2)["months"]["2026-02"] == index["months"]["2026-02"]


def _names(store: LocalStore, entry: Json) -> set[str]:
    folder = store.version_folder(MONTH, entry["version"])
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_publishing_withdraws_what_is_too_old_and_keeps_its_proof(store: LocalStore) -> None:
    before = versions_of(store.index(), MONTH)
    whole = known_files(store.index(), store.version_folder)
    published(store, 4, config=KEEP_TWO)
    entries = versions_of(store.index(), MONTH)
    # The oldest is the first of its year.
    assert [entry.get("kept", True) for entry in entries] == [True, True, False, True]
    assert _names(store, entries[2]) == FOR_EVER
    assert not (store.version_folder(MONTH, entries[2]["version"]) / "tables").exists()
    assert [_names(store, entry) for entry in (entries[1], entries[3])] == [_names(store, entries[1])] * 2
    found = verify_publication(store.index(), store.version_folder)
    assert (found.versions, found.faults, found.left) == (5, (), 0)
    # A file that somebody downloaded when it was public is known still.
    assert known_files(store.index(), store.version_folder).keys() >= whole.keys()
    assert entries[2]["manifest"] == before[1]["manifest"]


def test_a_run_that_died_between_index_and_files_is_mended_by_the_next(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = built(store, 4, config=KEEP_TWO)
    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "retire", lambda *_: 1 / 0)  # the run dies here
        with pytest.raises(ZeroDivisionError):
            work.publish()
    entries = versions_of(store.index(), MONTH)
    assert not entries[2]["kept"]
    left = _names(store, entries[2]) - FOR_EVER
    found = verify_publication(store.index(), store.version_folder)
    assert (found.faults, found.left) == ((), len(left))
    # Some of them are gone already.
    (store.version_folder(MONTH, entries[2]["version"]) / min(left)).unlink()
    assert verify_publication(store.index(), store.version_folder).left == len(left) - 1
    # The same version again: nothing new is public, and what was left is removed.
    index = store.index()
    published(store, 4, config=KEEP_TWO)
    assert store.index() == index
    assert _names(store, entries[2]) == FOR_EVER
    assert verify_publication(store.index(), store.version_folder).left == 0


def test_nothing_else_is_tolerated_of_a_withdrawn_version(store: LocalStore) -> None:
    published(store, 4, config=KEEP_TWO)
    folder = store.version_folder(MONTH, withdrawn(store.index(), MONTH)[0]["version"])
    (folder / "more.csv").touch()
    (fault,) = verify_publication(store.index(), store.version_folder).faults
    assert fault.endswith("/more.csv: not listed")
    (folder / "more.csv").unlink()
    (folder / MANIFEST).unlink()
    (fault,) = verify_publication(store.index(), store.version_folder).faults
    assert fault.endswith("/manifest.json: missing")


def test_retiring_spares_what_is_named_and_may_be_done_again(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    files = {}
    for name in (MANIFEST, "changes.parquet", "a.csv", "tables/b.parquet"):
        files[name] = store.work(MONTH) / name.replace("/", "-")
        files[name].write_text(name)
    store.put_version(MONTH, "v", files)
    for _ in range(2):
        store.retire(MONTH, "v", FOR_EVER)
        folder = store.version_folder(MONTH, "v")
        assert {path.name for path in folder.iterdir()} == {MANIFEST, "changes.parquet"}
    store.retire(MONTH, "absent", FOR_EVER)


def test_how_many_are_kept_is_no_part_of_a_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(keep_versions=5).decisive() == Settings().decisive()
    assert set(Settings().decisive()) >= {"base_url", "quality_rules"}
    monkeypatch.setenv("GUATECOMPRAS_KEEP_VERSIONS", "30")
    assert Settings.from_environment().keep_versions == 30
    for wrong in ("1", "no", "-3", "2.5", "٣"):
        monkeypatch.setenv("GUATECOMPRAS_KEEP_VERSIONS", wrong)
        with pytest.raises(GuatecomprasError, match=r"KEEP_VERSIONS: '.*' is not a whole number of at least 2"):
            Settings.from_environment()
