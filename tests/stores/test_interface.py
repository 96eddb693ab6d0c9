"""One interface, two stores: what every caller may count on, by a folder and by object storage alike."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from guatecompras.errors import StoreError
from guatecompras.publication import MANIFEST, empty_index
from guatecompras.stores import LocalStore, Store, open_store
from guatecompras.stores.objects import ObjectStore
from tests.switching import switch

MONTH = "2026-01"
FIRST, SECOND = (f"20260201T00000{number}-{'0' * 12}" for number in (1, 2))
NAMES = ("a.csv", "tables/b.parquet", "month=2026-01/c.parquet", MANIFEST)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, credentials: None) -> Store:
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    return open_store(f"s3://{request.getfixturevalue('bucket')}/p?endpoint={request.getfixturevalue('endpoint')}")


def _files(folder: Path, text: str) -> dict[str, Path]:
    found = {}
    for name in NAMES:
        path = folder / text / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} {text}")
        found[name] = path
    return found


def _tree(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_version_is_read_as_it_was_put_and_stays(store: Store, tmp_path: Path) -> None:
    store.put_version(MONTH, FIRST, _files(tmp_path, "one"))
    store.put_version(MONTH, FIRST, _files(tmp_path, "two"))
    folder = store.version_folder(MONTH, FIRST)
    assert folder.name == FIRST
    assert _tree(folder) == {name: f"{name} one" for name in NAMES}
    assert (store.version_folder(MONTH, FIRST, [MANIFEST]) / MANIFEST).read_text() == f"{MANIFEST} one"
    assert not (store.version_folder(MONTH, SECOND, [MANIFEST]) / MANIFEST).exists()


def test_a_version_lacks_nothing_or_is_not_there(store: Store, tmp_path: Path) -> None:
    files = _files(tmp_path, "one")
    files["tables/b.parquet"].unlink()
    with pytest.raises(StoreError):
        store.put_version(MONTH, FIRST, files)
    assert not (store.version_folder(MONTH, FIRST, [MANIFEST]) / MANIFEST).exists()
    store.put_version(MONTH, FIRST, _files(tmp_path, "one"))
    assert _tree(store.version_folder(MONTH, FIRST)).keys() == set(NAMES)


def test_a_version_of_a_collection_is_like_one_of_a_month(store: Store, tmp_path: Path) -> None:
    for path in (f"years/2026/{FIRST}", f"history/{FIRST}"):
        store.put_collection(path, _files(tmp_path, "one"))
        store.put_collection(path, _files(tmp_path, "two"))
        folder = store.collection_folder(path)
        assert folder.name == FIRST
        assert _tree(folder) == {name: f"{name} one" for name in NAMES}
        store.retire_collection(path)
        assert _tree(store.collection_folder(path)) == {}


def test_a_retired_version_keeps_what_is_named(store: Store, tmp_path: Path) -> None:
    store.put_version(MONTH, FIRST, _files(tmp_path, "one"))
    store.version_folder(MONTH, FIRST)
    for _ in range(2):
        store.retire(MONTH, FIRST, [MANIFEST, "tables/b.parquet", "never.there"])
        assert _tree(store.version_folder(MONTH, FIRST)).keys() == {MANIFEST, "tables/b.parquet"}
    store.retire(MONTH, SECOND, [MANIFEST])
    # It is in place all the same.
    store.put_version(MONTH, FIRST, _files(tmp_path, "two"))
    assert _tree(store.version_folder(MONTH, FIRST)).keys() == {MANIFEST, "tables/b.parquet"}


def test_the_index_is_what_it_was_switched_to(store: Store) -> None:
    assert store.index() == empty_index()
    switch(store, MONTH, FIRST)
    switch(store, MONTH, SECOND)
    switch(store, MONTH, SECOND)
    index = store.index()
    assert index["sequence"] == 2
    month = index["months"][MONTH]
    assert [month["version"], *(old["version"] for old in month["versions"])] == [SECOND, FIRST]


def test_what_is_derived_follows_the_index(store: Store) -> None:
    def names(index: dict[str, Any]) -> bytes:
        return " ".join(index["months"]).encode()

    for month in (MONTH, "2026-02"):
        switch(store, month, FIRST)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: store.derive("names.txt", names), range(4)))
    assert _derived(store, "names.txt") == f"{MONTH} 2026-02".encode()


def _derived(store: Store, name: str) -> bytes:
    if isinstance(store, LocalStore):
        return (store.root / "publication" / name).read_bytes()
    assert isinstance(store, ObjectStore)
    there = store._bucket.read(f"publication/{name}")
    assert there is not None
    return there[0]


def test_what_is_published_survives_tidying(store: Store, tmp_path: Path) -> None:
    store.put_version(MONTH, FIRST, _files(tmp_path, "one"))
    store.tidy(MONTH)
    switch(store, MONTH, FIRST)
    with store.working(MONTH, FIRST):
        store.tidy(MONTH)
    assert _tree(store.version_folder(MONTH, FIRST)).keys() == set(NAMES)
    assert store.uri in store.public
