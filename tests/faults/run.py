"""Months published in one interpreter, without Dagster: what the fault tests kill, starve and run side by side.

As a program (`python -m tests.faults.run STORE SOURCE MONTH...`) it says "ready", waits for a line, publishes the months one
after the other and ends with their versions, how many deeds that took and how much of the processor. It dies by itself at a
given deed (`--die-at`: so many openings, renames and the like under the store, and so many seconds later), stops after each
stage until it is told to go on (`--steps`), and goes by the clock and not by NOW (`--clock`).
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from guatecompras.contract import Source
from guatecompras.errors import GuatecomprasError
from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import UTC_OFFSET, Month
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from resources.sources.uri import open_source
from tests.replaced import LOSSES_ALLOWED

Json = dict[str, Any]
Stage = tuple[str, Callable[[], Any]]

# The sources tell one month differently, and what is edited without an event is dated by the clock.
NOW = datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC_OFFSET)

# What a process does to the disk, seen from Python.
_DEEDS = ("open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir")


def stages(
    store: LocalStore,
    source: Source | str,
    month: str,
    config: Settings = LOSSES_ALLOWED,
    now: datetime | None = NOW,
) -> Iterator[Stage]:
    """The stages of a month in order; each is done, once, before the next one is asked for."""
    source = open_source(source) if isinstance(source, str) else source
    made: list[MonthWork] = []

    def extract() -> None:
        made[:] = [MonthWork.extract(store, source, Month.parse(month), config, now)[0]]

    yield "source", extract
    if not made:
        extract()
    (work,) = made
    yield "ocds", work.ocds
    yield "tables", work.tables
    yield "report", work.report
    for name in DOWNLOADS:
        yield name, lambda name=name: work.download(name)
    yield "publish", work.publish


def publish(store: LocalStore, source: Source | str, *months: str, config: Settings = LOSSES_ALLOWED) -> list[Json]:
    """The entries in the index of the months, each published from source to switch."""
    return [[do() for _, do in stages(store, source, month, config)][-1] for month in months]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Deeds:
    """Counts what is done under a folder; ends the process at one of these deeds, or a little after."""

    def __init__(self, folder: str, last: int, delay: float) -> None:
        self.count = 0
        self._folder, self._last, self._delay = folder, last, delay
        sys.addaudithook(self._watch)

    def _watch(self, event: str, details: tuple[Any, ...]) -> None:
        if event in _DEEDS and self._folder in str(details[0]):
            self.count += 1
            if self.count == self._last:
                threading.Timer(self._delay, _die).start() if self._delay else _die()


def main() -> int:
    words = argparse.ArgumentParser()
    words.add_argument("store")
    words.add_argument("source")
    words.add_argument("months", nargs="+")
    words.add_argument("--die-at", nargs=2, default=("0", "0"))
    words.add_argument("--steps", action="store_true")
    words.add_argument("--clock", action="store_true")
    given = words.parse_args()
    deeds = _Deeds(given.store, int(given.die_at[0]), float(given.die_at[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    store, versions, begun = LocalStore(Path(given.store)), [], time.process_time()
    try:
        for month in given.months:
            entry: Json = {}
            for name, do in stages(store, given.source, month, now=None if given.clock else NOW):
                done = do()
                entry = done if name == "publish" else entry
                if given.steps:
                    print("done", flush=True)
                    sys.stdin.readline()
            versions.append(entry["version"])
    except GuatecomprasError as error:
        print(error, file=sys.stderr)
        return 1
    print(*versions, deeds.count, time.process_time() - begun)
    return 0


if __name__ == "__main__":
    sys.exit(main())
