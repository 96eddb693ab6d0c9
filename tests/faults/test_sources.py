"""Sources that go away, are locked or change while they are read: one clear error and nothing changed, or one consistent state."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import psycopg2
import pytest

from guatecompras.contract import Reading, Source
from guatecompras.errors import SourceError
from guatecompras.month import MonthWork
from guatecompras.months import Month
from guatecompras.stores import LocalStore
from resources.sources.csv import write_folder
from resources.sources.demo import demo_chunks
from resources.sources.sql import write_tables
from resources.sources.uri import open_source
from tests.faults.world import copied, data_of, faults, told
from tests.replaced import LOSSES_ALLOWED

MONTH = Month.parse("2026-01")
# What a writer does in the middle of a reading: it takes rows from tables that were read and from some that were not.
REWRITTEN = (
    "DELETE FROM partes",
    "DELETE FROM eventos WHERE nog % 2 = 0",
    "UPDATE concursos SET descripcion = 'otra cosa'",
    "DELETE FROM documentos WHERE contrato_id IS NULL",
)

Act = Callable[[], object]


class Disturbed:
    """A source to which something happens once the first rows of a table have been read."""

    def __init__(self, source: Source, table: str, act: Act) -> None:
        self.uri, self._source, self._table, self._act = source.uri, source, table, act

    @contextmanager
    def open(self, month: Month) -> Iterator["_DisturbedReading"]:
        with self._source.open(month) as reading:
            yield _DisturbedReading(reading, self._table, self._act)


class _DisturbedReading:
    def __init__(self, reading: Reading, table: str, act: Act) -> None:
        self.missing, self._reading, self._table, self._act = reading.missing, reading, table, act

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        for place, frame in enumerate(self._reading.batches(table)):
            yield frame
            if (place, table) == (0, self._table):
                self._act()


def _version(store: LocalStore, source: Any) -> str:
    return MonthWork.extract(store, source, MONTH, LOSSES_ALLOWED)[0].version


def _fails(store: LocalStore, uri: str, act: Act, mend: Act, words: str) -> None:
    """The source fails in the middle: one line, and nothing is left of it. Mended it gives what it gives undisturbed."""
    undisturbed = _version(copied(store, store.root.with_name("undisturbed")), open_source(uri))
    before = data_of(store)
    with pytest.raises(SourceError, match=words) as raised:
        _version(store, Disturbed(open_source(uri), "eventos", act))
    assert "\n" not in str(raised.value)
    assert data_of(store) == before
    assert faults(store) == ()
    assert not list((store.root / "work" / str(MONTH)).glob(".*.part-*"))
    mend()
    assert _version(store, open_source(uri)) == undisturbed


def _is_one_state(store: LocalStore, uri: str, act: Act) -> None:
    """The source changes in the middle: what is taken is what there was, and the next run takes what there is now."""
    undisturbed = _version(copied(store, store.root.with_name("undisturbed")), open_source(uri))
    acted: list[object] = []
    assert _version(store, Disturbed(open_source(uri), "eventos", lambda: acted.append(act()))) == undisturbed
    assert len(acted) == 1
    assert _version(store, open_source(uri)) != undisturbed


# SQLite.


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "source.sqlite"
    write_tables(f"sqlite:///{path}", demo_chunks(MONTH, 1, 100, 1))
    return path


# In a process of its own: SQLite's locks are the process's, and two libraries in one take them from each other.
_WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement)
print("done", flush=True)
sys.stdin.readline()
"""


@contextmanager
def _writer(database: Path, *statements: str) -> Iterator[None]:
    """Statements executed by another program, which then keeps the database open."""
    command = [sys.executable, "-c", _WRITER, str(database), *statements]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        told(program, "done")
        yield
        program.communicate("\n")
        assert program.returncode == 0


def _execute(database: Path, *statements: str) -> None:
    with _writer(database, *statements):
        pass


def test_a_database_that_is_written_meanwhile_is_read_as_it_was(store: LocalStore, database: Path) -> None:
    _execute(database, "PRAGMA journal_mode = WAL")
    _is_one_state(store, f"sqlite:///{database}", lambda: _execute(database, *REWRITTEN))


def test_a_database_file_that_is_deleted_meanwhile_is_read_to_its_end(store: LocalStore, database: Path) -> None:
    uri = f"sqlite:///{database}"
    undisturbed = _version(copied(store, store.root.with_name("undisturbed")), open_source(uri))
    assert _version(store, Disturbed(open_source(uri), "eventos", database.unlink)) == undisturbed
    with pytest.raises(SourceError, match="no such file"):
        open_source(uri)


def test_a_database_file_that_is_cut_meanwhile_is_one_clear_error(store: LocalStore, database: Path) -> None:
    whole = database.read_bytes()

    def cut() -> None:
        with database.open("r+b") as file:
            file.truncate(5000)

    _fails(store, f"sqlite:///{database}", cut, lambda: database.write_bytes(whole), "cannot be read")


def test_a_locked_database_is_one_clear_error(store: LocalStore, database: Path) -> None:
    before = data_of(store)
    with _writer(database, "BEGIN EXCLUSIVE"), pytest.raises(SourceError, match="locked") as raised:
        _version(store, open_source(f"sqlite:///{database}"))
    assert "\n" not in str(raised.value)
    assert data_of(store) == before
    _version(store, open_source(f"sqlite:///{database}"))


# Files.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "csv", demo_chunks(MONTH, 1, 100, 1))
    return tmp_path / "csv"


def test_a_file_that_goes_away_meanwhile_is_one_clear_error(store: LocalStore, folder: Path) -> None:
    victim = folder / "partes.csv"
    aside = folder / "aside"
    _fails(store, f"csv:{folder}", lambda: victim.rename(aside), lambda: aside.rename(victim), r"partes\.csv")


def test_a_file_that_is_replaced_meanwhile_is_one_clear_error(store: LocalStore, folder: Path) -> None:
    victim = folder / "partes.csv"
    whole = victim.read_bytes()

    def replace() -> None:
        other = folder / "other"
        other.write_bytes(whole.replace(b"GT-NIT", b"GT-GCID"))
        other.replace(victim)

    _fails(store, f"csv:{folder}", replace, lambda: victim.write_bytes(whole), "changed while it was read")


# PostgreSQL.


@pytest.fixture
def server(postgres_server: Any, request: pytest.FixtureRequest) -> str:
    """The URI of a database of its own with a month in it."""
    name = f"faults_{abs(hash(request.node.name)) % 10**9}"
    postgres_server.psql(f"CREATE DATABASE {name}")
    uri = str(postgres_server.get_uri(name))
    write_tables(uri, demo_chunks(MONTH, 1, 100, 1))
    return uri


def _told(uri: str, *statements: str) -> None:
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_a_server_that_is_written_meanwhile_is_read_as_it_was(store: LocalStore, server: str) -> None:
    _is_one_state(store, server, lambda: _told(server, *REWRITTEN))


def test_a_server_that_ends_the_connection_is_one_clear_error(store: LocalStore, server: str) -> None:
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    _fails(store, server, lambda: _told(server, end), lambda: None, "cannot be read")


@pytest.mark.slow
def test_a_server_that_stops_is_one_clear_error(store: LocalStore, doomed_server: Any) -> None:
    uri = str(doomed_server.get_uri())
    write_tables(uri, demo_chunks(MONTH, 1, 100, 1))
    before = data_of(store)
    with pytest.raises(SourceError, match="cannot be read") as raised:
        _version(store, Disturbed(open_source(uri), "eventos", doomed_server.cleanup))
    assert "\n" not in str(raised.value)
    assert data_of(store) == before
