"""The collections through Dagster and through the command: made once, and verified with all else."""

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import dagster as dg

from guatecompras.audit.tables import TABLES as AUDIT
from guatecompras.datasets.families import FAMILIES
from guatecompras.reports.registry import REPORTS
from guatecompras.stores import LocalStore
from pipelines.definitions import build_definitions
from resources.settings import PROJECT
from tests.pipelines.conftest import QUIET


def _run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli", *map(str, words)]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(command, env=kept, capture_output=True, text=True, check=False, cwd=PROJECT)


def test_the_job_gathers_and_the_commands_find_it_so(
    three_versions: Path, store: Path, instance: dg.DagsterInstance
) -> None:
    shutil.copytree(three_versions, store)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job = build_definitions("demo:", str(store)).resolve_job_def("collections")
        result = job.execute_in_process(instance=instance, run_config=QUIET)
    assert result.success
    index = LocalStore(store).index()
    records = sum(month["counts"]["records"] for month in index["months"].values())
    made = {
        event.asset_key.path[1]: event.materialization for event in result.all_events if event.is_step_materialization
    }
    assert set(made) == {"years", "history", "families", *AUDIT}
    assert made["families"].metadata["made now"].value is True
    for name in ("years", "history"):
        materialization = made[name]
        assert materialization.metadata["dagster/row_count"].value == records
        assert materialization.metadata["made"].value == 1
    assert "| years/2026 |" in str(made["years"].metadata["table"].value)

    again = _run("collect", "--store", store)
    assert again.returncode == 0, again.stderr
    assert [line.partition(":")[0] for line in again.stdout.splitlines()] == [
        "years/2026 as it was",
        "history as it was",
        "market as it was",
        "reports/2026-01 made",
        "reports/2026-02 made",
        "datasets/2026-01 made",
        "datasets/2026-02 made",
        "audit as it was",
        "integrity/2026-01 made",
        "integrity/2026-02 made",
        "red_flags made",
    ]
    verified = _run("verify", store)
    assert verified.returncode == 0, verified.stderr
    victim = next((store / "publication" / "years").rglob("*_records.jsonl.gz"))
    victim.write_bytes(victim.read_bytes()[:-1])
    found = _run("verify", store, "--quick")
    assert found.returncode == 1
    assert f"{victim.name}: " in found.stderr


def test_the_reports_of_a_month_are_assets_of_it(
    three_versions: Path, store: Path, instance: dg.DagsterInstance
) -> None:
    shutil.copytree(three_versions, store)

    def run(month: str) -> dg.ExecuteInProcessResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            job = build_definitions("demo:", str(store)).resolve_job_def("reports")
            return job.execute_in_process(
                instance=instance, run_config=QUIET, partition_key=month, raise_on_error=False
            )

    first = run("2026-01")
    assert first.success
    made = {
        event.asset_key.path[1]: event.materialization for event in first.all_events if event.is_step_materialization
    }
    assert set(made) == {*REPORTS, *FAMILIES}
    assert all(one.metadata["made now"].value is True for one in made.values())
    assert set(LocalStore(store).index()["collections"]) == {"reports/2026-01", "datasets/2026-01"}
    again = [event.materialization for event in run("2026-01").all_events if event.is_step_materialization]
    assert all(one.metadata["made now"].value is False for one in again)
    # A month that is not published has no reports.
    assert not run("2025-12").success


def test_the_command_writes_a_report_and_says_what_is_wrong(three_versions: Path, tmp_path: Path) -> None:
    told = _run(
        "report", "por-estatus", "--store", three_versions, "--filter", "anio=2026", "--out", tmp_path / "x.csv"
    )
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "x.csv").read_text("utf-8").startswith("estatus,concursos,")
    listed = _run("report", "--store", three_versions)
    assert all(report in listed.stdout for report in REPORTS)
    for words, reason in (
        (("nada",), "there is no report 'nada'"),
        (("por-estatus", "--filter", "anio=x"), "anio: debe ser un año"),
        (("por-estatus", "--filter", "anio"), "write NAME=VALUE"),
        (("por-estatus", "--out", tmp_path / "x.pdf"), "ends like none of"),
    ):
        refused = _run("report", *words, "--store", three_versions)
        assert refused.returncode != 0
        assert reason in refused.stderr.replace("\n", " ")
        assert "Traceback" not in refused.stderr
