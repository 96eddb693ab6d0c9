"""Runs as a Dagster home has them, without running anything: for tests of what is made of many of them."""

from datetime import datetime

import dagster as dg
from dagster._core.test_utils import create_run_for_test

_EVENTS = {
    dg.DagsterRunStatus.SUCCESS: dg.DagsterEventType.PIPELINE_SUCCESS,
    dg.DagsterRunStatus.FAILURE: dg.DagsterEventType.PIPELINE_FAILURE,
    dg.DagsterRunStatus.CANCELED: dg.DagsterEventType.PIPELINE_CANCELED,
}


def record(
    instance: dg.DagsterInstance,
    job: str,
    month: str,
    began: datetime,
    ended: datetime | None = None,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.SUCCESS,
    message: str = "it broke",
    tags: dict[str, str] | None = None,
) -> str:
    """A run of a job, and of a month where it has one, that began and ended then (None: it is under way). Its id."""
    told = ({"dagster/partition": month} if month else {}) | (tags or {})
    run = create_run_for_test(instance, job_name=job, tags=told, status=dg.DagsterRunStatus.STARTING)
    _event(instance, run.run_id, job, dg.DagsterEventType.PIPELINE_START, began, "")
    if ended is not None:
        _event(instance, run.run_id, job, _EVENTS[status], ended, message)
    return run.run_id


def _event(
    instance: dg.DagsterInstance, run_id: str, job: str, kind: dg.DagsterEventType, at: datetime, message: str
) -> None:
    event = dg.DagsterEvent(kind.value, job, message=message)
    entry = dg.EventLogEntry(
        error_info=None,
        level=20,
        user_message=message,
        run_id=run_id,
        timestamp=at.timestamp(),
        job_name=job,
        dagster_event=event,
    )
    instance.handle_new_event(entry)
