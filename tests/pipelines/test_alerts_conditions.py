"""What is found wrong: of real runs that fail, of homes with many runs, of what is public, at which time."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import sqlalchemy
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)

from guatecompras.publication import switched
from guatecompras.stores import LocalStore
from pipelines.definitions import build_definitions
from pipelines.watching.conditions import due
from pipelines.watching.look import seen
from resources.alerts import Alert
from tests.pipelines.conftest import MONTHS, QUIET, REJECTED, RunMonth
from tests.pipelines.recorded import record
from tests.switching import LISTED

GUATEMALA = ZoneInfo("America/Guatemala")
FAILURE, CANCELED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED


def at(day: int, hour: int = 12, month: int = 6) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=GUATEMALA)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A home on the disk: what is in memory has no schedules."""
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as found:
        yield found


@pytest.fixture
def place(store: Path) -> LocalStore:
    """A store in which May was published whole, and June as far as it was."""
    made = LocalStore(store)
    _publish(made, "2026-05", at(2))
    _publish(made, "2026-06", at(4))
    return made


def _publish(store: LocalStore, month: str, published: datetime) -> None:
    version = f"{published:%Y%m%dT%H%M%S}-0123456789ab"
    store.update_index(
        lambda index: switched(index, month, version, published.isoformat(), {}, LISTED, previous=None, inputs="0" * 64)
    )


def _found(instance: dg.DagsterInstance, store: LocalStore, now: datetime) -> list[tuple[str, str]]:
    return [(alert.kind, alert.subject) for alert in seen(instance, store, now)[1]]


def _only(instance: dg.DagsterInstance, store: LocalStore, now: datetime | None = None) -> Alert:
    (alert,) = seen(instance, store, now or at(4))[1]
    return alert


def _of_runs(instance: dg.DagsterInstance, store: Path) -> Alert:
    """That of the only run that failed, whenever that is."""
    (alert,) = [alert for alert in seen(instance, LocalStore(store))[1] if alert.run_id]
    return alert


# Months that are late.


@pytest.mark.parametrize(
    ("now", "month"),
    [
        (at(2, 23), "2026-04"),
        (at(3, 0), "2026-05"),
        (datetime(2026, 6, 3, 5, 59, tzinfo=ZoneInfo("UTC")), "2026-04"),
        (datetime(2026, 1, 3, 6, tzinfo=ZoneInfo("UTC")), "2025-12"),
        (at(30), "2026-05"),
    ],
)
def test_a_month_is_due_on_the_third_at_midnight_in_guatemala(now: datetime, month: str) -> None:
    assert str(due(now)) == month


def test_a_month_that_is_not_public_by_then_is_late(instance: dg.DagsterInstance, store: Path) -> None:
    place = LocalStore(store)
    _publish(place, "2026-04", at(2, month=5))
    assert _found(instance, place, at(2, 23)) == []
    alert = _only(instance, place, at(3, 0))
    assert (alert.kind, alert.subject) == ("month_late", "2026-05")
    assert alert.since == at(3, 0)
    assert alert.details == (
        "nothing of it is public; it should have been published by 2026-06-03 00:00",
        "no run of it has ended in this home",
    )
    _publish(place, "2026-05", at(3, 8))
    assert _found(instance, place, at(3, 9)) == []


def test_what_was_published_before_the_month_was_over_is_not_the_month(
    instance: dg.DagsterInstance, store: Path
) -> None:
    place = LocalStore(store)
    _publish(place, "2026-05", at(31, 1, month=5))
    alert = _only(instance, place, at(3))
    assert alert.details[0].startswith("what is public is of 2026-05-31 01:00, when the month was not over")
    # A run of a month in which nothing changed any more leaves the version as it is.
    record(instance, "month", "2026-05", at(2, 3), at(2, 4))
    assert _found(instance, place, at(3)) == []


