"""The store on object storage, through a real server: versions whole or not at all, many writers, machines that die, copies."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guatecompras import signing
from guatecompras.errors import StoreError
from guatecompras.publication import MANIFEST, empty_index
from guatecompras.stores import cache, claims, objects, open_store
from guatecompras.stores.claims import DONE, WRITING, Claim
from guatecompras.stores.objects import ObjectStore
from tests.stores.conftest import CUT_AFTER, HOLD, PASS, REFUSE, Proxy
from tests.switching import switch

MONTH = "2026-01"
FIRST, SECOND, THIRD = (f"20260201T00000{number}-{'0' * 12}" for number in (1, 2, 3))
ROOT = Path(__file__).parents[2]
TYPES = {
    "a.csv": "text/csv; charset=utf-8",
    "tables/b.parquet": "application/vnd.apache.parquet",
    "c.html": "text/html; charset=utf-8",
    MANIFEST: "application/json",
}


@pytest.fixture
def uri(endpoint: str, bucket: str) -> str:
    return f"s3://{bucket}/prefix?endpoint={endpoint}&region=us-east-1"


@pytest.fixture
def store(uri: str) -> ObjectStore:
    return ObjectStore.from_uri(uri)


def _elsewhere(uri: str, folder: Path) -> ObjectStore:
    """The same store as another machine sees it."""
    return ObjectStore(ObjectStore.from_uri(uri)._bucket.address, folder, 10**9)


def _files(folder: Path, text: str = "one") -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in TYPES:
        found[name] = folder / f"{name.replace('/', '-')}-{text}"
        found[name].write_text(f"{name} {text}")
    return found


def _switch(store: ObjectStore, version: str, month: str = MONTH) -> None:
    switch(store, month, version)


def _publish(store: ObjectStore, version: str, month: str = MONTH) -> None:
    store.put_version(month, version, _files(store.work(month), version))
    _switch(store, version, month)


def _tree(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def _whole(text: str) -> dict[str, str]:
    return {name: f"{name} {text}" for name in TYPES}


def _there(store: ObjectStore) -> list[str]:
    return sorted(store._bucket.listing(""))


@contextmanager
def _stopping(proxy: Proxy, method: str, word: str) -> Iterator[None]:
    """From the first such request on the server refuses all."""
    refusing = threading.Event()

    def act(seen: str, path: str) -> str:
        if seen == method and word in path:
            refusing.set()
        return REFUSE if refusing.is_set() else PASS

    proxy.act = act
    yield
    proxy.act = lambda seen, path: PASS


# Versions.


def test_a_version_is_all_its_files_with_their_types_and_its_manifest_last(
    proxy: Proxy, bucket: str, tmp_path: Path
) -> None:
    store = ObjectStore.from_uri(f"s3://{bucket}/prefix?endpoint={proxy.endpoint}")
    store.put_version(MONTH, FIRST, _files(tmp_path))
    folder = store.version_folder(MONTH, FIRST)
    assert folder.name == FIRST
    assert _tree(folder) == _whole("one")
    written = [path.rpartition(f"{FIRST}/")[2] for path in proxy.came("PUT", "publication/")]
    assert sorted(written) == sorted(TYPES)
    assert written[-1] == MANIFEST
    import obstore

    for name, kind in TYPES.items():
        key = f"publication/months/{MONTH}/{FIRST}/{name}"
        told = obstore.get(store._bucket._store, key).attributes
        assert told == {"Content-Type": kind, "Cache-Control": "public, max-age=31536000, immutable"}


def test_a_version_in_place_stays_as_it_is(proxy: Proxy, bucket: str, tmp_path: Path) -> None:
    store = ObjectStore.from_uri(f"s3://{bucket}?endpoint={proxy.endpoint}")
    store.put_version(MONTH, FIRST, _files(tmp_path))
    before = store._bucket.listing(f"publication/months/{MONTH}")
    proxy.seen.clear()
    store.put_version(MONTH, FIRST, _files(tmp_path, "two"))
    _switch(store, FIRST)
    store.put_version(MONTH, FIRST, _files(tmp_path, "two"))
    assert store._bucket.listing(f"publication/months/{MONTH}") == before
    assert not proxy.came("PUT", "publication/months/")
    assert _tree(store.version_folder(MONTH, FIRST)) == _whole("one")


@pytest.mark.parametrize("at", [*TYPES])
def test_an_upload_that_stopped_is_completed_by_the_next_run(
    proxy: Proxy, bucket: str, tmp_path: Path, at: str
) -> None:
    """What the next run made otherwise is written again, even of the same size; the rest is not."""
    store = ObjectStore.from_uri(f"s3://{bucket}?endpoint={proxy.endpoint}&retries=0")
    files = _files(tmp_path, "one")
    with _stopping(proxy, "PUT", at), pytest.raises(StoreError, match="answers 503"):
        store.put_version(MONTH, FIRST, files)
    assert MANIFEST not in _tree(store.version_folder(MONTH, FIRST))
    half = store._bucket.listing(f"publication/months/{MONTH}/{FIRST}")
    files |= {name: path for name, path in _files(tmp_path, "two").items() if name in {"c.html", MANIFEST}}
    proxy.seen.clear()
    store.put_version(MONTH, FIRST, files)
    assert _tree(store.version_folder(MONTH, FIRST)) == _whole("one") | {
        name: f"{name} two" for name in ("c.html", MANIFEST)
    }
    written = {path.rpartition(f"{FIRST}/")[2] for path in proxy.came("PUT", "publication/")}
    assert written == TYPES.keys() - (half.keys() - {"c.html"})


def test_what_an_upload_of_other_files_left_goes(store: ObjectStore, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("x")
    store._bucket.upload(f"publication/months/{MONTH}/{FIRST}/old.csv", file)
    store.put_version(MONTH, FIRST, _files(tmp_path))
    assert _tree(store.version_folder(MONTH, FIRST)) == _whole("one")


_PUTTER = """
import sys
from pathlib import Path
from guatecompras.stores import open_store

