"""Publications of three months that the fault tests start from, made once. Not to be changed: copy them."""

import time
from pathlib import Path

import pytest

from guatecompras.stores import LocalStore
from tests.faults.run import publish
from tests.faults.world import MONTHS, NEW, OLD, Way, copied, output, started, told


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """Three months, published for the first time."""
    store = LocalStore(tmp_path_factory.mktemp("faults") / "old")
    publish(store, OLD, *MONTHS)
    return store


@pytest.fixture(scope="session")
def undisturbed(old: LocalStore) -> tuple[LocalStore, Way]:
    """The same after the source changed, published again by a run of its own, and what that took."""
    store = copied(old, old.root.with_name("new"))
    run = started(store.root, NEW, *MONTHS)
    told(run, "ready")
    begun = time.perf_counter()
    deeds = int(output(run).split()[-1])
    return store, Way(time.perf_counter() - begun, deeds)


@pytest.fixture(scope="session")
def new(undisturbed: tuple[LocalStore, Way]) -> LocalStore:
    return undisturbed[0]


@pytest.fixture(scope="session")
def way(undisturbed: tuple[LocalStore, Way]) -> Way:
    return undisturbed[1]


@pytest.fixture
def store(old: LocalStore, tmp_path: Path) -> LocalStore:
    """A copy of the old one, to be changed."""
    return copied(old, tmp_path / "store")
