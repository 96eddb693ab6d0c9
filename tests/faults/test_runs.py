"""Runs beside each other, under a clock that was set back, and told to stop: no month is lost, readers see whole ones."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import libfaketime
import polars as pl
import polars.selectors as cs
import pytest

from guatecompras.month import DOWNLOADS
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from tests.faults.run import publish
from tests.faults.world import (
    MONTHS,
    NEW,
    OTHER,
    Process,
    command,
    copied,
    data_of,
    faults,
    go,
    kill_group,
    output,
    public,
    started,
    told,
)

MONTH = MONTHS[0]
STAGES = 4 + len(DOWNLOADS) + 1

# What one of several runs of a month may say that found another version than the one it was made to follow: at the switch, or
# because a run of the same version is just making its report anew for that reason.
OVERTAKEN = ("another run published", "stage report of")


# Side by side.


@contextmanager
def _reader(store: LocalStore) -> Iterator[list[str]]:
    """Somebody who reads everything again and again meanwhile; what he finds wrong."""
    found: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            found.extend(faults(store))

    reading = threading.Thread(target=read)
    reading.start()
    try:
        yield found
    finally:
        done.set()
        reading.join()


def _in_step(runs: list[Process]) -> None:
    """Let runs go on stage by stage, none faster than the others by more than one; ends when all have ended."""
    for run in runs:
        told(run, "ready")
    for _ in range(STAGES):
        for run in runs:
            if run.poll() is None:
                go(run)
        for run in runs:
            assert run.stdout is not None
            assert run.stdout.readline() in ("done\n", "")


def _ended(run: Process) -> bool:
    """Whether a run has published; False when another one was faster and it said so, in one line."""
    _, errors = run.communicate("\n" * 4, timeout=300)
    if run.returncode:
        assert any(words in errors for words in OVERTAKEN), errors
        assert len(errors.strip().splitlines()) == 1, errors
    return run.returncode == 0


def _side_by_side(store: LocalStore, wanted: list[tuple[str, str]]) -> None:
    """Publish (source, month) pairs at once; who was overtaken goes again, alone. All months end whole, each with a wanted one."""
    before = public(store)
    with _reader(store) as found:
        runs = [started(store.root, uri, month, "--steps") for uri, month in wanted]
        _in_step(runs)
        published = [_ended(run) for run in runs]
    assert found == []
    months = {month for _, month in wanted}
    for month in months:
        alike = [done for (_, other), done in zip(wanted, published, strict=True) if other == month]
        assert any(alike), "of several runs of a month one publishes"
    assert all(public(store)[month] != before[month] for month in months)
    for (uri, month), done in zip(wanted, published, strict=True):
        if not done:
            publish(store, uri, month)
    assert faults(store) == ()
    for month in MONTHS:
        entry = store.index()["months"][month]
        assert before[month] in (entry["version"], *(old["version"] for old in entry["versions"]))
    assert not list(store.root.rglob(".*.part-*"))


def test_publishers_side_by_side(store: LocalStore) -> None:
    """One of a version of a month, one of another version of it, and one of another month."""
    _side_by_side(store, [(NEW, MONTH), (OTHER, MONTH), (NEW, MONTHS[1])])


@pytest.mark.slow
@pytest.mark.parametrize(
    "wanted",
    [
        [(NEW, MONTH)] * 2,
        [(NEW, MONTH), (NEW, MONTHS[1])],
        [(NEW, MONTH)] * 8,
        [(f"demo:?size=20&seed={seed}", MONTH) for seed in (1, 1, 3, 3, 4, 5, 6, 7)],
        [(f"demo:?size=20&seed={seed}", month) for seed in (1, 3, 4) for month in MONTHS][:8],
    ],
    ids=["two of a month", "two of two months", "eight of a version", "eight of a month", "eight of three months"],
)
def test_many_publishers_side_by_side(store: LocalStore, wanted: list[tuple[str, str]]) -> None:
    _side_by_side(store, wanted)


@pytest.mark.slow
def test_eight_publishers_of_eight_months_lose_none(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    months = [f"2025-{number:02d}" for number in range(1, 9)]
    runs = [started(store.root, NEW, month) for month in months]
    for run in runs:
        told(run, "ready")
    for run in runs:
        go(run)
    with _reader(store) as found:
        assert all(_ended(run) for run in runs)
    assert found == []
    assert list(store.index()["months"]) == months
    assert faults(store) == ()


# The clock.


def _at(offset: str) -> dict[str, str]:
    """The environment of a process whose clock is wrong, files' times as they are."""
    library = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"
    return {
        **os.environ,
        "LD_PRELOAD": str(library),
        "FAKETIME": offset,
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def _state(store: LocalStore) -> list[list[tuple[Any, ...]]]:
    """What the public version of the month says of its concursos, whenever that came about."""
    folder = store.version_folder(MONTH, public(store)[MONTH])
    tables = (pl.read_parquet(folder / f"tables/{name}.parquet") for name in ("records", "items", "awards"))
    return [table.select(~cs.temporal() & ~cs.contains("id", "date", "fecha")).rows() for table in tables]


@pytest.mark.parametrize("offset", ["-400d", pytest.param("+400d", marks=pytest.mark.slow)])
def test_a_clock_that_is_wrong_changes_only_what_is_dated_by_it(
    store: LocalStore, new: LocalStore, offset: str
) -> None:
    """Neither what is published, nor in which order the versions stand, nor what is tidied away."""
    before = public(store)[MONTH]
    run = started(store.root, NEW, MONTH, "--clock", env=_at(offset))
    told(run, "ready")
    output(run)
    entry, expected = store.index()["months"][MONTH], new.index()["months"][MONTH]
    day = datetime.fromisoformat(entry["published"])
    assert abs(abs((datetime.now(UTC) - day).days) - 400) <= 1
    assert [old["version"] for old in entry["versions"]] == [before]
    assert (entry["version"], entry["counts"]) == (expected["version"], expected["counts"])
    assert _state(store) == _state(new)
    assert faults(store) == ()
    # The next run, by the right clock, finds all in order and changes nothing.
    data = data_of(store)
    (again,) = publish(store, NEW, MONTH)
    assert (again, data_of(store)) == (entry, data)


# Told to stop.


def _stopped(store: LocalStore, home: Path, months: tuple[str, ...], jobs: int) -> tuple[int, str]:
    """Publish through the command, and tell it to stop once it is at work; its status and what it said."""
    run = command(home, "publish", *months, "--source", NEW, "--store", store.root, "--jobs", jobs)
    try:
        while run.poll() is None and not list(store.root.glob("work/*/*/stage-source.json")):
            with pytest.raises(subprocess.TimeoutExpired):
                run.wait(0.02)
        run.send_signal(signal.SIGTERM)
        _, errors = run.communicate(timeout=60)
    finally:
        kill_group(run)
    return run.returncode, errors


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_told_to_stop_stops_cleanly_and_the_next_one_goes_on(tmp_path: Path, jobs: int) -> None:
    store = LocalStore(tmp_path / "store")
    status, errors = _stopped(store, tmp_path / "home", MONTHS[:2], jobs)
    assert (status, len(errors.strip().splitlines())) == (130, 1), errors
    assert "interrupted" in errors
    assert faults(store) == ()
    assert not list(store.root.glob("publication/**/.*.part-*"))
    snapshots = {path: path.stat().st_ino for path in store.root.glob("work/*/*/source/concursos.parquet")}
    months = sorted({path.parts[-4] for path in snapshots})
    publish(store, NEW, *months, config=Settings())
    # What was done is not done again.
    assert {path: path.stat().st_ino for path in snapshots} == snapshots
    undisturbed = LocalStore(tmp_path / "undisturbed")
    publish(undisturbed, NEW, *months, config=Settings())
    assert data_of(store) == data_of(undisturbed)
    assert faults(store) == ()


@pytest.mark.slow
def test_the_command_killed_with_all_its_processes_leaves_a_whole_publication(tmp_path: Path) -> None:
    """Six times in a row, a little later each time; then it is left alone."""
    store, home = LocalStore(tmp_path / "store"), tmp_path / "home"
    words = ("publish", f"{MONTHS[0]}..{MONTHS[2]}", "--source", NEW, "--store", store.root, "--jobs", 2)
    for place in range(6):
        run = command(home, *words)
        wanted = f"work/*/*/stage-{('source', 'ocds', 'tables', 'report', 'excel', 'parquet')[place]}.json"
        while run.poll() is None and not list(store.root.glob(wanted)):
            with pytest.raises(subprocess.TimeoutExpired):
                run.wait(0.02)
        kill_group(run)
        run.communicate(timeout=60)
        assert faults(store) == ()
    last = command(home, *words)
    _, errors = last.communicate(timeout=300)
    assert last.returncode == 0, errors
    assert faults(store) == ()
    assert sorted(public(store)) == list(MONTHS)
    assert not list(store.root.glob("publication/**/.*.part-*"))
    assert copied(store, tmp_path / "copy").index() == store.index()