store = open_store(sys.argv[1])
folder = Path(sys.argv[3])
files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
store.put_version("2026-01", sys.argv[2], files)
"""


def test_a_process_that_is_killed_while_it_uploads_leaves_no_version_and_its_machine_goes_on_at_once(
    proxy: Proxy, bucket: str, tmp_path: Path
) -> None:
    uri = f"s3://{bucket}?endpoint={proxy.endpoint}"
    store = ObjectStore.from_uri(uri)
    folder = tmp_path / "files"
    for name in TYPES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} one")
    proxy.act = lambda method, path: HOLD if method == "PUT" and path.endswith(MANIFEST) else PASS
    process = subprocess.Popen([sys.executable, "-c", _PUTTER, uri, FIRST, str(folder)], cwd=ROOT)
    assert proxy.held.wait(30)
    process.kill()
    process.wait()
    proxy.act = lambda method, path: PASS
    assert MANIFEST not in _tree(store.version_folder(MONTH, FIRST))
    store.put_version(MONTH, FIRST, _files(tmp_path, "two"))
    proxy.go_on.set()  # its manifest arrives after all, and finds another one there
    assert _tree(store.version_folder(MONTH, FIRST)) == _whole("two")


@pytest.mark.parametrize(("shift", "step"), [(0, 7), *(pytest.param(n, 1, marks=pytest.mark.slow) for n in (0, 1))])
def test_a_run_that_ends_at_any_request_leaves_the_old_or_the_new_and_is_made_good_by_the_next(
    proxy: Proxy, bucket: str, tmp_path: Path, shift: int, step: int
) -> None:
    """From a certain request on the server hears nothing more; that one itself is carried out or not, by turns."""
    for last in range(step, 100, step):
        uri = f"s3://{bucket}/{last}?endpoint={proxy.endpoint}&retries=0"
        proxy.seen.clear()
        ending = CUT_AFTER if (last + shift) % 2 else REFUSE
        proxy.act = lambda method, path, last=last, ending=ending: (
            PASS if len(proxy.seen) < last else ending if len(proxy.seen) == last else REFUSE
        )
        try:
            _publish(ObjectStore.from_uri(uri), FIRST)
            ObjectStore.from_uri(uri).tidy(MONTH)
        except StoreError:
            ended = True
        else:
            ended = False
        proxy.act = lambda method, path: PASS
        store = ObjectStore.from_uri(uri)
        for month, entry in store.index()["months"].items():
            assert _tree(store.version_folder(month, entry["version"])) == _whole(FIRST)
        _publish(store, FIRST)
        store.tidy(MONTH)
        assert store.index()["sequence"] == 1
        assert _tree(store.version_folder(MONTH, FIRST)) == _whole(FIRST)
        kept = [key for key in _there(store) if not key.startswith("claims/conditions")]
        assert kept == sorted(["publication/index.json", *(f"publication/months/{MONTH}/{FIRST}/{x}" for x in TYPES)])
        if not ended:
            break
    assert 20 < last < 99


def test_a_machine_waits_for_another_and_takes_over_from_a_dead_one(
    uri: str, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_VERSION_SECONDS", 0.2)
    other = _elsewhere(uri, tmp_path / "other")
    dead = Claim(store._bucket, f"months/{MONTH}/{FIRST}", "a machine")
    assert dead.take(WRITING)
    with pytest.raises(StoreError, match=r"another machine is putting .* in place") as caught:
        other.put_version(MONTH, FIRST, _files(tmp_path))
    assert caught.value.transient
    assert not other._in_place(f"months/{MONTH}/{FIRST}")
    monkeypatch.setattr(claims, "DEAD_SECONDS", -1.0)
    other.put_version(MONTH, FIRST, _files(tmp_path))
    assert _tree(other.version_folder(MONTH, FIRST)) == _whole("one")
    with pytest.raises(StoreError, match=r"another run took .* over"):
        dead.confirm(WRITING)


def test_a_claim_that_is_watched_counts_while_its_holder_renews_it(
    store: ObjectStore, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that dies while it uploads is not waited for until clocks that may differ agree on it."""
    monkeypatch.setattr(claims, "SILENT_SECONDS", 0.3)
    path = f"months/{MONTH}/{FIRST}"
    holder, waiting = Claim(store._bucket, path, "one machine"), Claim(store._bucket, path, "another")
    assert holder.take(WRITING)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        assert not waiting.take(WRITING)
        holder.confirm(WRITING)
    # Now it says no more, and who waits for it puts the version in place.
    other = _elsewhere(uri, tmp_path / "other")
    other.put_version(MONTH, FIRST, _files(tmp_path))
    assert _tree(other.version_folder(MONTH, FIRST)) == _whole("one")
    with pytest.raises(StoreError, match=r"another run took .* over"):
        holder.confirm(WRITING)


