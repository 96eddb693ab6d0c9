"""Months that failed for a reason that passes are asked for once more: their process was lost, or the network broke.

What makes a lost process known is run monitoring (`deploy/*/dagster.yaml`), which fails the run. Dagster's own retries
(`run_retries` there) leave out runs of a backfill, or may, and all that failed in a step.
"""

import dagster as dg

from assets.reporting import TRANSIENT
from pipelines.jobs import month_job

_BACKFILL, _RETRIED_AS, _PARTITION = "dagster/backfill", "dagster/auto_retry_run_id", "dagster/partition"
# How often a month was asked for again already.
_TIMES, _AT_MOST = "guatecompras/again", 3


@dg.run_failure_sensor(
    name="lost_runs",
    monitored_jobs=[month_job],
    request_job=month_job,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=15,
    description="Ask again, three times at most, for a month that was lost with its machine or failed by what passes.",
)
def lost_runs_sensor(context: dg.RunFailureSensorContext) -> dg.RunRequest | dg.SkipReason:
    """Where Dagster has retried one all the same, a month published twice is one that is current."""
    run = context.dagster_run
    failures = context.get_step_failure_events()
    if failures and not all(map(_passes, failures)):
        return dg.SkipReason("it would fail again")
    # A backfill counts as over for Dagster when nothing of it is under way, and one of `dagster job backfill` at once; then none
    # of its runs is retried.
    if not failures and (_BACKFILL not in run.tags or _RETRIED_AS in run.tags):
        return dg.SkipReason("Dagster itself retries it")
    times = int(run.tags.get(_TIMES, 0)) + 1
    if times > _AT_MOST:
        return dg.SkipReason("it was asked for often enough")
    return dg.RunRequest(run_key=f"again:{run.run_id}", partition_key=run.tags[_PARTITION], tags={_TIMES: str(times)})


def _passes(failure: dg.DagsterEvent) -> bool:
    told = failure.step_failure_data.user_failure_data
    return told is not None and TRANSIENT in told.metadata and told.metadata[TRANSIENT].value is True
