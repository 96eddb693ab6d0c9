"""Going back to an earlier version and forward again: what is public, what history says, and who reads meanwhile."""

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from click.testing import CliRunner, Result

from guatecompras.changes import feed
from guatecompras.errors import GuatecomprasError
from guatecompras.gathered.collect import collect
from guatecompras.gathered.verify import verify_collections
from guatecompras.publication import FOR_EVER, MANIFEST, read_index, versions_of
from guatecompras.rollback import roll_back
from guatecompras.search import build as searching
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore, Store, open_store
from guatecompras.verification import verify_publication
from pipelines.cli import main
from portal.app import create_app
from portal.settings import Settings as PortalSettings
from tests.portal.conftest import Client
from tests.publications import MONTH, published
from tests.replaced import LOSSES_ALLOWED
from tests.stores.conftest import bucket, credentials, endpoint  # noqa: F401 – fixtures

Json = dict[str, Any]
WHY = "los montos venían mal"


@pytest.fixture
def store(three_versions: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(three_versions, tmp_path / "store")
    return LocalStore(tmp_path / "store")


def _files(store: Store, version: str) -> dict[str, bytes]:
    folder = store.version_folder(MONTH, version)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _data(store: Store, version: str) -> dict[str, bytes]:
    """All but what says how a version differs from the one before it."""
    relative = FOR_EVER | {searching.schema.file_name("gone")}
    return {name: content for name, content in _files(store, version).items() if name not in relative}


def _names(store: Store) -> list[str]:
    return [entry["version"] for entry in versions_of(store.index(), MONTH)]


def _back(store: Store, version: str, config: Settings = LOSSES_ALLOWED) -> str:
    return str(roll_back(store, MONTH, version, WHY, config).entry["version"])


def _faults(store: Store) -> tuple[str, ...]:
    return verify_publication(store.index(), store.version_folder).faults


def _nogs(store: Store, version: str) -> set[int]:
    folder = store.version_folder(MONTH, version, ["tables/records.parquet"])
    return set(pl.read_parquet(folder / "tables/records.parquet")["nog"])


def test_back_and_forward_again(store: LocalStore) -> None:
    third, second, first = _names(store)
    number = store.index()["sequence"]
    back = _back(store, first)
    assert _names(store) == [back, third, second, first]
    entry = store.index()["months"][MONTH]
    assert (entry["sequence"], store.index()["sequence"]) == (number + 1, number + 1)
    assert entry["rolled_back"] == {"from": third, "to": first, "why": WHY}
    assert _data(store, back) == _data(store, first)
    assert _faults(store) == ()
    forward = _back(store, third)
    assert _names(store) == [forward, back, third, second, first]
    assert _data(store, forward) == _data(store, third)
    # Who was rolled back to stays told when something else is current.
    assert versions_of(store.index(), MONTH)[1]["rolled_back"]["to"] == first
    assert len({*_names(store), _back(store, first)}) == 6
    assert _faults(store) == ()


def test_the_feed_and_the_list_of_what_is_gone_tell_what_changed_back(store: LocalStore) -> None:
    third, _, first = _names(store)
    cursor = feed.page(store, limit=10**6).cursor
    back = _back(store, first)
    page = feed.page(store, cursor, limit=10**6)
    assert page.rows
    assert {(row["version"], row["cause"]) for row in page.rows} == {(back, "publisher")}
    told = {
        kind: {row["nog"] for row in page.rows if row["change"] == kind} for kind in ("added", "removed", "changed")
    }
    old, new = _nogs(store, third), _nogs(store, first)
    assert (told["added"], told["removed"]) == (new - old, old - new)
    gone = set(searching.gone(store.version_folder(MONTH, back)))
    ever = set().union(*(_nogs(store, version) for version in _names(store)))
    assert gone == ever - new


def test_the_next_publish_builds_on_it(store: LocalStore) -> None:
    third, second, first = _names(store)
    back = _back(store, first)
    entry = published(store, 3)
    assert _names(store) == [entry["version"], back, third, second, first]
    assert entry["version"] != third
    assert "rolled_back" not in entry
    assert _nogs(store, entry["version"]) == _nogs(store, third)
    assert _faults(store) == ()


def test_collections_follow(store: LocalStore) -> None:
    collect(store)
    first = _names(store)[-1]
    back = _back(store, first)
    assert {one.name for one in collect(store) if one.made} == {"history", "years/2026"}
    manifest = orjson.loads((store.collection_folder(_history(store)) / MANIFEST).read_bytes())
    assert manifest["months"][MONTH]["version"] == back
    assert verify_collections(store.index(), store.collection_folder)[1] == []
    assert _faults(store) == ()


def _history(store: Store) -> str:
    return f"history/{store.index()['collections']['history']['version']}"


def test_the_portal_shows_the_old_version(store: LocalStore, tmp_path: Path) -> None:
    third, _, first = _names(store)
    new, lost = min(_nogs(store, first) - _nogs(store, third)), min(_nogs(store, third) - _nogs(store, first))
    back = _back(store, first)
    app = create_app(PortalSettings(store=str(store.root), base_url="https://datos.example.gt"), log=lambda _: None)
    client = Client(app)
    assert client.get(f"/concurso/{new}").status_code == 200
    assert client.get(f"/concurso/{lost}").status_code == 410
    page = client.get(f"/descarga-datos/{MONTH}").text
    assert f"months/{MONTH}/{back}/" in page
    assert third in page
    for told in (page, client.get("/novedades.atom").text):
        assert WHY in told
        assert told.count("Se volvió a publicar lo que decía la versión") == 1


@pytest.mark.parametrize("month", ["2026-01", "2025-12"])
def test_what_does_not_exist_is_refused(store: LocalStore, month: str) -> None:
    index = store.index()
    with pytest.raises(GuatecomprasError, match=r"has no version x; it can go back to 2|is not in the publication"):
        roll_back(store, month, "x", WHY, LOSSES_ALLOWED)
    assert store.index() == index


def test_what_is_current_is_refused(store: LocalStore) -> None:
    third, _, first = _names(store)
    with pytest.raises(GuatecomprasError, match=r"is at version .* already"):
        _back(store, third)
    _back(store, first)
    with pytest.raises(GuatecomprasError, match=r"is at what version .* held already"):
        _back(store, first)
    with pytest.raises(GuatecomprasError, match="say why"):
        roll_back(store, MONTH, third, " \n", LOSSES_ALLOWED)


def test_what_retention_withdrew_is_refused(store: LocalStore) -> None:
    second = _names(store)[1]
    published(store, 4, config=Settings(quality_rules=LOSSES_ALLOWED.quality_rules, keep_versions=2))
    published(store, 5, config=Settings(quality_rules=LOSSES_ALLOWED.quality_rules, keep_versions=2))
    with pytest.raises(GuatecomprasError, match="its files are withdrawn"):
        _back(store, second)


def test_going_back_withdraws_what_is_too_old(store: LocalStore) -> None:
    third, second, first = _names(store)
    back = _back(store, first, Settings(keep_versions=2))
    assert [entry.get("kept", True) for entry in versions_of(store.index(), MONTH)] == [True, True, False, True]
    assert set(_files(store, second)) == FOR_EVER
    assert _data(store, back)
    assert _faults(store) == ()
    assert _back(store, third, Settings(keep_versions=2))


@pytest.mark.parametrize(
    ("which", "name"),
    [(2, "2026-01_csv.zip"), (2, MANIFEST), (2, "quality.json"), (0, MANIFEST), (0, "2026-01_records.jsonl.gz")],
)
@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_is_not_what_was_published_is_refused(store: LocalStore, which: int, name: str, gone: bool) -> None:
    versions, index = _names(store), store.index()
    path = store.version_folder(MONTH, versions[which]) / name
    content = path.read_bytes()
    path.unlink()
    if not gone:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(GuatecomprasError, match=rf"{name}: (missing|sha256 is .* instead of)"):
        _back(store, versions[2])
    assert store.index() == index
    assert len(list((store.root / "publication/months" / MONTH).iterdir())) == 3
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    assert _back(store, versions[2])


def test_another_publish_meanwhile_is_not_undone(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _names(store)[-1]
    put = LocalStore.put_version

    def overtaken(self: LocalStore, *given: Any) -> None:
        put(self, *given)
        monkeypatch.undo()
        published(LocalStore(store.root), 4)

    monkeypatch.setattr(LocalStore, "put_version", overtaken)
    with pytest.raises(GuatecomprasError, match="another run published 2026-01 meanwhile"):
        _back(store, first)
    assert len(_names(store)) == 4
    assert "rolled_back" not in store.index()["months"][MONTH]
    assert _faults(store) == ()


# Dies as nothing can catch it, before or after the switch.
_DYING = """
import os, signal, sys
from guatecompras.rollback import roll_back
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
deed, store, version = sys.argv[1:]
done = getattr(LocalStore, deed)
def die(*given):
    if deed == "derive":
        os.kill(os.getpid(), signal.SIGKILL)
    if deed == "put_version":
        done(*given)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(LocalStore, deed, die)
roll_back(LocalStore(__import__("pathlib").Path(store)), "2026-01", version, "why", Settings())
"""


@pytest.mark.parametrize("deed", ["put_version", "update_index", "derive"])
def test_killed_it_is_all_or_nothing_and_can_be_done_again(store: LocalStore, deed: str) -> None:
    third, _, first = _names(store)
    index = store.index()
    run = subprocess.run([sys.executable, "-c", _DYING, deed, str(store.root), first], check=False, capture_output=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert _faults(store) == ()
    if deed == "derive":  # comes after the switch
        assert store.index()["months"][MONTH]["rolled_back"]["to"] == first
        return
    assert store.index() == index
    assert _names(store)[0] == third
    assert _data(store, _back(store, first)) == _data(store, first)
    assert _faults(store) == ()


def test_who_reads_meanwhile_sees_one_or_the_other_whole(store: LocalStore) -> None:
    third, _, first = _names(store)
    faults: list[str] = []
    seen: list[str] = []
    looked, given_up = threading.Event(), threading.Event()

    def read() -> None:
        """Until another version is public, which is looked at too."""
        version = third
        while version == third and not given_up.is_set():
            entry = read_index((store.root / "publication/index.json").read_bytes())["months"][MONTH]
            paths = [store.root / "publication" / file["path"] for file in entry["files"]]
            faults.extend(str(path) for path in paths if not path.is_file())
            seen.append(version := entry["version"])
            looked.set()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        assert looked.wait(60)
        back = _back(store, first)
    finally:
        for reader in readers:
            reader.join(60)
        given_up.set()
    assert faults == []
    assert set(seen) == {third, back}


# As an operator does it.


def _run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_the_command_says_what_it_did_and_what_to_do_next(store: LocalStore) -> None:
    first = _names(store)[-1]
    done = _run("rollback", MONTH, first, "--store", str(store.root), "--why", WHY)
    assert done.exit_code == 0, done.output
    assert f"{MONTH} is at what version {first} held again, as version {_names(store)[0]} (commit 5)" in done.output
    assert "run 'guatecompras collect'" in done.output
    verified = _run("verify", str(store.root))
    assert verified.exit_code == 0, verified.output
    assert "2 months, 5 versions" in verified.output
    again = _run("rollback", MONTH, first, "--store", str(store.root), "--why", WHY)
    assert again.exit_code == 1
    assert again.output.count("\n") == 1
    assert _run("rollback", MONTH, first, "--store", str(store.root)).exit_code == 2


def test_an_index_that_tells_another_reason_is_a_fault(store: LocalStore) -> None:
    _back(store, _names(store)[-1])

    def forged(index: Json) -> Json:
        entry = index["months"][MONTH]
        entry = entry | {"rolled_back": entry["rolled_back"] | {"why": "nada"}}
        return index | {"months": index["months"] | {MONTH: entry}}

    store.update_index(forged)
    (fault,) = _faults(store)
    assert "whether and why it was rolled back to" in fault


def test_on_object_storage(endpoint: str, bucket: str) -> None:  # noqa: F811 – the fixtures
    uri = f"s3://{bucket}/p?endpoint={endpoint}"
    store = open_store(uri)
    for seed in (1, 2):
        published(store, seed, size=10)  # type: ignore[arg-type]
    second, first = _names(store)
    assert _run("rollback", MONTH, first, "--store", uri, "--why", WHY).exit_code == 0
    back = _names(store)[0]
    assert _data(store, back) == _data(store, first)
    forward = _back(store, second)
    assert _data(store, forward) == _data(store, second)
    assert _names(store) == [forward, back, second, first]
    assert _faults(store) == ()
