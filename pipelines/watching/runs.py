"""Of the runs in a Dagster home those that tell how things stand: each job's last one of each month, with few and narrow queries.

What a failed run says of itself is read once, and only of those that nobody has told of yet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType, ScheduleInstigatorData
from dagster._core.storage.dagster_run import RunPartitionData
from dagster._core.storage.tags import WILL_RETRY_TAG

from pipelines.failures import INTERRUPTED, reason_of

PARTITION_TAG = "dagster/partition"
# Runs of assets that were chosen by hand, and backfills of assets.
ASSETS = "__ASSET_JOB"
JOBS = ("month", "index", "collections", "reports", "integrity", "ckan", ASSETS)

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
_OF_INTEREST = {
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.PIPELINE_FAILURE,
}


@dataclass(frozen=True)
class Ended:
    """A run that is over. `month`: empty where the job has none; `began`, `ended`: None where Dagster does not know."""

    job: str
    month: str
    run_id: str
    failed: bool
    began: datetime | None
    ended: datetime | None


@dataclass(frozen=True)
class Story:
    """Why a run failed. `checks`: those that stopped it, with what they found; `faults`: of the publication, that it found."""

    step: str
    reason: str
    checks: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def last_of_each(instance: dg.DagsterInstance, jobs: Iterable[str] = JOBS) -> list[Ended]:
    """The last run of each job and month that came to an end. Who was stopped by a person tells nothing."""
    return [one for job in jobs for one in _last(instance, job)]


def failing(last: Iterable[Ended]) -> list[Ended]:
    """Those that failed. Of what was chosen by hand only where nothing of the same month succeeded since."""
    last = list(last)
    succeeded: dict[str, datetime] = {}
    for one in last:
        if not one.failed and one.ended:
            succeeded[one.month] = max(one.ended, succeeded.get(one.month, one.ended))

    def is_over(one: Ended) -> bool:
        later = succeeded.get(one.month)
        return one.job == ASSETS and later is not None and one.ended is not None and later > one.ended

    return [one for one in last if one.failed and not is_over(one)]


def _last(instance: dg.DagsterInstance, job: str) -> list[Ended]:
    asked = dg.RunsFilter(job_name=job, statuses=_ENDED)
    found = [_of_partition(job, told) for told in instance.get_run_partition_data(asked)]
    newest = next(iter(instance.get_run_records(asked, limit=1)), None)
    if newest is not None and PARTITION_TAG not in newest.dagster_run.tags:
        run = newest.dagster_run
        failed = run.status is dg.DagsterRunStatus.FAILURE
        found.append(Ended(job, "", run.run_id, failed, moment(newest.start_time), moment(newest.end_time)))
    return found


def last_successes(instance: dg.DagsterInstance, job: str) -> dict[str, Ended]:
    """The last run of each month that succeeded."""
    asked = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS])
    return {told.partition: _of_partition(job, told) for told in instance.get_run_partition_data(asked)}


def last_success(instance: dg.DagsterInstance, job: str) -> datetime | None:
    """When a job last succeeded."""
    asked = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS])
    return next((moment(record.end_time) for record in instance.get_run_records(asked, limit=1)), None)


def _of_partition(job: str, told: RunPartitionData) -> Ended:
    failed = told.status is dg.DagsterRunStatus.FAILURE
    return Ended(job, told.partition, told.run_id, failed, moment(told.start_time), moment(told.end_time))


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def to_be_retried(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> set[str]:
    """Of failed runs those that Dagster runs again by itself: nobody need know of them yet."""
    wanted = list(run_ids)
    if not wanted:
        return set()
    runs = instance.get_runs(dg.RunsFilter(run_ids=wanted))
    return {run.run_id for run in runs if run.tags.get(WILL_RETRY_TAG) == "true"}


def story_of(instance: dg.DagsterInstance, run_id: str) -> Story:
    """Why a run failed, by what it wrote into its log."""
    entries = instance.all_logs(run_id, of_type=_OF_INTEREST)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    failure = next((event for event in events if event.is_step_failure), None)
    reason = reason_of(events)
    if reason == INTERRUPTED:
        reason = "its process was ended from outside"
    if not reason:
        last = next((event for event in reversed(events) if event.is_run_failure), None)
        reason = (last and last.message) or "it failed before its first step; its log says why"
    return Story(
        step=(failure and failure.step_key) or "",
        reason=reason,
        checks=tuple(_checks(events)),
        faults=tuple(_faults(failure)) if failure else (),
    )


def _checks(events: Iterable[dg.DagsterEvent]) -> Iterable[str]:
    for event in events:
        if event.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue
        told = event.asset_check_evaluation_data
        if not told.passed and told.severity is dg.AssetCheckSeverity.ERROR:
            yield f"{told.check_name}: {_told(told.metadata, 'failed')} of {_told(told.metadata, 'applicable')}"


def _told(metadata: Mapping[str, Any], name: str) -> object:
    value = metadata.get(name)
    return "?" if value is None else value.value


def _faults(failure: dg.DagsterEvent) -> Iterable[str]:
    told = failure.step_failure_data.user_failure_data
    found = told.metadata.get("faults") if told else None
    return [str(fault) for fault in found.value] if found is not None and isinstance(found.value, list) else []


def schedules_on(instance: dg.DagsterInstance) -> dict[str, datetime | None]:
    """The schedules that are turned on, and since when. Dagster has no public way to ask: the UI asks the same."""
    states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    return {
        state.instigator_name: moment(data.start_timestamp) if isinstance(data, ScheduleInstigatorData) else None
        for state in states
        if state.status is InstigatorStatus.RUNNING
        for data in [state.instigator_data]
    }
