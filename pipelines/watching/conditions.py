"""What is wrong, of the facts: one alert for each month or job, as it stands now. Whether anybody was told is not asked here."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from assets.publication import REFRESHED_WITHIN
from guatecompras.months import UTC_OFFSET, Month, current_month
from guatecompras.variables import Variable
from pipelines.watching.facts import Facts
from pipelines.watching.kinds import KINDS
from pipelines.watching.runs import ASSETS, JOBS, Ended, Story
from resources.alerts.notice import Alert, Link, local

DAGSTER_URL = "GUATECOMPRAS_DAGSTER_URL"
VARIABLES = (
    Variable(DAGSTER_URL, "where operators reach the Dagster UI; alerts link to runs there; none: they name the run"),
)

# A month that closed is published by the 3rd, at 00:00.
DUE_DAY = 3
# How far back a month that is missing is missed.
_MONTHS_BACK = 12
# The publication is re-read daily.
CHECKED_WITHIN = timedelta(hours=48)
_MOST_DETAILS = 10

Explain = Callable[[Ended], Story]


def holding(facts: Facts, explain: Explain) -> list[Alert]:
    """All that is wrong now, in the order of the kinds. `explain`: why a run failed."""
    found = [*_unreadable(facts), *_late(facts), *_failed(facts, explain), *_stale(facts)]
    order = list(KINDS)
    return sorted(found, key=lambda alert: (order.index(alert.kind), alert.subject))


def undecided(facts: Facts, retried: Iterable[Alert]) -> Callable[[Alert], bool]:
    """Of an alert that held and is not found any more whether that tells nothing: then it goes on to hold. `retried`: found, of
    runs that Dagster runs again by itself."""
    keys, ended = {alert.key for alert in retried}, {_key(run) for run in facts.last}
    # A run that failed and is not kept any more has not succeeded; assets chosen by hand may be over by another job's success.
    lasting = tuple(f"run:{job}:" for job in JOBS if job != ASSETS)

    def tells_nothing(alert: Alert) -> bool:
        is_unread = facts.index is None and alert.kind == "month_late"
        is_gone = alert.key.startswith(lasting) and alert.key not in ended
        return is_unread or is_gone or alert.key in keys

    return tells_nothing


def _key(run: Ended) -> str:
    return f"run:{run.job}:{run.month}"


def _alert(kind: str, key: str, subject: str, title: str = "", **more: Any) -> Alert:
    return Alert(key, kind, KINDS[kind].severity, subject, title or KINDS[kind].title, **more)


def _unreadable(facts: Facts) -> Iterator[Alert]:
    if facts.index is None:
        yield _alert(
            "publication_fault", "publication", "publication", "the index cannot be read", details=(facts.fault,)
        )


# Months that are late.


def due(now: datetime) -> Month:
    """The newest month that should be published in full by now."""
    closed = current_month(now).previous()
    return closed if now.astimezone(UTC_OFFSET).day >= DUE_DAY else closed.previous()


def late_months(facts: Facts) -> dict[str, str]:
    """Months that should be public in full and are not, and how they stand: of the last twelve, from the first public one on."""
    month, found = due(facts.now), {}
    first = min(facts.months, default=str(month))
    for _ in range(_MONTHS_BACK):
        if str(month) < first:
            break
        state = _lacking(facts, month)
        if state:
            found[str(month)] = state
        month = month.previous()
    return dict(sorted(found.items()))


def _lacking(facts: Facts, month: Month) -> str:
    entry = facts.months.get(str(month))
    if entry is None:
        return "nothing of it is public"
    closed = month.end.replace(tzinfo=UTC_OFFSET)
    if datetime.fromisoformat(entry["published"]) >= closed:
        return ""
    # Unchanged since, it stays as it was published: then a run has looked at it after it closed.
    run = facts.published.get(str(month))
    if run is not None and run.began is not None and run.began >= closed:
        return ""
    return f"what is public is of {_published(entry)}, when the month was not over"


def _late(facts: Facts) -> Iterator[Alert]:
    if facts.index is None:
        return
    last = {one.month: one for one in facts.last if one.job == "month"}
    for month, state in late_months(facts).items():
        run = last.get(month)
        deadline = Month.parse(month).next().start.replace(day=DUE_DAY, tzinfo=UTC_OFFSET)
        yield _alert(
            "month_late",
            f"late:{month}",
            month,
            details=(f"{state}; it should have been published by {local(deadline)}", _last_run(run)),
            link=_link(run.run_id) if run else None,
            since=deadline.astimezone(UTC),
        )


def _last_run(run: Ended | None) -> str:
    if run is None:
        return "no run of it has ended in this home"
    return (
        f"its last run {'failed' if run.failed else 'succeeded'}, {local(run.ended) if run.ended else 'some time ago'}"
    )


# Runs that failed.


def _failed(facts: Facts, explain: Explain) -> Iterator[Alert]:
    for run in facts.failing:
        story = explain(run)
        subject = run.month or run.job
        key = _key(run)
        told: dict[str, Any] = {"link": _link(run.run_id), "run_id": run.run_id, "since": run.ended}
        if run.job == "index" and story.faults:
            yield _alert("publication_fault", key, "publication", details=_listed(story.faults), **told)
        elif run.job in ("month", ASSETS) and story.checks:
            details = (*_listed(story.checks), _public(facts.months.get(run.month)))
            title = f"stopped by the quality gate ({_counted(len(story.checks), 'check')})"
            yield _alert("quality_gate", key, subject, title, details=details, **told)
        else:
            step = f" in {story.step}" if story.step else ""
            public = (_public(facts.months.get(run.month)),) if run.job == "month" and run.month else ()
            title = f"{'assets' if run.job == ASSETS else run.job} failed{step}" if run.month else f"failed{step}"
            yield _alert("run_failed", key, subject, title, details=(story.reason, *public), **told)


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _listed(words: tuple[str, ...]) -> tuple[str, ...]:
    left = len(words) - _MOST_DETAILS
    return (*words[:_MOST_DETAILS], *((f"… and {left} more",) if left > 0 else ()))


def _public(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "nothing of the month is public"
    return f"version {entry['version']}, published {_published(entry)}, stays public"


def _published(entry: Mapping[str, Any]) -> str:
    return local(datetime.fromisoformat(entry["published"]))


def _link(run_id: str) -> Link | None:
    base = os.environ.get(DAGSTER_URL, "").rstrip("/")
    return Link("Run", f"{base}/runs/{run_id}") if base and run_id else None


# What was not refreshed although it is scheduled.


def _stale(facts: Facts) -> Iterator[Alert]:
    running = current_month(facts.now)
    nights = [facts.published.get(str(month)) for month in (running, running.previous())]
    refreshed = max((run.ended for run in nights if run is not None and run.ended), default=None)
    for schedule, subject, last, most in (
        ("running_month", "running month", refreshed, REFRESHED_WITHIN),
        ("index_check", "index check", facts.checked, CHECKED_WITHIN),
    ):
        if schedule not in facts.schedules:
            continue
        # One that was turned on a moment ago has the same time.
        since = max((time for time in (last, facts.schedules[schedule]) if time), default=None)
        if since is not None and facts.now - since > most:
            hours = int(most.total_seconds() // 3600)
            told = f"last succeeded {local(last)}" if last else "never succeeded in this home"
            yield _alert(
                "stale",
                f"stale:{schedule}",
                subject,
                details=(f"it {told}; the schedule {schedule} is on, and it should within {hours} hours",),
                since=since + most,
            )


def with_time(alert: Alert, now: datetime) -> Alert:
    """The alert with a time since when it holds."""
    return alert if alert.since else replace(alert, since=now)
