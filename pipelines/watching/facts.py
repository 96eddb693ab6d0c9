"""How things stand at one moment: the last runs, what is public, what is turned on. Read, not judged."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from guatecompras.errors import GuatecomprasError
from guatecompras.stores import Store
from pipelines.watching import runs


@dataclass(frozen=True)
class Facts:
    """`index`: what is public, None where it cannot be read, for which `fault` is the reason; `published`: each month's last run
    that published it or found it public as it is; `schedules`: those that are on, and since when."""

    now: datetime
    index: dict[str, Any] | None
    fault: str
    last: tuple[runs.Ended, ...]
    published: dict[str, runs.Ended]
    checked: datetime | None
    schedules: dict[str, datetime | None]

    @property
    def failing(self) -> list[runs.Ended]:
        return runs.failing(self.last)

    @property
    def months(self) -> dict[str, Any]:
        """The index' entries; none where it cannot be read."""
        found: dict[str, Any] = self.index["months"] if self.index else {}
        return found


def gather(instance: dg.DagsterInstance, store: Store, now: datetime | None = None) -> Facts:
    """Look at a home and a store. Raises nothing for a store that cannot be read: that is a fact."""
    index, fault = None, ""
    try:
        index = store.index()
    except GuatecomprasError as error:
        fault = str(error)
    return Facts(
        now=now or datetime.now(UTC),
        index=index,
        fault=fault,
        last=tuple(runs.last_of_each(instance)),
        published=runs.last_successes(instance, "month"),
        checked=runs.last_success(instance, "index"),
        schedules=runs.schedules_on(instance),
    )
