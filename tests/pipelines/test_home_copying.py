"""A home on SQLite is copied into an empty one on a real PostgreSQL, and the work goes on there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner, Result
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.run_status_sensor_definition import RunStatusSensorCursor
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from sqlalchemy.engine import make_url

from pipelines.cli import main
from pipelines.definitions import build_definitions
from pipelines.home import HOME_VARIABLE, POSTGRES_VARIABLE
from resources.settings import PROJECT
from tests.pipelines.conftest import QUIET

HOMES = PROJECT / "pipelines" / "deploy"
SOURCE = "demo:?size=20&seed=1"
CHANGED = dg.DagsterEventType.RUN_SUCCESS
COPIED_MONTHS = ("2026-01", "2026-02", "2026-01")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An embedded home, in use for a while."""
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "dagster.yaml").write_bytes((HOMES / "embedded" / "dagster.yaml").read_bytes())
    return folder


@pytest.fixture
def new(tmp_path: Path, postgres_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The production home, empty; DAGSTER_HOME names it."""
    postgres_server.psql("CREATE DATABASE copied_home")
    url = make_url(postgres_server.get_uri("copied_home")).set(drivername="postgresql+psycopg2")
    monkeypatch.setenv(POSTGRES_VARIABLE, url.render_as_string(hide_password=False))
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "dagster.yaml").write_bytes((HOMES / "production" / "dagster.yaml").read_bytes())
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    yield folder
    postgres_server.psql("DROP DATABASE copied_home WITH (FORCE)")


def _publish(instance: dg.DagsterInstance, month: str, store: Path) -> None:
    job = build_definitions(SOURCE, str(store)).resolve_job_def("month")
    assert job.execute_in_process(
        partition_key=month, instance=instance, run_config=QUIET, tags={"of": "the test"}
    ).success


def _turn_on(instance: dg.DagsterInstance, sensor: str, cursor: str) -> None:
    origin = RemoteInstigatorOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "__repository__"), sensor
    )
    data = SensorInstigatorData(cursor=cursor)
    instance.add_instigator_state(InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data))


def _sensors(instance: dg.DagsterInstance) -> dict[str, str]:
    states = instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
    return {state.instigator_name: state.instigator_data.cursor for state in states}  # type: ignore[union-attr]


def _copy(folder: Path) -> Result:
    return CliRunner().invoke(main, ["home", "copy", str(folder)])


def _seen(instance: dg.DagsterInstance) -> dict[str, Any]:
    """What Dagster says of a home: all but how it numbers events."""
    runs = instance.get_run_records()
    keys = sorted(instance.all_asset_keys())
    partitions: dict[str, Any] = {}
    checks: dict[str, Any] = {}
    for key in keys:
        records = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=key), limit=100).records
        partitions[str(key)] = [(found.run_id, found.partition_key, found.timestamp) for found in records]
    for spec in build_definitions().resolve_asset_graph().asset_check_keys:
        found = instance.event_log_storage.get_asset_check_execution_history(spec, limit=100)
        checks[str(spec)] = [
            (one.run_id, one.status, one.partition, one.event.timestamp if one.event else None) for one in found
        ]
    return {
        "runs": [(one.dagster_run, one.create_timestamp, one.start_time, one.end_time) for one in runs],
        "events": {one.dagster_run.run_id: instance.all_logs(one.dagster_run.run_id) for one in runs},
        "materialized": {str(key): instance.get_materialized_partitions(key) for key in keys},
        "materializations": partitions,
        "latest": {str(key): instance.get_latest_materialization_event(key) for key in keys},
        "checks": checks,
        "snapshots": {one.dagster_run.job_snapshot_id for one in runs},
    }


@pytest.mark.slow
def test_a_home_is_copied_and_the_work_goes_on(old: Path, new: Path, tmp_path: Path) -> None:
    with dg.DagsterInstance.from_config(str(old)) as before:
        for month in COPIED_MONTHS:
            _publish(before, month, tmp_path / "store")
        *_, first = before.fetch_run_status_changes(CHANGED, limit=10).records  # the newest come first
        _turn_on(before, "late_changes", '{"2026-01": "seen"}')
        _turn_on(before, "failed_runs", RunStatusSensorCursor(first.storage_id).to_json())
        seen = _seen(before)
        ticking = before.fetch_run_status_changes(CHANGED, limit=10, cursor=None).records

    done = _copy(old)
    assert done.exit_code == 0, done.output
    assert "copied 3 runs" in done.output

    with dg.DagsterInstance.from_config(str(new)) as after:
        copied = _seen(after)
        for what, as_it_was in seen.items():
            assert copied[what] == as_it_was, what
        assert any(seen["checks"].values())
        for run in after.get_runs():
            assert run.job_snapshot_id is not None
            assert after.get_job_snapshot(run.job_snapshot_id)
        # A sensor of runs has seen in the new home what it had seen in the old one, and no more.
        sensors = _sensors(after)
        assert sensors["late_changes"] == '{"2026-01": "seen"}'
        cursor = RunStatusSensorCursor.from_json(sensors["failed_runs"])
        events = after.fetch_run_status_changes(CHANGED, limit=10).records
        assert [event.run_id for event in events] == [event.run_id for event in ticking]
        assert [event.run_id for event in events if event.storage_id <= cursor.record_id] == [first.run_id]
        # An asset's last event goes by the number that it has in the log.
        key = dg.AssetKey(["publication", "month"])
        (record,) = after.get_asset_records([key])
        newest = after.fetch_materializations(key, limit=1).records[0]
        last = record.asset_entry.last_materialization_record
        assert last is not None
        assert last.storage_id == newest.storage_id

        _publish(after, "2026-03", tmp_path / "store")
        assert after.get_materialized_partitions(key) == {"2026-01", "2026-02", "2026-03"}
        assert after.get_runs_count() == 4

    # Twice would be wrong.
    again = _copy(old)
    assert again.exit_code == 1
    assert "is not empty" in again.output


def test_a_home_with_runs_under_way_is_not_copied(old: Path, new: Path) -> None:
    with dg.DagsterInstance.from_config(str(old)) as before:
        job = build_definitions().resolve_job_def("housekeeping")
        before.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    done = _copy(old)
    assert done.exit_code == 1
    assert "1 runs of the old home have not ended" in done.output
    with dg.DagsterInstance.from_config(str(new)) as after:
        assert after.get_runs_count() == 0


def test_what_is_no_home_on_sqlite_is_named(old: Path, new: Path, tmp_path: Path) -> None:
    done = _copy(tmp_path)
    assert done.exit_code == 1
    assert "holds no Dagster home on SQLite" in done.output


def test_a_home_that_is_not_on_postgresql_takes_no_copy(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.DagsterInstance.from_config(str(old)):
        pass
    monkeypatch.setenv(HOME_VARIABLE, str(old))
    done = _copy(old)
    assert done.exit_code == 1
    assert "is not on PostgreSQL" in done.output
