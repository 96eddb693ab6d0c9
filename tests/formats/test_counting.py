import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guatecompras.errors import GuatecomprasError
from guatecompras.formats import counting
from guatecompras.formats.archive import ZipWriter, gzip_lines_writer
from guatecompras.formats.counting import count_rows, digest
from guatecompras.formats.csvs import write_csv_zip
from guatecompras.formats.excel import SheetInfo, write_workbook
from guatecompras.formats.jsons import write_record_package
from guatecompras.formats.parquets import write_parquet_zip

RECORDS = [
    {"ocid": f"ocds-xqjsxa-{n}", "releases": [{"ocid": "x", "t": '},{"ocid":"'}, {"ocid": "y"}], "n": n}
    for n in range(9)
]


@pytest.fixture
def published(tmp_path: Path, store, parties) -> dict[str, Path]:  # type: ignore[no-untyped-def]
    """One file of each format; the parties table three times over, the record package of nine records."""
    table = store("parties", pl.concat([parties] * 3))
    out = {name: tmp_path / f"m.{name}" for name in ("json", "jsonl.gz", "csv.zip", "xlsx", "parquet.zip", "csv")}
    write_record_package(out["json"], "m.json", {"uri": "x"}, map(orjson.dumps, RECORDS))
    with gzip_lines_writer(out["jsonl.gz"]) as writer:
        for record in RECORDS:
            writer.write(orjson.dumps(record) + b"\n")
    write_csv_zip({"parties": table}, out["csv.zip"])
    write_workbook({"parties": table}, out["xlsx"], [("a", 1)], {"parties": SheetInfo("Partes")}, rows_per_sheet=4)
    write_parquet_zip({"parties": table}, out["parquet.zip"])
    out["csv"].write_bytes(zipfile.ZipFile(out["csv.zip"]).read("parties.csv"))
    return {**out, "parquet": table}


COUNTS = {
    "json": {"records": 9},
    "jsonl.gz": {"lines": 9},
    "csv.zip": {"parties": 9},
    "xlsx": {"Partes": 9},
    "parquet.zip": {"parties": 9},
    "parquet": {"rows": 9},
    "csv": {"rows": 9},
}


def test_the_same_tables_give_the_same_bytes(published: dict[str, Path], tmp_path: Path) -> None:
    table, again = published["parquet"], tmp_path / "again"
    write_csv_zip({"parties": table}, again)
    assert digest(again) == digest(published["csv.zip"])
    write_workbook({"parties": table}, again, [("a", 1)], {"parties": SheetInfo("Partes")}, rows_per_sheet=4)
    assert digest(again) == digest(published["xlsx"])
    write_record_package(again, "m.json", {"uri": "x"}, map(orjson.dumps, RECORDS))
    assert digest(again) == digest(published["json"])
    write_parquet_zip({"parties": table}, again)
    assert digest(again) == digest(published["parquet.zip"])


def test_every_format_counts_the_same(published: dict[str, Path]) -> None:
    assert {name: count_rows(path, name) for name, path in published.items()} == COUNTS


@pytest.mark.parametrize("format", COUNTS)
@pytest.mark.parametrize(
    "spoil",
    [lambda d: d[:-1], lambda d: d[: len(d) // 2], lambda d: b"", lambda d: b"<html>no</html>\n" * 9],
    ids=["last byte", "half", "empty", "page"],
)
def test_cut_and_foreign_files_are_found_out(
    published: dict[str, Path], format: str, spoil: Callable[[bytes], bytes]
) -> None:
    path = published[format]
    path.write_bytes(spoil(path.read_bytes()))
    if format == "csv" and path.read_bytes().startswith(b"<html>"):
        pytest.skip("a page without commas is a CSV file of one column")
    with pytest.raises(GuatecomprasError, match=str(path)) as caught:
        count_rows(path, format)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format", ["json", "jsonl.gz", "csv.zip", "parquet.zip", "parquet", "xlsx"])
def test_a_flipped_byte_in_the_data_is_found_out(published: dict[str, Path], format: str) -> None:
    path = published[format]
    data = bytearray(path.read_bytes())
    # Inside the first member's data, for a workbook inside its first table.
    at = data.index(b"sheet2.xml") + 60 if format == "xlsx" else 120
    data[at] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(GuatecomprasError):
        count_rows(path, format)


VALUES: Any = st.recursive(
    st.none()
    | st.integers(0, 9)
    | st.sampled_from(['},{"ocid":', "]}", '"records":[', "\\", '"'])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ocid", "records", "b"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.lists(VALUES, max_size=6), st.integers(1, 60))
def test_records_are_counted_wherever_chunks_and_look_alikes_fall(values: list[Any], size: int) -> None:
    records = [{"ocid": str(number), "value": value} for number, value in enumerate(values)]
    document = orjson.dumps({"uri": '"records":[', "records": records})
    chunks = [document[start : start + size] for start in range(0, len(document), size)]
    assert counting._json_records(chunks) == len(records)


def test_a_package_cut_between_records_or_with_foreign_ones_is_found_out(tmp_path: Path) -> None:
    for text in (
        b'{"records":[{"ocid":"a"},{"ocid":"b"}',
        b'{"records":[{"ocid":"a"},{"id":"b"}]}',
        b'{"records":[{"id":1}]}',
    ):
        with ZipWriter(tmp_path / "m.zip") as archive, archive.entry("m.json") as stream:
            stream.write(text)
        with pytest.raises(GuatecomprasError):
            count_rows(tmp_path / "m.zip", "json")


CELLS = st.text(st.sampled_from('a",\r\nñ'), max_size=6)


@settings(max_examples=100)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=8), st.integers(1, 20))
def test_csv_records_are_counted_wherever_chunks_fall(cells: list[tuple[str, str]], size: int) -> None:
    frame = pl.DataFrame(cells, schema={"a": pl.String, "b,": pl.String}, orient="row")
    text = frame.write_csv(line_terminator="\r\n").encode()
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert counting._csv_records(pieces) == len(cells)


def test_a_csv_record_with_a_column_less_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\r\n1,2\r\n3\r\n")
    with pytest.raises(GuatecomprasError, match="columns"):
        count_rows(tmp_path / "a.csv", "csv")


def test_a_missing_file_and_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(GuatecomprasError, match="cannot be read"):
        count_rows(tmp_path / "none", "csv")
    with pytest.raises(ValueError, match="xml"):
        count_rows(tmp_path / "none", "xml")


def test_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"guate")
    assert digest(tmp_path / "a") == (hashlib.sha256(b"guate").hexdigest(), 5)
