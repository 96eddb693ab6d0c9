"""Runs of a backfill whose process was lost are asked for once more: Dagster's own retries leave those out, or may.

What makes a lost process known is run monitoring (`deploy/*/dagster.yaml`), which fails the run; runs that are of no backfill are
retried by `run_retries` there, and so is what is asked for here.
"""

import dagster as dg

from pipelines.jobs import month_job

_BACKFILL, _RETRIED_AS, _PARTITION = "dagster/backfill", "dagster/auto_retry_run_id", "dagster/partition"


@dg.run_failure_sensor(
    name="lost_runs",
    monitored_jobs=[month_job],
    request_job=month_job,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=15,
    description="Ask again for a month of a backfill whose process died (a machine that is gone, no memory left).",
)
def lost_runs_sensor(context: dg.RunFailureSensorContext) -> dg.RunRequest | dg.SkipReason:
    """A backfill counts as over for Dagster as soon as nothing of it is under way, and one of `dagster job backfill` at once;
    it then retries none of its runs. Where it has retried one all the same, a month published twice is one that is current."""
    run = context.dagster_run
    if _BACKFILL not in run.tags or _RETRIED_AS in run.tags:
        return dg.SkipReason("Dagster itself retries it, where it may")
    if context.get_step_failure_events():
        return dg.SkipReason("it failed by itself")
    return dg.RunRequest(run_key=f"again:{run.run_id}", partition_key=run.tags[_PARTITION])
