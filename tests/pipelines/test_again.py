"""Which failed runs are asked for again: those that were lost with their process, or failed by what passes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from assets.reporting import one_line
from guatecompras.errors import StoreError
from pipelines.again import lost_runs_sensor
from pipelines.jobs import month_job
from tests.pipelines.conftest import MONTHS, QUIET, RunMonth

BACKFILL = {"dagster/backfill": "abcdefgh", "dagster/partition": MONTHS[0]}


def _told_of(
    run: dg.DagsterRun, failure: dg.DagsterEvent, instance: dg.DagsterInstance
) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_run_status_sensor_context("lost_runs", failure, instance, run).for_run_failure()
    told = lost_runs_sensor(context)
    assert isinstance(told, dg.RunRequest | dg.SkipReason)
    return told


def _lost(instance: dg.DagsterInstance, **tags: str) -> dg.RunRequest | dg.SkipReason:
    """What is said of a run that run monitoring has marked, for nobody was at it any more."""
    run = instance.add_run(dg.DagsterRun("month", tags=tags, status=dg.DagsterRunStatus.STARTED))
    return _told_of(run, instance.report_run_failed(run, "Nothing has been heard of its worker."), instance)


def test_a_month_of_a_backfill_whose_process_was_lost_is_asked_for_once(instance: dg.DagsterInstance) -> None:
    told = _lost(instance, **BACKFILL)
    assert isinstance(told, dg.RunRequest)
    assert told.partition_key == MONTHS[0]
    (run,) = instance.get_runs()
    # However often the daemon looks at it.
    assert told.run_key == f"again:{run.run_id}"


@pytest.mark.parametrize(
    "tags",
    [{"dagster/partition": MONTHS[0]}, BACKFILL | {"dagster/auto_retry_run_id": "another"}],
    ids=["no backfill", "retried"],
)
def test_what_dagster_retries_itself_is_left_to_it(instance: dg.DagsterInstance, tags: dict[str, str]) -> None:
    assert isinstance(_lost(instance, **tags), dg.SkipReason)


def test_a_month_that_failed_by_itself_is_left_to_people(
    run_month: RunMonth, database: Path, instance: dg.DagsterInstance
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE partes")
    result = run_month(database)
    failure = next(event for event in result.all_events if event.is_run_failure)
    instance.add_run_tags(result.run_id, BACKFILL)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert isinstance(_told_of(run, failure, instance), dg.SkipReason)


@pytest.mark.parametrize(
    ("times", "asked"), [({}, "1"), ({"guatecompras/again": "2"}, "3"), ({"guatecompras/again": "3"}, None)]
)
def test_a_month_that_failed_by_what_passes_is_asked_for_three_times(
    instance: dg.DagsterInstance, times: dict[str, str], asked: str | None
) -> None:
    @dg.op(name="publication_month")
    def fails() -> None:
        with one_line():
            fault = StoreError("cannot reach the store")
            fault.transient = True
            raise fault

    @dg.job(name="month")
    def month() -> None:
        fails()

    tags = {"dagster/partition": MONTHS[0]} | times
    result = month.execute_in_process(instance=instance, raise_on_error=False, tags=tags, run_config=QUIET)
    failure = next(event for event in result.all_events if event.is_run_failure)
    told = _told_of(result.dagster_run, failure, instance)
    assert (told.tags["guatecompras/again"] if isinstance(told, dg.RunRequest) else None) == asked


def test_a_month_that_is_run_again_is_run_whole() -> None:
    """Elsewhere the stages before are not there, or are those of an older version."""
    assert month_job.tags["dagster/retry_strategy"] == "ALL_STEPS"
