"""Schedules and sensors: which month they ask for, and that they do not ask twice."""

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from pipelines.definitions import build_definitions
from pipelines.schedules import closed_month_schedule, reports_schedule, running_month_schedule
from pipelines.sensors import late_changes_sensor
from resources.settings import SourceResource, StoreResource
from tests.pipelines.conftest import MONTHS, RunMonth

GUATEMALA = ZoneInfo("America/Guatemala")


@pytest.mark.parametrize(
    ("schedule", "tick", "month"),
    [
        (closed_month_schedule, datetime(2026, 6, 2, 3, tzinfo=GUATEMALA), "2026-05"),
        (closed_month_schedule, datetime(2026, 1, 2, 3, tzinfo=GUATEMALA), "2025-12"),
        (closed_month_schedule, datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("UTC")), "2026-02"),
        (running_month_schedule, datetime(2026, 6, 15, 1, tzinfo=GUATEMALA), "2026-06"),
        # In the night after the last day the old month is refreshed a last time; the new one holds nothing yet.
        (running_month_schedule, datetime(2026, 6, 1, 1, tzinfo=GUATEMALA), "2026-05"),
    ],
)
def test_schedules_ask_for_the_right_month(schedule: dg.ScheduleDefinition, tick: datetime, month: str) -> None:
    context = dg.build_schedule_context(scheduled_execution_time=tick)
    request = schedule(context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == month


def test_reports_are_asked_for_of_the_running_month_and_the_one_before() -> None:
    tick = datetime(2026, 1, 5, 6, tzinfo=GUATEMALA)
    asked = reports_schedule(dg.build_schedule_context(scheduled_execution_time=tick))
    assert [request.partition_key for request in asked] == ["2025-12", "2026-01"]


def test_schedules_run_at_the_hours_that_were_asked_for() -> None:
    found = {
        schedule.name: (schedule.cron_schedule, schedule.execution_timezone)
        for schedule in build_definitions().schedules or []
    }
    assert found["closed_month"] == ("0 3 2 * *", "America/Guatemala")
    assert found["running_month"] == ("0 1 * * *", "America/Guatemala")
    assert found["collections"] == ("0 7 2 * *", "America/Guatemala")


def _tick(database: Path, store: Path, cursor: str | None) -> tuple[list[str], str | None]:
    """Evaluate the sensor once as the daemon does: the months asked for, and the cursor it leaves."""
    context = dg.build_sensor_context(cursor=cursor)
    resources = {"source": SourceResource(uri=f"sqlite:///{database}"), "store": StoreResource(uri=str(store))}
    found = late_changes_sensor(context, **resources)
    if isinstance(found, dg.SkipReason):
        return [], cursor
    assert isinstance(found, dg.SensorResult)
    return [str(request.partition_key) for request in found.run_requests or []], found.cursor


def test_the_sensor_asks_once_for_each_month_that_moved(run_month: RunMonth, database: Path, store: Path) -> None:
    assert run_month(database, MONTHS[0]).success
    asked, cursor = _tick(database, store, None)
    assert asked == [MONTHS[1]]  # the first is published as the source has it
    assert _tick(database, store, cursor)[0] == []

    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "UPDATE concursos SET fecha_actualizacion = '2026-10-05 09:00:00' WHERE nog = (SELECT min(nog) FROM concursos)"
        )
    asked, cursor = _tick(database, store, cursor)
    assert asked == [MONTHS[0]]
    assert json.loads(cursor or "{}")[MONTHS[0]] == "2026-10-05T09:00:00"
    # A restarted daemon has the cursor, and nothing else.
    assert _tick(database, store, cursor)[0] == []


def test_the_sensor_waits_when_the_source_cannot_be_read(tmp_path: Path) -> None:
    asked, cursor = _tick(tmp_path / "absent.sqlite", tmp_path / "store", None)
    assert (asked, cursor) == ([], None)
