"""The Dagster homes that are shipped: the embedded one on SQLite, the production one on a real PostgreSQL."""

import sqlite3
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from pipelines import home
from pipelines.definitions import build_definitions
from resources.settings import PROJECT
from tests.pipelines.conftest import MONTHS

HOMES = PROJECT / "pipelines" / "deploy"


def _home(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dagster.yaml").write_bytes((HOMES / name / "dagster.yaml").read_bytes())
    return folder


def _publish_a_month(folder: Path, database: Path, store: Path) -> None:
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        job = build_definitions(f"sqlite:///{database}", str(store)).resolve_job_def("month")
        assert job.execute_in_process(partition_key=MONTHS[0], instance=instance).success
    # Another process would find the run: nothing of it is held in this instance.
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        (run,) = instance.get_runs()
        assert run.is_success
        latest = instance.get_latest_materialization_event(dg.AssetKey(["publication", "month"]))
        assert latest is not None
        assert latest.asset_materialization is not None
        assert latest.asset_materialization.partition == MONTHS[0]


def test_the_embedded_home_keeps_runs_in_sqlite(tmp_path: Path, demo_database: Path, store: Path) -> None:
    folder = _home(tmp_path, "embedded")
    _publish_a_month(folder, demo_database, store)
    assert list(folder.rglob("*.db"))


def test_the_production_home_keeps_runs_in_postgresql(
    tmp_path: Path, demo_database: Path, store: Path, postgres_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_server.psql("CREATE DATABASE dagster_home")
    url = make_url(postgres_server.get_uri("dagster_home")).set(drivername="postgresql+psycopg2")
    monkeypatch.setenv("GUATECOMPRAS_DAGSTER_POSTGRES", url.render_as_string(hide_password=False))
    folder = _home(tmp_path, "production")
    _publish_a_month(folder, demo_database, store)
    assert not list(folder.rglob("*.db"))


def test_the_commands_home_takes_one_connection_for_all_events_and_leaves_them_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _home(tmp_path, "embedded")
    monkeypatch.setenv(home.HOME_VARIABLE, str(folder))
    made: list[str] = []

    def count(connection: sqlite3.Connection, _: object) -> None:
        made.append(Path(connection.execute("PRAGMA database_list").fetchone()[2]).name)

    key = dg.AssetKey(["tables", "awards"])
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", count)
    try:
        with home.opened() as instance:
            for _ in range(5):
                made.clear()  # the first one finds the files' connections made, or makes them
                instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=MONTHS[0]))
            assert not made
            # It can be read from outside meanwhile.
            with dg.DagsterInstance.from_config(str(folder)) as other:
                assert len(other.fetch_materializations(key, limit=10).records) == 5
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "connect", count)
    # All of it is in the main files.
    assert not [path for path in folder.rglob("*-wal") if path.stat().st_size]
    with dg.DagsterInstance.from_config(str(folder)) as other:
        assert len(other.fetch_materializations(key, limit=10).records) == 5
