"""Pushing to a real CKAN: the first time, again, after a change, interrupted, refused, against others' edits and another pusher."""

import hashlib
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import requests

from guatecompras.ckan import push, wanted
from guatecompras.ckan.push import CkanError
from guatecompras.datasets import monthly
from guatecompras.gathered.collect import bring
from guatecompras.stores import LocalStore
from resources.ckan import Ckan
from tests.ckan.portal import ORGANIZATION, NotToBeHadError, Portal, running
from tests.publications import published

pytestmark = pytest.mark.slow
BASE = "https://datos.example.gt"
MOST = 10_000_000
MONTH = "2026-01"


@pytest.fixture(scope="module")
def portal(postgres_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("ckan")
    try:
        with running(postgres_server, folder) as found:
            yield found
    except NotToBeHadError as error:
        pytest.skip(f"no CKAN can be installed here: {error}")


@pytest.fixture(scope="module")
def store(three_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    root = tmp_path_factory.mktemp("pushed") / "store"
    shutil.copytree(three_versions, root, symlinks=True)
    store = LocalStore(root)
    _datasets(store)
    return store


def _datasets(store: LocalStore) -> None:
    bring(store, lambda parts: (monthly.plan(store, part) for part in parts))


@pytest.fixture
def client(portal: Portal) -> Ckan:
    return Ckan(portal.url, portal.token)


def _wanted(store: LocalStore, *months: str) -> list[wanted.Dataset]:
    return wanted.of_store(store, BASE, ORGANIZATION, months or None)


def _push(client: Any, store: LocalStore, most: int = MOST) -> push.Pushed:
    return push.push(client, _wanted(store), wanted.file_of(store), most)


def _shown(portal: Portal, store: LocalStore) -> dict[str, Any]:
    return {one.name: portal.call("package_show", {"id": one.name}) for one in _wanted(store)}


class _Counting:
    """A client that counts what is asked of it, and can fail after so many writes."""

    def __init__(self, client: Ckan, fails_after: int | None = None) -> None:
        self._client, self._left = client, fails_after
        self.asked: Counter[str] = Counter()

    def call(self, action: str, data: dict[str, Any], files: dict[str, Path] | None = None) -> Any:
        self.asked[action] += 1
        if not action.endswith("_show"):
            if self._left == 0:
                raise KeyboardInterrupt
            self._left = None if self._left is None else self._left - 1
        return self._client.call(action, data, files)


def test_1_a_dry_run_says_all_and_writes_nothing(portal: Portal, client: Ckan, store: LocalStore) -> None:
    counting = _Counting(client)
    steps = Counter(step.do for step in push.planned(counting, _wanted(store), MOST))
    resources = sum(len(one.resources) for one in _wanted(store))
    assert steps == {"create": 7, "add": resources, "load": 12}
    assert set(counting.asked) == {"package_show"}


def test_2_a_push_that_dies_anywhere_is_gone_on_with(client: Ckan, store: LocalStore) -> None:
    # At first after every few writes: within a dataset, an upload, a table.
    for writes in (0, 1, 2, 3, 4, 5, 7, 11):
        with pytest.raises(KeyboardInterrupt):
            _push(_Counting(client, writes), store)
    _push(client, store)
    assert list(push.planned(client, _wanted(store), MOST)) == []


def test_3_what_is_there_is_what_was_published(portal: Portal, client: Ckan, store: LocalStore) -> None:
    _push(client, store)
    shown = _shown(portal, store)
    for dataset in _wanted(store):
        there = shown[dataset.name]
        assert (there["title"], there["notes"]) == (dataset.fields["title"], dataset.fields["notes"])
        assert there["organization"]["name"] == ORGANIZATION
        assert {extra["key"] for extra in there["extras"]} >= {"frequency", "language", "spatial", "temporal_start"}
        resources = {one[wanted.KEY]: one for one in there["resources"]}
        assert len(resources) == len(there["resources"]) == len(dataset.resources)
        for one in dataset.resources:
            content = requests.get(resources[one.key]["url"], timeout=60).content
            assert hashlib.sha256(content).hexdigest() == one.sha256 == resources[one.key]["hash"]
            assert len(content) == one.bytes
            if one.table:
                rows = pl.read_parquet(wanted.file_of(store)(one.table.path))
                told = portal.call("datastore_search", {"resource_id": resources[one.key]["id"], "limit": 32_000})
                assert told["total"] == len(told["records"]) == rows.height
                assert sorted(row["NOG CONCURSO"] for row in told["records"]) == sorted(rows["NOG CONCURSO"])
                info = {column["id"]: column.get("info", {}) for column in told["fields"]}
                assert info["NOG CONCURSO"]["notes"] == "Número de Operación Guatecompras"


def test_4_an_unchanged_push_writes_nothing(portal: Portal, client: Ckan, store: LocalStore) -> None:
    before, counting = _shown(portal, store), _Counting(client)
    assert _push(counting, store).steps == []
    assert set(counting.asked) == {"package_show"}
    assert _shown(portal, store) == before


def test_5_a_month_that_changed_updates_just_its_resources(portal: Portal, client: Ckan, store: LocalStore) -> None:
    before = _shown(portal, store)
    published(store, 7, MONTH)
    _datasets(store)
    done = _push(client, store)
    assert {step.resource.key[:7] for step in done.steps if step.resource} == {MONTH}
    assert {step.do for step in done.steps} == {"replace", "load"}
    after = _shown(portal, store)
    for name, there in after.items():
        old = {one["id"]: one for one in before[name]["resources"]}
        assert {one["id"] for one in there["resources"]} == set(old)
        for one in there["resources"]:
            if not one[wanted.KEY].startswith(MONTH):
                assert one == old[one["id"]]
    test_3_what_is_there_is_what_was_published(portal, client, store)


def test_6_what_others_edit_of_ours_is_mended_and_of_theirs_stays(
    portal: Portal, client: Ckan, store: LocalStore
) -> None:
    name = f"concursos-desiertos-{MONTH[:4]}"
    there = portal.call("package_show", {"id": name})
    first, second = there["resources"][:2]
    portal.call("package_patch", {"id": name, "title": "Otro", "maintainer": "Alguien", "tags": [{"name": "mío"}]})
    portal.call("resource_patch", {"id": first["id"], "description": "cambiada", "hash": "0" * 64})
    portal.call("resource_delete", {"id": second["id"]})
    portal.call("resource_create", {"package_id": name, "name": "De otro", "url": "https://example.gt/x.csv"})
    done = _push(client, store)
    assert {step.dataset for step in done.steps} == {name}
    now = portal.call("package_show", {"id": name})
    assert now["title"] == there["title"]
    assert now["maintainer"] == "Alguien"
    assert {tag["name"] for tag in now["tags"]} >= {"mío", "guatecompras"}
    assert "De otro" in {one["name"] for one in now["resources"]}
    assert {one.get(wanted.KEY) for one in now["resources"]} >= {first[wanted.KEY], second[wanted.KEY]}
    assert list(push.planned(client, _wanted(store), MOST)) == []


def test_7_two_pushers_at_once_come_to_the_same_end(portal: Portal, store: LocalStore) -> None:
    for one in _wanted(store):
        portal.call("dataset_purge", {"id": one.name})
    faults: list[BaseException] = []

    def work() -> None:
        try:
            _push(Ckan(portal.url, portal.token), store)
        except Exception as error:  # noqa: BLE001 – it is told below
            faults.append(error)

    pushers = [threading.Thread(target=work) for _ in range(2)]
    for one in pushers:
        one.start()
    for one in pushers:
        one.join()
    client = Ckan(portal.url, portal.token)
    # One may have given up where the other was always first; whoever comes next finds little left, and nothing twice.
    assert all(isinstance(fault, CkanError) for fault in faults)
    _push(client, store)
    test_3_what_is_there_is_what_was_published(portal, client, store)


def test_8_a_portal_that_is_killed_is_waited_for(portal: Portal, store: LocalStore) -> None:
    name = f"concursos-vigentes-{MONTH[:4]}"
    portal.call("dataset_purge", {"id": name})
    waited: list[float] = []

    def wait(seconds: float) -> None:
        """As long as it takes until it is there again."""
        waited.append(seconds)
        portal.start()

    client = Ckan(portal.url, portal.token, wait)
    counting = _Counting(client)
    killed = threading.Event()
    original = counting.call

    def call(action: str, data: dict[str, Any], files: dict[str, Path] | None = None) -> Any:
        if action == "datastore_create" and not killed.is_set():
            killed.set()
            portal.kill()
        return original(action, data, files)

    counting.call = call  # type: ignore[method-assign]
    _push(counting, store)
    assert killed.is_set()
    assert len(waited) == 1
    assert list(push.planned(client, _wanted(store), MOST)) == []


def test_9_a_wrong_token_is_one_line_without_it(portal: Portal, store: LocalStore) -> None:
    secret = "este-token-no-vale"
    tries: list[float] = []
    portal.call("dataset_purge", {"id": f"concursos-vigentes-{MONTH[:4]}"})
    with pytest.raises(CkanError, match="GUATECOMPRAS_CKAN_TOKEN") as refused:
        _push(Ckan(portal.url, secret, tries.append), store)
    assert secret not in str(refused.value)
    assert tries == []
    _push(Ckan(portal.url, portal.token), store)


def test_nobody_at_home_is_said_after_some_tries(store: LocalStore) -> None:
    waits: list[float] = []
    with pytest.raises(CkanError, match="cannot be reached"):
        _push(Ckan("http://127.0.0.1:9", None, waits.append), store)
    assert len(waits) == 5
    assert all(later < 31 for later in waits)
    assert waits[-1] > waits[0]


def test_what_is_too_large_is_linked(portal: Portal, client: Ckan, store: LocalStore) -> None:
    # By our own limit, before anything is sent.
    _push(client, store)
    name = f"ocds-guatecompras-{MONTH[:4]}"
    portal.call("dataset_purge", {"id": name})
    _push(client, store, most=1_000)
    there = portal.call("package_show", {"id": name})
    assert {one["url"].startswith(f"{BASE}/publication/months/") for one in there["resources"]} == {True}
    assert list(push.planned(client, _wanted(store), 1_000)) == []


def test_what_the_portal_does_not_take_is_linked(postgres_server: Any, portal: Portal, tmp_path: Path) -> None:
    # Larger than the portal's own quota, though not than what we were told of it.
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * 6_000)
    seal = hashlib.sha256(large.read_bytes()).hexdigest()
    first, *_ = wanted.wanted({"months": {"2026-01": {"files": []}}}, {}, BASE, ORGANIZATION, ["2026-01"])
    fields = {"name": "Grande", "description": "Más de lo que cabe", "format": "BIN"}
    resource = wanted.Resource("2026-01/bin", "x", f"{BASE}/publication/x", large.stat().st_size, seal, fields)
    dataset = wanted.Dataset(first.name, first.fields, [resource])
    (tmp_path / "portal").mkdir()
    with running(postgres_server, tmp_path / "portal", most_megabytes=1) as other:
        client = Ckan(other.url, other.token)
        done = push.push(client, [dataset], lambda _: large, MOST)
        assert done.linked == [f"{dataset.name} 2026-01/bin"]
        (there,) = other.call("package_show", {"id": dataset.name})["resources"]
        assert (there["url"], there["hash"]) == (resource.url, seal)
        assert list(push.planned(client, [dataset], MOST)) == []
