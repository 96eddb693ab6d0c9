"""What starts by what happens: months that changed in the source, and looks at how things stand (`watching/`)."""

import json

import dagster as dg

from guatecompras.errors import GuatecomprasError
from guatecompras.months import FIRST_MONTH, current_month
from guatecompras.publication import data_time
from pipelines.again import lost_runs_sensor
from pipelines.jobs import month_job
from pipelines.watching.look import look
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
    """When the data of a published version is of, as the source writes times."""
    if not entry:
        return ""
    return data_time(entry["version"]).replace(tzinfo=None).isoformat()


@dg.run_failure_sensor(
    name="failed_runs",
    # Of the command's runs, too, which no code location launched.
    monitor_all_code_locations=True,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="When a run fails, look at once, and not at the next turn of `watch`.",
)
def failed_runs_sensor(context: dg.RunFailureSensorContext, alerts: Alerts, store: StoreResource) -> None:
    """What is told of it, and whether, is decided as in any other look."""
    look(context.instance, store.open(), alerts)


@dg.sensor(
    name="watch",
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alert when a run failed, a month is late, what is public has faults or is not refreshed; a digest at 07:00.",
)
def watch_sensor(context: dg.SensorEvaluationContext, alerts: Alerts, store: StoreResource) -> dg.SkipReason:
    """It never asks for a run; what it skips with is what it saw. A setting that will not do fails the tick, which says so."""
    found = look(context.instance, store.open(), alerts)
    return dg.SkipReason("; ".join(f"{alert.kind} {alert.subject}" for alert in found) or "all is well")


SENSORS = [late_changes_sensor, failed_runs_sensor, watch_sensor, lost_runs_sensor]
