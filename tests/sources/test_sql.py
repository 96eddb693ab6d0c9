"""The SQL source on real SQLite files and a real PostgreSQL server."""

# Local times are naive by contract.
# ruff: noqa: DTZ001

import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guatecompras.addresses import redact
from guatecompras.arrivals import ARRIVAL_ORDER, Arrivals
from guatecompras.contract import TABLES, Source
from guatecompras.errors import SourceError
from guatecompras.months import FIRST_MONTH, Month
from resources.sources.csv import write_folder
from resources.sources.sql import ddl, write_tables
from resources.sources.uri import FORMS, open_source

Frames = dict[str, pl.DataFrame]
MONTHS = ["2024-05", "2024-06"]


def admitted(source: Source) -> dict[tuple[str, str], pl.DataFrame]:
    """Month and table -> the rows as they pass the arrival checks."""
    found = {}
    for month in MONTHS:
        arrivals = Arrivals(Month.parse(month))
        with source.open(Month.parse(month)) as reading:
            for name in ARRIVAL_ORDER:
                frames = list(arrivals.admit(name, reading.batches(name)))
                found[month, name] = pl.concat(frames) if frames else pl.DataFrame(schema=TABLES[name].schema)
        assert arrivals.rejects().is_empty(), arrivals.rejects().rows()
    return found


