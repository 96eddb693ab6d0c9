"""The command as operators and scripts call it: exit status, one clear line, nothing half-published."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from resources.settings import PROJECT
from tests.pipelines.conftest import MONTHS, REJECTED, SIZE


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dagster.yaml").write_bytes((PROJECT / "pipelines/deploy/embedded/dagster.yaml").read_bytes())
    return folder


def _run(home: Path, *words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli", *map(str, words)]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        command,
        env=kept | {"DAGSTER_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )


Call = Callable[..., Result]


@pytest.fixture
def call(home: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command in the tests' own process, for what needs no other: to start one takes longer than most of what it does."""
    for name in [name for name in os.environ if name.startswith("GUATECOMPRAS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(*words: str | Path, **environment: str) -> Result:
        done = CliRunner().invoke(main, [*map(str, words)], env={"DAGSTER_HOME": str(home)} | environment)
        assert isinstance(done.exception, SystemExit | None), done.exception
        return done

    return run


def test_publishes_months_side_by_side_and_names_the_one_that_fails(
    home: Path, call: Call, database: Path, store: Path
) -> None:
    """The month between has no concursos: it fails alone, by name and with its reason, and the status says so."""
    words = ("publish", f"{MONTHS[0]}..2026-03", "--source", f"sqlite:///{database}", "--store", store, "--jobs", "2")
    done = _run(home, *words)
    assert done.returncode == 1, done.stderr
    assert sorted(json.loads((store / "publication/index.json").read_bytes())["months"]) == list(MONTHS)
    assert (
        done.stderr.strip()
        == "guatecompras: 2026-03: the source has no concursos of 2026-03: an empty month is not published"
    )
    for month in MONTHS:
        assert month in done.stdout
    assert f"{SIZE}" in done.stdout
    assert str(store) in done.stdout.replace("\n", "")

    verified = _run(home, "verify", store)
    assert verified.returncode == 0
    assert "2 months, 2 versions" in verified.stdout
    victim = next((store / "publication").rglob("records.parquet"))
    victim.write_bytes(victim.read_bytes()[:-1])
    found = call("verify", store)
    assert found.exit_code == 1
    assert "records.parquet" in found.stderr


def test_an_override_reaches_months_side_by_side_and_is_judged_by_the_rules_given(
    home: Path, call: Call, database: Path, store: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in REJECTED:
            connection.execute(statement)
    rules = tmp_path / "rules.toml"
    rules.write_text('[schema]\nseverity = "note"\n', encoding="utf-8")
    words = (
        "publish",
        f"{MONTHS[0]}..{MONTHS[1]}",
        "--source",
        f"sqlite:///{database}",
        "--store",
        store,
        "--jobs",
        "2",
    )
    useless = call(*words, "--accept", "schema", "--why", "x", GUATECOMPRAS_QUALITY_RULES=str(rules))
    assert useless.exit_code == 1
    assert "check 'schema' blocks nothing" in useless.stderr
    assert not (store / "publication").exists()
    assert _run(home, *words, "--accept", "schema", "--why", "se sabe").returncode == 0
    accepted = {
        path.parent.parent.name: json.loads(path.read_bytes())["accepted"]
        for path in (store / "publication").rglob("manifest.json")
    }
    assert accepted == {MONTHS[0]: {"schema": "se sabe"}, MONTHS[1]: {}}


def test_the_environment_names_source_and_store(home: Path, demo_database: Path, store: Path) -> None:
    named = {"GUATECOMPRAS_SOURCE": f"sqlite:///{demo_database}", "GUATECOMPRAS_STORE": str(store)}
    assert _run(home, "publish", MONTHS[0], **named).returncode == 0
    assert _run(home, "verify", **named).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("publish", "2026-13"), "'2026-13' is not a month"),
        (("publish", "2199-01"), "in the future"),
        (("publish", "2019-12"), "before 2020-01"),
        (("publish", "2026-03..2026-01"), "ends before it starts"),
        (("publish", "2026-01", "--source", "sqlite:////nowhere/absent.sqlite"), "absent.sqlite"),
        (("publish", "2026-01", "--source", "ftp://x"), "ftp://x"),
        (("publish", "2026-01", "--source", "demo:?size=no"), "size"),
        (("publish", "2026-01", "--store", "gopher://x"), "gopher://x"),
        (("publish", "2026-01", "--accept", "nothing", "--why", "x"), "there is no check 'nothing' to accept"),
        (("publish", "2026-01", "--accept", "coverage", "--why", "x"), "check 'coverage' blocks nothing"),
        (("demo-source", "--first", "mayo", "--out", "x"), "'mayo' is not a month"),
    ],
)
def test_mistakes_end_in_one_clear_line(call: Call, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = call(*words, GUATECOMPRAS_STORE=str(tmp_path / "untouched"))
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert not (tmp_path / "untouched" / "publication").exists()


def test_a_check_is_accepted_with_its_reason(home: Path, call: Call, database: Path, store: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in REJECTED:
            connection.execute(statement)
    words = ("publish", MONTHS[0], "--source", f"sqlite:///{database}", "--store", store)
    refused = _run(home, *words)
    assert refused.returncode == 1
    assert "these checks failed: schema (1: " in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    alone = call(*words, "--accept", "schema")
    assert alone.exit_code == 2
    assert "each --accept needs its --why" in alone.stderr
    assert _run(home, *words, "--accept", "schema", "--why", "se corrige en junio").returncode == 0
    manifest = next((store / "publication").rglob("manifest.json"))
    assert json.loads(manifest.read_bytes())["accepted"] == {"schema": "se corrige en junio"}


def test_demo_sources_have_the_same_bytes(home: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert (
            _run(
                home, "demo-source", "--first", "2026-01", "--months", "2", "--size", "25", "--out", tmp_path / name
            ).returncode
            == 0
        )
    files = {name: {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two")}
    assert files["one"] == files["two"]
    assert "concursos.csv" in files["one"]
