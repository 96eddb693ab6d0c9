"""Publishing a history: `python -m benchmarks.history`. Many months with `guatecompras publish FIRST..LAST --jobs 2`, killed
half-way and started again; the same again, when all is current; and one month again after one of its concursos changed.
"""

import argparse
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.measure import CommandError, Cost, cost_of, start
from benchmarks.run import BENCH, MB, dagster_home, python

# What is projected: the months since 2020 with as many concursos as they have.
MONTHS, EACH = 80, 25_000
_KILL_WAIT = 0.1


@dataclass(frozen=True)
class History:
    """A source of `months` months from `first` with `size` concursos each, and how it is published."""

    first: str
    months: int
    size: int
    jobs: int

    @property
    def folder(self) -> Path:
        return BENCH / f"history-{self.months}x{self.size}"

    @property
    def span(self) -> list[str]:
        year, month = map(int, self.first.split("-"))
        numbers = range(year * 12 + month - 1, year * 12 + month - 1 + self.months)
        return [f"{number // 12}-{number % 12 + 1:02}" for number in numbers]

    def command(self, source: Path, store: Path, *months: str) -> list[str]:
        wanted = months or (f"{self.first}..{self.span[-1]}",)
        tool = str(Path(sys.executable).parent / "guatecompras")
        return [
            tool,
            "publish",
            *wanted,
            "--jobs",
            str(self.jobs),
            "--source",
            f"sqlite:///{source}",
            "--store",
            str(store),
        ]


def main() -> int:
    """Measure and write; 1 when something that should hold does not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--first", default="2020-01")
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--size", type=int, default=EACH, help="concursos a month (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    history = History(asked.first, asked.months, asked.size, asked.jobs)
    print(f"data: {history.months} months of {history.size:,}", flush=True)
    python("benchmarks.data", "source", str(history.folder), str(history.size), history.first, str(history.months))
    found, held = _measure(history)
    _write(asked.out, history, found, held)
    return 0 if all(held.values()) else 1


def _measure(history: History) -> tuple[dict[str, Cost], dict[str, bool]]:
    """What each step cost, and what should hold after it."""
    source, store, other = (history.folder / name for name in ("demo.sqlite", "store", "store-anew"))
    for folder in (store, other):
        shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, Cost] = {}
    held: dict[str, bool] = {}

    killed, done = _killed_half_way(history, source, store)
    before = _index(store)
    found[f"killed after {done} of {history.months} months"] = killed
    found["started again"] = _run(history, source, store)
    first = _index(store)
    held["every month is published"] = sorted(first) == history.span
    held["what was public stayed as it was"] = before == {month: first[month] for month in before}

    found["again, all current"] = _run(history, source, store)
    held["again: the index says the same"] = _index(store) == first

    changed, month = history.folder / "changed.sqlite", history.first
    _change_one(source, changed, month)
    found["a month, one concurso changed"] = _run(history, changed, store, month)
    found["that month, all anew"] = _run(history, changed, other, month)
    held["changed: another version, in which one record changed"] = _changed(store, _index(store)[month]) == (0, 0, 1)
    return found, held


def _changed(store: Path, entry: dict[str, Any]) -> tuple[int, ...]:
    """Of a version: the records that came, went and changed."""
    manifest = json.loads((store / "publication" / entry["manifest"]["path"]).read_bytes())
    return tuple(manifest["changes"][kind] for kind in ("added", "removed", "changed"))


def _run(history: History, source: Path, store: Path, *months: str) -> Cost:
    cost = cost_of(history.command(source, store, *months), history.folder / "publish.log", _environment())
    print(f"{cost.seconds:8.2f} s {cost.cpu:8.2f} CPU s {cost.peak / MB:6.0f} MB", flush=True)
    return cost


def _environment() -> dict[str, str]:
    return {"DAGSTER_HOME": str(dagster_home())}


def _killed_half_way(history: History, source: Path, store: Path) -> tuple[Cost, int]:
    """Start, and kill the command with all its processes as soon as half of the months are public."""
    started = time.perf_counter()
    process = start(history.command(source, store), history.folder / "killed.log", _environment())
    while len(_index(store)) < max(1, history.months // 2):
        if process.poll() is not None:
            raise CommandError("the publication ended before it could be killed: give more months")
        time.sleep(_KILL_WAIT)
    os.killpg(process.pid, signal.SIGKILL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = -signal.SIGKILL
    # Of the processes that died with it nobody can tell the CPU seconds.
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024), len(
        _index(store)
    )


def _index(store: Path) -> dict[str, Any]:
    path = store / "publication" / "index.json"
    months: dict[str, Any] = json.loads(path.read_bytes())["months"] if path.exists() else {}
    return months


def _change_one(source: Path, target: Path, month: str) -> None:
    """A copy of the source in which one concurso of the month has another title, a minute after its last change."""
    shutil.copy(source, target)
    with closing(sqlite3.connect(target)) as connection, connection:
        connection.execute(
            "UPDATE concursos SET descripcion = descripcion || ' (corregida)', "
            "fecha_actualizacion = datetime(fecha_actualizacion, '+1 minute') WHERE nog = "
            "(SELECT MIN(nog) FROM concursos WHERE substr(fecha_publicacion, 1, 7) = ?)",
            (month,),
        )


# What is written.


def _write(out: Path, history: History, found: dict[str, Cost], held: dict[str, bool]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    about = machine.describe()
    # With what the kill cost: two months that were under way.
    both = sum(cost.seconds for name, cost in found.items() if name.startswith(("killed", "started")))
    minutes = both / (history.months * history.size) * MONTHS * EACH / 60
    ratio = found["a month, one concurso changed"].seconds / found["that month, all anew"].seconds
    document = {
        "machine": about,
        "history": asdict(history),
        "steps": {name: asdict(cost) for name, cost in found.items()},
        "projected_minutes": minutes,
        "changed_ratio": ratio,
        "holds": held,
    }
    (out / "history.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    text = "\n".join(_markdown(about, history, found, held, minutes, ratio))
    (out / "history.md").write_text(text, encoding="utf-8")
    print(f"\n{text}\nwritten to {out}/history.json and .md")


def _markdown(
    about: dict[str, str],
    history: History,
    found: dict[str, Cost],
    held: dict[str, bool],
    minutes: float,
    ratio: float,
) -> Iterator[str]:
    yield f"# {history.months} months of {history.size:,} concursos, --jobs {history.jobs}\n\n{machine.sentence(about)}.\n"
    yield "| step | seconds | CPU seconds | peak MB, all processes |\n|---|---:|---:|---:|"
    for name, cost in found.items():
        yield f"| {name} | {cost.seconds:,.1f} | {cost.cpu:,.1f} | {cost.peak / MB:,.0f} |"
    small = " (too much: what a run needs to start weighs more in small months)" if history.size < EACH // 2 else ""
    told = "Projected to" if (history.months, history.size) != (MONTHS, EACH) else "All"
    yield f"\n{told} {MONTHS} months of {EACH:,}, killed once: {minutes:,.0f} minutes{small}; target 45."
    yield f"A month with one concurso changed takes {ratio:.0%} of the month all anew; target 60 %.\n"
    yield "| what should hold | holds |\n|---|---|"
    for what, holds in held.items():
        yield f"| {what} | {'yes' if holds else '**no**'} |"
    yield ""


if __name__ == "__main__":
    sys.exit(main())