def loose_sqlite(path: Path, rows: dict[str, list[dict[str, Any]]], without: tuple[str, ...] = ()) -> str:
    """A SQLite file whose tables have no keys and take anything."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, table in TABLES.items():
            if name in without:
                continue
            columns = [f"{c.name} {'INTEGER' if c.kind == 'int' else 'TEXT'}" for c in table.columns]
            connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
            for row in rows.get(name, []):
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    return f"sqlite:///{path}"


def values(frames: list[pl.DataFrame], column: str) -> list[Any]:
    return [value for frame in frames for value in frame[column].to_list()]


# The tables as shipped.


def test_sqlite_ddl_holds_the_contract() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in ddl("sqlite"):
            connection.execute(statement)
        for name, table in TABLES.items():
            columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
            assert [column[1] for column in columns] == [column.name for column in table.columns]
            assert tuple(c[1] for c in sorted(columns, key=lambda c: c[5]) if c[5]) == table.key
            if table.dated:
                plan = connection.execute(
                    f"EXPLAIN QUERY PLAN SELECT 1 FROM {name} WHERE {table.dated} > '2024'"
                ).fetchall()
                assert "INDEX" in plan[0][3]
            plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {name} WHERE nog = 1").fetchall()
            assert plan[0][3].startswith("SEARCH")


def test_postgresql_ddl_holds_the_contract(new_database: Callable[[], str]) -> None:
    types = {"int": "bigint", "money": "numeric(18,2)", "quantity": "numeric(18,4)"}
    types |= dict.fromkeys(("time", "instant"), "timestamp without time zone")
    with closing(psycopg2.connect(new_database())) as connection, connection.cursor() as cursor:
        for statement in ddl("postgresql"):
            cursor.execute(statement)
        for name, table in TABLES.items():
            cursor.execute(
                "SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute "
                "WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
                [name],
            )
            found = cursor.fetchall()
            assert [(column, kind) for column, kind, _ in found] == [
                (c.name, types.get(c.kind, "text")) for c in table.columns
            ]
            assert all(comment for _, _, comment in found)
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [name])
            indexes = " ".join(definition for (definition,) in cursor.fetchall())
            assert f"({', '.join(table.key)})" in indexes
            assert table.dated is None or f"({table.dated})" in indexes


# The same rows from everywhere.


@pytest.fixture
def everywhere(sample: Frames, tmp_path: Path, new_database: Callable[[], str]) -> list[Source]:
    def pieces() -> Iterator[tuple[str, pl.DataFrame]]:
        yield from ((name, piece) for name, frame in sample.items() for piece in (frame[:1], frame[1:]))

    uris = [f"sqlite:///{tmp_path}/una base.db", new_database()]
    for uri in uris:
        write_tables(uri, pieces())
    for form in ("csv", "parquet"):
        write_folder(tmp_path / form, pieces(), form)
        uris.append(f"csv:{tmp_path / form}")
    return [open_source(uri) for uri in uris]


def test_all_kinds_of_source_give_the_same_frames(everywhere: list[Source], sample: Frames) -> None:
    expected = {}
    for month, nogs in (("2024-05", [30, 200]), ("2024-06", [9])):
        for name, frame in sample.items():
            expected[month, name] = frame.filter(pl.col("nog").is_in(nogs)).sort("nog", *TABLES[name].order)
    for source in everywhere:
        found = admitted(source)
        for key, frame in expected.items():
            assert found[key].equals(frame), (source.uri, key)
            assert found[key].schema == frame.schema


def test_all_kinds_of_source_give_the_same_watermarks(everywhere: list[Source]) -> None:
    mark = datetime(2024, 7, 1, 8, 30, 0, 250000)
    for source in everywhere:
        assert source.watermarks() == {"2024-05": mark, "2024-06": mark}, source.uri


def test_tables_may_be_read_side_by_side(everywhere: list[Source]) -> None:
    for source in everywhere:
        with source.open(Month.parse("2024-05")) as reading:
            both = zip(reading.batches("eventos"), reading.batches("partes"), strict=True)
            assert [(e["nog"].cast(pl.Int64).to_list(), p.height) for e, p in both] == [([30, 30, 200, 200], 3)], (
                source.uri
            )


def test_seven_digits_of_a_second_survive(sample: Frames, tmp_path: Path) -> None:
    ticks = sample["eventos"].with_columns(pl.col("fecha_registro") + pl.duration(nanoseconds=700))
    tables = sample | {"eventos": ticks}
    write_tables(f"sqlite:///{tmp_path}/a.db", tables.items())
    write_folder(tmp_path, tables.items())
    for uri in (f"sqlite:///{tmp_path}/a.db", f"csv:{tmp_path}"):
        frame = admitted(open_source(uri))["2024-05", "eventos"]
        assert frame.equals(ticks.filter(pl.col("nog") != 9).sort("nog", "fecha_evento")), uri
        with open_source(uri).open(Month.parse("2024-05")) as reading:
            assert next(reading.batches("eventos"))["fecha_registro"][0] == "2024-06-01 11:00:00.1234567"


# One month for each row, and only one.

DATES = [
    "2024-04-30 23:59:59",
    "2024-05-01 00:00:00",
    "2024-05-31",
    "2024-06-30T23:59",
    "2023-11-02 10:00:00.1234567",
    "0001-01-01 00:00:00",
    "2150-01-01 00:00:00",
    "2024-02-30 10:00:00",
    "2024-1-5",
    "ayer",
    "",
    None,
]
NOGS = [1, 2, 3, 4, None]


def month_of(date: str | None) -> str | None:
    """The month of a usable time."""
    try:
        moment = datetime.fromisoformat((date or "")[:26])
    except ValueError:
        return None
    return str(Month.of(moment)) if 1990 <= moment.year <= 2099 else None


def charged(tables: dict[str, list[dict[str, Any]]]) -> dict[str, Counter[tuple[str, int]]]:
    """Table -> how often each row (by its place) belongs to each month: the contract's rule, told plainly."""
    concursos, eventos = tables["concursos"], tables["eventos"]

    def earliest(rows: list[dict[str, Any]], column: str) -> str | None:
        return min((month for row in rows if (month := month_of(row[column]))), default=None)

    changed = earliest(concursos, "fecha_actualizacion")
    first = earliest(concursos, "fecha_publicacion") or earliest(eventos, "fecha_evento") or changed or FIRST_MONTH
    homes = {}
    for nog in {row["nog"] for row in concursos} - {None}:
        own = [row for row in concursos if row["nog"] == nog]
        homes[nog] = (
            earliest(own, "fecha_publicacion")
            or earliest([row for row in eventos if row["nog"] == nog], "fecha_evento")
            or earliest(own, "fecha_actualizacion")
            or first
        )
    found = {}
    for name, rows in tables.items():
        dates = ["fecha_publicacion", "fecha_actualizacion"] if name == "concursos" else [TABLES[name].dated]
        months = []
        for row in rows:
            own_months = [month for date in dates if date and (month := month_of(row[date]))]
            months.append(homes.get(row["nog"]) or (own_months or [first])[0])
        found[name] = Counter((month, place) for place, month in enumerate(months))
    return found


