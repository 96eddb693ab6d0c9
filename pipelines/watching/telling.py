"""Telling what holds: each alert once while it holds, again after a while, and once when it is over; by every channel.

A channel that takes nothing is tried again by the next look. What was told is noted after it was: a crash between the two tells it
twice rather than never, under the same id.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from guatecompras.errors import GuatecomprasError
from guatecompras.months import UTC_OFFSET
from guatecompras.variables import Variable
from pipelines.watching.kinds import KINDS, RUNBOOK, runbook
from pipelines.watching.memory import Entry, Memory
from resources.alerts.notice import Alert, Notice, Phase, identity

REPEAT, DIGEST = "GUATECOMPRAS_ALERT_REPEAT_HOURS", "GUATECOMPRAS_ALERT_DIGEST"
_DIGESTS = ("failing", "always", "never")
VARIABLES = (
    Variable(REPEAT, "hours after which an alert that still holds is told again", "24"),
    Variable(DIGEST, "the daily digest: `failing` (only when something is wrong), `always`, `never`", "failing"),
)

# One bad night fails many months, one after another: the first is told at once, those of the next minutes together.
_GATHERED = timedelta(minutes=5)
DIGEST_HOUR = 7  # Guatemala's
_LONGEST_TIME = timedelta(days=365)

Send = Callable[[Notice, str], bool]  # by a channel; whether it took it


@dataclass(frozen=True)
class Settings:
    repeat: timedelta = timedelta(hours=24)
    digest: str = "failing"

    @classmethod
    def from_environment(cls) -> "Settings":
        """Raises GuatecomprasError for what will not do."""
        told = os.environ.get(REPEAT, "").strip() or "24"
        if not (told.isascii() and told.isdigit() and 0 < int(told) <= _LONGEST_TIME / timedelta(hours=1)):
            raise GuatecomprasError(f"{REPEAT}: '{told}' is not a number of hours")
        digest = os.environ.get(DIGEST, "").strip().lower() or "failing"
        if digest not in _DIGESTS:
            raise GuatecomprasError(f"{DIGEST}: '{digest}' is none of {', '.join(_DIGESTS)}")
        return cls(timedelta(hours=int(told)), digest)


def note(memory: Memory, found: Iterable[Alert], undecided: Callable[[Alert], bool], now: datetime) -> None:
    """Bring what is known up to what holds now. `undecided`: of an alert that is not found any more whether that tells nothing."""
    holding = {alert.key: alert for alert in found}
    for key, alert in holding.items():
        entry = memory.entries.get(key)
        if entry is None or entry.over is not None or entry.alert.kind != alert.kind:
            memory.entries[key] = Entry(replace(alert, since=alert.since or now), now)
        else:
            entry.alert = replace(alert, since=entry.alert.since)
    for key, entry in memory.entries.items():
        if key not in holding and entry.over is None and not undecided(entry.alert):
            entry.over = now


def tell(
    memory: Memory, channels: Collection[str], send: Send, kept: Callable[[], None], settings: Settings, now: datetime
) -> None:
    """Tell each channel what it is due, and note it. `kept`: called whenever something was noted."""
    for entry in memory.entries.values():  # of a channel that is set up no more
        entry.told = {name: time for name, time in entry.told.items() if name in channels}
    begun = dict(memory.begun)
    for name in channels:
        for phase, entries in _due(memory, name, begun, settings, now):
            notice = notice_of(phase, entries, now)
            if not send(notice, name):
                break  # it takes nothing now
            _noted(memory, phase, entries, notice, name, now)
            kept()
    for key in [key for key, entry in memory.entries.items() if entry.over is not None and not entry.told]:
        del memory.entries[key]


def _due(
    memory: Memory, channel: str, begun: Mapping[str, datetime], settings: Settings, now: datetime
) -> Iterator[tuple[Phase, list[Entry]]]:
    for kind in KINDS:
        of_kind = [entry for entry in memory.entries.values() if entry.alert.kind == kind]
        waits = now - begun[kind] < _GATHERED if kind in begun else False
        holding = [entry for entry in of_kind if entry.over is None]
        for phase, entries in (
            (Phase.RESOLVED, [one for one in of_kind if one.over is not None and channel in one.told]),
            (Phase.NEW, [one for one in holding if channel not in one.told and not waits]),
            (
                Phase.REMINDER,
                [one for one in holding if channel in one.told and now - one.told[channel] >= settings.repeat],
            ),
        ):
            if entries:
                yield phase, sorted(entries, key=lambda entry: entry.alert.subject)


def _noted(memory: Memory, phase: Phase, entries: Iterable[Entry], notice: Notice, channel: str, now: datetime) -> None:
    for entry in entries:
        if phase is Phase.RESOLVED:
            del entry.told[channel]
        else:
            entry.told[channel] = now
            entry.thread = entry.thread or notice.id
            if phase is Phase.NEW:
                memory.begun[entry.alert.kind] = now


def notice_of(phase: Phase, entries: list[Entry], now: datetime) -> Notice:
    """One message of what is of one kind."""
    alerts = tuple(_as_told(phase, entry) for entry in entries)
    kind = KINDS[alerts[0].kind]
    title = f"{alerts[0].subject}: {alerts[0].title}" if len(alerts) == 1 else kind.many.format(n=len(alerts))
    if phase is Phase.RESOLVED and len(alerts) > 1:
        title = f"{title}: no more"
    times = [f"{entry.alert.key} {entry.since.isoformat()}" for entry in entries]
    last = max((time for entry in entries for time in entry.told.values()), default=None)
    own = identity(phase.name, *times, last.isoformat() if last and phase is Phase.REMINDER else "")
    threads = tuple(dict.fromkeys(entry.thread for entry in entries if entry.thread and entry.thread != own))
    runs_out = phase is Phase.RESOLVED
    return Notice(
        phase,
        "info" if runs_out else kind.severity,
        title,
        alerts,
        runbook="" if runs_out else runbook(alerts[0].kind),
        id=own,
        refers=threads,
        now=now,
    )


def _as_told(phase: Phase, entry: Entry) -> Alert:
    alert = entry.alert
    if phase is not Phase.RESOLVED:
        return alert
    # What it said is over; its run is one that failed once.
    return replace(
        alert, title=f"{KINDS[alert.kind].over} ({KINDS[alert.kind].title} before)", details=(), link=None, run_id=""
    )


# The digest.


def digest(
    memory: Memory, channels: Collection[str], send: Send, kept: Callable[[], None], settings: Settings, now: datetime
) -> None:
    """Tell each channel once a day, from seven in the morning on, what is wrong."""
    here = now.astimezone(UTC_OFFSET)
    # The day that began at the last seven o'clock.
    day = str((here - timedelta(hours=DIGEST_HOUR)).date())
    holding = [entry.alert for entry in memory.holding.values()]
    for name in channels:
        if memory.digest.get(name) == day:
            continue
        is_first = name not in memory.digest
        wanted = settings.digest == "always" or (settings.digest == "failing" and bool(holding))
        # Who hears of it for the first time was told all of it a moment ago.
        if wanted and not is_first and not send(digest_of(holding, day, now), name):
            continue
        memory.digest[name] = day
        kept()


def digest_of(holding: Iterable[Alert], day: str, now: datetime) -> Notice:
    """What is wrong, in the order of the kinds."""
    order = list(KINDS)
    alerts = sorted(holding, key=lambda alert: (order.index(alert.kind), alert.subject))
    counts = [
        f"{len(list(group))} {KINDS[kind].brief}" for kind, group in groupby(alerts, key=lambda alert: alert.kind)
    ]
    return Notice(
        Phase.DIGEST,
        "warning" if alerts else "info",
        f"{day}: {', '.join(counts) or 'all is well'}",
        tuple(alerts),
        runbook=RUNBOOK if alerts else "",
        id=identity("digest", day),
        intro=() if alerts else ("Every month is published in time and no run's last attempt failed.",),
        now=now,
    )
