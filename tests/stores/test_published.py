"""Months published through Dagster onto object storage: verified there, and the same bytes as in a folder."""

import sqlite3
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import Month
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore, Store, open_store
from pipelines.cli import main
from pipelines.definitions import build_definitions
from resources.sources.demo import demo_chunks
from resources.sources.sql import write_tables
from resources.sources.uri import open_source
from tests.stores.conftest import ACCESS, SECRET

MONTHS = ("2026-01", "2026-02")
LATE = "2026-09-01 10:00:00"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def _run(job: str, source: str, store: str, month: str | None = None) -> dg.ExecuteInProcessResult:
    with warnings.catch_warnings(), dg.DagsterInstance.ephemeral() as instance:
        warnings.simplefilter("ignore")
        found = build_definitions(source, store).resolve_job_def(job)
        return found.execute_in_process(partition_key=month, instance=instance, run_config=QUIET)


def _publish(store: Store, source: str, month: str) -> None:
    """The same stages, without Dagster."""
    work, _ = MonthWork.extract(store, open_source(source), Month.parse(month), Settings.from_environment())
    for stage in (work.ocds, work.tables, work.report):
        stage()
    work.downloads(DOWNLOADS)
    work.publish()


def _public(store: Store) -> dict[str, bytes]:
    """Every file that is public, by its path."""
    found = {}
    for month, current in store.index()["months"].items():
        for entry in (current, *current["versions"]):
            folder = store.version_folder(month, entry["version"])
            for path in folder.rglob("*"):
                if path.is_file():
                    found[f"months/{month}/{path.relative_to(folder.parent)}"] = path.read_bytes()
    return found


def _undated(found: Any) -> Any:
    """An index without the times of publishing."""
    if isinstance(found, dict):
        return {key: _undated(value) for key, value in found.items() if key != "published"}
    return [_undated(value) for value in found] if isinstance(found, list) else found


def test_months_on_object_storage_are_those_in_a_folder(
    endpoint: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "demo.sqlite"
    source, remote = f"sqlite:///{database}", f"s3://{bucket}/gt?endpoint={endpoint}&region=us-east-1"
    write_tables(source, demo_chunks(Month.parse(MONTHS[0]), len(MONTHS), 40, 1))
    local = LocalStore(tmp_path / "store")
    logged = ""
    for number, month in enumerate((*MONTHS, MONTHS[0])):
        # The last one on a machine that has no work of the version it replaces.
        monkeypatch.setenv("GUATECOMPRAS_WORK", str(tmp_path / f"machine-{number // 2}"))
        result = _run("month", source, remote, month)
        assert result.success
        logged += repr(result.all_events)
        _publish(local, source, month)
        # What the next one finds: an event that came late. (An edit without one would be dated by the clock of each run.)
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(
                "INSERT OR REPLACE INTO eventos SELECT 'late', nog, tipo, estatus_concurso, :time, :time FROM eventos"
                " WHERE nog = (SELECT min(nog) FROM concursos) ORDER BY fecha_registro DESC LIMIT 1",
                {"time": LATE},
            )
            connection.execute(
                "UPDATE concursos SET fecha_actualizacion = ? WHERE nog = (SELECT min(nog) FROM concursos)", [LATE]
            )
    store = open_store(remote)
    assert _undated(store.index()) == _undated(local.index())
    assert [len(entry["versions"]) for entry in store.index()["months"].values()] == [1, 0]
    expected, found = _public(local), _public(store)
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    assert CliRunner().invoke(main, ["collect", "--store", remote]).exit_code == 0
    months = [f"{kind}/{month}" for kind in ("datasets", "integrity", "reports") for month in store.index()["months"]]
    assert set(store.index()["collections"]) == {"history", "years/2026", "market", "audit", "red_flags", *months}
    # Read again by who has no copies yet, and by the asset that does so daily.
    monkeypatch.setenv("GUATECOMPRAS_WORK", str(tmp_path / "another"))
    verified = CliRunner().invoke(main, ["verify", remote])
    assert verified.exit_code == 0, verified.output
    assert "2 months, 3 versions" in verified.output
    assert _run("index", source, remote).success
    told = logged + verified.output + "".join(content.decode("latin-1") for content in found.values())
    assert ACCESS not in told
    assert SECRET not in told


@pytest.mark.parametrize("command", [["verify"], ["publish", "2026-01", "--source", "demo:", "--store"]])
def test_a_store_that_is_down_is_one_clear_line_of_the_command(credentials: None, command: list[str]) -> None:
    told = CliRunner().invoke(main, [*command, "s3://bucket/p?endpoint=http://127.0.0.1:9&retries=0"])
    assert told.exit_code == 1
    assert told.output == (
        "guatecompras: cannot read s3://bucket/p/publication/index.json: http://127.0.0.1:9 cannot be reached\n"
    )
