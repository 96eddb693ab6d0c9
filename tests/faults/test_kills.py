"""SIGKILL at any moment: every reader sees a whole publication, old or new, and the next run mends it."""

import math
import random
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from guatecompras.stores import LocalStore
from tests.faults.run import publish
from tests.faults.world import (
    MONTHS,
    NEW,
    OLD,
    Way,
    busy,
    copied,
    data_of,
    faults,
    go,
    kill_group,
    public,
    started,
    told,
    undated,
)

SEED = 20260131


@dataclass(frozen=True)
class Moment:
    """When a run is killed: after so much of its way, by its time on the processor or by its deeds, and so many seconds later."""

    part: float
    by_deeds: bool
    later: float = 0.0


def _moments(number: int, draw: random.Random) -> list[Moment]:
    """As many moments as asked for, one in each stretch of the way: by its time, at a deed, shortly after a deed."""
    ways = [(False, 0.0), (True, 0.0), (True, 0.03), (False, 0.0)]
    parts = [(place + draw.random()) / number for place in range(number)]
    return [
        Moment(part, by_deeds, later * draw.random())
        for part, (by_deeds, later) in zip(parts, ways * (number // 4 + 1), strict=False)
    ]


def _killed(store: LocalStore, uri: str, moment: Moment, way: Way) -> bool:
    """Start a run and kill it; False when it was faster."""
    deed = (int(moment.part * way.deeds) + 1) * moment.by_deeds
    run = started(store.root, uri, *MONTHS, "--die-at", deed, moment.later)
    told(run, "ready")
    end = busy(run) + (math.inf if moment.by_deeds else moment.part * way.seconds)
    go(run)
    while run.poll() is None and busy(run) < end:
        with suppress(subprocess.TimeoutExpired):
            run.wait(0.005)
    kill_group(run)
    _, errors = run.communicate(timeout=300)
    assert run.returncode in (0, -signal.SIGKILL), errors
    return run.returncode != 0


def _whole(store: LocalStore, *allowed: LocalStore) -> None:
    """Every month is there as one of the allowed stores has it."""
    assert faults(store) == ()
    months = public(store)
    assert months.items() <= {(month, version) for other in allowed for month, version in public(other).items()}


def _like(store: LocalStore, expected: LocalStore) -> None:
    assert faults(store) == ()
    assert data_of(store) == data_of(expected)
    assert undated(store.index()) == undated(expected.index())
    assert not list(store.root.rglob(".*.part-*"))


def _disturbed(
    folder: Path, before: LocalStore | None, uri: str, expected: LocalStore, way: Way, chains: list[list[Moment]]
) -> Iterator[bool]:
    """For each chain a store whose runs are killed at its moments, one after the other, and which is mended then.

    Says of every run whether it died; `way`: what the undisturbed run from `before` to `expected` took.
    """
    allowed = [expected, *([before] if before else [])]

    def disturb(number: int) -> list[bool]:
        place = folder / f"killed{number}"
        store = copied(before, place) if before else LocalStore(place)
        deaths = []
        for moment in chains[number]:
            # Where the runs before have done some of it, the way is shorter.
            sooner = replace(moment, part=moment.part / len(chains[number]))
            deaths.append(_killed(store, uri, sooner, way))
            _whole(store, *allowed)
        publish(store, uri, *MONTHS)
        _like(store, expected)
        return deaths

    with ThreadPoolExecutor(2) as pool:
        for deaths in pool.map(disturb, range(len(chains))):
            yield from deaths


def test_runs_killed_at_any_moment_leave_a_whole_publication_and_the_next_one_mends_all(
    old: LocalStore, new: LocalStore, way: Way, tmp_path: Path
) -> None:
    """Two stores: the run that mends is killed too, and the one after it."""
    moments = _moments(6, random.Random(SEED))
    deaths = list(_disturbed(tmp_path, old, NEW, new, way, [moments[::2], moments[1::2]]))
    # A run that finds much of its work done may be faster than its death.
    assert (len(deaths), sum(deaths) >= 5) == (6, True)


@pytest.mark.slow
@pytest.mark.parametrize(("kills", "first"), [(80, False), (20, True)])
def test_runs_killed_at_a_hundred_moments(
    old: LocalStore, new: LocalStore, way: Way, tmp_path: Path, kills: int, first: bool
) -> None:
    """Of a publication that is there, and of one that begins; each killed run is mended by the next.

    Half as many moments more are tried: a run may be faster than its death.
    """
    before, uri, expected = (None, OLD, old) if first else (old, NEW, new)
    chains = [[moment] for moment in _moments(kills * 3 // 2, random.Random(SEED + kills))]
    deaths = list(_disturbed(tmp_path, before, uri, expected, way, chains))
    assert sum(deaths) >= kills
