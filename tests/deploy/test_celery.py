"""Months over many machines, with everything real: Redis, PostgreSQL, object storage, Dagster's daemon, Celery workers. Workers
die, the broker goes away, and what is public in the end is what one machine publishes.
"""

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from guatecompras.months import parse_months
from guatecompras.stores import Store, open_store
from pipelines.machines.variables import MONTHS_VARIABLE
from tests.deploy.cluster import REDIS, Cluster, Redis, cluster, until
from tests.stores.conftest import CUT_BEFORE, Proxy, s3_server

pytestmark = pytest.mark.skipif(REDIS is None, reason="no redis-server here (Debian: redis-server)")

PARTITION = "dagster/partition"
# They also say what else was public when the month was made, which is another each time.
COMPARED_WITH_OTHERS = {"quality.html", "quality.json", "manifest.json"}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def machines(
    tmp_path: Path, redis: Redis, postgres_server: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Cluster]:
    """Two workers' worth of machines; nothing runs yet. The test's parameter is how many concursos a month has."""
    size = getattr(request, "param", 40)
    with (
        s3_server() as endpoint,
        cluster(tmp_path, postgres_server, redis, endpoint, f"demo:?size={size}&seed=1") as made,
    ):
        # What the test itself reads: runs, and what is public.
        for key, value in made.environment.items():
            if key.startswith(("GUATECOMPRAS_", "AWS_")):
                monkeypatch.setenv(key, value)
        monkeypatch.setenv("GUATECOMPRAS_WORK", str(tmp_path / "reader"))
        yield made


def _home(machines: Cluster) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(machines.folder))


def _runs(instance: dg.DagsterInstance, *states: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(statuses=list(states)) if states else None))


def _at_work(machines: Cluster, worker: str, instance: dg.DagsterInstance) -> dg.DagsterRun | None:
    """The run that a worker is in the middle of: some steps are done, some are not."""
    log = machines.log(worker)
    begun = re.findall(r"execute_job\[([0-9a-f-]+)\] received", log)
    tasks = {task for task in begun if f"execute_job[{task}] succeeded" not in log}
    for run in _runs(instance, dg.DagsterRunStatus.STARTED):
        if run.tags.get(DAGSTER_CELERY_TASK_ID_TAG) in tasks:
            done = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_SUCCESS).records
            if done and len(done) < 5:
                return run
    return None


def _waiting_at_the_broker(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """The run that no worker has, when the others are in the middle of theirs."""
    waiting = _runs(instance, dg.DagsterRunStatus.STARTING)
    under_way = _runs(instance, dg.DagsterRunStatus.STARTED)
    sent = all(DAGSTER_CELERY_TASK_ID_TAG in run.tags for run in waiting)
    return waiting if sent and len(waiting) == 1 and len(under_way) == 2 else []


def _told(instance: dg.DagsterInstance, run: dg.DagsterRun, kind: dg.DagsterEventType) -> str:
    """What the run's log says in events of a kind."""
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=kind)]
    return " ".join(event.message or "" for event in events if event is not None)


def _published(instance: dg.DagsterInstance, months: list[str]) -> bool:
    """Whether every month has a run that succeeded, and nothing is under way."""
    done = {run.tags.get(PARTITION) for run in _runs(instance, dg.DagsterRunStatus.SUCCESS)}
    states = {run.status for run in _runs(instance)}
    return done >= set(months) and states <= {
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
    }


def _alone(folder: Path, environment: dict[str, str], months: str) -> "subprocess.Popen[bytes]":
    """The same months on a single machine: the command, with a home and a store of its own."""
    own = {"DAGSTER_HOME": str(folder / "home"), "GUATECOMPRAS_STORE": str(folder / "store")}
    for path in own.values():
        Path(path).mkdir(parents=True)
    command = [str(Path(sys.executable).with_name("guatecompras")), "publish", months]
    with open(folder / "log", "wb") as log:
        return subprocess.Popen(command, env=environment | own, stdout=log, stderr=log)


