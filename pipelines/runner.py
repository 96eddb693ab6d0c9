"""Publishing many months from the command line: each a Dagster run on the home's instance, some side by side.

What a run does is the job's business (`jobs.py`); how progress looks is the command's (`cli.py`).
"""

import json
import multiprocessing as mp
import os
import queue
import signal
import socket
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import dagster as dg

from pipelines.failures import INTERRUPTED, reason_of
from pipelines.home import opened

# Console lines of Dagster would run through the progress bar; the run's log in the UI has them all.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# The step that looks at what else is public.
_COMPARING = "quality_report"

# What an interrupted worker gets to mark its run in the home before it is ended.
_GRACE_SECONDS = 10.0
_LOOK_SECONDS = 0.5

NOTHING: Mapping[str, str] = {}

Progress = Callable[[str, str], None]  # month, what it is at


@dataclass(frozen=True)
class Result:
    """How one month ended. `reason`: one line when it failed; `entry`: its entry in the index when it was published."""

    month: str
    run_id: str
    seconds: float
    reason: str = ""

    @property
    def published(self) -> bool:
        return not self.reason


def publish_months(
    months: Iterable[str], source: str, store: str, jobs: int, progress: Progress, accepted: Mapping[str, str] = NOTHING
) -> Iterator[Result]:
    """Publish months, `jobs` at a time in processes of their own (one: in this one); yields each as it ends.

    `accepted`: blocking checks that may fail in these runs, and why.
    """
    wanted = list(months)
    if jobs == 1 or len(wanted) == 1:
        with _noticing_signals() as interrupted, opened() as instance:
            for month in wanted:
                yield publish_month(instance, month, source, store, progress, accepted)
                if interrupted():
                    raise KeyboardInterrupt
    else:
        with opened():  # set up before the workers open it
            pass
        yield from _side_by_side(wanted, source, store, min(jobs, len(wanted)), progress, accepted)


def publish_month(
    instance: dg.DagsterInstance,
    month: str,
    source: str,
    store: str,
    progress: Progress,
    accepted: Mapping[str, str] = NOTHING,
    turn: Callable[[], None] = lambda: None,
) -> Result:
    """Run the month's job in this process, on an open home, and say how it ended; never raises for what happens in the run.

    `turn`: returns when the month may be compared with those before it.
    """
    # Workers import them, the parent need not.
    from assets.quality import ACCEPT_TAG  # noqa: PLC0415
    from pipelines.definitions import build_definitions  # noqa: PLC0415

    started = time.perf_counter()
    run_id = str(uuid.uuid4())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # previews and supersessions, for developers
        job = build_definitions(source, store).resolve_job_def("month")
        instance.add_event_listener(run_id, lambda entry: _follow(month, entry, progress, turn))
        outcome = job.execute_in_process(
            partition_key=month,
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            run_config=_QUIET,
            tags={"guatecompras/by": "command"} | ({ACCEPT_TAG: json.dumps(dict(accepted))} if accepted else {}),
        )
    reason = (
        "" if outcome.success else reason_of(outcome.all_events) or "it failed before its first step; its log says why"
    )
    if reason == INTERRUPTED:
        raise KeyboardInterrupt  # Dagster has marked the run; no other month shall start
    return Result(month, run_id, time.perf_counter() - started, reason)


def _follow(month: str, entry: dg.EventLogEntry, progress: Progress, turn: Callable[[], None]) -> None:
    event = entry.dagster_event
    if event is not None and event.is_step_start and event.step_key:
        progress(month, event.step_key)
        if event.step_key == _COMPARING:
            turn()


@contextmanager
def _noticing_signals() -> Iterator[Callable[[], bool]]:
    """Tell whether this process was asked to stop: Dagster takes the signals during a run, and may keep them to itself."""
    asked, told = socket.socketpair()
    with asked, told:
        asked.setblocking(False)
        told.setblocking(False)
        before = signal.set_wakeup_fd(told.fileno())

        def interrupted() -> bool:
            try:
                return not {signal.SIGINT, signal.SIGTERM}.isdisjoint(asked.recv(4096))
            except BlockingIOError:
                return False

        try:
            yield interrupted
        finally:
            signal.set_wakeup_fd(before)


# Side by side.

_channel: Any = None
# Month -> set once it has ended, in order; one per worker process.
_ended: dict[str, Any] = {}


def _start_worker(channel: Any, ended: dict[str, Any]) -> None:
    global _channel  # noqa: PLW0603  # one per worker process
    _channel = channel
    _ended.update(ended)
    # Between runs an interrupt ends a worker without a word; during one Dagster catches it and marks the run.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _work(month: str, source: str, store: str, accepted: Mapping[str, str]) -> Result:
    _channel.put((month, "starting"))
    try:
        with opened() as instance:
            return publish_month(
                instance, month, source, store, lambda *words: _channel.put(words), accepted, lambda: _wait_for(month)
            )
    finally:
        _ended[month].set()


def _wait_for(month: str) -> None:
    """Return when all earlier months of the command have ended: a month is compared with the same ones however many run side
    by side. The earliest under way never waits, so somebody always goes on."""
    for earlier in takewhile(lambda other: other != month, _ended):
        while not _ended[earlier].wait(_LOOK_SECONDS):
            pass  # an interrupt comes through here


def _side_by_side(
    months: list[str], source: str, store: str, jobs: int, progress: Progress, accepted: Mapping[str, str]
) -> Iterator[Result]:
    # Fresh interpreters: the libraries' threads do not survive a fork.
    context = mp.get_context("spawn")
    left = months
    while left:
        channel = context.Queue()
        ended = {month: context.Event() for month in left}
        begun: set[str] = set()
        broken: list[str] = []
        with ProcessPoolExecutor(jobs, context, _start_worker, (channel, ended)) as pool, _ending_workers(pool):
            futures = {pool.submit(_work, month, source, store, accepted): month for month in left}
            for future in _as_they_end(futures, channel, begun, progress):
                month = futures[future]
                try:
                    yield future.result()
                except BrokenProcessPool:
                    broken.append(month)
        # One process died and took the pool with it: what it was at has failed, the others start again.
        yield from (Result(month, "", 0.0, "its process died (out of memory?)") for month in broken if month in begun)
        left = [month for month in broken if month not in begun]


@contextmanager
def _ending_workers(pool: ProcessPoolExecutor) -> Iterator[None]:
    """When this process is interrupted, its workers are too: none goes on by itself."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in mp.active_children():
            with suppress(ProcessLookupError):
                os.kill(worker.pid or 0, signal.SIGINT)
        deadline = time.monotonic() + _GRACE_SECONDS
        for worker in mp.active_children():
            worker.join(max(0.0, deadline - time.monotonic()))
            worker.kill()
        raise


def _as_they_end(
    futures: Iterable["Future[Result]"], channel: Any, begun: set[str], progress: Progress
) -> Iterator["Future[Result]"]:
    running = set(futures)
    while running:
        done, running = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
        for month, stage in _waiting(channel):
            begun.add(month)
            progress(month, stage)
        yield from done


def _waiting(channel: Any) -> Iterator[tuple[str, str]]:
    while True:
        try:
            yield channel.get_nowait()
        except queue.Empty:
            return
