"""What is shipped for Prometheus and Grafana: rules that fire when they should, a dashboard that asks for what there is."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from guatecompras.stores import LocalStore
from pipelines.metrics import Numbers
from pipelines.watching.look import look
from resources.alerts import Alerts
from tests.pipelines.recorded import record
from tests.portal.conftest import PROJECT, Server, serving
from tests.portal.test_metrics import metrics_address, until

DEPLOY = PROJECT / "pipelines" / "deploy"
RULES, CONFIG = DEPLOY / "prometheus" / "alerts.yml", DEPLOY / "prometheus" / "prometheus.yml"
DASHBOARD = DEPLOY / "grafana" / "guatecompras.json"
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
_NAME = re.compile(r"\bguatecompras_\w+")
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="Debian's package prometheus is not installed"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, three_versions: Path) -> Path:
    """A home with runs that succeeded and failed, in which somebody looked and a daemon lives."""
    from dagster._daemon.types import DaemonHeartbeat

    folder = tmp_path_factory.mktemp("home")
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        record(instance, "month", "2026-01", NOW - 3 * HOUR, NOW - 2 * HOUR)
        record(instance, "month", "2026-02", NOW - 3 * HOUR, NOW - 2 * HOUR, dg.DagsterRunStatus.FAILURE)
        look(instance, LocalStore(three_versions), Alerts())
        instance.add_daemon_heartbeat(DaemonHeartbeat(NOW.timestamp(), "SENSOR", "here", None))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("portal")


@pytest.fixture(scope="module")
def portal(three_versions: Path, folder: Path) -> Iterator[Server]:
    with serving(three_versions, folder, more=("--metrics-port", "0")) as server:
        httpx.get(f"{server.url}/files")
        yield server


@pytest.fixture(scope="module")
def names(home: Path, three_versions: Path, portal: Server, folder: Path) -> set[str]:
    """Of everything that is really told."""
    registry = CollectorRegistry()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        registry.register(Numbers(instance, LocalStore(three_versions)))
        texts = [generate_latest(registry).decode(), httpx.get(metrics_address(folder)).text]
    families = [family for text in texts for family in text_string_to_metric_families(text)]
    samples = [sample for family in families for sample in family.samples]
    # Prometheus' own, for what it reads: ours would be renamed.
    assert not [sample for sample in samples if {"job", "instance"} & sample.labels.keys()]
    return {sample.name for sample in samples}


def _panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def _queries() -> list[tuple[str, str]]:
    return [(panel["title"], target["expr"]) for panel in _panels() for target in panel["targets"]]


def test_the_dashboard_asks_only_for_what_is_told_and_for_all_of_it(names: set[str]) -> None:
    asked = {name for _, query in _queries() for name in _NAME.findall(query)}
    assert len(_queries()) > 30
    assert asked - names == set()
    # A histogram's and all that is told beside a number of its own.
    assert names - asked == set()


def test_the_rules_ask_only_for_what_is_told(names: set[str]) -> None:
    asked = set(_NAME.findall(re.sub(r"annotations:.*?(?=- alert|\Z)", "", RULES.read_text(), flags=re.DOTALL)))
    assert asked
    assert asked - names == set()


def test_the_dashboard_is_laid_out_without_overlaps() -> None:
    board = json.loads(DASHBOARD.read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    assert all(target["datasource"]["uid"] == "${datasource}" for panel in _panels() for target in panel["targets"])


@needs_promtool
@pytest.mark.parametrize(
    "words",
    [
        ("check", "config", str(CONFIG)),
        ("check", "rules", str(RULES)),
        ("test", "rules", "tests/deploy/rules_test.yml"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_promtool_passes(words: tuple[str, ...]) -> None:
    ended = subprocess.run(["promtool", *words], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@needs_promtool
def test_every_rule_is_tried() -> None:
    rules = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    tried = (PROJECT / "tests" / "deploy" / "rules_test.yml").read_text()
    assert rules == set(re.findall(r"alertname: (\w+)", tried))


@contextmanager
def _exporter(home: Path, store: Path, folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "pipelines.cli", "metrics", "--port", "0", "--store", str(store)]
    with open(folder / "exporter.log", "w") as told:
        process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | {"DAGSTER_HOME": str(home)}, stderr=told)
    try:
        until(lambda: "metrics at http" in (folder / "exporter.log").read_text())
        yield (folder / "exporter.log").read_text().split()[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def _prometheus(folder: Path, targets: dict[str, str]) -> Iterator[httpx.Client]:
    """A real one over the shipped configuration, at these addresses and every two seconds."""
    text = (
        CONFIG.read_text()
        .replace("_interval: 30s", "_interval: 2s")
        .replace("scrape_timeout: 25s", "scrape_timeout: 2s")
    )
    for ours, theirs in targets.items():
        assert ours in text
        text = text.replace(ours, theirs)
    (folder / "prometheus.yml").write_text(text)
    shutil.copy(RULES, folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with open(folder / "prometheus.log", "w") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        process.terminate()
        process.wait(30)


def _values(client: httpx.Client, query: str) -> list[dict[str, Any]]:
    try:
        response = client.get("/api/v1/query", params={"query": query})
    except httpx.TransportError:
        return []
    if response.status_code == 503:  # it is starting
        return []
    answer = response.json()
    assert answer["status"] == "success", (query, answer)
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Debian's package prometheus is not installed")
def test_a_real_prometheus_has_an_answer_to_every_question_of_the_dashboard(
    home: Path, three_versions: Path, portal: Server, folder: Path, tmp_path: Path
) -> None:
    with _exporter(home, three_versions, tmp_path) as address:
        shown = {
            "127.0.0.1:9464": address.removeprefix("http://").removesuffix("/metrics"),
            "127.0.0.1:9465": metrics_address(folder).removeprefix("http://").removesuffix("/metrics"),
        }
        with _prometheus(tmp_path, shown) as client:
            until(lambda: len(_values(client, "up == 1")) == 2)
            httpx.get(f"{portal.url}/files")
            until(lambda: _values(client, "rate(guatecompras_portal_requests_total[5m]) > 0"))
            for title, query in _queries():
                found = _values(client, query)
                assert found, (title, query)
                assert all(one["value"][1] != "NaN" for one in found), (title, query)
            groups = client.get("/api/v1/rules").json()["data"]["groups"]
            until(lambda: _all_evaluated(client))
            assert sum(len(group["rules"]) for group in groups) == 10


def _all_evaluated(client: httpx.Client) -> bool:
    groups = client.get("/api/v1/rules").json()["data"]["groups"]
    health = [rule["health"] for group in groups for rule in group["rules"]]
    assert "err" not in health
    return set(health) == {"ok"}
