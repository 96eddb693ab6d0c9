"""The flags through Dagster: a month's partition, where it says its columns come from, and a month that is not there."""

import shutil
import warnings
from pathlib import Path

import dagster as dg

from guatecompras.integrity.registry import INDICATORS
from pipelines.definitions import build_definitions
from tests.pipelines.conftest import QUIET


def test_the_job_makes_the_flags_of_a_month_and_tells_where_they_come_from(
    three_versions: Path, store: Path, instance: dg.DagsterInstance
) -> None:
    shutil.copytree(three_versions, store)
    definitions = build_definitions("demo:", str(store))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = definitions.resolve_job_def("integrity").execute_in_process(
            instance=instance, partition_key="2026-02", run_config=QUIET
        )
    assert result.success
    made = {
        event.asset_key.path[1]: event.materialization for event in result.all_events if event.is_step_materialization
    }
    assert set(made) == {"red_flags", "prioridad_de_revision", "indicadores", "estados"}
    assert made["indicadores"].metadata["dagster/row_count"].value == len(INDICATORS)
    assert made["red_flags"].metadata["months looked at"].value == 2
    graph = definitions.resolve_asset_graph()
    key = dg.AssetKey(["integrity", "red_flags"])
    assert dg.AssetKey(["tables", "bids"]) in graph.get(key).parent_keys
    lineage = graph.get(key).metadata["dagster/column_lineage"]
    read = {(dep.asset_key.path[1], dep.column_name) for dep in lineage.deps_by_column["valor"]}
    assert ("bids", "value_amount") in read
    assert ("records", "tender_numberOfTenderers") in read


def test_the_first_month_of_all_has_none_before_it(
    store: Path, three_versions: Path, instance: dg.DagsterInstance
) -> None:
    shutil.copytree(three_versions, store)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job = build_definitions("demo:", str(store)).resolve_job_def("integrity")
        failed = job.execute_in_process(
            instance=instance, partition_key="2020-01", run_config=QUIET, raise_on_error=False
        )
    assert not failed.success
    (event,) = [event for event in failed.all_events if event.is_step_failure]
    assert "2020-01 is not published" in str(event.event_specific_data)