def test_a_claim_that_is_done_or_damaged_holds_nobody_up_for_ever(store: ObjectStore, uri: str, tmp_path: Path) -> None:
    path = f"months/{MONTH}/{FIRST}"
    first = Claim(store._bucket, path, "one machine")
    assert first.take(WRITING)
    assert not Claim(store._bucket, path, "another").take(WRITING)
    first.confirm(DONE)
    assert Claim(store._bucket, path, "another").take(WRITING)
    store._bucket.delete([first.key])
    assert store._bucket.swap(first.key, b"[]", None)
    assert not Claim(store._bucket, path, "another").take(WRITING)
    assert Claim(store._bucket, path, "another").take_forgotten(WRITING, -1.0)


def test_machines_that_put_different_makings_of_one_version_at_once_end_with_one_whole(
    uri: str, tmp_path: Path
) -> None:
    machines = [_elsewhere(uri, tmp_path / f"machine-{number}") for number in range(6)]
    files = [_files(tmp_path, f"by {number}") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: machines[n].put_version(MONTH, FIRST, files[n]), range(6)))
    found = [_tree(machine.version_folder(MONTH, FIRST)) for machine in machines]
    assert found[0] in [_whole(f"by {number}") for number in range(6)]
    assert all(one == found[0] for one in found)


