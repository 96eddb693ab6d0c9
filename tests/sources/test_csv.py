"""The folder source on real files: what spreadsheets and other programs make of CSV, and Parquet."""

# Local times are naive by contract.
# ruff: noqa: DTZ001

import gzip
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from guatecompras.contract import TABLES
from guatecompras.errors import SourceError
from guatecompras.months import Month
from resources.sources.csv import complete, plain, write_folder
from resources.sources.uri import open_source

Frames = dict[str, pl.DataFrame]
MAY = Month(2024, 5)

CONCURSOS = "nog,descripcion,entidad_compradora,unidad_compradora,modalidad,fecha_publicacion,estatus_concurso,fecha_actualizacion"
EVENTOS = "evento_id,nog,tipo,estatus_concurso,fecha_evento,fecha_registro"
PARTES = "nog,esquema,identificador,nombre"


def folder(path: Path, **tables: bytes | str) -> str:
    """A folder with the needed tables, empty unless given, and its URI."""
    for name, content in ({"concursos": CONCURSOS, "eventos": EVENTOS, "partes": PARTES} | tables).items():
        (path / f"{name}.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return f"csv:{path}"


def concursos(*rows: str) -> str:
    """Rows of nog and descripcion, published in May 2024."""
    return "\n".join([CONCURSOS, *(f"{row},97,0,1,2024-05-02 10:00:00,3,2024-05-03 10:00:00" for row in rows), ""])


def rows_of(uri: str, table: str = "concursos", month: Month = MAY) -> list[dict[str, Any]]:
    with open_source(uri).open(month) as reading:
        return [row for frame in reading.batches(table) for row in frame.rows(named=True)]


def test_values_are_the_text_that_stands_there(tmp_path: Path) -> None:
    text = concursos('1,"Papel, ""bond""\nen dos líneas"', "2,", '3,""', "4, con espacios ")
    rows = rows_of(folder(tmp_path, concursos=text))
    assert [row["descripcion"] for row in rows] == ['Papel, "bond"\nen dos líneas', None, "", " con espacios "]
    assert rows[0]["nog"] == "1"
    assert rows[0]["fecha_publicacion"] == "2024-05-02 10:00:00"


def test_rows_are_sorted_by_nog_and_otherwise_left_in_order(tmp_path: Path) -> None:
    events = "\n".join(
        [
            EVENTOS,
            *(f"e{place},{nog},publicacion,1,2024-05-01,2024-05-01" for place, nog in enumerate([30, 9, 200, 9, 30])),
        ]
    )
    uri = folder(tmp_path, concursos=concursos("200,a", "9,b", "30,c"), eventos=events)
    assert [row["nog"] for row in rows_of(uri)] == ["9", "30", "200"]
    assert [row["evento_id"] for row in rows_of(uri, "eventos")] == ["e1", "e3", "e0", "e4", "e2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_headers_are_read_leniently(tmp_path: Path, encoding: str) -> None:
    head, _, rest = concursos("1,a").partition("\n")
    header = head.replace("nog,descripcion", ' NOG ,"Descripcion"').replace("modalidad", "MODALIDAD,otra_cosa")
    text = f"{header}\n{rest}".replace("97,0,1,", "97,0,1,x,").replace("\n", "\r\n")
    (row,) = rows_of(folder(tmp_path, concursos=text.encode(encoding)))
    assert (row["nog"], row["descripcion"], row["modalidad"]) == ("1", "a", "1")
    assert "otra_cosa" not in row


def test_bytes_that_are_not_utf8_do_not_stop_the_month(tmp_path: Path) -> None:
    text = concursos("1,año", "2,bien").encode("latin-1") + b"3,x\x00y,97,0,1,2024-05-02 10:00:00,3,2024-05-03\n"
    rows = rows_of(folder(tmp_path, concursos=text))
    assert [row["descripcion"] for row in rows] == ["a\ufffdo", "bien", "x\x00y"]


def test_ragged_and_blank_lines_do_not_stop_the_month(tmp_path: Path) -> None:
    partes = f"{PARTES}\n1,GT-NIT,7\n\n1,GT-NIT,8,OCHO,SOBRA,MÁS\n1,GT-NIT,9,NUEVE\n,,,\n"
    rows = rows_of(folder(tmp_path, concursos=concursos("1,a"), partes=partes), "partes")
    assert [(row["identificador"], row["nombre"]) for row in rows] == [("7", None), ("8", "OCHO"), ("9", "NUEVE")]


def test_an_open_quote_is_told_with_its_line(tmp_path: Path) -> None:
    uri = folder(tmp_path, concursos=concursos("1,a", '2,"sin cerrar', "3,c"))
    with pytest.raises(
        SourceError, match=r"concursos\.csv, line 3: a quote is not closed or not doubled: \"sin cerrar"
    ) as caught:
        rows_of(uri)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        ("nog,descripcion\n".encode("utf-16"), "UTF-16"),
        (b"nog;descripcion\n1;a\n", "lacks the columns nog, descripcion"),
        (b"\x00\xff\x00\x01" * 50, "lacks the column"),
    ],
)
def test_a_file_that_is_no_such_table_is_told(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason) as caught:
        rows_of(folder(tmp_path, concursos=content))
    assert "concursos.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_alone_is_an_empty_table(tmp_path: Path) -> None:
    source = open_source(folder(tmp_path))
    assert source.watermarks() == {}
    assert rows_of(source.uri) == []


