"""What the tests of the pipeline share: a small demo database and a way to run the month's job for real."""

import sqlite3
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from guatecompras.months import Month
from pipelines.definitions import build_definitions
from resources.sources.demo import demo_chunks
from resources.sources.sql import write_tables

MONTHS = ("2026-01", "2026-02")
SIZE = 60
# A failed test shows what it asserts, not the log of a whole run.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# A NOG with neither entity nor parties has no buyer: it is rejected, and one of sixty is over one percent.
REJECTED = (
    "UPDATE concursos SET entidad_compradora = NULL WHERE nog = (SELECT min(nog) FROM concursos)",
    "DELETE FROM partes WHERE nog = (SELECT min(nog) FROM concursos) AND esquema IN ('GT-CISP', 'GT-GCUC')",
)

RunMonth = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite source of two demo months; copy it before changing it."""
    path = tmp_path_factory.mktemp("source") / "demo.sqlite"
    write_tables(f"sqlite:///{path}", demo_chunks(Month.parse(MONTHS[0]), len(MONTHS), SIZE, 1))
    return path


@pytest.fixture
def database(demo_database: Path, tmp_path: Path) -> Path:
    """A copy of the demo database, to be changed."""
    path = tmp_path / "source.sqlite"
    with sqlite3.connect(demo_database) as old, sqlite3.connect(path) as new:
        old.backup(new)
    old.close()
    new.close()
    return path


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def run_month(instance: dg.DagsterInstance, tmp_path: Path) -> RunMonth:
    """Run the month's job (or some assets of it) on a database, into `tmp_path/store`."""

    def run(
        database: Path,
        month: str = MONTHS[0],
        selection: list[dg.AssetKey] | None = None,
        tags: dict[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            job = build_definitions(f"sqlite:///{database}", str(tmp_path / "store")).resolve_job_def("month")
            return job.execute_in_process(
                partition_key=month,
                instance=instance,
                raise_on_error=False,
                asset_selection=selection,
                run_config=QUIET,
                tags=tags,
            )

    return run


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"
