"""Old runs go from a Dagster home, on SQLite and on a real PostgreSQL; what Dagster says of each month stays."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.runs.schema import RunTagsTable
from sqlalchemy.engine import make_url

from guatecompras.errors import GuatecomprasError
from pipelines import housekeeping
from pipelines.definitions import build_definitions
from resources.settings import PROJECT

HOMES = PROJECT / "pipelines" / "deploy"
MONTHS = dg.StaticPartitionsDefinition(["2024-01", "2024-02"])
KEY, WHOLE = dg.AssetKey(["a", "month"]), dg.AssetKey(["a", "whole"])
LATER = timedelta(days=366)


@dg.asset(key=KEY, partitions_def=MONTHS, check_specs=[dg.AssetCheckSpec("sound", asset=KEY)])
def month() -> dg.MaterializeResult:
    print("printed")
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


@dg.asset(key=WHOLE)
def whole() -> None: ...


@pytest.fixture(params=["embedded", "production"])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """Each of the homes that are shipped, empty."""
    if request.param == "production":
        server = request.getfixturevalue("postgres_server")
        name = f"housekeeping_{tmp_path.name}".replace("-", "_").lower()[:60]
        server.psql(f'DROP DATABASE IF EXISTS "{name}"; CREATE DATABASE "{name}"')
        url = make_url(server.get_uri(name)).set(drivername="postgresql+psycopg2")
        monkeypatch.setenv("GUATECOMPRAS_DAGSTER_POSTGRES", url.render_as_string(hide_password=False))
    (tmp_path / "dagster.yaml").write_bytes((HOMES / request.param / "dagster.yaml").read_bytes())
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


def _run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, partition: str | None = None) -> str:
    told = dg.materialize([asset], instance=instance, partition_key=partition, tags={"of": "the test"})
    assert told.success
    return told.run_id


def _of(instance: dg.DagsterInstance, table: sa.Table) -> set[str]:
    """The runs that a table of Dagster's has rows of."""
    storage: Any = instance.run_storage if table is RunTagsTable else instance.event_log_storage
    with storage.connect() if table is RunTagsTable else storage.index_connection() as connection:
        return {row[0] for row in connection.execute(sa.select(table.c.run_id))}


def _evaluated(instance: dg.DagsterInstance) -> list[tuple[str, str]]:
    key = dg.AssetCheckKey(KEY, "sound")
    found = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    return sorted((record.run_id, record.status.value) for record in found)


def test_old_runs_go_and_what_tells_how_months_stand_stays(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    superseded = [_run(instance, month, "2024-01"), _run(instance, whole), _run(instance, month, "2024-01")]
    telling = [_run(instance, month, "2024-01"), _run(instance, month, "2024-02"), _run(instance, whole)]
    unfinished = instance.create_run_for_job(build_definitions().resolve_job_def("housekeeping")).run_id
    started = instance.create_run_for_job(
        build_definitions().resolve_job_def("housekeeping"), status=dg.DagsterRunStatus.STARTED
    ).run_id

    # Nothing is old yet.
    assert housekeeping.clean(instance, 365) == housekeeping.Done(deleted=0, kept=0, left=False)
    # Pages of two, so that a page begins after one that stays.
    done = housekeeping.clean(instance, 365, datetime.now(UTC) + LATER, batch=2)
    assert done == housekeeping.Done(deleted=3, kept=3, left=False)

    left = {*telling, unfinished, started}
    assert {run.run_id for run in instance.get_runs()} == left
    assert instance.get_materialized_partitions(KEY) == {"2024-01", "2024-02"}
    latest = instance.get_latest_materialization_event(WHOLE)
    assert latest is not None
    assert latest.run_id == telling[2]
    assert _evaluated(instance) == sorted((run_id, "SUCCEEDED") for run_id in telling[:2])
    named = {part for path in tmp_path.rglob("*") for part in (path.name, path.stem)}
    for run_id in superseded:
        assert not instance.all_logs(run_id)
    for table in (RunTagsTable, SqlEventLogStorageTable, AssetCheckExecutionsTable):
        assert not _of(instance, table) & set(superseded), table.name
    for run_id in telling:
        assert instance.all_logs(run_id)
    assert not named & set(superseded)
    assert telling[0] in named  # its output, at least

    # The next night there is nothing to do.
    again = housekeeping.clean(instance, 365, datetime.now(UTC) + LATER)
    assert again == housekeeping.Done(deleted=0, kept=3, left=False)


def test_a_night_deletes_no_more_than_it_may(instance: dg.DagsterInstance) -> None:
    runs = [_run(instance, whole) for _ in range(4)]
    now = datetime.now(UTC) + LATER
    assert housekeeping.clean(instance, 365, now, batch=3, most=2) == housekeeping.Done(2, 0, left=True)
    assert {run.run_id for run in instance.get_runs()} == set(runs[2:])  # the oldest went
    assert housekeeping.clean(instance, 365, now, batch=3, most=2) == housekeeping.Done(1, 1, left=False)


def test_the_job_says_what_it_did_and_keeps_what_the_environment_tells(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(housekeeping.KEEP_VARIABLE, "30")
    job = build_definitions().resolve_job_def("housekeeping")
    outcome = job.execute_in_process(instance=instance)
    (output,) = [event for event in outcome.all_events if event.event_type is dg.DagsterEventType.STEP_OUTPUT]
    told = {name: value.value for name, value in output.step_output_data.metadata.items()}
    assert told == {"deleted": 0, "kept": 0, "left": False, "days": 30}


@pytest.mark.parametrize("told", ["0", "-1", "a year", "1.5"])
def test_days_that_are_none_are_named(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv(housekeeping.KEEP_VARIABLE, told)
    with pytest.raises(GuatecomprasError, match="not a number of days"):
        housekeeping.keep_days()


def test_ticks_of_every_kind_are_purged(instance: dg.DagsterInstance) -> None:
    for kind in InstigatorType:
        kept = instance.get_tick_retention_settings(kind)
        for status in (TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE):
            assert 0 < kept[status] <= 90, (kind, status)