PLACES = {"concursos": "descripcion", "eventos": "evento_id", "partes": "identificador", "documentos": "documento_id"}


def tables_of(draw: Callable[[list[Any]], Any], most: int) -> dict[str, list[dict[str, Any]]]:
    """Random rows; every row carries its place in a text column."""
    tables = {}
    for name, place_column in PLACES.items():
        dates = [c.name for c in TABLES[name].columns if c.kind in ("time", "instant")]
        count = draw(list(range(most + 1)))
        tables[name] = [
            {"nog": draw(NOGS), place_column: str(place)} | {date: draw(DATES) for date in dates}
            for place in range(count)
        ]
    return tables


def delivered(source: Source, months: list[str]) -> dict[str, Counter[tuple[str, int]]]:
    found: dict[str, Counter[tuple[str, int]]] = {name: Counter() for name in PLACES}
    for month in months:
        with source.open(Month.parse(month)) as reading:
            for name in PLACES:
                for frame in reading.batches(name):
                    assert frame["nog"].cast(pl.Int64).is_sorted()
                    found[name].update((month, int(place)) for place in frame[PLACES[name]])
    return found


SPAN = sorted({month for date in DATES if (month := month_of(date))} | {FIRST_MONTH})


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_row_is_in_exactly_one_month_of_sqlite(data: st.DataObject) -> None:
    tables = tables_of(lambda choices: data.draw(st.sampled_from(choices)), most=5)
    with tempfile.TemporaryDirectory() as folder:
        source = open_source(loose_sqlite(Path(folder) / "a.db", tables))
        assert delivered(source, SPAN) == charged(tables)


@pytest.mark.parametrize("seed", range(4))
def test_every_row_is_in_exactly_one_month_of_a_folder(seed: int, tmp_path: Path) -> None:
    tables = tables_of(random.Random(seed).choice, most=12)
    for name, rows in tables.items():
        columns = {column.name: pl.String for column in TABLES[name].columns}
        for row in rows:
            # A folder reads times as the arrival checks do, which take this for the fifth of January.
            row.update({key: "ayer" for key, value in row.items() if value == "2024-1-5"})
        texts = [{key: None if value is None else str(value) for key, value in row.items()} for row in rows]
        pl.DataFrame(texts, schema=columns, orient="row").write_csv(tmp_path / f"{name}.csv")
    assert delivered(open_source(f"csv:{tmp_path}"), SPAN) == charged(tables)


