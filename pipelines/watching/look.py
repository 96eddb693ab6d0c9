"""One look at all of it: gather, judge, tell. Sensors and the command call it; so may any scheduler."""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg

from guatecompras.stores import Store
from pipelines.watching import runs
from pipelines.watching.conditions import holding, undecided
from pipelines.watching.facts import Facts, gather
from pipelines.watching.memory import Memory, keep, recall
from pipelines.watching.runs import Ended, Story
from pipelines.watching.telling import Settings, digest, note, tell
from resources.alerts import Alert, Alerts, Notice, Phase
from resources.alerts.notice import identity

# Two sensors of one code server look one after the other.
_one_at_a_time = threading.Lock()


def look(instance: dg.DagsterInstance, store: Store, alerts: Alerts, now: datetime | None = None) -> list[Alert]:
    """Look, and tell what is to be told; what holds now. Raises GuatecomprasError when the settings will not do."""
    settings = Settings.from_environment()
    with _one_at_a_time:
        memory, facts = recall(instance), gather(instance, store, now)
        stories = _Stories(instance, memory, facts.failing)
        found, retried = stories.apart(holding(facts, stories))
        note(memory, found, undecided(facts, retried), facts.now)
        stories.into(memory)
        channels = alerts.channels()

        def send(notice: Notice, name: str) -> bool:
            return not alerts.send(notice, [name], channels)

        def kept() -> None:
            keep(instance, memory)

        tell(memory, channels, send, kept, settings, facts.now)
        digest(memory, channels, send, kept, settings, facts.now)
        memory.looked = facts.now
        kept()
    return [entry.alert for entry in memory.holding.values()]


def seen(instance: dg.DagsterInstance, store: Store, now: datetime | None = None) -> tuple[Facts, list[Alert]]:
    """How things stand and what is wrong; nobody is told, nothing is noted."""
    facts, memory = gather(instance, store, now), recall(instance)
    stories = _Stories(instance, memory, facts.failing)
    return facts, stories.apart(holding(facts, stories))[0]


def trial() -> Notice:
    """To try the channels with."""
    now = datetime.now(UTC)
    return Notice(
        Phase.TEST,
        "info",
        "a test of the alerts",
        intro=("If you read this, alerts of the open-contracting publication reach you here.",),
        id=identity("test", now.isoformat()),
    )


class _Stories:
    """Why runs failed: of those that were told of from what is known, of the others from their logs."""

    def __init__(self, instance: dg.DagsterInstance, memory: Memory, failing: Iterable[Ended]) -> None:
        self._instance = instance
        self._known = {run.run_id: memory.story(run.run_id) for run in failing}
        new = [run_id for run_id, story in self._known.items() if story is None]
        self._retried = runs.to_be_retried(instance, new)

    def __call__(self, run: Ended) -> Story:
        story = self._known.get(run.run_id)
        if story is None and run.run_id in self._retried:
            return Story("", "it is run again by itself")
        if story is None:
            story = self._known[run.run_id] = runs.story_of(self._instance, run.run_id)
        return story

    def apart(self, found: Iterable[Alert]) -> tuple[list[Alert], list[Alert]]:
        """Alerts, and those of runs that Dagster runs again by itself: nobody need know of them yet."""
        found = list(found)
        retried = [alert for alert in found if alert.run_id in self._retried]
        return [alert for alert in found if alert.run_id not in self._retried], retried

    def into(self, memory: Memory) -> None:
        for entry in memory.entries.values():
            if entry.over is None:
                entry.story = self._known.get(entry.alert.run_id)
