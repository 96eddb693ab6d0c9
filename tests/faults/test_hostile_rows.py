"""Hostile and broken tables, as files and in databases: each ends in rejects or one clear error; every concurso is published or
rejected by name.
"""

import gzip
import random
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO, StringIO
from itertools import count
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import psycopg2
import pytest

from guatecompras.contract import TABLES
from guatecompras.errors import SourceError
from guatecompras.months import Month
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from resources.sources.bounds import FREE_BYTES
from resources.sources.csv import plain, write_folder
from resources.sources.demo import demo_chunks
from resources.sources.sql import write_tables
from tests.faults.accounting import account
from tests.faults.run import publish
from tests.faults.world import faults

MONTH = "2026-01"
Frames = dict[str, pl.DataFrame]

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1:A9)",
    '=HYPERLINK("http://example.gt","ver")',
    "\t=1",
    "\r=1",
    "\n=cmd|' /C calc'!A0",
    "＝1",
)

# What a cell may hold that it should not. (Of dates none that is of another month: that is no fault.)
HOSTILE: tuple[str, ...] = (
    *("", " ", "abc", "NaN", "inf", "-Infinity", "1e400", "-1e400", "9" * 400, "0x10", "1,234.50", "-1", "1e3", "97.0"),
    *("32/13/2026", "0001-01-01", "9999-12-31T00:00:00Z", "2026-02-30", "2026-01-15T99:00:00"),
    *(
        "\x00",
        "a\x00b",
        "\ufffd",
        "\u202e\u200b",
        "null",
        "[]",
        "[{}]",
        '[{"nombre":1}]',
        "[" * 10_000,
        '{"a":' * 3_000,
    ),
    *("x" * 100_000, "'; DROP TABLE concursos; --", "una\r\notra", '"', "\x1b[31m", *FORMULAS),
)


def _months(size: int) -> Frames:
    """A sound month as text, as files and loose databases hold it."""
    chunks: dict[str, list[pl.DataFrame]] = {}
    for name, frame in demo_chunks(Month.parse(MONTH), 1, size, 1):
        chunks.setdefault(name, []).append(plain(name, frame).select(pl.all().cast(pl.String)))
    return {name: pl.concat(frames) for name, frames in chunks.items()}


def _spoilt(frames: Frames, values: tuple[str, ...]) -> Frames:
    """Every column of every table with each of the values, each in another row as far as there are so many."""
    places = count()
    found = {}
    for name, frame in frames.items():
        changed = {column: frame[column].to_list() for column in frame.columns}
        for column in frame.columns:
            if (name, column) != ("concursos", "nog"):
                for value in values:
                    changed[column][next(places) % frame.height] = value
        found[name] = pl.DataFrame(changed, schema=frame.schema)
    return found


SOUND = _months(600)
NOGS = [int(nog) for nog in SOUND["concursos"]["nog"]]


# Cells.


def _folder(folder: Path, frames: Frames) -> str:
    folder.mkdir()
    for name, frame in frames.items():
        frame.write_csv(folder / f"{name}.csv")
    return f"csv:{folder}"


