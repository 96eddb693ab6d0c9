import zipfile
from pathlib import Path

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from guatecompras.formats.jsons import write_json, write_record_package
from guatecompras.formats.parquets import ROW_GROUP, TableWriter, batches, write_parquet_zip

SCHEMA = pa.schema(
    [
        pa.field("ocid", pa.string(), metadata={"description": "Código del proceso"}),
        pa.field("monto", pa.decimal128(18, 2)),
        pa.field("fecha", pa.timestamp("us", "America/Guatemala")),
    ],
    metadata={"titulo": "Procesos"},
)


def rows(count: int) -> pl.DataFrame:
    numbers = pl.int_range(count, eager=True)
    return pl.DataFrame(
        {
            "fecha": pl.select(pl.from_epoch(numbers, "s").dt.convert_time_zone("America/Guatemala")).to_series(),
            "ocid": numbers.cast(pl.String),
            "monto": numbers.cast(pl.Decimal(18, 2)),
        }
    )


def test_a_record_package_by_hand(tmp_path: Path) -> None:
    out = tmp_path / "m.zip"
    head = {"uri": "https://x.gt/ñ", "version": "1.1", "extensions": []}
    assert write_record_package(out, "m.json", head, iter([b'{"ocid":"a"}', b'{"ocid":"b"}'])) == 2
    assert zipfile.ZipFile(out).read("m.json").decode() == (
        '{"uri":"https://x.gt/ñ","version":"1.1","extensions":[],"records":[{"ocid":"a"},{"ocid":"b"}]}\n'
    )
    assert write_record_package(out, "m.json", {}, iter([])) == 0
    assert orjson.loads(zipfile.ZipFile(out).read("m.json")) == {"records": []}
    with pytest.raises(ValueError, match="head"):
        write_record_package(out, "m.json", {"records": []}, iter([]))


def test_json_keeps_the_order(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": [2]})
    assert (tmp_path / "a.json").read_text() == '{\n  "b": 1,\n  "a": [\n    2\n  ]\n}\n'


def test_parquet_depends_on_the_rows_not_on_the_batches(tmp_path: Path) -> None:
    frame = rows(ROW_GROUP * 2 + 10)
    for name, size in {"a": frame.height, "b": 5000}.items():
        with TableWriter(tmp_path / name, SCHEMA) as writer:
            for batch in frame.iter_slices(size):
                writer.write(batch)
        assert writer.rows == frame.height
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with pq.ParquetFile(tmp_path / "a") as file:
        groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
        assert [group.num_rows for group in groups] == [ROW_GROUP, ROW_GROUP, 10]
        assert groups[0].column(0).compression == "ZSTD"
        assert groups[0].column(0).is_stats_set
        assert file.schema_arrow.field("ocid").metadata[b"description"].decode() == "Código del proceso"
        assert file.schema_arrow.metadata[b"titulo"] == b"Procesos"
    expected = frame.select(SCHEMA.names).with_columns(pl.col("fecha").dt.cast_time_unit("us"))
    assert pl.concat(batches(tmp_path / "a")).equals(expected)


def test_a_failed_or_wrong_table_does_not_appear(tmp_path: Path) -> None:
    with pytest.raises(KeyError), TableWriter(tmp_path / "a", SCHEMA) as writer:
        writer.write(rows(3).drop("ocid"))
    assert not list(tmp_path.iterdir())


def test_an_empty_table_is_a_table(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "a", SCHEMA):
        pass
    assert pl.read_parquet(tmp_path / "a").columns == SCHEMA.names
    assert list(batches(tmp_path / "a")) == []


def test_the_parquet_zip_holds_the_files_as_they_are(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "a", SCHEMA) as writer:
        writer.write(rows(5))
    assert write_parquet_zip({"awards": tmp_path / "a"}, tmp_path / "m.zip") == {"awards": 5}
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        assert archive.read("awards.parquet") == (tmp_path / "a").read_bytes()
