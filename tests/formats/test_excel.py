# ruff: noqa: DTZ001  # a workbook's times have no zone
import zipfile
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import polars as pl
import pytest
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st

from guatecompras.formats.excel import SheetInfo, write_workbook
from guatecompras.formats.parquets import TableWriter

ABOUT = [("Mes", "2026-05"), ("Concursos", 17426)]


def test_cells_sheets_and_frame(tmp_path: Path, store, parties) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "m.xlsx"
    sheets = {"parties": SheetInfo("Partes", "Las organizaciones")}
    written = write_workbook({"parties": store("parties", parties)}, out, ABOUT, sheets)
    assert written == {"parties": 3}
    assert written.cut == {"parties": 0}
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["Acerca de", "Partes"]
    assert [[cell.value for cell in row] for row in book["Acerca de"].iter_rows()] == [
        ["Mes", "2026-05", None],
        ["Concursos", 17426, None],
        [None, None, None],
        ["Hoja", "Contenido", "Filas"],
        ["Partes", "Las organizaciones", 3],
    ]
    sheet = book["Partes"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["nit", "nombre", "nog", "monto", "fecha", "valido"],
        ["0012345K", 'Ñandú, "S.A."', 30714915, 1234.5, datetime(2026, 5, 1, 12, 3, 11), True],
        [None, "", 1, None, None, False],
        ["=1+1", "dos\nlíneas", None, -5, datetime(2026, 5, 1, 12, 3, 11, 500_000), None],
    ]
    assert sheet["A4"].data_type == "s"  # not a formula
    assert (sheet["A2"].number_format, sheet["D2"].number_format) == ("@", "#,##0.00")
    assert sheet["E2"].number_format.replace("\\", "") == "yyyy-mm-dd hh:mm:ss"
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet["A1"].font.b) == ("A2", "A1:F4", True)
    assert all(8 <= column.width < 61 for column in sheet.column_dimensions.values())


def test_long_tables_go_on_in_further_sheets(tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "m.xlsx"
    tables = {
        "t": store("t", pl.DataFrame({"n": range(7)})),
        "vacia": store("vacia", pl.DataFrame(schema={"a": pl.Int64})),
    }
    assert write_workbook(tables, out, ABOUT, rows_per_sheet=3) == {"t": 7, "vacia": 0}
    book = openpyxl.load_workbook(out)
    values = {sheet.title: [row[0] for row in sheet.values] for sheet in book.worksheets[1:]}
    assert values == {"t": ["n", 0, 1, 2], "t (2)": ["n", 3, 4, 5], "t (3)": ["n", 6], "vacia": ["a"]}
    assert "continúa en: «t (2)», «t (3)»" in str(list(book["Acerca de"].values))


def test_texts_too_long_are_cut_and_counted(tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    texts = ["x" * 32_767, "x" * 32_768, "😀" * 20_000, "ñ" * 30_000]
    out = tmp_path / "m.xlsx"
    written = write_workbook({"t": store("t", pl.DataFrame({"a": texts}))}, out, ABOUT)
    assert written.cut == {"t": 2}
    found = [row[0] for row in openpyxl.load_workbook(out)["t"].values][1:]
    assert found == [texts[0], "x" * 32_766 + "…", "😀" * 16_383 + "…", texts[3]]
    assert "celda): 2." in str(list(openpyxl.load_workbook(out)["Acerca de"].values))


def test_numbers_that_excel_would_change_are_texts(tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    old = pl.Series([datetime(1899, 1, 1), datetime(2026, 1, 1)], dtype=pl.Datetime("us", None))
    frame = pl.DataFrame(
        {"n": [999_999_999_999_999, -(10**15) - 1], "f": old.dt.replace_time_zone("America/Guatemala")}
    )
    write_workbook({"t": store("t", frame)}, tmp_path / "m.xlsx", ABOUT)
    rows = list(openpyxl.load_workbook(tmp_path / "m.xlsx")["t"].values)
    assert rows[1:] == [(999_999_999_999_999, "1899-01-01 00:00:00"), ("-1000000000000001", datetime(2026, 1, 1))]


@settings(max_examples=60)
@given(st.lists(st.text(max_size=20) | st.sampled_from([" a ", "_x0041_x0042_", "a&<b>", "a\r\nb", "\x00b", "_x", ""])))
def test_any_text_is_well_formed_and_reads_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("x")
    frame = pl.DataFrame({"n": range(len(texts)), "a": texts}, schema={"n": pl.Int64, "a": pl.String})
    with TableWriter(folder / "t.parquet", frame.to_arrow(compat_level=pl.CompatLevel.oldest()).schema) as writer:
        writer.write(frame)
    write_workbook({"t": folder / "t.parquet"}, folder / "m.xlsx", ABOUT)
    with zipfile.ZipFile(folder / "m.xlsx") as archive:
        for name in archive.namelist():
            ElementTree.fromstring(archive.read(name))
    illegal = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])
    expected = [text.translate(illegal).replace("\r\n", "\n").replace("\r", "\n") for text in texts]
    sheet = python_calamine.CalamineWorkbook.from_path(folder / "m.xlsx").get_sheet_by_name("t")
    assert [str(row[1]) for row in sheet.to_python()[1:]] == expected


@pytest.mark.parametrize("title", ["", "a" * 32, "a/b", "a:b", "'a", "acerca DE"])
def test_titles_that_excel_refuses(tmp_path: Path, store, title: str) -> None:  # type: ignore[no-untyped-def]
    table = store("t", pl.DataFrame({"a": [1]}))
    with pytest.raises(ValueError, match="workbook"):
        write_workbook({"t": table}, tmp_path / "m.xlsx", ABOUT, {"t": SheetInfo(title)})
    assert not (tmp_path / "m.xlsx").exists()