# The index.


def test_an_absent_index_is_an_empty_one(store: ObjectStore) -> None:
    assert store.index() == empty_index()
    assert store.update_index(lambda index: index) == empty_index()
    assert _there(store) == ["publication/index.json"]


def test_an_unchanged_index_is_not_written_and_a_change_that_fails_leaves_it(proxy: Proxy, bucket: str) -> None:
    store = ObjectStore.from_uri(f"s3://{bucket}?endpoint={proxy.endpoint}")
    _switch(store, FIRST)
    before = store.index()
    proxy.seen.clear()
    _switch(store, FIRST)

    def refuse(index: dict) -> dict:  # type: ignore[type-arg]
        raise StoreError("no")

    with pytest.raises(StoreError, match="no"):
        store.update_index(refuse)
    assert not proxy.came("PUT", "index.json")
    assert store.index() == before


def test_a_sealed_index_is_sealed_here_too(uri: str, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    sealed = ObjectStore.from_uri(uri, signing.signed_by(key))
    for version in (FIRST, SECOND):
        _publish(sealed, version)
    assert signing.fault(sealed.index(), key.public_key()) == ""
    with pytest.raises(StoreError, match="the index is signed"):
        _publish(_elsewhere(uri, tmp_path / "other"), THIRD)


@pytest.mark.parametrize("text", [b"{", b"{}", b'{"schema": 1, "months": []}', b"\xff"])
def test_a_damaged_or_foreign_index_is_one_clear_line_and_stays(store: ObjectStore, text: bytes) -> None:
    store._bucket.swap("publication/index.json", text, None)
    with pytest.raises(StoreError, match=r"publication/index\.json is not an index") as caught:
        _switch(store, FIRST)
    assert "\n" not in str(caught.value)
    there = store._bucket.read("publication/index.json")
    assert there is not None
    assert there[0] == text


def test_an_index_whose_answer_was_lost_is_written_once(proxy: Proxy, bucket: str) -> None:
    store = ObjectStore.from_uri(f"s3://{bucket}?endpoint={proxy.endpoint}")
    _switch(store, FIRST)
    lost: list[str] = []

    def act(method: str, path: str) -> str:
        if method == "PUT" and path.endswith("index.json") and not lost:
            lost.append(path)
            return CUT_AFTER
        return PASS

    proxy.act = act
    _switch(store, SECOND)
    assert lost
    month = store.index()["months"][MONTH]
    assert [month["version"], *(old["version"] for old in month["versions"])] == [SECOND, FIRST]


# Each process is two machines.
_SWITCHER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from guatecompras.stores.objects import ObjectStore
from guatecompras.stores.s3 import Address
from tests.switching import switch as switch_index

def switch(month):
    store = ObjectStore(Address.parse(sys.argv[1]), Path(sys.argv[2]) / month, 0)
    for number in range(4):
        version = f"2026020{number}T000000-" + "0" * 12
        files = {name: store.work(month) / f"{number}-{name}" for name in ("a.csv", "manifest.json")}
        for path in files.values():
            path.write_text(version)
        store.put_version(month, version, files)
        switch_index(store, month, version)
        store.tidy(month)

print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(2) as pool:
    list(pool.map(switch, sys.argv[3:]))
"""


def test_eight_machines_switching_different_months_all_end_in_the_index(
    uri: str, store: ObjectStore, tmp_path: Path
) -> None:
    months = [f"2026-{number:02d}" for number in range(1, 9)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _SWITCHER, uri, str(tmp_path), *months[first::4]],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for first in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    index = store.index()
    assert list(index["months"]) == months
    versions = [f"2026020{number}T000000-{'0' * 12}" for number in range(3, -1, -1)]
    for month, entry in index["months"].items():
        assert [entry["version"], *(old["version"] for old in entry["versions"])] == versions
        assert _tree(store.version_folder(month, versions[0])) == dict.fromkeys(("a.csv", MANIFEST), versions[0])
    numbers = [one["sequence"] for entry in index["months"].values() for one in (entry, *entry["versions"])]
    assert sorted(numbers) == list(range(1, index["sequence"] + 1))
    assert not [key for key in _there(store) if key.startswith("claims/")]


# Work and copies on this machine.


def test_work_is_on_this_machine_and_of_this_store_alone(
    uri: str, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.work(MONTH).is_relative_to(tmp_path / "machine")
    with store.working(MONTH, FIRST):
        assert open_store(uri).work(MONTH) == store.work(MONTH)
    assert open_store(uri.replace("/prefix", "/other")).work(MONTH) != store.work(MONTH)
    monkeypatch.delenv("GUATECOMPRAS_WORK")
    root = ObjectStore.from_uri(uri).root
    assert root.parent == ROOT / "data"
    assert root.name == store.root.name
    assert root.name.startswith("work-of-")


def test_only_what_is_named_is_fetched_and_only_once(proxy: Proxy, bucket: str, tmp_path: Path) -> None:
    store = ObjectStore.from_uri(f"s3://{bucket}?endpoint={proxy.endpoint}")
    store.put_version(MONTH, FIRST, _files(tmp_path))
    proxy.seen.clear()
    for _ in range(2):
        assert _tree(store.version_folder(MONTH, FIRST, ["a.csv", "never.there"])) == {"a.csv": "a.csv one"}
    assert len(proxy.came("GET", "a.csv")) == 1
    assert not proxy.came("GET", "b.parquet")
    assert _tree(store.version_folder(MONTH, FIRST)) == _whole("one")
    assert len(proxy.came("GET", "a.csv")) == 1
    assert not store.version_folder(MONTH, SECOND, ["a.csv"]).exists()


def test_copies_are_what_is_there_now(store: ObjectStore, tmp_path: Path) -> None:
    store.put_version(MONTH, FIRST, _files(tmp_path))
    folder = store.version_folder(MONTH, FIRST)
    key = f"publication/months/{MONTH}/{FIRST}"
    store._bucket.upload(f"{key}/a.csv", _files(tmp_path, "eno")["a.csv"])  # as long, and perhaps in the same second
    store._bucket.delete([f"{key}/c.html"])
    (folder / MANIFEST).write_text("cut short")
    assert store.version_folder(MONTH, FIRST) == folder
    expected = _whole("one") | {"a.csv": "a.csv eno"}
    del expected["c.html"]
    assert _tree(folder) == expected


def test_a_copy_that_breaks_off_is_none(proxy: Proxy, bucket: str, tmp_path: Path) -> None:
    store = ObjectStore.from_uri(f"s3://{bucket}?endpoint={proxy.endpoint}&retries=0")
    store.put_version(MONTH, FIRST, _files(tmp_path))
    with _stopping(proxy, "GET", "b.parquet"), pytest.raises(StoreError, match="answers 503"):
        store.version_folder(MONTH, FIRST, ["tables/b.parquet"])
    assert not [path for path in (store.root / "cache").rglob("*") if path.is_file()]
    assert _tree(store.version_folder(MONTH, FIRST)) == _whole("one")


def test_threads_and_processes_may_fetch_the_same_at_once(uri: str, store: ObjectStore, tmp_path: Path) -> None:
    store.put_version(MONTH, FIRST, _files(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: _tree(open_store(uri).version_folder(MONTH, FIRST)), range(8)))
    assert found == [_whole("one")] * 8


def test_copies_are_bounded_but_those_in_use_stay(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (FIRST, SECOND, THIRD):
        store.put_version(MONTH, version, _files(tmp_path))
    folders = [store.version_folder(MONTH, version) for version in (FIRST, SECOND, THIRD)]
    sizes = sum(len(text) for text in _whole("one").values())

    def used(folder: Path, seconds: float) -> None:
        for path in folder.rglob("*"):
            now = path.stat()
            os.utime(path, ns=(now.st_atime_ns - int(seconds * 1e9), now.st_mtime_ns))

    used(folders[0], 2 * cache.KEPT_SECONDS)
    used(folders[1], 3 * cache.KEPT_SECONDS)
    store._cache.limit = 3 * sizes
    store.tidy(MONTH)
    assert all(folder.is_dir() for folder in folders)
    store._cache.limit = 2 * sizes
    store.tidy(MONTH)
    assert [folder.is_dir() for folder in folders] == [True, False, True]
    store._cache.limit = 0
    store.tidy(MONTH)
    assert [folder.is_dir() for folder in folders] == [False, False, True]
    store._cache.limit = 10**9
    used(folders[2], cache.UNUSED_SECONDS + 1)
    store.tidy(MONTH)
    assert not folders[2].exists()
    assert _tree(store.version_folder(MONTH, FIRST)) == _whole("one")


# Leftovers.


def test_versions_in_no_index_go_once_they_are_stale(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish(store, FIRST)
    store.put_version(MONTH, SECOND, _files(tmp_path))
    store._bucket.upload(f"publication/months/{MONTH}/{THIRD}/a.csv", _files(tmp_path)["a.csv"])
    store._bucket.upload(f"publication/months/{MONTH}/readme/a.csv", _files(tmp_path)["a.csv"])
    before = _there(store)
    store.tidy(MONTH)
    # What is listed needs no claim.
    assert _there(store) == [key for key in before if FIRST not in key or not key.startswith("claims/")]
    monkeypatch.setattr(objects, "STALE_AFTER", -60.0)
    store.tidy(MONTH)
    kept = [f"publication/months/{MONTH}/{FIRST}/{name}" for name in TYPES]
    assert _there(store) == sorted(["publication/index.json", *kept, f"publication/months/{MONTH}/readme/a.csv"])


def test_versions_of_a_collection_in_no_index_go_too(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in (FIRST, SECOND):
        store.put_collection(f"years/2026/{version}", _files(tmp_path))
    entry = {"version": SECOND, "versions": []}
    store.update_index(lambda index: index | {"collections": {"years/2026": entry}})
    monkeypatch.setattr(objects, "STALE_AFTER", -60.0)
    store.tidy_collection("years/2026")
    assert store._bucket.folders("publication/years/2026") == [SECOND]
    assert store._bucket.listing("claims") == {}


def test_a_version_that_somebody_is_about_to_switch_to_stays(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old files, but claimed again a moment ago: it was found in place."""
    store.put_version(MONTH, FIRST, _files(tmp_path))
    there = store._bucket.listing(f"publication/months/{MONTH}/{FIRST}")
    monkeypatch.setattr(objects, "STALE_AFTER", 3600.0)
    monkeypatch.setattr(
        type(there[MANIFEST]), "age", property(lambda found: 0.0 if found not in there.values() else 7200.0)
    )
    store.tidy(MONTH)
    assert store._in_place(f"months/{MONTH}/{FIRST}")
    monkeypatch.setattr(type(there[MANIFEST]), "age", property(lambda found: 7200.0))
    store.tidy(MONTH)
    assert _there(store) == []


def test_a_removal_that_stopped_half_way_is_ended_by_the_next(
    proxy: Proxy, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ObjectStore.from_uri(f"s3://{bucket}?endpoint={proxy.endpoint}&retries=0")
    store.put_version(MONTH, FIRST, _files(tmp_path))
    monkeypatch.setattr(objects, "STALE_AFTER", -60.0)
    removals: list[str] = []

    def act(method: str, path: str) -> str:
        if method == "POST":
            removals.append(path)
        return REFUSE if len(removals) > 1 else PASS

    proxy.act = act
    with pytest.raises(StoreError, match="answers 503"):
        store.tidy(MONTH)
    proxy.act = lambda method, path: PASS
    assert not store._in_place(f"months/{MONTH}/{FIRST}")
    store.tidy(MONTH)
    assert _there(store) == []
    store.put_version(MONTH, FIRST, _files(tmp_path, "two"))
    assert _tree(store.version_folder(MONTH, FIRST)) == _whole("two")
