import csv
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from guatecompras.errors import GuatecomprasError
from guatecompras.formats.csvs import write_csv_zip


def member(path: Path, name: str) -> str:
    return zipfile.ZipFile(path).read(name).decode()


def test_the_bytes_by_hand(tmp_path: Path, store, parties) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "m.zip"
    assert write_csv_zip({"parties": store("parties", parties)}, out) == {"parties": 3}
    assert member(out, "parties.csv") == (
        "nit,nombre,nog,monto,fecha,valido\r\n"
        '0012345K,"Ñandú, ""S.A.""",30714915,1234.50,2026-05-01T12:03:11-06:00,true\r\n'
        ',"",1,,,false\r\n'
        '\'=1+1,"dos\nlíneas",,-5.00,2026-05-01T12:03:11.500-06:00,\r\n'
    )


@pytest.mark.parametrize("text", ["=A1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "  =A1", "\u00a0=1", "\ufeff=1", "＝1"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path: Path, store, text: str) -> None:  # type: ignore[no-untyped-def]
    write_csv_zip({"t": store("t", pl.DataFrame({"a": [text, "bien"]}))}, tmp_path / "m.zip")
    rows = list(csv.reader(io.StringIO(member(tmp_path / "m.zip", "t.csv"), newline="")))
    assert rows == [["a"], ["'" + text], ["bien"]]


@pytest.mark.parametrize("text", ["a=1", "1-2", " x", "", "'x", "0012", "a\tb"])
def test_other_texts_stay(tmp_path: Path, store, text: str) -> None:  # type: ignore[no-untyped-def]
    write_csv_zip({"t": store("t", pl.DataFrame({"a": [text], "b": ["z"]}))}, tmp_path / "m.zip")
    rows = list(csv.reader(io.StringIO(member(tmp_path / "m.zip", "t.csv"), newline="")))
    assert rows[1] == [text, "z"]


def test_an_empty_table_has_its_header(tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    assert write_csv_zip({"t": store("t", pl.DataFrame(schema={"a": pl.String, "b": pl.Int64}))}, tmp_path / "m") == {
        "t": 0
    }
    assert member(tmp_path / "m", "t.csv") == "a,b\r\n"


def test_a_table_that_is_not_parquet_is_an_error_and_no_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"PAR1 no")
    with pytest.raises(GuatecomprasError, match=r"bad\.parquet"):
        write_csv_zip({"t": bad}, tmp_path / "m.zip")
    assert list(tmp_path.iterdir()) == [bad]
