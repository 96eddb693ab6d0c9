"""The Dagster homes that are shipped: the embedded one on SQLite, the production one on a real PostgreSQL."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy.engine import make_url

from pipelines.definitions import build_definitions
from resources.settings import PROJECT
from tests.pipelines.conftest import MONTHS

HOMES = PROJECT / "pipelines" / "deploy"


def _home(tmp_path: Path, name: str) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((HOMES / name / "dagster.yaml").read_bytes())
    return home


def _publish_a_month(home: Path, database: Path, store: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        job = build_definitions(f"sqlite:///{database}", str(store)).resolve_job_def("month")
        assert job.execute_in_process(partition_key=MONTHS[0], instance=instance).success
    # Another process would find the run: nothing of it is held in this instance.
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (run,) = instance.get_runs()
        assert run.is_success
        latest = instance.get_latest_materialization_event(dg.AssetKey(["publication", "month"]))
        assert latest is not None
        assert latest.asset_materialization is not None
        assert latest.asset_materialization.partition == MONTHS[0]


def test_the_embedded_home_keeps_runs_in_sqlite(tmp_path: Path, demo_database: Path, store: Path) -> None:
    home = _home(tmp_path, "embedded")
    _publish_a_month(home, demo_database, store)
    assert list(home.rglob("*.db"))


def test_the_production_home_keeps_runs_in_postgresql(
    tmp_path: Path, demo_database: Path, store: Path, postgres_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_server.psql("CREATE DATABASE dagster_home")
    url = make_url(postgres_server.get_uri("dagster_home")).set(drivername="postgresql+psycopg2")
    monkeypatch.setenv("GUATECOMPRAS_DAGSTER_POSTGRES", url.render_as_string(hide_password=False))
    home = _home(tmp_path, "production")
    _publish_a_month(home, demo_database, store)
    assert not list(home.rglob("*.db"))
