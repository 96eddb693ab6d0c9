"""The whole of it: a real daemon over the shipped home, whose sensors send mail about real runs, and which knows what is fresh."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState

from pipelines.definitions import build_definitions
from resources.settings import PROJECT
from tests import receiving
from tests.pipelines.conftest import MONTHS, REJECTED
from tests.receiving import MailServer

PUBLISHED = dg.AssetKey(["publication", "month"])


def test_what_is_published_has_to_be_fresh() -> None:
    graph = build_definitions().resolve_asset_graph()
    policies = {key: graph.get(key).freshness_policy_or_from_metadata for key in graph.get_all_asset_keys()}
    assert [key for key, policy in policies.items() if policy] == [PUBLISHED]
    policy = policies[PUBLISHED]
    assert policy is not None
    assert policy.fail_window.to_timedelta().total_seconds() == 36 * 3600  # type: ignore[attr-defined]


def _command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli", *words]
    return subprocess.run(
        command, cwd=PROJECT, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False
    )


@contextmanager
def _daemon(folder: Path, **environment: str) -> Iterator[Path]:
    """Over the project's definitions, in a group of its own, which ends with it."""
    log = folder / "daemon.log"
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(PROJECT / "workspace.yaml")]
    with open(log, "w") as told:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=os.environ | environment, stdout=told, stderr=told, start_new_session=True
        )
    try:
        yield log
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _until(holds: Callable[[], object], log: Path) -> None:
    end = time.monotonic() + 240
    while not holds():
        assert time.monotonic() < end, log.read_text()[-4000:]
        time.sleep(0.5)  # between two looks at others' work


def _mailed(server: MailServer, words: str) -> bool:
    return any(words in str(mail["Subject"]) for mail in server.box.got)


@pytest.mark.slow
def test_a_daemon_sends_mail_about_what_really_fails(database: Path, tmp_path: Path) -> None:
    home, store = tmp_path / "home", tmp_path / "store"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((PROJECT / "pipelines/deploy/embedded/dagster.yaml").read_bytes())
    with receiving.mail_server(tmp_path) as server:
        environment = {
            "DAGSTER_HOME": str(home),
            "GUATECOMPRAS_STORE": str(store),
            "GUATECOMPRAS_SOURCE": f"sqlite:///{database}",
            "GUATECOMPRAS_DAGSTER_URL": "https://dagster.example.gt",
            "GUATECOMPRAS_ALERT_SMTP_HOST": "127.0.0.1",
            "GUATECOMPRAS_ALERT_SMTP_PORT": str(server.port),
            "GUATECOMPRAS_ALERT_SMTP_USER": receiving.USER,
            "GUATECOMPRAS_ALERT_SMTP_PASSWORD": receiving.PASSWORD,
            "GUATECOMPRAS_ALERT_MAIL_FROM": "alertas@example.gt",
            "GUATECOMPRAS_ALERT_MAIL_TO": "guardia@example.gt",
            "SSL_CERT_FILE": str(server.certificate),
        }
        assert _command("publish", MONTHS[0], **environment).returncode == 0
        with closing(sqlite3.connect(database)) as connection, connection:
            for statement in REJECTED:
                connection.execute(statement)
        assert _command("publish", MONTHS[0], **environment).returncode == 1
        with _daemon(tmp_path, **environment) as log:
            _until(lambda: _mailed(server, f"CRITICAL {MONTHS[0]}: stopped by the quality gate"), log)
            _until(lambda: _state(home) is FreshnessState.PASS, log)
            # The next look of `watch` is minutes away: the sensor of runs that fail is what is heard of next.
            with closing(sqlite3.connect(database)) as connection, connection:
                connection.execute("DROP TABLE partes")
            assert _command("publish", MONTHS[1], **environment).returncode == 1
            _until(lambda: _mailed(server, f"CRITICAL {MONTHS[1]}: month failed"), log)
        told = next(mail for mail in server.box.got if MONTHS[1] in str(mail["Subject"]))
        assert "Run: https://dagster.example.gt/runs/" in told.get_content()
        assert all(server.box.encrypted)


def _state(home: Path) -> FreshnessState | None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        found = instance.get_freshness_state_records([PUBLISHED]).get(PUBLISHED)
    return found.freshness_state if found else None
