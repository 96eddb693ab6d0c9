"""Many machines against one: `python -m benchmarks.scale_out`. The same months into the same object storage, by the command with
one process and with two, and by Dagster's queue with one and with two Celery workers (`tests/deploy/cluster.py`).

All of it is on this machine, so it shows what handing months to workers costs, and not how they scale where each has its own cores.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import dagster as dg

from benchmarks import machine
from benchmarks.history import History
from benchmarks.measure import cost_of
from benchmarks.run import python
from guatecompras.stores import open_store
from tests.conftest import _server as postgres_server
from tests.deploy.cluster import Cluster, Redis, cluster, until
from tests.stores.conftest import s3_server


@dataclass(frozen=True)
class Way:
    """`seconds`: from the asking to the last month; `busy`: how much of that time the processes that publish were at a month."""

    name: str
    seconds: float
    months: int
    busy: float | None = None


def main() -> int:
    """Measure and write; 1 when a way did not publish every month, or not the same."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale_out", description=__doc__)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--size", type=int, default=2_000, help="concursos a month (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    history = History("2024-01", asked.months, asked.size, 1)
    print(f"data: {history.months} months of {history.size:,}", flush=True)
    python("benchmarks.data", "source", str(history.folder), str(history.size), history.first, str(history.months))
    source = f"sqlite:///{history.folder / 'demo.sqlite'}"
    found, versions = [], []
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server())
        for number in range(4):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gc-scale-")))
            redis = Redis(folder)
            redis.start()
            stack.callback(redis.kill)
            # A storage of its own for each: moto keeps all in memory, and lists the more slowly the more there is.
            with s3_server() as endpoint, cluster(folder, server, redis, endpoint, source) as machines:
                os.environ.update(
                    {key: machines.environment[key] for key in machines.environment if "AWS" in key or "GUATE" in key}
                )
                os.environ["GUATECOMPRAS_WORK"] = str(folder / "reader")
                way = (
                    _by_command(history, machines, number + 1)
                    if number < 2
                    else _by_queue(history, machines, number - 1)
                )
                index = open_store(machines.environment["GUATECOMPRAS_STORE"]).index()["months"]
            found.append(way)
            versions.append({month: entry["version"] for month, entry in index.items()})
            print(f"{way.seconds:8.1f} s  {way.name}", flush=True)
    same = all(one == versions[0] and sorted(one) == history.span for one in versions)
    _write(asked.out, history, found, same)
    return 0 if same else 1


def _by_command(history: History, machines: Cluster, jobs: int) -> Way:
    home = machines.folder / "command"
    home.mkdir()
    tool = str(Path(sys.executable).parent / "guatecompras")
    command = [tool, "publish", f"{history.first}..{history.span[-1]}", "--jobs", str(jobs)]
    cost = cost_of(
        command, home / "log", machines.environment | {"DAGSTER_HOME": str(home), "GUATECOMPRAS_WORK": str(home)}
    )
    return Way(f"guatecompras publish --jobs {jobs}", cost.seconds, history.months)


def _by_queue(history: History, machines: Cluster, workers: int) -> Way:
    machines.environment["GUATECOMPRAS_MONTHS_AT_ONCE"] = str(workers)
    machines.start_daemon()
    for number in range(workers):
        machines.start_worker(f"worker-{number}")
        until(lambda name=f"worker-{number}": " ready." in machines.log(name), "the worker")
    with dg.DagsterInstance.from_config(str(machines.folder)) as instance:
        until(lambda: instance.get_daemon_statuses()["QUEUED_RUN_COORDINATOR"].last_heartbeat, "the daemon")
        started = time.time()
        machines.backfill(history.first, history.span[-1])
        done = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])
        until(lambda: instance.get_runs_count(done) == history.months, "every month", 3600)
        times = [(record.start_time or 0.0, record.end_time or 0.0) for record in instance.get_run_records(done)]
    first, last = min(start for start, _ in times), max(end for _, end in times)
    busy = sum(end - start for start, end in times) / (workers * (last - first))
    name = f"{workers} Celery worker{'s' if workers > 1 else ''}"
    return Way(name, last - started, history.months, busy)


# What is written.


def _write(out: Path, history: History, found: list[Way], same: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    about = machine.describe()
    document = {"machine": about, "history": asdict(history), "ways": [asdict(way) for way in found], "same": same}
    (out / "scale_out.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    text = "\n".join(_markdown(about, history, found, same))
    (out / "scale_out.md").write_text(text, encoding="utf-8")
    print(f"\n{text}\nwritten to {out}/scale_out.json and .md")


def _markdown(about: dict[str, str], history: History, found: list[Way], same: bool) -> Iterator[str]:
    yield f"# {history.months} months of {history.size:,} concursos, over many machines in small\n\n{machine.sentence(about)}.\n"
    yield "| way | seconds | months a minute | workers at a month |\n|---|---:|---:|---:|"
    for way in found:
        busy = "" if way.busy is None else f"{way.busy:.0%}"
        yield f"| {way.name} | {way.seconds:,.1f} | {60 * way.months / way.seconds:.1f} | {busy} |"
    yield (
        "\nEverything is on these cores: workers, database, broker, daemon, and the object storage, which is moto's, in Python."
        "\nWhat is seen is the cost of handing months over, and not how it scales: a second worker has no cores of its own here,"
        "\nand a month uses more than one already. With a machine each, workers meet only at the switch of the index."
    )
    yield f"\nThe same versions of every month by each way: {'yes' if same else '**no**'}.\n"


if __name__ == "__main__":
    sys.exit(main())
