"""As many runs at once as the production home allows do with few connections, on a role that PostgreSQL itself holds to them."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest
import yaml
from sqlalchemy.engine import make_url

from pipelines.home import HOME_VARIABLE, POSTGRES_VARIABLE
from resources.settings import PROJECT

PRODUCTION = PROJECT / "pipelines" / "deploy" / "production" / "dagster.yaml"
AT_ONCE = yaml.safe_load(PRODUCTION.read_text())["concurrency"]["runs"]["max_concurrent_runs"]
LIMIT = 24  # as dagster.yaml says; its own role may have more, for what else there is
ROLE = "few_connections"


@pytest.fixture
def home(tmp_path: Path, postgres_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The production home of a role that may have no more connections than dagster.yaml says."""
    postgres_server.psql(f"CREATE ROLE {ROLE} LOGIN CONNECTION LIMIT {LIMIT}")
    postgres_server.psql(f"CREATE DATABASE {ROLE} OWNER {ROLE}")
    url = make_url(postgres_server.get_uri(ROLE)).set(drivername="postgresql+psycopg2", username=ROLE)
    monkeypatch.setenv(POSTGRES_VARIABLE, url.render_as_string(hide_password=False))
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    (tmp_path / "dagster.yaml").write_bytes(PRODUCTION.read_bytes())
    yield tmp_path
    postgres_server.psql(f"DROP DATABASE {ROLE} WITH (FORCE)")
    postgres_server.psql(f"DROP ROLE {ROLE}")


@contextmanager
def _counting(server: Any) -> Iterator[list[int]]:
    """How many connections the role had, asked again and again by another role."""
    seen, over = [0], threading.Event()

    def count() -> None:
        connection = psycopg2.connect(server.get_uri("postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not over.is_set():
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [ROLE])
                seen[0] = max(seen[0], cursor.fetchone()[0])
        connection.close()

    counter = threading.Thread(target=count)
    counter.start()
    try:
        yield seen
    finally:
        over.set()
        counter.join()


def test_instances_side_by_side_do_with_few_connections(home: Path, postgres_server: Any) -> None:
    key = dg.AssetKey("one")
    with dg.DagsterInstance.get():
        pass  # the tables stand before the runs begin
    together = threading.Barrier(AT_ONCE)

    def write(number: int) -> None:
        # Each its own, as processes have. (Whole runs in threads lock each other out: the slow test has them.)
        with dg.DagsterInstance.get() as instance:
            together.wait(timeout=60)
            for _ in range(20):
                instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=str(number)))
                instance.get_runs(limit=1)

    with _counting(postgres_server) as seen, ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(write, range(AT_ONCE)))
    with dg.DagsterInstance.get() as instance:
        assert instance.get_materialized_partitions(key) == {str(number) for number in range(AT_ONCE)}
        assert len(instance.fetch_materializations(key, limit=1000).records) == 20 * AT_ONCE
    assert 0 < seen[0] < LIMIT


@pytest.mark.slow
def test_months_side_by_side_do_with_few_connections(home: Path, postgres_server: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "publish", f"2026-01..2026-{AT_ONCE:02}", "--jobs", str(AT_ONCE)]
    source = ["--source", "demo:?size=20&seed=1", "--store", str(tmp_path / "store")]
    with _counting(postgres_server) as seen:
        done = subprocess.run(
            command + source, check=False, env=os.environ, cwd=PROJECT, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stdout + done.stderr
    with dg.DagsterInstance.get() as instance:
        assert instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])) == AT_ONCE
    assert AT_ONCE // 2 < seen[0] < LIMIT
