"""The datasets of the open-data portal: their columns for ever, their rows against a plain reading, every format the same."""

import csv
import io
import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from openpyxl import load_workbook

from guatecompras.datasets import monthly
from guatecompras.datasets.families import FAMILIES
from guatecompras.formats import archive
from guatecompras.gathered.collect import bring
from guatecompras.gathered.verify import verify_collections
from guatecompras.stores import LocalStore

MONTH = "2026-01"
# As the official loader reads them (shared facts on the portal's datasets); what only some years had comes after.
_HEAD = (
    "NO, TIPO DE ENTIDAD PADRE, TIPO DE ENTIDAD, ENTIDAD COMPRADORA, UNIDAD COMPRADORA, NOG CONCURSO, DESCRIPCION, MODALIDAD, "
    "SUB MODALIDAD, NIT, NOMBRE, MONTO, FECHA DE PUBLICACIÓN, MES DE PUBLICACIÓN, AÑO DE PUBLICACIÓN, "
    "FECHA DE ULTIMA ADJUDICACIÓN, FECHA DE ADJUDICACIÓN, MES DE ADJUDICACIÓN, AÑO DE ADJUDICACIÓN, CATEGORÍAS, "
    "ESTATUS DEL CONCURSO"
)
ADJUDICADOS = _HEAD.split(", ")
OF_AWARDS = {"NIT", "NOMBRE", "MONTO", *(name for name in ADJUDICADOS if "ADJUDICACIÓN" in name)}


@pytest.fixture(scope="module")
def made(three_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[LocalStore, Path]:
    root = tmp_path_factory.mktemp("datasets") / "store"
    shutil.copytree(three_versions, root, symlinks=True)
    store = LocalStore(root)
    bring(store, lambda parts: (monthly.plan(store, part) for part in parts))
    entry = store.index()["collections"][f"datasets/{MONTH}"]
    return store, store.collection_folder(f"datasets/{MONTH}/{entry['version']}")


@pytest.fixture(scope="module")
def records(made: tuple[LocalStore, Path]) -> list[dict[str, Any]]:
    store, _ = made
    folder = store.version_folder(MONTH, store.index()["months"][MONTH]["version"])
    return [orjson.loads(line) for line in archive.read_lines(folder / f"{MONTH}_records.jsonl.gz")]


def _rows(folder: Path, family: str) -> list[dict[str, str]]:
    text = (folder / monthly.file_name(family, MONTH, "csv")).read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_columns_are_those_of_the_official_files_first(made: tuple[LocalStore, Path]) -> None:
    for family in FAMILIES:
        with open(made[1] / monthly.file_name(family, MONTH, "csv"), encoding="utf-8", newline="") as file:
            head = next(csv.reader(file))
        wanted = [name for name in ADJUDICADOS if family == "adjudicados" or name not in OF_AWARDS]
        assert head[: len(wanted)] == wanted
        assert len(set(head)) == len(head)
        assert "FECHA CAMBIO ESTATUS" in head


@pytest.mark.parametrize(
    ("family", "statuses"),
    [
        ("anulados", {"Prescindido", "Anulado (sin concurso)", "Improbado", "Terminado Cancelado"}),
        ("desiertos", {"Desierto"}),
        ("vigentes", {"Vigente"}),
        ("publicados", None),
    ],
)
def test_a_family_has_the_concursos_that_it_names(
    made: tuple[LocalStore, Path], records: list[dict[str, Any]], family: str, statuses: set[str] | None
) -> None:
    wanted = {
        record["ocid"].rpartition("-")[2]: record
        for record in records
        if statuses is None or record["tender"]["statusDetails"] in statuses
    }
    found = _rows(made[1], family)
    assert sorted(row["NOG CONCURSO"] for row in found) == sorted(wanted)
    assert [row["NO"] for row in found] == [str(number) for number in range(1, len(found) + 1)]
    for row in found:
        record = wanted[row["NOG CONCURSO"]]
        called = datetime.fromisoformat(record["tender"]["datePublished"])
        assert datetime.fromisoformat(row["FECHA DE PUBLICACIÓN"]) == called
        assert (row["MES DE PUBLICACIÓN"], row["AÑO DE PUBLICACIÓN"]) == ("ENERO", "2026")
        assert row["ESTATUS DEL CONCURSO"] == record["tender"]["statusDetails"]
        assert datetime.fromisoformat(row["FECHA CAMBIO ESTATUS"]) == datetime.fromisoformat(record["date"])
        assert "<" not in row["DESCRIPCION"]


def test_what_is_finished_and_what_is_not_are_all(made: tuple[LocalStore, Path]) -> None:
    rows = {family: {row["NOG CONCURSO"] for row in _rows(made[1], family)} for family in FAMILIES}
    assert rows["anulados"] | rows["desiertos"] | rows["adjudicados"] <= rows["publicados"]
    assert rows["anulados"] | rows["desiertos"] <= rows["terminados"] <= rows["publicados"]
    assert not rows["terminados"] & rows["vigentes"]


def test_an_award_is_a_row(made: tuple[LocalStore, Path], records: list[dict[str, Any]]) -> None:
    wanted = sorted(
        (record["ocid"].rpartition("-")[2], one["id"].removeprefix("GT-NIT-"), f"{award['value']['amount']:.2f}")
        for record in records
        for award in record.get("awards", [])
        if award["status"] == "active"
        for one in award["suppliers"]
    )
    found = _rows(made[1], "adjudicados")
    assert sorted((row["NOG CONCURSO"], row["NIT"], row["MONTO"]) for row in found) == wanted
    for row in found:
        assert row["FECHA DE ADJUDICACIÓN"] <= row["FECHA DE ULTIMA ADJUDICACIÓN"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_format_says_the_same(made: tuple[LocalStore, Path], family: str) -> None:
    rows = _rows(made[1], family)
    told = json.loads((made[1] / monthly.file_name(family, MONTH, "json")).read_bytes())
    frame = pl.read_parquet(made[1] / monthly.file_name(family, MONTH, "parquet"))
    book = load_workbook(made[1] / monthly.file_name(family, MONTH, "xlsx"), read_only=True)
    cells = list(book.worksheets[1].iter_rows(values_only=True))
    nogs = [int(row["NOG CONCURSO"]) for row in rows]
    assert [row["NOG CONCURSO"] for row in told] == frame["NOG CONCURSO"].to_list() == nogs
    place = cells[0].index("NOG CONCURSO")
    assert [row[place] for row in cells[1:]] == nogs
    if family == "adjudicados":
        sums = {round(sum(float(row["MONTO"]) for row in rows), 2), round(float(frame["MONTO"].sum()), 2)}
        assert sums == {round(sum(row["MONTO"] for row in told), 2)}


def test_they_are_verified_with_all_else(made: tuple[LocalStore, Path]) -> None:
    store, folder = made
    assert verify_collections(store.index(), store.collection_folder)[1] == []
    # The index names the manifest alone.
    (entry,) = store.index()["collections"][f"datasets/{MONTH}"]["files"]
    assert entry["path"].endswith("/manifest.json")
    listed = json.loads((folder / "manifest.json").read_bytes())["files"]
    assert len(listed) == len(FAMILIES) * len(monthly.FORMS)