def _digests(store: Store) -> dict[str, str]:
    """Every data file that is public, by month, version and name: the sha256 of its bytes, which is what the index says."""
    found = {}
    for month, entry in store.index()["months"].items():
        folder = store.version_folder(month, entry["version"])
        listed = {file["path"]: file["sha256"] for file in entry["files"]}
        for path in filter(Path.is_file, folder.rglob("*")):
            name = str(path.relative_to(folder))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            assert listed.get(name, digest) == digest
            if name not in COMPARED_WITH_OTHERS:
                found[f"{month}/{entry['version']}/{name}"] = digest
    return found


def _assert_same_as_alone(machines: Cluster, alone: "subprocess.Popen[bytes]", months: list[str]) -> None:
    assert alone.wait(600) == 0, (machines.folder / "alone" / "log").read_text()
    single = open_store(str(machines.folder / "alone" / "store"))
    many = open_store(machines.environment["GUATECOMPRAS_STORE"])
    assert sorted(many.index()["months"]) == months
    expected = _digests(single)
    assert len(expected) > 20 * len(months)
    assert _digests(many) == expected


def _lose_a_worker(machines: Cluster, first: str, last: str, seconds: float) -> None:
    """Publish months over two workers, of which one loses its power in the middle of a month."""
    months = [str(month) for month in parse_months([f"{first}..{last}"])]
    alone = _alone(machines.folder / "alone", machines.environment, f"{first}..{last}")
    machines.start_daemon()
    machines.start_worker("one")
    machines.start_worker("two")
    machines.backfill(first, last)
    with _home(machines) as instance:
        lost = until(lambda: _at_work(machines, "one", instance), "a month in the middle", seconds)
        machines.kill("one")
        until(lambda: _published(instance, months), "every month", seconds)
        # Found lost by nobody's looking, and run again elsewhere.
        (failed,) = _runs(instance, dg.DagsterRunStatus.FAILURE)
        assert failed.run_id == lost.run_id
        assert "Nothing has been heard of months-" in _told(instance, lost, dg.DagsterEventType.RUN_FAILURE)
        of_months = Counter(run.tags[PARTITION] for run in _runs(instance))
        assert of_months == {month: 1 + (month == lost.tags[PARTITION]) for month in months}
    _assert_same_as_alone(machines, alone, months)