def _loose_sqlite(path: Path, frames: Frames) -> str:
    """Columns without a type, which take anything."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, frame in frames.items():
            connection.execute(f"CREATE TABLE {name} ({', '.join(frame.columns)})")
            marks = ", ".join("?" * frame.width)
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", frame.iter_rows())
    return f"sqlite:///{path}"


def test_hostile_cells_of_files_are_published_or_rejected_by_name(tmp_path: Path) -> None:
    found = account(_folder(tmp_path / "source", _spoilt(SOUND, HOSTILE)), tmp_path / "store", MONTH)
    found.balances(NOGS)
    # Most of them cost the value alone.
    assert len(found.records) > 0.5 * len(NOGS)
    assert "\\u0000" not in str(found.records)


def test_hostile_cells_of_a_database_are_published_or_rejected_by_name(tmp_path: Path) -> None:
    uri = _loose_sqlite(tmp_path / "a.sqlite", _spoilt(SOUND, HOSTILE))
    account(uri, tmp_path / "store", MONTH).balances(NOGS)


def test_cells_of_types_of_their_own_are_published_or_rejected_by_name(tmp_path: Path) -> None:
    """SQLite takes any type anywhere: bytes, infinities, whole numbers of eight bytes, text that is no UTF-8."""
    uri = _loose_sqlite(tmp_path / "a.sqlite", SOUND)
    values = (
        "x'fffe00'",
        "x''",
        "9e999",
        "-9e999",
        "9223372036854775807",
        "-1",
        "0.1",
        "NULL",
        "CAST(x'41D1' AS TEXT)",
    )
    places = count()
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as connection, connection:
        for name, frame in SOUND.items():
            for column in frame.columns:
                if (name, column) not in (("concursos", "nog"), ("concursos", "fecha_publicacion")):
                    for value in values:
                        row = next(places) % frame.height + 1
                        connection.execute(f"UPDATE {name} SET {column} = {value} WHERE rowid = {row}")
    account(uri, tmp_path / "store", MONTH).balances(NOGS)


def test_concursos_without_a_readable_nog_are_rejected_each(tmp_path: Path) -> None:
    frames = dict(SOUND)
    nogs: list[str | None] = [None, "abc", "1e400", "NaN", "-5", "0", "9" * 30, "10.5", "a\x00b", "=1", "[1]"]
    heads = pl.Series(nogs + SOUND["concursos"]["nog"].to_list()[len(nogs) :])
    frames["concursos"] = SOUND["concursos"].with_columns(heads.alias("nog"))
    for number, uri in enumerate((_folder(tmp_path / "csv", frames), _loose_sqlite(tmp_path / "a.sqlite", frames))):
        found = account(uri, tmp_path / f"store{number}", MONTH)
        found.balances([*[None] * len(nogs), *NOGS[len(nogs) :]])


def test_hostile_cells_of_a_server_are_published_or_rejected_by_name(postgres_server: Any, tmp_path: Path) -> None:
    """As text; and what its own types have that no calendar and no decimal holds."""
    postgres_server.psql("CREATE DATABASE hostil")
    uri = postgres_server.get_uri("hostil")
    nogs = NOGS[:100]
    few = {name: frame.filter(pl.col("nog").is_in([str(nog) for nog in nogs])) for name, frame in SOUND.items()}
    frames = _spoilt(few, tuple(value.replace("\0", "") for value in HOSTILE[::3]))
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        for name, frame in frames.items():
            cursor.execute(f"CREATE TABLE {name} ({', '.join(f'{column} text' for column in frame.columns)})")
            cursor.copy_expert(f"COPY {name} FROM STDIN (FORMAT csv)", StringIO(frame.write_csv(include_header=False)))
    account(uri, tmp_path / "text", MONTH).balances(nogs)
    postgres_server.psql("CREATE DATABASE tipos")
    uri = postgres_server.get_uri("tipos")
    write_tables(uri, demo_chunks(Month.parse(MONTH), 1, 100, 1))
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT nog FROM concursos ORDER BY nog")
        nogs = [nog for (nog,) in cursor.fetchall()]
        for column in ("fecha_cro", "fecha_actualizacion"):
            cursor.execute(f"UPDATE concursos SET {column} = 'infinity' WHERE nog % 3 = 0")
            cursor.execute(f"UPDATE concursos SET {column} = '4713-01-01 BC' WHERE nog % 3 = 1")
        cursor.execute("ALTER TABLE adjudicaciones ALTER COLUMN monto TYPE numeric")
        cursor.execute("ALTER TABLE ofertas ALTER COLUMN monto TYPE double precision")
        cursor.execute("UPDATE adjudicaciones SET monto = 'NaN' WHERE nog % 2 = 0")
        cursor.execute("UPDATE ofertas SET monto = CASE WHEN nog % 2 = 0 THEN 'NaN' ELSE 'Infinity' END::float8")
    account(uri, tmp_path / "types", MONTH).balances(nogs)


def test_formulas_are_inert_in_what_spreadsheets_open(tmp_path: Path) -> None:
    frames = _months(20)
    texts = {"concursos": "descripcion", "partes": "nombre", "renglones": "descripcion", "documentos": "titulo"}
    for name, column in texts.items():
        values = [FORMULAS[place % len(FORMULAS)] for place in range(frames[name].height)]
        frames[name] = frames[name].with_columns(pl.Series(column, values))
    store = LocalStore(tmp_path / "store")
    publish(store, _folder(tmp_path / "source", frames), MONTH, config=Settings())
    assert faults(store) == ()
    seen = 0
    with zipfile.ZipFile(next((store.root / "publication").rglob("*_csv.zip"))) as archive:
        for name in archive.namelist():
            rows = pl.read_csv(archive.read(name), infer_schema=False).iter_rows() if name.endswith(".csv") else ()
            for row in rows:
                cells = [cell for cell in row if cell]
                seen += sum("HYPERLINK" in cell for cell in cells)
                assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝")) for cell in cells), row
    book = openpyxl.load_workbook(next((store.root / "publication").rglob("*.xlsx")), read_only=True)
    for row in (row for sheet in book for row in sheet.iter_rows()):
        for cell in row:
            seen += cell.value is not None and "HYPERLINK" in str(cell.value)
            assert cell.data_type != "f", cell.value
    assert seen > 4


# Files.


def _written(folder: Path, form: str) -> Path:
    write_folder(folder, demo_chunks(Month.parse(MONTH), 1, 60, 1), form)  # type: ignore[arg-type]
    return folder


def _refused(uri: str, folder: Path) -> str:
    with pytest.raises(SourceError) as raised:
        account(uri, folder, MONTH)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500
    return str(raised.value)


def _bomb() -> bytes:
    return gzip.compress(b"nog,evento_id,tipo\n" + b" " * (FREE_BYTES + 1))


def _empty_rows() -> bytes:
    """A small Parquet file of very many rows of nothing."""
    schema = dict(TABLES["eventos"].schema)
    buffer = BytesIO()
    pl.select(pl.repeat(None, 20_000_000, dtype=schema["nog"]).alias("nog")).with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name != "nog"
    ).write_parquet(buffer, row_group_size=5_000_000)
    return buffer.getvalue()


BROKEN: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a bomb": ("eventos.csv.gz", lambda _: _bomb()),
    "a cut archive": ("eventos.csv.gz", lambda good: gzip.compress(good)[:-20]),
    "a wrong checksum": ("eventos.csv.gz", lambda good: gzip.compress(good)[:-8] + bytes(8)),
    "no archive": ("eventos.csv.gz", lambda good: b"\x1f\x8b" + good),
    "an open quote": ("eventos.csv", lambda good: good.replace(b"\n", b'\n"', 1)),
    "random bytes": ("eventos.csv", lambda _: random.Random(1).randbytes(100_000)),
    "UTF-16": ("eventos.csv", lambda good: good.decode().encode("utf-16")),
    "a cut Parquet file": ("eventos.parquet", lambda _: b"PAR1" + bytes(100) + b"PAR1"),
    "a Parquet file of nothing": ("eventos.parquet", lambda _: _empty_rows()),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_clear_error(tmp_path: Path, name: str) -> None:
    folder = _written(tmp_path / "source", "csv")
    good = (folder / "eventos.csv").read_bytes()
    (folder / "eventos.csv").unlink()
    file, spoil = BROKEN[name]
    (folder / file).write_bytes(spoil(good))
    assert file in _refused(f"csv:{folder}", tmp_path / "store")


def _damaged(good: bytes, draw: random.Random) -> bytes:
    """Some bytes flipped, some cut out or put in twice."""
    data = bytearray(good)
    for _ in range(draw.randint(1, 4)):
        place, length = draw.randrange(len(data)), draw.randint(1, 40)
        data[place : place + length] = draw.choice(
            [draw.randbytes(length), b"", bytes(data[place : place + length]) * 2, bytes(length)]
        )
    return bytes(data)


def _each_damaged(folder: Path, uri: str, victims: list[Path], times: int) -> Iterator[str]:
    """A source damaged again and again, and why it was refused each time, empty where it was read."""
    draw = random.Random(len(victims) + times)
    for number in range(times):
        victim = draw.choice(victims)
        good = victim.read_bytes()
        victim.write_bytes(_damaged(good, draw))
        try:
            found = account(uri, folder / f"store{number}", MONTH)
            assert found.received >= len(found.records)
            yield ""
        except SourceError as error:
            yield str(error)
        finally:
            victim.write_bytes(good)


FORMS = ["csv", "parquet", "sqlite"]


def _any_damage(tmp_path: Path, form: str, times: int) -> None:
    if form == "sqlite":
        path = tmp_path / "a.sqlite"
        write_tables(f"sqlite:///{path}", demo_chunks(Month.parse(MONTH), 1, 60, 1))
        uri, victims = f"sqlite:///{path}", [path]
    else:
        folder = _written(tmp_path / "source", form)
        uri, victims = f"csv:{folder}", sorted(folder.iterdir())
    reasons = list(_each_damaged(tmp_path, uri, victims, times))
    assert len(reasons) == times
    assert not [reason for reason in reasons if "\n" in reason or len(reason) > 1000]


@pytest.mark.parametrize("form", FORMS)
def test_damaged_sources_are_read_or_refused(tmp_path: Path, form: str) -> None:
    _any_damage(tmp_path, form, 3)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_damaged_sources_are_read_or_refused_at_length(tmp_path: Path, form: str) -> None:
    _any_damage(tmp_path, form, 150)
