"""The published flags: as files, again from their manifest, with an operator's list."""

import shutil
from pathlib import Path

import openpyxl
import orjson
import polars as pl
import pytest

from guatecompras.errors import GuatecomprasError
from guatecompras.gathered.collect import bring
from guatecompras.integrity import again, history, monthly, sanctions
from guatecompras.integrity.columns import BUYERS, FLAGS, REVIEW, SUMMARY
from guatecompras.integrity.registry import INDICATORS
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore


@pytest.fixture
def own(three_versions: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(three_versions, tmp_path / "own")
    return LocalStore(tmp_path / "own")


def _brought(store: LocalStore, rules: monthly.Rules | None = None) -> list[str]:
    given = rules or monthly.Rules()
    made = bring(store, lambda parts: [monthly.plan(store, part, parts, given) for part in parts])
    made += bring(store, lambda parts: history.plan(store, parts))
    return [one.name for one in made if one.made]


def _folder(store: LocalStore, name: str) -> Path:
    return store.collection_folder(f"{name}/{store.index()['collections'][name]['version']}")


def test_every_format_of_a_month_says_the_same(own: LocalStore, tmp_path: Path) -> None:
    assert _brought(own) == ["integrity/2026-01", "integrity/2026-02", "red_flags"]
    assert _brought(own) == []
    folder = _folder(own, "integrity/2026-02")
    for table in (FLAGS, REVIEW, SUMMARY):
        stem = folder / f"2026-02_{table.id}"
        rows = pl.read_parquet(f"{stem}.parquet")
        assert rows.columns == table.names
        assert rows.height
        text = pl.read_csv(f"{stem}.csv", infer_schema=False)
        assert (text.columns, text.height) == (table.names, rows.height)
        assert len(orjson.loads(Path(f"{stem}.json").read_bytes())) == rows.height
        sheet = openpyxl.load_workbook(f"{stem}.xlsx", read_only=True)[table.title]
        assert sum(1 for _ in sheet.iter_rows()) == rows.height + 1
    summary = pl.read_parquet(folder / "2026-02_indicadores.parquet")
    assert summary["indicador"].to_list() == list(INDICATORS)
    flags = pl.read_parquet(folder / "2026-02_red_flags.parquet")
    assert flags.height == summary["activadas"].sum()
    rules = orjson.loads((folder / monthly.RULES).read_bytes())
    assert [one["id"] for one in rules["indicadores"]] == list(INDICATORS)
    assert all(one["fuente"] and one["definicion"] and one["campos"] for one in rules["indicadores"])
    # Nobody's name who is a natural person.
    assert flags.filter("persona_individual")["proveedor"].null_count() == flags.filter("persona_individual").height

    whole = _folder(own, "red_flags")
    both = [
        pl.read_parquet(_folder(own, f"integrity/{month}") / f"{month}_red_flags.parquet")
        for month in ("2026-01", "2026-02")
    ]
    assert pl.read_parquet(whole / "red_flags.parquet").equals(pl.concat(both))
    of_buyers = pl.read_parquet(whole / f"{BUYERS.id}.parquet")
    assert of_buyers["activadas"].sum() == pl.concat(both).drop_nulls("comprador_id").height


def test_flags_follow_from_their_manifest_also_when_a_month_changed_since(own: LocalStore, tmp_path: Path) -> None:
    _brought(own)
    (tmp_path / "again").mkdir()
    compared = again.compare(own, "2026-02", monthly.Rules(), tmp_path / "again")
    assert len(compared) == 14
    assert all(compared.values())
    with pytest.raises(GuatecomprasError, match="no flags of 2025-01"):
        again.compare(own, "2025-01", monthly.Rules(), tmp_path)


def test_another_list_of_sanctions_makes_another_version(own: LocalStore) -> None:
    _brought(own)
    flags = pl.read_parquet(_folder(own, "integrity/2026-02") / "2026-02_red_flags.parquet")
    assert not flags.filter(pl.col("indicador") == "GT07").height
    awarded = pl.read_parquet(
        own.version_folder("2026-02", own.index()["months"]["2026-02"]["version"]) / "tables/award_suppliers.parquet"
    )
    barred = awarded["id"][0].removeprefix("GT-NIT-")
    rules = monthly.Rules(f"proveedor,desde,hasta,fuente\n{barred},2020-01-01,,SANC-1\n")
    assert _brought(own, rules) == ["integrity/2026-01", "integrity/2026-02", "red_flags"]
    flags = pl.read_parquet(_folder(own, "integrity/2026-02") / "2026-02_red_flags.parquet")
    found = flags.filter(pl.col("indicador") == "GT07")
    assert found["proveedor_id"].unique().to_list() == [awarded["id"][0]]
    assert "SANC-1" in found["evidencia"][0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("proveedor,desde,fuente\n1,2020-01-01,x\n", "no column hasta"),
        ("proveedor,desde,hasta,fuente\n19,enero,,x\n", "line 2"),
        ("proveedor,desde,hasta,fuente\n19,2020-01-01,,x\n27,2020-01-01,nunca,x\n", "line 3"),
    ],
)
def test_a_list_that_cannot_be_read_says_where(text: str, fault: str) -> None:
    with pytest.raises(GuatecomprasError, match=fault):
        sanctions.read(text)


def test_a_list_takes_tax_numbers_as_people_write_them() -> None:
    read = sanctions.read("proveedor,desde,hasta,fuente\n789488-0,2020-01-01,2021-01-01,\nGT-GCID-X,2020-01-01,,y\n")
    assert read is not None
    assert read["supplier"].to_list() == ["GT-GCID-X", "GT-NIT-7894880"]
    assert sanctions.read(" \n") is None


def test_the_list_is_read_of_the_file_the_environment_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("proveedor,desde,hasta,fuente\n", encoding="utf-8")
    monkeypatch.setenv("GUATECOMPRAS_SANCTIONS", str(path))
    assert Settings.from_environment().sanctions == path.read_text(encoding="utf-8")
    # It decides nothing of a month's own bytes.
    assert "sanctions" not in Settings.from_environment().decisive()
    monkeypatch.setenv("GUATECOMPRAS_SANCTIONS", str(tmp_path / "none.csv"))
    with pytest.raises(GuatecomprasError, match=r"GUATECOMPRAS_SANCTIONS: .*cannot be read"):
        Settings.from_environment()
