"""When things run by themselves. Times are Guatemala's."""

from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from guatecompras.months import TIME_ZONE, current_month
from pipelines.jobs import (
    ckan_job,
    collections_job,
    housekeeping_job,
    index_job,
    integrity_job,
    month_job,
    reports_job,
)

_Job = dg.JobDefinition | UnresolvedAssetJobDefinition


@dg.schedule(
    job=month_job,
    cron_schedule="0 3 2 * *",
    execution_timezone=TIME_ZONE,
    name="closed_month",
    description="Publish the month that closed, on the 2nd at 03:00.",
)
def closed_month_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The last day of the month before the tick's names the month."""
    tick = context.scheduled_execution_time
    month = current_month(tick.replace(day=1) - timedelta(days=1))
    return dg.RunRequest(partition_key=str(month), run_key=f"closed:{month}:{tick.isoformat()}")


@dg.schedule(
    job=month_job,
    cron_schedule="0 1 * * *",
    execution_timezone=TIME_ZONE,
    name="running_month",
    description="Refresh the running month, nightly at 01:00.",
)
def running_month_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The month of the evening before, so that the night of the 1st still closes the old one."""
    tick = context.scheduled_execution_time
    month = current_month(tick - timedelta(hours=2))
    return dg.RunRequest(partition_key=str(month), run_key=f"running:{tick.isoformat()}")


@dg.schedule(
    job=reports_job,
    cron_schedule="0 6 * * *",
    execution_timezone=TIME_ZONE,
    name="reports",
    description="The reports of the running month and of the one before, daily at 06:00; what has not changed stays.",
)
def reports_schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Late awards move the month before, too."""
    return _running_and_before("reports", context)


@dg.schedule(
    job=integrity_job,
    cron_schedule="30 6 * * *",
    execution_timezone=TIME_ZONE,
    name="integrity",
    description="The red flags of the running month and of the one before, daily at 06:30; what has not changed stays.",
)
def integrity_schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Late awards move the month before, too."""
    return _running_and_before("integrity", context)


def _running_and_before(name: str, context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    tick = context.scheduled_execution_time
    months = [current_month(tick.replace(day=1) - timedelta(days=1)), current_month(tick)]
    return [dg.RunRequest(partition_key=str(month), run_key=f"{name}:{month}:{tick.isoformat()}") for month in months]


# What has no month, and runs once each time: name, job, when, what for.
_OF_ALL_MONTHS: tuple[tuple[str, _Job, str, str], ...] = (
    ("index_check", index_job, "0 5 * * *", "Re-read the whole publication, daily at 05:00."),
    (
        "collections",
        collections_job,
        "0 7 2 * *",
        "Gather the years, the history, market, social audit and flags, on the 2nd at 07:00, after the month that closed.",
    ),
    ("ckan", ckan_job, "30 7 * * *", "Push what changed to the open-data portal, daily at 07:30, after the datasets."),
    (
        "housekeeping",
        housekeeping_job,
        "30 23 * * *",
        "Delete runs that ended long ago, nightly at 23:30, before the night's work.",
    ),
)


def _of_all_months(name: str, job: _Job, cron: str, description: str) -> dg.ScheduleDefinition:
    @dg.schedule(job=job, cron_schedule=cron, execution_timezone=TIME_ZONE, name=name, description=description)
    def once(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(run_key=f"{name}:{context.scheduled_execution_time.isoformat()}")

    return once


SCHEDULES = [
    closed_month_schedule,
    running_month_schedule,
    reports_schedule,
    integrity_schedule,
    *(_of_all_months(*row) for row in _OF_ALL_MONTHS),
]
