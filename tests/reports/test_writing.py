"""Every format of a report, read back: the same rows, the same totals, nothing that a spreadsheet would run."""

import csv
import io
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from lxml import etree
from openpyxl import load_workbook

from guatecompras.reports import running, writing
from guatecompras.reports.registry import REPORTS
from guatecompras.reports.report import MOMENT, Column, Report

MOMENTS = [
    datetime.fromisoformat("2026-05-01T12:03:11-06:00"),
    None,
    datetime.fromisoformat("2026-12-31T23:59:59-06:00"),
]
TEXTS = ["=1+1", 'a "b" <c> & d\x07\r\nñ', None]
REPORT = Report(
    "muestra",
    "Muestra: de todo",
    "Lo que puede venir.",
    (),
    (
        Column("nog", "entero", "Número"),
        Column("descripcion", "texto", "Texto <libre> & otros"),
        Column("monto", "monto", "Quetzales"),
        Column("dias", "decimal", "Días"),
        Column("fecha", "momento", "Cuándo"),
    ),
    lambda _: pl.LazyFrame(),
)
FRAME = pl.DataFrame(
    {
        "nog": [1, 2, None],
        "descripcion": TEXTS,
        "monto": [Decimal("1234567.80"), None, Decimal("-0.05")],
        "dias": [Decimal("1.5000"), Decimal("0.0000"), None],
        "fecha": MOMENTS,
    },
    schema=REPORT.schema | {"fecha": MOMENT},
)


@pytest.fixture
def result(tmp_path: Path) -> running.Result:
    kept = tmp_path / "rows.parquet"
    FRAME.write_parquet(kept)
    return running.Result(REPORT, {}, ["2026-05"], kept, FRAME.height)


def test_csv_says_the_rows(result: running.Result, tmp_path: Path) -> None:
    result.write("csv", tmp_path / "x.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text("utf-8"), newline="")))
    assert [row["nog"] for row in rows] == ["1", "2", ""]
    assert rows[0]["descripcion"] == "'=1+1"
    assert [row["monto"] for row in rows] == ["1234567.80", "", "-0.05"]
    assert rows[0]["fecha"] == "2026-05-01T12:03:11-06:00"


def test_json_says_the_rows_and_what_they_are(result: running.Result, tmp_path: Path) -> None:
    result.write("json", tmp_path / "x.json")
    told = json.loads((tmp_path / "x.json").read_bytes())
    assert [one["name"] for one in told["columns"]] == FRAME.columns
    assert told["about"]["Filas"] == 3
    assert [row["monto"] for row in told["rows"]] == [1234567.8, None, -0.05]
    assert [row["descripcion"] for row in told["rows"]] == TEXTS
    assert told["rows"][2]["fecha"] == "2026-12-31T23:59:59-06:00"


def test_xml_validates_and_says_the_rows(result: running.Result, tmp_path: Path) -> None:
    result.write("xml", tmp_path / "x.xml")
    document = etree.parse(tmp_path / "x.xml")
    schema = etree.XMLSchema(etree.fromstring(writing.schema_of(REPORT)))
    schema.assertValid(document)
    rows = [{cell.tag: cell.text for cell in row} for row in document.iterfind("filas/fila")]
    assert [row.get("nog") for row in rows] == ["1", "2", None]
    assert rows[0]["descripcion"] == "=1+1"
    assert rows[1]["descripcion"] == 'a "b" <c> & d\r\nñ'
    assert "descripcion" not in rows[2]
    assert Decimal(str(rows[0]["monto"])) == Decimal("1234567.80")
    assert document.getroot().get("titulo") == REPORT.title


def test_a_document_that_says_otherwise_does_not_validate() -> None:
    schema = etree.XMLSchema(etree.fromstring(writing.schema_of(REPORT)))
    wrong = b'<reporte id="x" titulo="x"><acerca/><filas><fila><nog>uno</nog></fila></filas></reporte>'
    assert not schema.validate(etree.fromstring(wrong))


def test_excel_is_typed_and_says_what_was_asked(result: running.Result, tmp_path: Path) -> None:
    result.write("xlsx", tmp_path / "x.xlsx")
    book = load_workbook(tmp_path / "x.xlsx")
    about = {row[0].value: row[1].value for row in book.worksheets[0].iter_rows() if row[0].value}
    assert about["Reporte"] == REPORT.title
    assert about["Columna monto"] == "Quetzales"
    assert about["Meses de convocatoria"] == "2026-05"
    sheet = book["Muestra"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == FRAME.columns
    assert rows[1][0] == 1
    assert rows[1][2] == pytest.approx(1234567.8)
    assert rows[1][4] == datetime(2026, 5, 1, 12, 3, 11)  # noqa: DTZ001 – Excel knows no zones
    assert (sheet["B2"].data_type, sheet["B2"].value) == ("s", "=1+1")


def test_nothing_found_is_a_document_too(tmp_path: Path) -> None:
    kept = tmp_path / "rows.parquet"
    FRAME.clear().write_parquet(kept)
    result = running.Result(REPORT, {}, ["2026-05"], kept, 0)
    for form in writing.MEDIA:
        result.write(form, tmp_path / f"x.{form}")
    assert json.loads((tmp_path / "x.json").read_bytes())["rows"] == []
    assert (tmp_path / "x.csv").read_text().splitlines() == [",".join(FRAME.columns)]
    etree.XMLSchema(etree.fromstring(writing.schema_of(REPORT))).assertValid(etree.parse(tmp_path / "x.xml"))


@pytest.mark.parametrize("report", REPORTS)
def test_all_formats_of_all_reports_count_and_sum_alike(three_versions: Path, tmp_path: Path, report: str) -> None:
    index = json.loads((three_versions / "publication" / "index.json").read_bytes())
    folders = {
        month: three_versions / "publication" / "months" / month / entry["version"]
        for month, entry in index["months"].items()
    }
    chosen = REPORTS[report]
    made = running.run(
        chosen, {"mes": "todos"}, list(folders), lambda month, _: folders[month], tmp_path / "rows.parquet"
    )
    for form in writing.MEDIA:
        made.write(form, tmp_path / f"x.{form}")
    frame = pl.read_parquet(made.kept)
    money = [one.name for one in chosen.columns if one.kind == "monto"]
    wanted: list[Any] = [made.rows, *(float(frame[name].sum() or 0) for name in money)]
    document = etree.parse(tmp_path / "x.xml")
    etree.XMLSchema(etree.fromstring(writing.schema_of(chosen))).assertValid(document)
    rows: dict[str, list[dict[str, Any]]] = {
        "xml": [{cell.tag: cell.text for cell in row} for row in document.iterfind("filas/fila")],
        "csv": list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text("utf-8"), newline=""))),
        "json": json.loads((tmp_path / "x.json").read_bytes())["rows"],
    }
    sheet = load_workbook(tmp_path / "x.xlsx", read_only=True).worksheets[1]
    head, *cells = [list(row) for row in sheet.iter_rows(values_only=True)]
    rows["xlsx"] = [dict(zip(head, row, strict=True)) for row in cells]
    for form, told in rows.items():
        sums = [sum(float(row.get(name) or 0) for row in told) for name in money]
        assert [len(told), *sums] == pytest.approx(wanted), form