@pytest.mark.parametrize("machines", [100], indirect=True)
def test_a_month_whose_machine_is_gone_is_published_by_another(machines: Cluster) -> None:
    _lose_a_worker(machines, "2026-01", "2026-02", 90)
    # What went between the machines is in no log and no file of theirs: of passwords, at least.
    for path in machines.folder.glob("*/log"):
        assert "planted-redis-password" not in path.read_text(errors="replace"), path
    assert not [
        path for path in machines.folder.glob("*/home/**/*") if path.is_file() and b"planted-redis" in path.read_bytes()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("machines", [300], indirect=True)
def test_two_years_over_two_machines_are_those_of_one_though_one_dies(machines: Cluster) -> None:
    _lose_a_worker(machines, "2024-01", "2025-12", 600)


@pytest.mark.slow
@pytest.mark.parametrize("machines", [300], indirect=True)
@pytest.mark.parametrize("keeps", [True, False], ids=["keeps its queue", "loses its queue"])
def test_a_broker_that_is_away_for_a_while_loses_no_month(machines: Cluster, redis: Redis, keeps: bool) -> None:
    months = [str(month) for month in parse_months(["2026-01..2026-06"])]
    alone = _alone(machines.folder / "alone", machines.environment, "2026-01..2026-06")
    if not keeps:
        redis.kill()
        redis.keeps = False
        redis.start()
    # One more than there are workers: it waits at the broker.
    machines.environment[MONTHS_VARIABLE] = "3"
    machines.start_daemon()
    machines.start_worker("one")
    machines.start_worker("two")
    machines.backfill(months[0], months[-1])
    with _home(machines) as instance:
        (waiting,) = until(lambda: _waiting_at_the_broker(instance), "a month at the broker")
        redis.kill()
        # What is under way goes on to its end; nothing new begins.
        until(lambda: len(_runs(instance, dg.DagsterRunStatus.SUCCESS)) == 2, "what was under way")
        redis.start()
        until(lambda: _published(instance, months), "every month", 300)
        failed = _runs(instance, dg.DagsterRunStatus.FAILURE)
        assert [run.run_id for run in failed] == ([] if keeps else [waiting.run_id])
        again = dict.fromkeys(months, 1) | {run.tags[PARTITION]: 2 for run in failed}
        assert Counter(run.tags[PARTITION] for run in _runs(instance)) == again
    _assert_same_as_alone(machines, alone, months)


@pytest.mark.slow
@pytest.mark.parametrize("machines", [3000], indirect=True)
def test_a_cancelled_month_stays_cancelled_and_one_that_lost_its_process_does_not(machines: Cluster) -> None:
    machines.start_daemon()
    machines.start_worker("one")
    machines.backfill("2026-01", "2026-01")
    with _home(machines) as instance:
        first = until(lambda: _at_work(machines, "one", instance), "a month in the middle")
        # What the UI's button does.
        assert instance.run_coordinator.cancel_run(first.run_id)
        until(lambda: _runs(instance, dg.DagsterRunStatus.CANCELED), "the end of the run", 60)
        # The worker itself is there, and takes the next one; the kernel ends the process in the middle, as where memory is short.
        machines.backfill("2026-02", "2026-02")
        second = until(lambda: _at_work(machines, "one", instance), "a month in the middle")
        told = _told(instance, second, dg.DagsterEventType.ENGINE_EVENT)
        os.kill(int(re.findall(r"Started process for run \(pid: (\d+)\)", told)[-1]), signal.SIGKILL)
        until(lambda: _published(instance, ["2026-02"]), "the month", 120)
        assert machines.stop("one") == 0
        assert Counter(run.tags[PARTITION] for run in _runs(instance)) == {"2026-01": 1, "2026-02": 2}
        (lost,) = _runs(instance, dg.DagsterRunStatus.FAILURE)
        assert "process died" in _told(instance, lost, dg.DagsterEventType.RUN_FAILURE)


@pytest.mark.slow
@pytest.mark.parametrize("machines", [100], indirect=True)
def test_a_machine_that_is_cut_off_from_the_storage_leaves_its_months_to_others(machines: Cluster) -> None:
    months = [str(month) for month in parse_months(["2026-01..2026-06"])]
    alone = _alone(machines.folder / "alone", machines.environment, "2026-01..2026-06")
    address = machines.environment["GUATECOMPRAS_STORE"]
    endpoint = re.findall(r"endpoint=([^&]+)", address)[0]
    # Each machine has a way of its own to the same bucket.
    machines.environment["GUATECOMPRAS_STORE"] = address.replace(f"endpoint={endpoint}&", "")
    machines.environment["AWS_ENDPOINT_URL"] = endpoint
    way = Proxy(endpoint)
    threading.Thread(target=way.serve_forever, args=(0.01,), daemon=True).start()
    machines.start_daemon()
    machines.start_worker("one", AWS_ENDPOINT_URL=way.endpoint)
    machines.start_worker("two")
    machines.backfill(months[0], months[-1])
    with _home(machines) as instance:
        lost = until(lambda: _at_work(machines, "one", instance), "a month in the middle")
        way.act = lambda method, path: CUT_BEFORE
        until(lambda: _published(instance, months), "every month", 300)
        (failed,) = _runs(instance, dg.DagsterRunStatus.FAILURE)
        assert failed.run_id == lost.run_id
    way.shutdown()
    way.server_close()
    machines.environment["GUATECOMPRAS_STORE"] = address
    _assert_same_as_alone(machines, alone, months)
