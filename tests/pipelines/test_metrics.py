"""The numbers of a home and a publication: that they are right, cheap, and what is told when either cannot be read."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy.engine import make_url

from guatecompras.stores import LocalStore
from pipelines.metrics import Numbers
from pipelines.watching.look import look
from resources.alerts import Alerts
from tests.pipelines.recorded import record
from tests.pipelines.test_alerts_conditions import CANCELED, FAILURE, instance, statements
from tests.portal.conftest import PROJECT
from tests.portal.test_metrics import until

__all__ = ["instance", "statements"]
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="Debian's package prometheus is not installed"
)


@pytest.fixture(scope="module")
def public(three_versions: Path) -> LocalStore:
    """Two months, one in its third version. Not to be changed."""
    return LocalStore(three_versions)


def _numbers(instance: dg.DagsterInstance, store: LocalStore) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Numbers(instance, store, seconds=0))
    return registry


def _told(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"guatecompras_{name}", labels)


def test_runs_are_counted_and_the_last_ones_told(instance: dg.DagsterInstance, public: LocalStore) -> None:
    record(instance, "month", "2026-01", NOW - 3 * HOUR, NOW - 2 * HOUR)
    record(instance, "month", "2026-02", NOW - 2 * HOUR, NOW - HOUR, FAILURE)
    record(instance, "month", "2026-02", NOW - HOUR, NOW - HOUR, CANCELED)
    record(instance, "reports", "2026-02", NOW - HOUR)
    found = _numbers(instance, public)
    assert _told(found, "runs", dagster_job="month", status="success") == 1
    assert _told(found, "runs", dagster_job="month", status="failure") == 1
    assert _told(found, "runs", dagster_job="month", status="canceled") == 1
    assert _told(found, "runs", dagster_job="reports", status="started") == 1
    assert _told(found, "runs_now", state="under_way") == 1
    assert _told(found, "runs_now", state="queued") == 0
    assert _told(found, "run_last_duration_seconds", dagster_job="month", status="success") == pytest.approx(3600)
    ended = _told(found, "run_last_ended_timestamp_seconds", dagster_job="month", status="success")
    assert ended == pytest.approx((NOW - 2 * HOUR).timestamp())
    assert _told(found, "failing", dagster_job="month") == 1
    assert _told(found, "failing", dagster_job="index") == 0


def test_what_is_public_is_told(instance: dg.DagsterInstance, public: LocalStore) -> None:
    index, found = public.index(), _numbers(instance, public)
    assert _told(found, "months_published") == 2
    assert _told(found, "publication_sequence") == index["sequence"] == 4
    assert _told(found, "publication_versions") == 4
    files = [file for entry in index["months"].values() for file in entry["files"]]
    assert _told(found, "publication_bytes", format="xlsx") == sum(f["bytes"] for f in files if f["format"] == "xlsx")
    assert _told(found, "month_records", month="2026-02") == index["months"]["2026-02"]["counts"]["records"]
    assert _told(found, "month_failing_checks", month="2026-02", severity="block") is not None
    assert 0 < (_told(found, "month_score", month="2026-01") or 0) <= 100
    newest = max(entry["version"] for entry in index["months"].values())
    data = datetime.fromtimestamp(_told(found, "publication_newest_data_timestamp_seconds") or 0, UTC) - 6 * HOUR
    assert newest.startswith(f"{data:%Y%m%dT%H%M%S}-")


def test_alerts_and_looks_are_told(instance: dg.DagsterInstance, public: LocalStore) -> None:
    record(instance, "index", "", NOW, NOW, FAILURE)
    assert _told(_numbers(instance, public), "watch_last_look_timestamp_seconds") is None
    look(instance, public, Alerts())
    found = _numbers(instance, public)
    assert _told(found, "alerts", kind="run_failed") == 1
    assert _told(found, "alerts", kind="stale") == 0
    assert _told(found, "months_late") == _told(found, "alerts", kind="month_late")
    assert (_told(found, "watch_last_look_timestamp_seconds") or 0) >= NOW.timestamp()


def test_a_publication_that_cannot_be_read_leaves_the_runs(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    store.update_index(lambda index: index | {"sequence": 1})
    (store.root / "publication" / "index.json").write_text("{")
    found = _numbers(instance, store)
    assert _told(found, "up", part="publication") == 0
    assert _told(found, "up", part="home") == 1
    assert _told(found, "runs", dagster_job="month", status="success") == 0
    assert _told(found, "months_late") is None


@pytest.mark.slow  # Dagster tries again for long
def test_a_home_in_postgresql_remembers_what_was_told_and_when_its_server_stops_the_numbers_say_so(
    doomed_server: Any,
    public: LocalStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = make_url(doomed_server.get_uri()).set(drivername="postgresql+psycopg2")
    monkeypatch.setenv("GUATECOMPRAS_DAGSTER_POSTGRES", url.render_as_string(hide_password=False))
    (tmp_path / "shared").mkdir()
    shipped = PROJECT / "pipelines" / "deploy" / "production" / "dagster.yaml"
    (tmp_path / "shared" / "dagster.yaml").write_bytes(shipped.read_bytes())
    for _ in range(2):  # as two machines do
        with dg.DagsterInstance.from_config(str(tmp_path / "shared")) as one:
            if not one.get_runs_count():
                record(one, "index", "", NOW, NOW, FAILURE, tags={"dagster/max_retries": "0"})
                record(one, "ckan", "", NOW, NOW, FAILURE)  # this one, Dagster runs again
            look(one, public, Alerts())
    assert len([line for line in caplog.messages if "CRITICAL index: failed" in line]) == 1
    assert "ckan" not in caplog.text
    with dg.DagsterInstance.from_config(str(tmp_path / "shared")) as one:
        found = _numbers(one, public)
        assert _told(found, "alerts", kind="run_failed") == 1
        caplog.clear()
        doomed_server.cleanup()
        assert 'guatecompras_up{part="home"} 0.0' in generate_latest(found).decode()
    ours = [record.message for record in caplog.records if record.name == "pipelines.metrics"]
    assert set(ours) == {"the home cannot be read: DagsterPostgresException"}


def test_more_runs_are_no_more_queries(instance: dg.DagsterInstance, public: LocalStore, statements: list[str]) -> None:
    counts = []
    for more in (1, 12):
        for number in range(more):
            record(instance, "month", "2026-01", NOW - HOUR + number * timedelta(minutes=1), NOW)
        found = _numbers(instance, public)
        statements.clear()
        generate_latest(found)
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert counts[0] < 120


def test_what_was_read_is_kept_for_some_seconds(
    instance: dg.DagsterInstance, public: LocalStore, statements: list[str]
) -> None:
    registry = CollectorRegistry()
    registry.register(Numbers(instance, public, seconds=60))
    first = generate_latest(registry)
    statements.clear()
    assert generate_latest(registry) == first
    assert statements == []


@needs_promtool
def test_prometheus_finds_nothing_to_object_to(instance: dg.DagsterInstance, public: LocalStore) -> None:
    record(instance, "month", "2026-01", NOW - 3 * HOUR, NOW - 2 * HOUR)
    look(instance, public, Alerts())
    text = generate_latest(_numbers(instance, public))
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@pytest.fixture
def exporter(public: LocalStore, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`guatecompras metrics`, as a service starts it."""
    (tmp_path / "exporting").mkdir()
    (tmp_path / "exporting" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    environment = os.environ | {"DAGSTER_HOME": str(tmp_path / "exporting")}
    command = [sys.executable, "-m", "pipelines.cli", "metrics", "--port", "0", "--store", str(public.root)]
    with open(tmp_path / "told", "w") as told:
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=told, text=True)
    yield process, tmp_path / "told"
    process.kill()
    process.wait()


@pytest.mark.slow
def test_the_command_shows_them_until_it_is_stopped(exporter: tuple[subprocess.Popen[str], Path]) -> None:
    process, told = exporter
    until(lambda: "metrics at http" in told.read_text() or process.poll() is not None)
    address = told.read_text().split()[-1]
    assert "guatecompras_months_published 2.0" in httpx.get(address, timeout=30).text
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert "Traceback" not in told.read_text()
