"""A home that was lost without a backup learns from the publication which months are public."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from guatecompras.stores import LocalStore
from pipelines.cli import main
from pipelines.home import HOME_VARIABLE, opened
from pipelines.homes.rebuilding import PUBLISHED
from resources.settings import PROJECT


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copy(PROJECT / "pipelines" / "deploy" / "embedded" / "dagster.yaml", folder)
    monkeypatch.setenv(HOME_VARIABLE, str(folder))


@pytest.mark.usefixtures("empty_home")
def test_months_that_are_public_are_known_again_once(three_versions: Path) -> None:
    index = LocalStore(three_versions).index()
    said = CliRunner().invoke(main, ["home", "rebuild", "--store", str(three_versions)])
    assert said.exit_code == 0, said.output
    assert all(month in said.output for month in index["months"])
    with opened() as instance:
        assert instance.get_materialized_partitions(PUBLISHED) == set(index["months"])
        for month, entry in index["months"].items():
            filters = dg.AssetRecordsFilter(asset_key=PUBLISHED, asset_partitions=[month])
            (record,) = instance.fetch_materializations(filters, limit=10).records
            assert record.asset_materialization is not None
            assert record.asset_materialization.metadata["version"].value == entry["version"]
    again = CliRunner().invoke(main, ["home", "rebuild", "--store", str(three_versions)])
    assert "nothing to add" in again.output
    assert LocalStore(three_versions).index() == index