def test_a_month_that_was_left_out_is_missed_for_a_year(instance: dg.DagsterInstance, store: Path) -> None:
    place = LocalStore(store)
    for month in ("2026-03", "2026-05"):
        _publish(place, month, at(2))
    assert _found(instance, place, at(4)) == [("month_late", "2026-04")]


def test_of_an_empty_publication_only_the_last_month_is_missed(instance: dg.DagsterInstance, store: Path) -> None:
    assert _found(instance, LocalStore(store), at(4)) == [("month_late", "2026-05")]


# Runs.


def test_the_last_run_of_a_job_and_month_decides(instance: dg.DagsterInstance, place: LocalStore) -> None:
    record(instance, "month", "2026-05", at(1), at(1), FAILURE)
    record(instance, "month", "2026-06", at(1), at(1), FAILURE)
    record(instance, "index", "", at(1), at(1), FAILURE)
    wrong = [("run_failed", "2026-05"), ("run_failed", "2026-06"), ("run_failed", "index")]
    assert _found(instance, place, at(4)) == wrong
    # Who was stopped by a person, or is under way, tells nothing.
    record(instance, "month", "2026-05", at(2), at(2), CANCELED)
    record(instance, "month", "2026-06", at(2))
    assert _found(instance, place, at(4)) == wrong
    record(instance, "month", "2026-05", at(3), at(3))
    record(instance, "reports", "2026-06", at(3), at(3))
    record(instance, "index", "", at(3), at(3))
    assert _found(instance, place, at(4)) == [("run_failed", "2026-06")]


def test_a_run_that_is_run_again_by_itself_is_nobodys_business_yet(
    instance: dg.DagsterInstance, place: LocalStore
) -> None:
    run_id = record(instance, "month", "2026-05", at(1), at(1), FAILURE, tags={"dagster/will_retry": "true"})
    assert _found(instance, place, at(4)) == []
    instance.add_run_tags(run_id, {"dagster/will_retry": "false"})
    assert _found(instance, place, at(4)) == [("run_failed", "2026-05")]


def test_assets_chosen_by_hand_are_over_when_their_month_succeeds(
    instance: dg.DagsterInstance, place: LocalStore
) -> None:
    record(instance, "__ASSET_JOB", "2026-05", at(1), at(1), FAILURE)
    assert _found(instance, place, at(4)) == [("run_failed", "2026-05")]
    record(instance, "month", "2026-05", at(2), at(2))
    assert _found(instance, place, at(4)) == []


def test_a_run_that_died_before_its_first_step_tells_what_dagster_says(
    instance: dg.DagsterInstance, place: LocalStore
) -> None:
    record(instance, "month", "2026-06", at(3), at(3), FAILURE, "the worker was never heard of again")
    alert = _only(instance, place)
    assert alert.title == "month failed"
    assert alert.details[0] == "the worker was never heard of again"
    assert alert.details[1] == "version 20260604T120000-0123456789ab, published 2026-06-04 12:00, stays public"


