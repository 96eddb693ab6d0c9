"""When things run by themselves. Times are Guatemala's."""

from datetime import timedelta

import dagster as dg

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
    job=index_job,
    cron_schedule="0 5 * * *",
    execution_timezone=TIME_ZONE,
    name="index_check",
    description="Re-read the whole publication, daily at 05:00.",
)
def index_check_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run a day."""
    return dg.RunRequest(run_key=f"index:{context.scheduled_execution_time.isoformat()}")


@dg.schedule(
    job=collections_job,
    cron_schedule="0 7 2 * *",
    execution_timezone=TIME_ZONE,
    name="collections",
    description="Gather the years, the history, market, social audit and flags, on the 2nd at 07:00, after the month that closed.",
)
def collections_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run a month."""
    return dg.RunRequest(run_key=f"collections:{context.scheduled_execution_time.isoformat()}")


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


@dg.schedule(
    job=ckan_job,
    cron_schedule="30 7 * * *",
    execution_timezone=TIME_ZONE,
    name="ckan",
    description="Push what changed to the open-data portal, daily at 07:30, after the datasets.",
)
def ckan_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run a day."""
    return dg.RunRequest(run_key=f"ckan:{context.scheduled_execution_time.isoformat()}")


@dg.schedule(
    job=housekeeping_job,
    cron_schedule="30 23 * * *",
    execution_timezone=TIME_ZONE,
    name="housekeeping",
    description="Delete runs that ended long ago, nightly at 23:30, before the night's work.",
)
def housekeeping_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run a night."""
    return dg.RunRequest(run_key=f"housekeeping:{context.scheduled_execution_time.isoformat()}")


SCHEDULES = [
    closed_month_schedule,
    running_month_schedule,
    index_check_schedule,
    collections_schedule,
    reports_schedule,
    integrity_schedule,
    ckan_schedule,
    housekeeping_schedule,
]
