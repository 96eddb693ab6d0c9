"""What starts by what happens: months that changed in the source, and runs that failed."""

import json

import dagster as dg

from guatecompras.errors import GuatecomprasError
from guatecompras.months import FIRST_MONTH, current_month
from pipelines.failures import reason_of
from pipelines.jobs import index_job, month_job
from resources.alerts import Alerts
from resources.settings import SourceResource, StoreResource

# A source that comes back after long could ask for years at once; the queue gets them in portions.
_AT_ONCE = 24


@dg.sensor(
    job=month_job,
    name="late_changes",
    minimum_interval_seconds=900,
    description="Request a run for every month whose fecha_actualizacion moved since its last publication (late awards do).",
)
def late_changes_sensor(
    context: dg.SensorEvaluationContext, source: SourceResource, store: StoreResource
) -> dg.SensorResult | dg.SkipReason:
    """The cursor holds, per month, the last watermark that was requested; without one, what is published counts."""
    try:
        found = source.open().watermarks()
        published = store.open().index()["months"]
    except GuatecomprasError as error:
        return dg.SkipReason(str(error))
    seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    running = str(current_month())
    moved = {}
    for month, time in sorted(found.items()):
        watermark = time.isoformat(timespec="seconds")
        known = seen.get(month) or _published_watermark(published.get(month))
        if FIRST_MONTH <= month <= running and watermark != known:
            moved[month] = watermark
    asked = dict(list(moved.items())[:_AT_ONCE])
    return dg.SensorResult(
        run_requests=[dg.RunRequest(partition_key=m, run_key=f"{m}:{watermark}") for m, watermark in asked.items()],
        skip_reason=None if asked else f"no month of {len(found)} moved",
        cursor=json.dumps(seen | asked, sort_keys=True),
    )


def _published_watermark(entry: dict[str, str] | None) -> str:
    """When the data of a published version is of, from its name (`YYYYMMDDThhmmss-…`)."""
    if not entry:
        return ""
    text = entry["version"]
    return f"{text[0:4]}-{text[4:6]}-{text[6:11]}:{text[11:13]}:{text[13:15]}"


@dg.run_failure_sensor(
    name="failed_runs",
    monitored_jobs=[month_job, index_job],
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alert when a run fails.",
)
def failed_runs_sensor(context: dg.RunFailureSensorContext, alerts: Alerts) -> None:
    """Say which month failed and why."""
    run = context.dagster_run
    month = run.tags.get("dagster/partition", "all months")
    alerts.send(
        f"{run.job_name} {month} failed (run {run.run_id})",
        reason_of(context.get_step_failure_events()) or context.failure_event.message or "no reason given",
    )


SENSORS = [late_changes_sensor, failed_runs_sensor]
