"""What a command costs, as a whole process: wall seconds, CPU seconds, peak memory. Only the standard library.

A process starts with its parent's peak memory in its books (Linux keeps `ru_maxrss` over fork and exec), so whoever
measures must stay small: nothing here or in the modules that call it imports Polars, Arrow or Dagster.
"""

# What is run is ours or a peer's, from tables in this folder.
# ruff: noqa: S603

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PROJECT = Path(__file__).parents[1]
_LOOK_SECONDS = 0.05  # between two looks at a tree of processes
_PAGE = os.sysconf("SC_PAGE_SIZE")


class CommandError(Exception):
    """A command that was measured failed; the message has the end of what it said."""


@dataclass(frozen=True)
class Cost:
    """`seconds`: wall; `cpu`: user and system seconds, children included; `peak`: bytes of memory over all its processes."""

    seconds: float
    cpu: float
    peak: int


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each measure."""
    return Cost(median(c.seconds for c in costs), median(c.cpu for c in costs), int(median(c.peak for c in costs)))


def start(command: Sequence[str], log: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a command in the project's folder, in a process group of its own; what it says goes to `log`."""
    with open(log, "wb") as said:
        return subprocess.Popen(
            command,
            cwd=PROJECT,
            env=os.environ | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def cost_of(command: Sequence[str], log: Path, env: dict[str, str] | None = None) -> Cost:
    """Run a command to its end. Raises CommandError when it fails."""
    started = time.perf_counter()
    process = start(command, log, env)
    watch = _Watch(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    watch.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""]
        raise CommandError(f"exit status {process.returncode}, {said[-1]} ({log.relative_to(PROJECT)})")
    # The kernel knows the exact peak of the largest process, the watch the sum of several.
    return Cost(seconds, usage.ru_utime + usage.ru_stime, max(usage.ru_maxrss * 1024, watch.peak))


class _Watch:
    """Looks at a process and its descendants until told to stop. `peak`: the most memory that all had at one look."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            family = _family(self._pid)
            if len(family) > 1:  # of a single one the kernel knows better
                self.peak = max(self.peak, sum(map(_resident, family)))


def _family(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for thread in _entries(Path(f"/proc/{one}/task")):
            waiting += [int(child) for child in _text(thread / "children").split()]
    return found


def _resident(pid: int) -> int:
    """Bytes of a process: its own pages, and those of files and shared memory that it has mapped."""
    fields = _text(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * _PAGE if fields else 0


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # it has ended
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
