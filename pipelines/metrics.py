"""What a Dagster home and a publication are like, as numbers for Prometheus. The portal's own are `portal/http/metrics.py`'s.

Read when Prometheus asks, and kept for some seconds: few queries however many runs there are, and no file of a version twice.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg
from dagster_postgres.utils import DagsterPostgresException
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from guatecompras.errors import GuatecomprasError, StoreError
from guatecompras.month import QUALITY_JSON
from guatecompras.publication import MANIFEST, data_time, is_version, placed
from guatecompras.quality.report.document import score_in
from guatecompras.stores import Store
from pipelines.watching.conditions import late_months
from pipelines.watching.facts import Facts, gather
from pipelines.watching.kinds import KINDS
from pipelines.watching.memory import recall
from pipelines.watching.runs import JOBS

_KEPT_SECONDS = 15.0
# Not `job`: that is what Prometheus calls what it reads.
_JOB = "dagster_job"
# Of the newest months what is in them is told; older ones hardly change.
_NEWEST = 3
_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
# What a home that cannot be reached raises, PostgreSQL after some seconds of trying.
_HOME_FAULTS = (SQLAlchemyError, DagsterPostgresException, dg.DagsterError, OSError)

log = logging.getLogger(__name__)

Series = Iterable[tuple[tuple[str, ...], float]]


def gauge(name: str, meaning: str, labels: tuple[str, ...], series: Series) -> Metric:
    found = GaugeMetricFamily(f"guatecompras_{name}", meaning, labels=labels)
    for values, number in series:
        found.add_metric(values, number)
    return found


class Numbers(Collector):
    """All that is told of a home and a store. `seconds`: how long what was read is told again."""

    def __init__(self, instance: dg.DagsterInstance, store: Store, seconds: float = _KEPT_SECONDS) -> None:
        self._instance, self._store, self._seconds = instance, store, seconds
        self._inside = Inside(store)
        self._kept: tuple[float, list[Metric]] | None = None
        self._one_at_a_time = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        with self._one_at_a_time:
            if self._kept is None or time.monotonic() - self._kept[0] > self._seconds:
                self._kept = (time.monotonic(), self._read())
            yield from self._kept[1]

    def _read(self) -> list[Metric]:
        began = time.perf_counter()
        up = {"home": 1.0, "publication": 0.0}
        found: list[Metric] = []
        try:
            facts = gather(self._instance, self._store)
            found += [*of_runs(self._instance), *of_watching(self._instance, facts)]
        except _HOME_FAULTS as error:
            # Its words may hold the database's address.
            log.warning("the home cannot be read: %s", type(error).__name__)
            return [_up({"home": 0.0}), _took(began)]
        if facts.index is not None:
            up["publication"] = 1.0
            found += [*of_publication(facts.index), *self._inside.of_newest(facts.index)]
        return [_up(up), *found, _took(began)]


def _up(parts: Mapping[str, float]) -> Metric:
    return gauge("up", "Whether it could be read.", ("part",), [((part,), value) for part, value in parts.items()])


def _took(began: float) -> Metric:
    seconds = time.perf_counter() - began
    return gauge("read_seconds", "Seconds that reading all this took.", (), [((), seconds)])


def of_runs(instance: dg.DagsterInstance) -> Iterator[Metric]:
    """How many there are, how the last ones went."""
    counts: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], dg.RunRecord] = {}
    for job in JOBS:
        for status in _ENDED:
            asked = dg.RunsFilter(job_name=job, statuses=[status])
            counts[job, status.value.lower()] = instance.get_runs_count(asked)
            if counts[job, status.value.lower()] and status is not dg.DagsterRunStatus.CANCELED:
                last[job, status.value.lower()] = instance.get_run_records(asked, limit=1)[0]
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_UNDER_WAY))):
        counts[run.job_name, run.status.value.lower()] += 1
    yield gauge("runs", "Runs that the home keeps, by job and status.", (_JOB, "status"), counts.items())
    yield gauge(
        "run_last_ended_timestamp_seconds",
        "When a job last ended so.",
        (_JOB, "status"),
        [(key, record.end_time) for key, record in last.items() if record.end_time],
    )
    yield gauge(
        "run_last_duration_seconds",
        "How long the last run took that ended so.",
        (_JOB, "status"),
        [
            (key, record.end_time - record.start_time)
            for key, record in last.items()
            if record.end_time and record.start_time
        ],
    )
    under_way = {status.value.lower() for status in _UNDER_WAY} - {"queued"}
    waiting = {
        "queued": sum(n for (_, status), n in counts.items() if status == "queued"),
        "under_way": sum(n for (_, status), n in counts.items() if status in under_way),
    }
    yield gauge(
        "runs_now", "Runs that wait and that are under way.", ("state",), [((k,), float(n)) for k, n in waiting.items()]
    )


def of_watching(instance: dg.DagsterInstance, facts: Facts) -> Iterator[Metric]:
    """Months that fail or are late, alerts that hold, who looks."""
    memory = recall(instance)
    failing = Counter(run.job for run in facts.failing)
    yield gauge(
        "failing",
        "Months (or jobs without months) whose last run failed, by job.",
        (_JOB,),
        [((job,), float(failing[job])) for job in JOBS],
    )
    if facts.index is not None:
        yield gauge("months_late", "Months not published in time.", (), [((), float(len(late_months(facts))))])
    holding = Counter(entry.alert.kind for entry in memory.holding.values())
    yield gauge("alerts", "Alerts that hold, by kind.", ("kind",), [((kind,), float(holding[kind])) for kind in KINDS])
    looked = [((), memory.looked.timestamp())] if memory.looked else []
    yield gauge("watch_last_look_timestamp_seconds", "When it was last looked for what is wrong.", (), looked)
    # One that was needed once, by another configuration, is not missed.
    beats, needed = instance.get_daemon_heartbeats(), set(instance.get_required_daemon_types())
    yield gauge(
        "daemon_heartbeat_timestamp_seconds",
        "When each of Dagster's daemons last said that it lives.",
        ("daemon",),
        [((name.lower(),), beat.timestamp) for name, beat in beats.items() if name in needed],
    )


def of_publication(index: Mapping[str, Any]) -> Iterator[Metric]:
    """What is public, by its index."""
    months = index["months"].values()
    yield gauge("months_published", "Months that are public.", (), [((), float(len(months)))])
    yield gauge("publication_sequence", "Number of the last commit to the index.", (), [((), float(index["sequence"]))])
    yield gauge(
        "publication_versions",
        "Versions of months that the index knows, current ones too.",
        (),
        [((), float(sum(1 + len(entry["versions"]) for entry in months)))],
    )
    sizes: Counter[str] = Counter()
    for entry in months:
        for file in entry["files"]:
            sizes[file["format"]] += file["bytes"]
    yield gauge(
        "publication_bytes",
        "Bytes of the current versions of all months, by format.",
        ("format",),
        [((name,), float(size)) for name, size in sorted(sizes.items())],
    )
    records = sum(entry["counts"].get("records", 0) for entry in months)
    yield gauge("publication_records", "Records of all months.", (), [((), float(records))])
    if months:
        published = max(datetime.fromisoformat(entry["published"]) for entry in months)
        yield gauge(
            "publication_last_published_timestamp_seconds",
            "When a month was last published anew.",
            (),
            [((), published.timestamp())],
        )
    newest = max((data_time(entry["version"]) for entry in months if is_version(entry["version"])), default=None)
    if newest:
        yield gauge(
            "publication_newest_data_timestamp_seconds",
            "Of when the newest published data is.",
            (),
            [((), newest.timestamp())],
        )


class Inside:
    """What is in the newest months: read once of each version, which never changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, str], dict[str, float]] = {}

    def of_newest(self, index: Mapping[str, Any]) -> Iterator[Metric]:
        newest = {
            month: self._of(month, index["months"][month]["version"]) for month in sorted(index["months"])[-_NEWEST:]
        }
        for name, meaning in (
            ("records", "Records of one of the newest months."),
            ("rejected", "Concursos of one of the newest months that are not published."),
            ("reject_rows", "Rows and values of one of the newest months that were left out."),
            ("score", "Quality score of one of the newest months, 0 to 100."),
        ):
            told = [((month,), values[name]) for month, values in newest.items() if name in values]
            yield gauge(f"month_{name}", meaning, ("month",), told)
        found = [
            ((month, severity), values[f"findings {severity}"])
            for month, values in newest.items()
            for severity in ("block", "warn", "note")
            if f"findings {severity}" in values
        ]
        yield gauge("month_failing_checks", "Checks that one of the newest months fails.", ("month", "severity"), found)

    def _of(self, month: str, version: str) -> dict[str, float]:
        if (month, version) not in self._known:
            try:
                self._known[month, version] = self._inside(month, version)
            except StoreError as error:
                log.warning("%s: %s", month, error)
                return {}
        return self._known[month, version]

    def _inside(self, month: str, version: str) -> dict[str, float]:
        folder = self._store.version_folder(month, version, {MANIFEST, QUALITY_JSON})
        manifest, _ = placed(folder)
        failing = Counter(check["severity"] for check in manifest["checks"] if not check["passed"])
        told = {name: float(manifest["counts"].get(name, 0)) for name in ("records", "rejected", "reject_rows")}
        told |= {f"findings {severity}": float(failing[severity]) for severity in ("block", "warn", "note")}
        score = score_in(folder)
        return told | ({"score": score} if score is not None else {})


def serve(
    instance: dg.DagsterInstance, store: Store, host: str, port: int, told: Callable[[str], None]
) -> Callable[[], None]:
    """Show the numbers at a port (0: any that is free) from another thread. Returns what ends it. Raises GuatecomprasError when the
    address cannot be had."""
    registry = CollectorRegistry()
    registry.register(Numbers(instance, store))
    shown = f"[{host}]" if ":" in host else host
    try:
        server, thread = start_http_server(port, host, registry)
    except (OSError, OverflowError) as error:
        raise GuatecomprasError(f"cannot show metrics at http://{shown}:{port}: {error}") from error
    told(f"http://{shown}:{server.server_port}/metrics")

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
