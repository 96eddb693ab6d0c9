"""What was told to whom, kept in Dagster's own storage: shared by all who use the home, and there after a restart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg
import msgspec

from pipelines.watching.runs import Story
from resources.alerts.notice import Alert

_KEY = "guatecompras/alerts"


@dataclass
class Entry:
    """An alert that was seen. `told`: when each channel last took it; `thread`: the message that first told it; `over`: since when
    it holds no more, which the channels that know of it are still to hear."""

    alert: Alert
    since: datetime
    told: dict[str, datetime] = field(default_factory=dict)
    thread: str = ""
    over: datetime | None = None
    story: Story | None = None


@dataclass
class Memory:
    """`begun`: when a kind last told something new; `digest`: the day of the last digest, by channel; `looked`: when anybody
    last looked."""

    entries: dict[str, Entry] = field(default_factory=dict)
    begun: dict[str, datetime] = field(default_factory=dict)
    digest: dict[str, str] = field(default_factory=dict)
    looked: datetime | None = None

    @property
    def holding(self) -> Mapping[str, Entry]:
        return {key: entry for key, entry in self.entries.items() if entry.over is None}

    def story(self, run_id: str) -> Story | None:
        """Why a run failed, if that was read before."""
        return next((one.story for one in self.entries.values() if one.alert.run_id == run_id and one.story), None)


def recall(instance: dg.DagsterInstance) -> Memory:
    """What is known; of what another version of this code wrote in another form nothing: then all that holds is told again."""
    text = instance.daemon_cursor_storage.get_cursor_values({_KEY}).get(_KEY)
    if not text:
        return Memory()
    try:
        return msgspec.json.decode(text.encode(), type=Memory)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return Memory()


def keep(instance: dg.DagsterInstance, memory: Memory) -> None:
    instance.daemon_cursor_storage.set_cursor_values({_KEY: msgspec.json.encode(memory).decode()})
