"""The graph as a data engineer sees it: layers in flow order, everything described, lineage that leads somewhere."""

import subprocess
import sys

import dagster as dg
import pytest

from assets.quality import quality_report
from guatecompras import tables
from guatecompras.audit.tables import TABLES as AUDIT
from guatecompras.contract import TABLES
from guatecompras.datasets.families import FAMILIES
from guatecompras.ocds import mapping
from guatecompras.quality import CHECKS, rules
from guatecompras.reports.registry import REPORTS
from pipelines.definitions import defs

LAYERS = [
    "source",
    "ocds",
    "tables",
    "quality",
    "downloads",
    "publication",
    "audit",
    "integrity",
    "market",
    "reports",
    "datasets",
    "ckan",
]


@pytest.fixture(scope="module")
def specs() -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in defs.resolve_all_asset_specs()}


def test_data_walks_one_way_through_the_layers(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    """Flow rule 1: no asset reads a later layer."""
    for spec in specs.values():
        layer = LAYERS.index(spec.key.path[0])
        for dep in spec.deps:
            assert dep.asset_key in specs
            assert LAYERS.index(dep.asset_key.path[0]) <= layer


def test_the_layers_hold_what_the_house_names(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    names = {layer: {key.path[1] for key in specs if key.path[0] == layer} for layer in LAYERS}
    assert names["source"] == {*TABLES, "rechazos"}
    assert names["ocds"] == {"releases", "records", "rechazos"}
    assert names["tables"] == set(tables.NAMES)
    assert names["quality"] == {"report"}
    assert names["downloads"] == {"json", "csv", "excel", "parquet"}
    assert names["publication"] == {"changes", "search", "month", "index", "years", "history"}
    assert names["audit"] == set(AUDIT)
    assert names["integrity"] == {"red_flags", "prioridad_de_revision", "indicadores", "estados", "history"}
    assert names["reports"] == set(REPORTS)
    assert names["datasets"] == set(FAMILIES)
    assert names["market"] == {"families"}


def test_every_asset_says_what_it_is(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    for spec in specs.values():
        assert spec.description, spec.key
        assert spec.kinds, spec.key
        assert spec.owners, spec.key
        assert spec.group_name == spec.key.path[0]


def _columns(spec: dg.AssetSpec) -> set[str]:
    return {column.name for column in spec.metadata["dagster/column_schema"].columns}


def test_column_lineage_leads_from_every_table_column_to_the_source(specs: dict[dg.AssetKey, dg.AssetSpec]) -> None:
    constants = {field.path for field in mapping.fields() if not field.sources}
    for name in tables.NAMES:
        spec = specs[dg.AssetKey(["tables", name])]
        lineage = spec.metadata["dagster/column_lineage"].deps_by_column
        assert set(lineage) == _columns(spec)
        for column, deps in lineage.items():
            for dep in deps:
                assert dep.column_name in _columns(specs[dep.asset_key]), (name, column)
    releases = specs[dg.AssetKey(["ocds", "releases"])].metadata["dagster/column_lineage"].deps_by_column
    assert set(releases) | constants == {field.path for field in mapping.fields()}
    for path, deps in releases.items():
        for dep in deps:
            assert dep.column_name in _columns(specs[dep.asset_key]), path


def test_what_blocks_is_an_asset_check_each_and_all_else_one_a_level() -> None:
    found = {spec.name: spec for spec in quality_report.check_specs}
    blocking = {check.id for check in CHECKS if rules.load()[check.id].severity == "block"}
    assert {name for name, spec in found.items() if spec.blocking} == blocking
    told = [check for name, spec in found.items() if name not in blocking for check in spec.metadata["checks"]]
    assert {*told, *blocking} == {check.id for check in CHECKS}
    assert len(told) + len(blocking) == len(CHECKS)


def test_importing_the_definitions_reads_and_writes_nothing(tmp_path: object) -> None:
    """No I/O and no environment at import: a source that does not exist is noticed only when a run reads it. And
    what draws is not loaded: it takes long."""
    code = "import sys, pipelines.definitions as d; print(len(d.defs.assets)); sys.exit('vl_convert' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin:/bin", "GUATECOMPRAS_SOURCE": "sqlite:////nowhere.sqlite", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