def test_a_compressed_table(tmp_path: Path) -> None:
    uri = folder(tmp_path)
    (tmp_path / "concursos.csv").unlink()
    content = gzip.compress(concursos(*(f"{nog},a" for nog in range(5000))).encode())
    (tmp_path / "concursos.csv.gz").write_bytes(content)
    assert len(rows_of(uri)) == 5000
    (tmp_path / "concursos.csv.gz").write_bytes(content[:-2000])
    with pytest.raises(SourceError, match=r"concursos\.csv\.gz: the file cannot be read"):
        rows_of(uri)


def test_a_broken_parquet_file_is_told(tmp_path: Path) -> None:
    uri = folder(tmp_path)
    (tmp_path / "ofertas.parquet").write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(SourceError, match=r"ofertas\.parquet: the file cannot be read") as caught:
        rows_of(uri)
    assert "\n" not in str(caught.value)


def test_missing_tables(tmp_path: Path) -> None:
    uri = folder(tmp_path)
    with open_source(uri).open(MAY) as reading:
        assert reading.missing == set(TABLES) - {"concursos", "eventos", "partes"}
        assert list(reading.batches("ofertas")) == []
    (tmp_path / "eventos.csv").unlink()
    with open_source(uri).open(MAY) as reading:
        assert "eventos" in reading.missing
        assert list(reading.batches("eventos")) == []
    assert open_source(uri).watermarks() == {}
    (tmp_path / "partes.csv").unlink()
    with pytest.raises(SourceError, match=r"partes\.csv must be there"), open_source(uri).open(MAY):
        pass
    with pytest.raises(SourceError, match="no such folder"):
        open_source(f"csv:{tmp_path}/otra")


def test_a_missing_required_column_of_a_child_table(tmp_path: Path) -> None:
    uri = folder(tmp_path, ofertas="nog,oferta_id,proveedor,estado\n")
    with (
        pytest.raises(SourceError, match=r"ofertas\.csv: table ofertas lacks the column fecha"),
        open_source(uri).open(MAY),
    ):
        pass


def test_a_table_that_is_there_twice(tmp_path: Path) -> None:
    uri = folder(tmp_path)
    (tmp_path / "partes.csv.gz").write_bytes(b"")
    with pytest.raises(SourceError, match=r"partes is there more than once: partes\.csv, partes\.csv\.gz"):
        rows_of(uri)


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    uri = folder(tmp_path, concursos=concursos("1,a"))
    with open_source(uri).open(MAY) as reading:
        folder(tmp_path, concursos=concursos("1,a", "2,b"))
        with pytest.raises(SourceError, match="changed while it was read"):
            list(reading.batches("concursos"))


def test_a_source_sees_files_that_changed_between_readings(tmp_path: Path) -> None:
    source = open_source(folder(tmp_path, concursos=concursos("1,a")))
    assert list(source.watermarks()) == ["2024-05"]
    folder(tmp_path, concursos=concursos("1,a").replace("2024-05-02", "2024-06-02"))
    assert source.watermarks() == {"2024-06": datetime(2024, 5, 3, 10)}


def test_parquet_passes_its_own_types(sample: Frames, tmp_path: Path) -> None:
    write_folder(tmp_path, sample.items(), "parquet")
    with open_source(f"csv:{tmp_path}").open(MAY) as reading:
        for name, frame in sample.items():
            (found,) = reading.batches(name)
            assert found.equals(frame.filter(pl.col("nog") != 9).sort("nog", maintain_order=True)), name


# Writing.


def test_plain_columns() -> None:
    eventos = pl.DataFrame(
        {
            "fecha_registro": [
                "2024-05-01 10:00:00",
                "2024-05-01 10:00:00.1234567",
                "2024-05-01 10:00:10.5",
                "1999-12-31 00:00:00.000001",
            ]
        }
    ).select(
        pl.col("fecha_registro").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ns", time_zone="America/Guatemala")
    )
    assert plain("eventos", eventos)["fecha_registro"].to_list() == [
        "2024-05-01 10:00:00",
        "2024-05-01 10:00:00.1234567",
        "2024-05-01 10:00:10.5",
        "1999-12-31 00:00:00.000001",
    ]
    lists = {"categorias": [[1, 14], [], None]}
    assert plain("concursos", pl.DataFrame(lists))["categorias"].to_list() == ["1,14", "", None]
    contacts = {"contactos_adicionales": [[{"nombre": 'A "b"', "correo": None, "telefono": "1"}], None]}
    assert plain("partes", pl.DataFrame(contacts))["contactos_adicionales"].to_list() == [
        '[{"nombre":"A \\"b\\"","correo":null,"telefono":"1"}]',
        None,
    ]


def test_complete_gives_the_contracts_columns(sample: Frames) -> None:
    partial = sample["renglones"].select("descripcion", "nog")
    assert complete("renglones", partial).schema == TABLES["renglones"].schema


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_written_folders_are_whole_and_the_same_each_time(
    format: str, sample: Frames, tmp_path: Path, chunks: Iterator[tuple[str, pl.DataFrame]]
) -> None:
    write_folder(tmp_path / "a", chunks, format)
    write_folder(
        tmp_path / "b", ((name, piece) for name, frame in sample.items() for piece in (frame[:1], frame[1:])), format
    )
    names = sorted(f"{name}.{format}" for name in TABLES)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_failed_write_leaves_nothing(sample: Frames, tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[str, pl.DataFrame]]:
        yield "concursos", sample["concursos"]
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        write_folder(tmp_path / "a", broken())
    assert list((tmp_path / "a").iterdir()) == []


def test_tables_without_rows_are_there(tmp_path: Path, read: Callable[..., dict[str, list[pl.DataFrame]]]) -> None:
    write_folder(tmp_path, [])
    with open_source(f"csv:{tmp_path}").open(MAY) as reading:
        assert reading.missing == frozenset()
    assert (tmp_path / "partes.csv").read_text().startswith("nog,esquema,identificador,nombre")
