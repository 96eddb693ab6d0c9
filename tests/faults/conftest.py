"""Publications of three months that the fault tests start from, made once. Not to be changed: copy them."""

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from guatecompras.stores import LocalStore
from tests.faults.run import publish
from tests.faults.world import MONTHS, NEW, OLD, Way, copied, output, started, told


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one test run have in common."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "faults"
    folder.mkdir(exist_ok=True)
    return folder


def _once(done: Path, make: Callable[[], object]) -> Path:
    """A file that the first process to come here makes, with all that it stands for: the others wait."""
    with open(done.with_suffix(".lock"), "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            done.write_text(json.dumps(make()))
    return done


@pytest.fixture(scope="session")
def old(shared: Path) -> LocalStore:
    """Three months, published for the first time."""
    store = LocalStore(shared / "old")
    _once(shared / "old.json", lambda: len(publish(store, OLD, *MONTHS)))
    return store


@pytest.fixture(scope="session")
def way(old: LocalStore, shared: Path) -> Way:
    """What it took a run to publish the months again after the source changed, undisturbed."""

    def make() -> dict[str, float]:
        run = started(copied(old, shared / "new").root, NEW, *MONTHS)
        told(run, "ready")
        *_, deeds, seconds = output(run).split()
        return asdict(Way(float(seconds), int(deeds)))

    return Way(**json.loads(_once(shared / "new.json", make).read_text()))


@pytest.fixture(scope="session")
def new(way: Way, shared: Path) -> LocalStore:
    """What it made of the old ones."""
    return LocalStore(shared / "new")


@pytest.fixture
def store(old: LocalStore, tmp_path: Path) -> LocalStore:
    """A copy of the old one, to be changed."""
    return copied(old, tmp_path / "store")
