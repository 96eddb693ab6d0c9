"""The collections through Dagster and through the command: made once, and verified with all else."""

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import dagster as dg

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
    assert set(made) == {"years", "history"}
    for materialization in made.values():
        assert materialization.metadata["dagster/row_count"].value == records
        assert materialization.metadata["made"].value == 1
    assert "| years/2026 |" in str(made["years"].metadata["table"].value)

    again = _run("collect", "--store", store)
    assert again.returncode == 0, again.stderr
    assert [line.partition(":")[0] for line in again.stdout.splitlines()] == [
        "years/2026 as it was",
        "history as it was",
    ]
    verified = _run("verify", store)
    assert verified.returncode == 0, verified.stderr
    victim = next((store / "publication" / "years").rglob("*_records.jsonl.gz"))
    victim.write_bytes(victim.read_bytes()[:-1])
    found = _run("verify", store, "--quick")
    assert found.returncode == 1
    assert f"{victim.name}: " in found.stderr
