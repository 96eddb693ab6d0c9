"""The folder source on a real municipality's tables (not part of the repository; skipped when absent)."""

import csv
import os
from collections import Counter
from pathlib import Path

import pytest

from guatecompras.contract import TABLES
from guatecompras.months import Month
from resources.sources.csv import FolderSource
from resources.sources.uri import open_source

SHARED = Path(os.environ.get("GUATECOMPRAS_SHARED") or Path(__file__).parents[2].parent / "shared")
FOLDER = SHARED / "data" / "antigua"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared data are not here")


def lines(table: str) -> list[dict[str, str]]:
    with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_rows_of_antigua_arrive_once_and_in_their_month() -> None:
    source = open_source(f"csv:{FOLDER}")
    assert isinstance(source, FolderSource)
    months = list(source.watermarks())
    assert (len(months), months[0], months[-1]) == (28, "2024-01", "2026-04")
    home = {row["nog"]: row["fecha_publicacion"][:7] for row in lines("concursos")}
    found: dict[str, Counter[tuple[str, ...]]] = {
        table: Counter() for table in ("concursos", "eventos", "partes", "adjudicaciones")
    }
    for month in months:
        with source.open(Month.parse(month)) as reading:
            assert reading.missing == set(TABLES) - set(found)
            for table, rows in found.items():
                for frame in reading.batches(table):
                    assert {home[nog] for nog in frame["nog"]} == {month}
                    rows.update(tuple(value or "" for value in row) for row in frame.select(*lines(table)[0]).rows())
    for table, rows in found.items():
        assert rows == Counter(tuple(line.values()) for line in lines(table)), table
    assert (found["concursos"].total(), found["adjudicaciones"].total()) == (431, 312)


def test_watermarks_of_antigua() -> None:
    latest: dict[str, str] = {}
    for row in lines("concursos"):
        month = row["fecha_publicacion"][:7]
        latest[month] = max(latest.get(month, ""), row["fecha_actualizacion"])
    marks = open_source(f"csv:{FOLDER}").watermarks()
    assert {month: str(moment) for month, moment in marks.items()} == latest