@pytest.mark.parametrize("dates", ["text", "timestamp"])
def test_every_row_is_in_exactly_one_month_of_postgresql(dates: str, new_database: Callable[[], str]) -> None:
    uri, dice = new_database(), random.Random(7)
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        for name in PLACES:
            types = {"int": "bigint", "time": dates, "instant": dates}
            columns = ", ".join(f"{c.name} {types.get(c.kind, 'text')}" for c in TABLES[name].columns)
            cursor.execute(f"CREATE TABLE {name} ({columns})")
        connection.commit()
        for _ in range(5):
            tables = tables_of(dice.choice, most=12)
            for name, rows in tables.items():
                cursor.execute(f"TRUNCATE {name}")
                for row in rows:
                    if dates == "timestamp":  # what is no date cannot be there
                        for column, value in row.items():
                            if column.startswith("fecha") and value in ("2024-02-30 10:00:00", "2024-1-5", "ayer", ""):
                                row[column] = "infinity" if value == "ayer" else None
                    marks = ", ".join(["%s"] * len(row))
                    cursor.execute(f"INSERT INTO {name} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
            connection.commit()
            assert delivered(open_source(uri), SPAN) == charged(tables)


def test_watermarks_count_strays_and_pass_over_implausible_times(tmp_path: Path) -> None:
    concursos = [
        {"nog": 1, "fecha_publicacion": "2024-05-02 10:00:00", "fecha_actualizacion": "2024-05-03 10:00:00.1234567"},
        {"nog": 2, "fecha_publicacion": "2024-05-02 10:00:00", "fecha_actualizacion": "9999-12-31 00:00:00"},
        {"nog": 3, "fecha_publicacion": "2024-06-02", "fecha_actualizacion": None},
        {"nog": 4, "fecha_publicacion": None, "fecha_actualizacion": "2024-08-09T01:02"},
    ]
    eventos = [{"nog": 4, "fecha_evento": "2024-07-01 00:00:00"}]
    source = open_source(loose_sqlite(tmp_path / "a.db", {"concursos": concursos, "eventos": eventos}))
    assert source.watermarks() == {
        "2024-05": datetime(2024, 5, 3, 10, 0, 0, 123456),
        "2024-06": datetime(2024, 6, 1),
        "2024-07": datetime(2024, 8, 9, 1, 2),
    }


# What comes in is passed on as it is.


def test_sqlite_may_hold_anything(tmp_path: Path, read: Callable[..., dict[str, list[pl.DataFrame]]]) -> None:
    concursos = [
        {"nog": 5, "fecha_publicacion": "2024-05-02", "modalidad": "ninguna", "valor_estimado": 1.5},
        {"nog": "abc", "fecha_publicacion": "2024-05-03", "modalidad": b"\xff\x00A", "descripcion": "a\x00b"},
        {"nog": 10.5, "fecha_publicacion": "2024-05-03", "entidad_compradora": 10**15},
    ]
    uri = loose_sqlite(tmp_path / "a.db", {"concursos": concursos})
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute(
            "UPDATE concursos SET descripcion = CAST(x'41D1' AS TEXT) WHERE nog = 5"
        )  # Latin-1 in a TEXT
    frames = read(open_source(uri), ["2024-05"])["concursos"]
    assert values(frames, "nog") == ["5", "10.5", "abc"]
    assert values(frames, "modalidad") == ["ninguna", None, "\ufffd\x00A"]
    assert values(frames, "descripcion") == ["A\ufffd", None, "a\x00b"]
    assert values(frames, "valor_estimado") == ["1.5", None, None]
    assert values(frames, "entidad_compradora") == [None, "1000000000000000", None]


def test_text_nogs_are_ordered_as_numbers(tmp_path: Path, read: Callable[..., dict[str, list[pl.DataFrame]]]) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        for name, table in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({', '.join(c.name + ' TEXT' for c in table.columns)})")
        for nog in ("9", "30", "200"):
            connection.execute("INSERT INTO concursos (nog, fecha_publicacion) VALUES (?, '2024-05-01')", [nog])
            connection.execute("INSERT INTO eventos (nog) VALUES (?)", [nog])
    found = read(open_source(f"sqlite:///{tmp_path}/a.db"), ["2024-05"])
    assert values(found["concursos"], "nog") == values(found["eventos"], "nog") == ["9", "30", "200"]


def test_postgresql_types_of_its_own(new_database: Callable[[], str], execute: Callable[..., None]) -> None:
    uri = new_database()
    execute(
        uri,
        *ddl("postgresql"),
        "ALTER TABLE concursos RENAME TO base",
        "INSERT INTO base (nog, valor_estimado, fecha_publicacion) VALUES (7, 9007199254740993.01, '2024-05-31 20:00')",
        # As another database's owner might have it: quoted names, a domain, an offset, an array, a date.
        "CREATE DOMAIN dinero AS numeric(20, 4)",
        """CREATE VIEW "Concursos" AS SELECT nog::varchar AS "NOG", descripcion, entidad_compradora, unidad_compradora,
           1.5::float8 AS modalidad, valor_estimado::dinero AS "Valor_Estimado", ARRAY[1, 2] AS categorias,
           fecha_publicacion AT TIME ZONE 'America/Guatemala' AS fecha_publicacion, estatus_concurso,
           date '2024-05-02' AS fecha_actualizacion, timestamp 'infinity' AS fecha_cro FROM base""",
        "INSERT INTO eventos VALUES ('7-1', 7, 'publicacion', 1, '0001-01-01', '2024-05-01 00:00:00.123456')",
    )
    source = open_source(uri)
    with source.open(Month(2024, 5)) as reading:
        (frame,) = reading.batches("concursos")
        row = frame.row(0, named=True)
        (eventos,) = reading.batches("eventos")
    assert row["nog"] == "7"
    assert row["modalidad"] == "1.5"
    assert row["valor_estimado"] == "9007199254740993.0100"
    assert row["categorias"] == "1,2"
    assert row["fecha_publicacion"] == datetime(2024, 5, 31, 20)
    assert row["fecha_actualizacion"] == datetime(2024, 5, 2)
    assert row["fecha_cro"].endswith(" us")  # no time, but not lost either: the arrival checks reject it
    assert eventos.row(0)[-2:] == (datetime(1, 1, 1), datetime(2024, 5, 1, 0, 0, 0, 123456))
    assert source.watermarks() == {"2024-05": datetime(2024, 5, 2)}


def test_a_schema_may_be_named(sample: Frames, new_database: Callable[[], str], execute: Callable[..., None]) -> None:
    uri = new_database()
    execute(uri, 'CREATE SCHEMA "Compras"')
    write_tables(f"{uri}&schema=Compras", sample.items())
    with open_source(f"{uri}&schema=Compras").open(Month(2024, 5)) as reading:
        assert next(reading.batches("concursos"))["nog"].to_list() == [30, 200]
    with (
        pytest.raises(SourceError, match="concursos, partes must be there"),
        open_source(uri).open(Month(2024, 5)),
    ):
        pass


def test_sqlite_names_in_capitals(tmp_path: Path) -> None:
    uri = loose_sqlite(tmp_path / "a.db", {"concursos": [{"nog": 1, "fecha_publicacion": "2024-05-01"}]})
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("ALTER TABLE concursos RENAME TO base")
        connection.execute('ALTER TABLE base RENAME COLUMN nog TO "Nog"')
        connection.execute("CREATE VIEW CONCURSOS AS SELECT * FROM base")
    with open_source(uri).open(Month(2024, 5)) as reading:
        assert next(reading.batches("concursos"))["nog"].to_list() == ["1"]


# One snapshot.


def test_postgresql_reading_is_one_snapshot(
    sample: Frames, new_database: Callable[[], str], execute: Callable[..., None]
) -> None:
    uri = new_database()
    write_tables(uri, sample.items())
    with open_source(uri).open(Month(2024, 5)) as reading:
        eventos = reading.batches("eventos")
        before = next(eventos).height  # still held: the other tables come through further connections
        execute(uri, "DELETE FROM partes", "DELETE FROM concursos", "DELETE FROM documentos")
        assert (before, next(reading.batches("concursos")).height, next(reading.batches("partes")).height) == (4, 2, 3)
        assert next(reading.batches("documentos")).height == 1


def test_sqlite_reading_is_one_snapshot(sample: Frames, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/a.db"
    write_tables(uri, sample.items())
    with closing(sqlite3.connect(tmp_path / "a.db")) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        with open_source(uri).open(Month(2024, 5)) as reading:
            writer.execute("DELETE FROM partes")
            writer.commit()
            assert next(reading.batches("partes")).height == 3


# What stops a month: one clear line.


def one_line(caught: pytest.ExceptionInfo[SourceError]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_a_missing_child_table_is_empty_and_told(tmp_path: Path) -> None:
    uri = loose_sqlite(tmp_path / "a.db", {}, without=("ofertas", "contratos"))
    with open_source(uri).open(Month(2024, 5)) as reading:
        assert reading.missing == {"ofertas", "contratos"}
        assert list(reading.batches("ofertas")) == []


def test_a_source_without_a_log_charges_strays_by_their_last_change(tmp_path: Path) -> None:
    stray = {"nog": 77, "fecha_publicacion": None, "fecha_actualizacion": "2024-06-02 10:00:00"}
    uri = loose_sqlite(tmp_path / "a.db", {"concursos": [stray]}, without=("eventos",))
    found = {}
    for month in (Month(2024, 5), Month(2024, 6)):
        with open_source(uri).open(month) as reading:
            assert reading.missing == {"eventos"}
            assert list(reading.batches("eventos")) == []
            found[str(month)] = [nog for frame in reading.batches("concursos") for nog in frame["nog"]]
    assert [77, "77"].count(found["2024-06"][0]) == 1
    assert found["2024-05"] == []
    assert list(open_source(uri).watermarks()) == ["2024-06"]


@pytest.mark.parametrize("name", ["concursos", "partes"])
def test_a_missing_needed_table_stops(tmp_path: Path, name: str) -> None:
    source = open_source(loose_sqlite(tmp_path / "a.db", {}, without=(name,)))
    with pytest.raises(SourceError, match=f"the table {name} must be there") as caught, source.open(Month(2024, 5)):
        pass
    one_line(caught)
    with pytest.raises(SourceError, match=name):
        source.watermarks()


def test_a_missing_required_column_stops(
    tmp_path: Path, sample: Frames, new_database: Callable[[], str], execute: Callable[..., None]
) -> None:
    uris = [loose_sqlite(tmp_path / "a.db", {}), new_database()]
    write_tables(uris[1], sample.items())
    columns = ["DROP COLUMN titulo", "DROP COLUMN url"]
    execute(uris[1], *(f"ALTER TABLE documentos {column}" for column in columns))
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        for column in columns:
            connection.execute(f"ALTER TABLE documentos {column}")
    for uri in uris:
        source = open_source(uri)
        with pytest.raises(SourceError, match="lacks the columns titulo, url") as caught, source.open(Month(2024, 5)):
            pass
        assert "table documentos" in one_line(caught)


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        open_source(f"sqlite:///{tmp_path}/a.db")
    write = tmp_path / "b.db"
    write.write_bytes(b"")
    source = open_source(f"sqlite:///{write}")
    write.unlink()
    with pytest.raises(SourceError, match="no such file"), source.open(Month(2024, 5)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"nog,descripcion\n" * 100)
    with (
        pytest.raises(SourceError, match="not a database") as caught,
        open_source(f"sqlite:///{tmp_path}/a.db").open(Month(2024, 5)),
    ):
        pass
    one_line(caught)


def test_a_wrong_password_is_not_shown(
    postgres_server: Any, new_database: Callable[[], str], execute: Callable[..., None]
) -> None:
    uri = new_database()
    rules = postgres_server.pgdata / "pg_hba.conf"
    rules.write_text("local all lector scram-sha-256\n" + rules.read_text())
    execute(uri, "CREATE ROLE lector LOGIN PASSWORD 'bueno'", "SELECT pg_reload_conf()")
    database = uri.partition("@/")[2]
    source = open_source(f"postgresql+psycopg2://lector:Secreto99@/{database}")
    assert "Secreto99" not in source.uri
    with pytest.raises(SourceError, match="password authentication failed") as caught, source.open(Month(2024, 5)):
        pass
    assert "Secreto99" not in one_line(caught)
    with (
        pytest.raises(SourceError, match="must be there"),
        open_source(f"postgresql://lector:bueno@/{database}").open(Month(2024, 5)),
    ):
        pass


def test_a_table_that_may_not_be_read(
    new_database: Callable[[], str], sample: Frames, execute: Callable[..., None]
) -> None:
    uri = new_database()
    write_tables(uri, sample.items())
    execute(uri, "CREATE ROLE ajeno LOGIN", "GRANT SELECT ON concursos, eventos TO ajeno")
    with open_source(uri.replace("postgres:@", "ajeno:@")).open(Month(2024, 5)) as reading:
        assert next(reading.batches("eventos")).height == 4
        with pytest.raises(SourceError, match=r"table partes cannot be read: .*permission denied") as caught:
            next(reading.batches("partes"))
    one_line(caught)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(SourceError, match="cannot be read") as caught,
        open_source(f"postgresql://u:clave123@/d?host={tmp_path}").open(Month(2024, 5)),
    ):
        pass
    assert "clave123" not in one_line(caught)


def test_a_server_that_stops_in_the_middle(doomed_server: Any, execute: Callable[..., None]) -> None:
    uri = doomed_server.get_uri()
    execute(
        uri,
        *ddl("postgresql"),
        "INSERT INTO concursos (nog, fecha_publicacion) VALUES (1, '2024-05-02')",
        # Far more than fits into the buffers between server and client.
        "INSERT INTO eventos (nog, evento_id, tipo) SELECT 1, n::text, repeat('x', 500) FROM generate_series(1, 150000) n",
    )
    with open_source(uri).open(Month(2024, 5)) as reading:
        eventos = reading.batches("eventos")
        assert 0 < next(eventos).height < 150_000
        doomed_server.cleanup()
        with pytest.raises(SourceError, match="table eventos cannot be read") as caught:
            list(eventos)
        one_line(caught)
        with pytest.raises(SourceError, match="table partes cannot be read"):
            next(reading.batches("partes"))


def test_a_reading_left_halfway_lets_go(
    new_database: Callable[[], str], execute: Callable[..., None], sample: Frames
) -> None:
    uri = new_database()
    write_tables(uri, sample.items())
    with open_source(uri).open(Month(2024, 5)) as reading:
        left = reading.batches("eventos")
        next(left)
    execute(uri, "DROP TABLE eventos")  # nobody holds it
    with pytest.raises(SourceError):
        next(reading.batches("partes"))


# Writing.


def test_a_failed_write_leaves_the_file_as_it_was(sample: Frames, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/a.db"
    write_tables(uri, sample.items())
    before = (tmp_path / "a.db").read_bytes()

    def broken() -> Iterator[tuple[str, pl.DataFrame]]:
        yield "concursos", sample["concursos"]
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        write_tables(uri, broken())
    with pytest.raises(SourceError, match="UNIQUE"):
        write_tables(uri, [("concursos", sample["concursos"])] * 2)
    assert (tmp_path / "a.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.db"]
    write_tables(uri, sample.items())
    assert (tmp_path / "a.db").read_bytes() == before


def test_a_file_in_use_is_not_replaced(sample: Frames, tmp_path: Path) -> None:
    (tmp_path / "a.db-wal").write_bytes(b"x")
    with pytest.raises(SourceError, match="has it open"):
        write_tables(f"sqlite:///{tmp_path}/a.db", sample.items())


def test_postgresql_tables_are_never_overwritten(
    sample: Frames, new_database: Callable[[], str], execute: Callable[..., None]
) -> None:
    uri = new_database()
    execute(uri, "CREATE TABLE documentos (mine int)")
    with pytest.raises(SourceError, match=r"documentos.*already exists"):
        write_tables(uri, sample.items())
    with pytest.raises(SourceError, match="concursos"), open_source(uri).open(Month(2024, 5)):
        pass  # nothing of it is left


# URIs.


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://ana:s3cr3t@host:5432/d", "postgresql://ana:***@host:5432/d"),
        ("postgresql://ana:p@ss:w/rd@host/d", "postgresql://ana:***@host/d"),
        ("postgresql://:s3cr3t@host/d", "postgresql://:***@host/d"),
        ("postgresql:///d?host=/tmp&password=s3cr3t&user=a", "postgresql:///d?host=/tmp&password=***&user=a"),
        ("ocds+https://host/a?token=s3cr3t", "ocds+https://host/a?token=***"),
        ("sqlite:////srv/a.db", "sqlite:////srv/a.db"),
        ("demo:?size=10&seed=1", "demo:?size=10&seed=1"),
        ("ocds+http://localhost:8000/ocds", "ocds+http://localhost:8000/ocds"),
    ],
)
def test_secrets_are_hidden(uri: str, shown: str) -> None:
    assert redact(uri) == shown


@pytest.mark.parametrize("uri", ["", "nada", "mysql://u:s3cr3t@h/d", "oracle:x", "/srv/a.db"])
def test_unknown_sources_are_told_the_forms(uri: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(uri)
    text = one_line(caught)
    assert all(form in text for form in FORMS)
    assert "s3cr3t" not in text


@pytest.mark.parametrize("uri", ["postgresql://u:s3cr3t@h:puerto/d", "sqlite://", "sqlite:///:memory:"])
def test_malformed_databases_are_told(uri: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(uri)
    assert "s3cr3t" not in one_line(caught)