def test_a_real_run_that_failed_tells_its_step_and_reason(
    run_month: RunMonth, database: Path, instance: dg.DagsterInstance, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUATECOMPRAS_DAGSTER_URL", "https://dagster.example.gt/")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE partes")
    run = run_month(database)
    alert = _of_runs(instance, store)
    assert (alert.kind, alert.subject, alert.title) == ("run_failed", MONTHS[0], "month failed in source")
    assert "partes" in alert.details[0]
    assert alert.link is not None
    assert alert.link.url == f"https://dagster.example.gt/runs/{run.run_id}"


@pytest.mark.slow
def test_a_real_month_that_the_gate_stopped_tells_the_checks_and_what_stays(
    run_month: RunMonth, database: Path, instance: dg.DagsterInstance, store: Path
) -> None:
    assert run_month(database).success
    version = LocalStore(store).index()["months"][MONTHS[0]]["version"]
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in REJECTED:
            connection.execute(statement)
    assert not run_month(database).success
    alert = _of_runs(instance, store)
    assert (alert.kind, alert.subject) == ("quality_gate", MONTHS[0])
    assert alert.title == "stopped by the quality gate (1 check)"
    assert alert.details[0] == "schema: 1 of 60"
    assert alert.details[1].startswith(f"version {version}, published ")
    assert alert.details[1].endswith("stays public")
    assert alert.run_id
    # Nothing of the concursos themselves goes out by mail.
    assert "NOG" not in " ".join(alert.details)


# What is public.


def test_faults_that_the_index_check_finds_are_told(
    instance: dg.DagsterInstance, three_versions: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "store"
    shutil.copytree(three_versions, copy)
    broken = next(copy.glob("publication/months/2026-02/*/*_csv.zip"))
    broken.write_bytes(b"not what it was")
    job = build_definitions(store=str(copy)).resolve_job_def("index")
    assert not job.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET).success
    found = [alert for alert in seen(instance, LocalStore(copy))[1] if alert.kind != "month_late"]
    assert [(alert.kind, alert.subject) for alert in found] == [("publication_fault", "publication")]
    assert any(broken.name in line for line in found[0].details)


def test_an_index_that_cannot_be_read_is_a_fault_and_says_nothing_of_months(
    instance: dg.DagsterInstance, place: LocalStore
) -> None:
    (place.root / "publication" / "index.json").write_text("{")
    assert _found(instance, place, at(4, month=9)) == [("publication_fault", "publication")]


# What is not refreshed.


def _turn_on(instance: dg.DagsterInstance, schedule: str, since: datetime) -> None:
    location = RegisteredCodeLocationOrigin("here")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), schedule)
    data = ScheduleInstigatorData("0 1 * * *", start_timestamp=since.timestamp())
    instance.add_instigator_state(InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, data))


def test_what_is_scheduled_and_does_not_happen_is_stale(instance: dg.DagsterInstance, place: LocalStore) -> None:
    record(instance, "month", "2026-06", at(4, 1), at(4, 2))
    record(instance, "index", "", at(4, 5), at(4, 5))
    # Where no schedule is on nobody promised anything.
    assert _found(instance, place, at(20)) == []
    _turn_on(instance, "running_month", at(1))
    _turn_on(instance, "index_check", at(1))
    assert _found(instance, place, at(5, 14)) == []
    assert _found(instance, place, at(5, 15)) == [("stale", "running month")]
    assert _found(instance, place, at(6, 6)) == [("stale", "index check"), ("stale", "running month")]
    record(instance, "month", "2026-06", at(6, 7), at(6, 7))
    assert _found(instance, place, at(6, 8)) == [("stale", "index check")]


def test_a_schedule_that_was_just_turned_on_has_its_time(instance: dg.DagsterInstance, place: LocalStore) -> None:
    _turn_on(instance, "running_month", at(10))
    assert _found(instance, place, at(11, 23)) == []
    alert = _only(instance, place, at(12, 1))
    assert alert.details == (
        "it never succeeded in this home; the schedule running_month is on, and it should within 36 hours",
    )


def test_on_the_first_of_a_month_the_old_one_is_what_was_refreshed(
    instance: dg.DagsterInstance, place: LocalStore
) -> None:
    _publish(place, "2026-07", at(1, 2, month=7))
    _turn_on(instance, "running_month", at(1))
    record(instance, "month", "2026-06", at(1, 1, month=7), at(1, 2, month=7))
    assert _found(instance, place, at(2, 0, month=7)) == []


# Many runs.


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is asked of databases."""
    asked: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", hear)
    yield asked
    sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", hear)


def test_a_home_with_more_runs_is_asked_no_more(
    instance: dg.DagsterInstance, place: LocalStore, statements: list[str]
) -> None:
    counts = []
    for more in (1, 12):
        for number in range(more):
            record(instance, "month", "2026-05", at(1), at(1) + timedelta(minutes=number))
            record(instance, "reports", "2026-06", at(1), at(1) + timedelta(minutes=number))
        statements.clear()
        seen(instance, place, at(4))
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert counts[0] < 60
