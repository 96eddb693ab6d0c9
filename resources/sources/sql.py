"""The `sql` source: the nine tables or views of a SQLite or PostgreSQL database, one month at a time.

The statements are built here, alike for both engines; how an engine is connected to and streamed is here too. What the
columns mean is the contract's business, whether their values are sound is `arrivals.py`'s.
"""

# Names in the statements are the database's own, quoted, or the contract's; local times are naive by contract.
# ruff: noqa: S608, DTZ001

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import polars as pl
import psycopg2
import psycopg2.extensions
import pyarrow as pa
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from guatecompras.addresses import hiding, redact
from guatecompras.contract import PLAUSIBLE_YEARS, TABLES, Table
from guatecompras.errors import SourceError
from guatecompras.formats.atomic import replacing
from guatecompras.months import FIRST_MONTH, Month
from resources.sources.csv import plain

_SQLITE_ROWS = 10_000  # rows a batch: some MB
_CONNECT_SECONDS = 15
# Options of libpq, which an address may hold too.
_PASSWORDS = ("password", "sslpassword")
_DRIVER_ERRORS = (adbc_driver_manager.Error, psycopg2.Error, sqlite3.Error, pa.ArrowException, OSError)


class SqlSource:
    """A database with the contract's tables. Each `open` and `watermarks` is one connection and one snapshot."""

    def __init__(self, url: URL, uri: str) -> None:
        self._url = url
        self.uri = uri

    @classmethod
    def from_uri(cls, uri: str) -> "SqlSource":
        """`sqlite:///FILE` or `postgresql[+psycopg2]://USER:PASSWORD@HOST:PORT/DATABASE[?schema=NAME]`.

        Raises SourceError on anything else, and when the SQLite file is not there (it is never created).
        """
        shown = redact(uri)
        try:
            url = make_url(uri)
        except (ArgumentError, ValueError):
            # Without its cause: that could quote the password.
            raise SourceError(f"'{shown}' is not a database's URI") from None
        if url.get_backend_name() not in _ENGINES:
            raise SourceError(f"'{shown}' is neither a SQLite nor a PostgreSQL database")
        if url.get_backend_name() == "sqlite":
            _sqlite_file(url, shown)
        return cls(url, shown)

    @contextmanager
    def open(self, month: Month) -> Iterator["SqlReading"]:
        """The month in one consistent snapshot of all tables. Raises SourceError, here and in the reading."""
        with self._session() as session:
            yield SqlReading(session, month)

    def watermarks(self) -> dict[str, datetime]:
        """Month -> latest plausible `fecha_actualizacion` of its concursos (else its start), in order of months."""
        with self._session() as session:
            found = Statements(session.engine, session.relations).watermarks(session.rows)
        return {month: _moment(stamp) if stamp else Month.parse(month).start for month, stamp in found}

    @contextmanager
    def _session(self) -> Iterator["Session"]:
        session = _ENGINES[self._url.get_backend_name()].connect(self._url, self.uri)
        try:
            yield session
        finally:
            session.close()


def _moment(stamp: str) -> datetime:
    # A usable text may have more behind its minutes: a seventh digit, an offset.
    text = re.match(r"[-\d]{10}(?:[ T]\d\d:\d\d(?::[0-5]\d(?:\.\d{1,6})?)?)?", stamp)
    return datetime.fromisoformat(text[0] if text else stamp)


class SqlReading:
    """The `Reading` of a database; its batches may be drawn from several tables side by side."""

    def __init__(self, session: "Session", month: Month) -> None:
        self._session = session
        statements = Statements(session.engine, session.relations)
        self._selects = statements.selects(month, session.rows)
        self.missing = frozenset(TABLES) - frozenset(session.relations)

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        """Frames of `table`, ordered by nog (nulls first); nothing when the table is missing. Raises SourceError."""
        if table in self.missing:
            return iter(())
        return self._session.frames(self._selects[table], f"table {table}")


# What a database holds.


@dataclass(frozen=True)
class Field:
    """A column as the database has it: its name in SQL, and its `family`, which decides how it is compared and read."""

    sql: str
    family: str


@dataclass(frozen=True)
class Relation:
    table: Table
    sql: str
    fields: dict[str, Field]

    def __getitem__(self, column: str) -> Field:
        return self.fields[column]


def relations_of(found: dict[str, tuple[str, dict[str, Field]]], shown: str) -> dict[str, Relation]:
    """Match what was found (lower-case names) with the contract; raises SourceError naming what must be there."""
    lacking = [table.name for table in TABLES.values() if table.needed and table.name not in found]
    if lacking:
        raise SourceError(f"{shown}: the table{'s'[: len(lacking) > 1]} {', '.join(lacking)} must be there")
    relations = {}
    for name, (sql, fields) in found.items():
        table = TABLES[name]
        absent = [column for column in table.required if column not in fields]
        if absent:
            raise SourceError(f"{shown}: table {name} lacks the column{'s'[: len(absent) > 1]} {', '.join(absent)}")
        relations[name] = Relation(table, sql, {c.name: fields[c.name] for c in table.columns if c.name in fields})
    return relations


class Session(Protocol):
    """A database opened in one snapshot. All methods raise SourceError, one line."""

    engine: "Engine"
    relations: dict[str, Relation]

    def rows(self, sql: str) -> list[tuple[Any, ...]]: ...

    def frames(self, sql: str, what: str) -> Iterator[pl.DataFrame]: ...

    def close(self) -> None: ...


class Engine(Protocol):
    """What differs between the engines; `at` is a column with its table's alias (`t."nog"`)."""

    @staticmethod
    def connect(url: URL, shown: str) -> Session: ...

    @staticmethod
    def read(at: str, family: str) -> str:
        """The column as it is delivered."""
        ...

    @staticmethod
    def number(at: str, family: str) -> str:
        """A nog to compare with other tables' nogs."""
        ...

    @staticmethod
    def order(at: str, family: str) -> str:
        """What sorts by nog as a number."""
        ...

    @staticmethod
    def inside(at: str, family: str, start: str, end: str) -> str:
        """True when the time is readable and in [start, end) (`YYYY-MM-DD`); an index on the column serves it."""
        ...

    @staticmethod
    def bucket(at: str, family: str) -> str:
        """What all readable times of one month have in common."""
        ...

    @staticmethod
    def name(bucket: str, family: str) -> str:
        """A bucket as `YYYY-MM`."""
        ...

    @staticmethod
    def stamp(at: str, family: str) -> str:
        """A readable time as ISO text."""
        ...


class Statements:
    """The SQL that picks a month's rows.

    Each row of each table is charged to exactly one month (see `contract.Reading`):

    - a NOG's home is the month of the first usable `fecha_publicacion` among its concursos; for a stray, one without
      any, the month of its first event, else of its `fecha_actualizacion`, else the source's first month. All its rows
      go there: two concursos that share a NOG meet in one month, where the second one shows as a duplicate.
    - an orphan, a child row whose NOG is in no concurso, goes to the month of its dated column, else to the first one.

    Strays and duplicates are rare, so two cheap look-ups decide whether the statements need to mind them at all.
    Orphans of a month are sought only among the rows that the dated column (indexed) puts there, some 60,000 look-ups
    by key however large the database is. Rows that no date puts anywhere need an anti-join over the whole table: only
    for the source's first month.
    """

    def __init__(self, engine: Engine, relations: dict[str, Relation]) -> None:
        self._engine = engine
        self._relations = relations
        self._concursos = relations["concursos"]

    def selects(self, month: Month, rows: "Rows") -> dict[str, str]:
        """One statement a table that is there; `rows` runs the look-ups."""
        first = self._first_month(rows)
        strays = bool(rows(f"SELECT 1 FROM {self._concursos.sql} s WHERE NOT {self._usable('concursos', 's')} LIMIT 1"))
        plain_case = not strays and not rows(self._shared_nogs(month))
        homes = self._dated_nogs(month) if plain_case else self._homes(month, first)
        published = self._inside("concursos", "t", month)
        nog = self._nog("concursos", "t")
        rare = [f"{nog} IN ({homes})", f"{nog} IS NULL AND {self._own_month('t', first)} = '{month}'"]
        selects = {"concursos": self._select("concursos", [published] if plain_case else rare)}
        for name in self._relations:
            if name != "concursos":
                at_home = f"{self._nog(name, 't')} IN ({homes})"
                selects[name] = self._select(name, [at_home, *self._orphans(name, month, first)])
        return selects

    def watermarks(self, rows: "Rows") -> list[tuple[str, str | None]]:
        """Months in order with the ISO text of their latest usable `fecha_actualizacion`."""
        engine, changed = self._engine, self._concursos["fecha_actualizacion"]
        published = self._concursos["fecha_publicacion"]
        bucket = engine.bucket(f"c.{published.sql}", published.family)
        latest = f"MAX(CASE WHEN {self._usable('concursos', 'c', 'fecha_actualizacion')} THEN c.{changed.sql} END)"
        dated = (
            f"SELECT {engine.name('bucket', published.family)} AS month, "
            f"{engine.stamp('latest', changed.family)} AS stamp "
            f"FROM (SELECT {bucket} AS bucket, {latest} AS latest FROM {self._concursos.sql} c "
            f"WHERE {self._usable('concursos', 'c')} GROUP BY 1) m"
        )
        strays = (
            f"SELECT home AS month, {engine.stamp('MAX(latest)', changed.family)} AS stamp "
            f"FROM ({self._stray_homes(self._first_month(rows))}) h GROUP BY home"
        )
        marks: dict[str, str | None] = {}
        for month, stamp in rows(dated) + rows(strays):
            marks[month] = max(filter(None, (marks.get(month), stamp)), default=None)
        return sorted(marks.items())

    # Which rows.

    def _select(self, name: str, conditions: list[str]) -> str:
        """The rows of `name` under any of the conditions (no row may meet two), ordered by nog."""
        relation, engine = self._relations[name], self._engine
        # One SELECT a condition, not OR: so each is served by its own index.
        columns = ", ".join(
            f'{engine.read("t." + field.sql, field.family)} AS "{column}"' for column, field in relation.fields.items()
        )
        key = f"{engine.order('t.' + relation['nog'].sql, relation['nog'].family)} AS _orden"
        parts = [f"SELECT {columns}, {key} FROM {relation.sql} t WHERE {condition}" for condition in conditions]
        names = ", ".join(f'"{column}"' for column in relation.fields)
        return f"SELECT {names} FROM ({' UNION ALL '.join(parts)}) u ORDER BY _orden NULLS FIRST"

    def _dated_nogs(self, month: Month) -> str:
        nog, inside = self._nog("concursos", "c"), self._inside("concursos", "c", month)
        return f"SELECT {nog} FROM {self._concursos.sql} c WHERE {inside}"

    def _shared_nogs(self, month: Month) -> str:
        """A concurso of the month whose NOG has a row of another month too."""
        return (
            f"SELECT 1 FROM {self._concursos.sql} c JOIN {self._concursos.sql} d "
            f"ON {self._nog('concursos', 'd')} = {self._nog('concursos', 'c')} "
            f"WHERE {self._inside('concursos', 'c', month)} AND NOT {self._inside('concursos', 'd', month)} LIMIT 1"
        )

    def _homes(self, month: Month, first: str) -> str:
        """The NOGs whose home is the month, strays and shared ones included."""
        nog = self._nog("concursos", "c")
        return (
            f"SELECT {nog} FROM {self._concursos.sql} c WHERE {self._usable('concursos', 'c')} "
            f"AND {nog} IN ({self._dated_nogs(month)}) "
            f"GROUP BY {nog} HAVING MIN({self._month('concursos', 'c')}) = '{month}' "
            f"UNION ALL SELECT nog FROM ({self._stray_homes(first)}) h WHERE home = '{month}'"
        )

    def _stray_homes(self, first: str) -> str:
        """nog, home (`YYYY-MM`) and latest change of every stray NOG."""
        nog, eventos = self._nog("concursos", "s"), self._relations.get("eventos")
        changed = self._concursos["fecha_actualizacion"]
        usable_change = self._usable("concursos", "s", "fecha_actualizacion")
        # A source need not have a log.
        happened = f"MIN({self._month('eventos', 'e')})" if eventos else "NULL"
        log = f"LEFT JOIN {eventos.sql} e ON {self._nog('eventos', 'e')} = {nog} " if eventos else ""
        return (
            f"SELECT {nog} AS nog, COALESCE({happened}, "
            f"MIN({self._month('concursos', 's', 'fecha_actualizacion')}), '{first}') AS home, "
            f"MAX(CASE WHEN {usable_change} THEN s.{changed.sql} END) AS latest "
            f"FROM {self._concursos.sql} s {log}"
            f"WHERE NOT {self._usable('concursos', 's')} AND {nog} IS NOT NULL AND NOT EXISTS ("
            f"SELECT 1 FROM {self._concursos.sql} d WHERE {self._nog('concursos', 'd')} = {nog} "
            f"AND {self._usable('concursos', 'd')}) GROUP BY {nog}"
        )

    def _own_month(self, alias: str, first: str) -> str:
        """The month of a concurso without a NOG."""
        dates = ("fecha_publicacion", "fecha_actualizacion")
        return f"COALESCE({', '.join(self._month('concursos', alias, date) for date in dates)}, '{first}')"

    def _orphans(self, name: str, month: Month, first: str) -> list[str]:
        dated = TABLES[name].dated
        same = f"{self._nog('concursos', 'c')} = {self._nog(name, 't')}"
        alone = f"NOT EXISTS (SELECT 1 FROM {self._concursos.sql} c WHERE {same})"
        conditions = [f"{self._inside(name, 't', month)} AND {alone}"] if dated else []
        if str(month) == first:
            conditions.append(f"NOT {self._usable(name, 't')} AND {alone}" if dated else alone)
        return conditions

    def _first_month(self, rows: "Rows") -> str:
        """The month of the source's first usable `fecha_publicacion`; of its first event, or change, if it has none."""
        for name, column in (("concursos", None), ("eventos", None), ("concursos", "fecha_actualizacion")):
            if name not in self._relations:
                continue
            at = f"c.{self._date(name, column).sql}"
            found = rows(
                f"SELECT {self._month(name, 'c', column)} FROM {self._relations[name].sql} c "
                f"WHERE {self._usable(name, 'c', column)} ORDER BY {at} LIMIT 1"
            )
            if found:
                return max(str(found[0][0]), FIRST_MONTH)  # older months are never asked for
        return FIRST_MONTH

    # Terms.

    def _nog(self, name: str, alias: str) -> str:
        field = self._relations[name]["nog"]
        return self._engine.number(f"{alias}.{field.sql}", field.family)

    def _date(self, name: str, column: str | None) -> Field:
        return self._relations[name][column or TABLES[name].dated or ""]

    def _inside(self, name: str, alias: str, month: Month, column: str | None = None) -> str:
        return self._between(name, alias, f"{month}-01", f"{month.next()}-01", column)

    def _usable(self, name: str, alias: str, column: str | None = None) -> str:
        first, last = PLAUSIBLE_YEARS
        return self._between(name, alias, f"{first}-01-01", f"{last + 1}-01-01", column)

    def _between(self, name: str, alias: str, start: str, end: str, column: str | None) -> str:
        field = self._date(name, column)
        at = f"{alias}.{field.sql}"
        # Never null, so that NOT means what it says.
        return f"({at} IS NOT NULL AND {self._engine.inside(at, field.family, start, end)})"

    def _month(self, name: str, alias: str, column: str | None = None) -> str:
        """`YYYY-MM` of a usable time, else null."""
        field = self._date(name, column)
        month = self._engine.name(self._engine.bucket(f"{alias}.{field.sql}", field.family), field.family)
        return f"CASE WHEN {self._usable(name, alias, column)} THEN {month} END"


class Rows(Protocol):
    def __call__(self, sql: str) -> list[tuple[Any, ...]]: ...


@contextmanager
def _clear_errors(shown: str, what: str, hide: Callable[[str], str] = str, verb: str = "read") -> Iterator[None]:
    """Turn what a driver raises into one line, in which `hide` leaves no password."""
    try:
        yield
    except _DRIVER_ERRORS as error:
        text = re.sub(r"\s+", " ", str(error)).partition(" Query was:")[0].partition(" SQLSTATE")[0].strip(" .")
        raise SourceError(f"{shown}: {what} cannot be {verb}: {hide(text)}") from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# SQLite: types are loose, a column may hold anything. Everything is read as text, so nothing is lost on the way.
# The driver takes a column's type from the rows it sees first, which may all be null: so a text comes with a mark before
# it, and null as the empty text (`_unmarked`).

_MARK = "="


def _sqlite_file(url: URL, shown: str) -> Path:
    if not url.database or url.database == ":memory:":
        raise SourceError(f"'{shown}' names no file: write sqlite:///FILE")
    path = Path(url.database)
    if not path.is_file():
        raise SourceError(f"{shown}: there is no such file")
    return path


class _Sqlite:
    @staticmethod
    def connect(url: URL, shown: str) -> "_SqliteSession":
        return _SqliteSession(_sqlite_file(url, shown), shown)

    @staticmethod
    def read(at: str, family: str) -> str:
        return f"coalesce('{_MARK}' || CAST({at} AS TEXT), '')"

    @staticmethod
    def number(at: str, family: str) -> str:
        return at

    @staticmethod
    def order(at: str, family: str) -> str:
        return at if family == "int" else f"CAST({at} AS INTEGER)"

    @staticmethod
    def inside(at: str, family: str, start: str, end: str) -> str:
        # ISO text sorts by time. The rest tells a date from a text that merely sorts among them (2024-02-31, 2024-1-5);
        # nearly every time is what `datetime` makes of it, which is the quickest to find out. Only with a modifier does
        # SQLite reckon with the days of a month.
        day = f"substr({at}, 1, 10)"
        return (
            f"{at} >= '{start}' AND {at} < '{end}' AND ({at} IS datetime({at}, '+0 days') OR {day} IS date({day}, '+0 days') "
            f"AND (length({at}) = 10 OR substr({at}, 11) GLOB '[ T][0-2][0-9]:[0-5][0-9]*' "
            f"AND substr({at}, 12, 2) < '24'))"
        )

    @staticmethod
    def bucket(at: str, family: str) -> str:
        return f"substr({at}, 1, 7)"

    @staticmethod
    def name(bucket: str, family: str) -> str:
        return bucket

    @staticmethod
    def stamp(at: str, family: str) -> str:
        return at


class _SqliteSession:
    engine: Engine = _Sqlite

    def __init__(self, path: Path, shown: str) -> None:
        self._shown = shown
        with _clear_errors(shown, "the database"):
            # mode=ro: neither created nor changed.
            address = f"file:{quote(str(path.absolute()))}?mode=ro"
            self._connection = adbc_driver_sqlite.dbapi.connect(address, autocommit=True)
            try:
                # The first read takes the snapshot, which lasts as long as the transaction.
                with self._connection.cursor() as cursor:
                    cursor.execute("BEGIN")
                self.relations = relations_of(self._found(), shown)
            except BaseException:
                self._connection.close()
                raise

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with _clear_errors(self._shown, "the database"), self._connection.cursor() as cursor:
            cursor.execute(sql)
            columns = [_text(column) for column in cursor.fetch_arrow_table().itercolumns()]
        return list(zip(*(column.to_pylist() for column in columns), strict=True))

    def frames(self, sql: str, what: str) -> Iterator[pl.DataFrame]:
        with _clear_errors(self._shown, what), self._connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(_SQLITE_ROWS)})
            cursor.execute(sql)
            with cursor.fetch_record_batch() as reader:
                for batch in reader:
                    if batch.num_rows:
                        yield _unmarked(_frame(pa.table([_text(c) for c in batch.columns], batch.schema.names)))

    def close(self) -> None:
        self._connection.close()

    def _found(self) -> dict[str, tuple[str, dict[str, Field]]]:
        found = {}
        for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"):
            if name.lower() in TABLES:
                columns = self.rows(f"PRAGMA table_xinfo({_quoted(name)})")
                fields = {
                    c[1].lower(): Field(_quoted(c[1]), "int" if "INT" in c[2].upper() else "text") for c in columns
                }
                found[name.lower()] = (_quoted(name), fields)
        return found


def _text(array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A text column, where it is not UTF-8 with U+FFFD: SQLite takes any bytes for text, and nobody looked so far."""
    if array.type != pa.string():
        return array
    raw = array.cast(pa.binary())
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in raw.to_pylist()], pa.string())


def _unmarked(frame: pl.DataFrame) -> pl.DataFrame:
    """Texts as they were before `_Sqlite.read` marked them."""
    return frame.select(pl.when(pl.all() != "").then(pl.all().str.strip_prefix(_MARK)))


def _frame(table: pa.Table | pa.RecordBatch) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(table))


# PostgreSQL: streamed by ADBC, which runs every SELECT as a binary COPY.


_ISO_TEXT = (
    r"^\d\d(\d\d-(0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|\d\d-(0[469]|11)-(0[1-9]|[12]\d|30)"
    r"|\d\d-02-(0[1-9]|1\d|2[0-8])|([02468][048]|[13579][26])-02-29)([ T]([01]\d|2[0-3]):[0-5]\d.*)?$"
)
_UTC_OFFSET = "INTERVAL '-06:00'"
_PG_FAMILIES = {
    **dict.fromkeys(("int2", "int4", "int8"), "int"),
    **dict.fromkeys(("text", "varchar", "bpchar"), "text"),
    "timestamp": "time",
    "timestamptz": "zoned",
    "date": "date",
}


class _Postgres:
    @staticmethod
    def connect(url: URL, shown: str) -> "_PostgresSession":
        return _PostgresSession(url, shown)

    @staticmethod
    def read(at: str, family: str) -> str:
        return {
            "int": at,
            "text": at,
            "time": at,
            "date": f"{at}::timestamp",
            "zoned": f"({at} AT TIME ZONE {_UTC_OFFSET})",
            "array": f"array_to_string({at}, ',', '')",  # categorias
        }.get(family, f"{at}::text")  # numeric too: its text is exact

    @staticmethod
    def number(at: str, family: str) -> str:
        if family == "int":
            return at
        return rf"CASE WHEN {at}::text ~ '^\s*\d{{1,18}}(\.0*)?\s*$' THEN trim({at}::text)::numeric::bigint END"

    @staticmethod
    def order(at: str, family: str) -> str:
        return _Postgres.number(at, family)

    @staticmethod
    def inside(at: str, family: str, start: str, end: str) -> str:
        if family == "zoned":
            return f"{at} >= TIMESTAMPTZ '{start} 00:00-06' AND {at} < TIMESTAMPTZ '{end} 00:00-06'"
        if family in ("time", "date"):
            return f"{at} >= TIMESTAMP '{start}' AND {at} < TIMESTAMP '{end}'"
        text = f'{at}::text COLLATE "C"'
        return f"{text} >= '{start}' AND {text} < '{end}' AND {text} ~ '{_ISO_TEXT}'"

    @staticmethod
    def bucket(at: str, family: str) -> str:
        if family == "zoned":
            return f"date_trunc('month', {at} AT TIME ZONE {_UTC_OFFSET})"
        return f"date_trunc('month', {at}::timestamp)" if family in ("time", "date") else f"left({at}::text, 7)"

    @staticmethod
    def name(bucket: str, family: str) -> str:
        return f"to_char({bucket}, 'YYYY-MM')" if family in ("time", "date", "zoned") else bucket

    @staticmethod
    def stamp(at: str, family: str) -> str:
        moment = _Postgres.read(at, family)
        return f"to_char({moment}, 'YYYY-MM-DD HH24:MI:SS.US')" if family in ("time", "date", "zoned") else moment


_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class _PostgresSession:
    """One snapshot over several connections: each streams one table at a time, and tables may be read side by side."""

    engine: Engine = _Postgres

    def __init__(self, url: URL, shown: str) -> None:
        self._shown = shown
        self._hide = _hiding(url)
        self._dsn, self._schema = _conninfo(url)
        self._open: list[Any] = []
        self._idle: list[Any] = []
        self._snapshot: str | None = None
        try:
            with _clear_errors(shown, "the database", self._hide):
                self._idle.append(self._connection())
            self._snapshot = self.rows("SELECT pg_export_snapshot()")[0][0]
            self.relations = relations_of(self._found(), shown)
        except BaseException:
            self.close()
            raise

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [row for frame in self.frames(sql, "the database") for row in frame.rows()]

    def frames(self, sql: str, what: str) -> Iterator[pl.DataFrame]:
        with _clear_errors(self._shown, what, self._hide):
            connection = self._idle.pop() if self._idle else self._connection()
            with closing(connection.cursor()) as cursor:
                cursor.execute(sql)
                with cursor.fetch_record_batch() as reader:
                    for batch in reader:
                        yield _sane_times(_frame(batch))
            self._idle.append(connection)

    def close(self) -> None:
        while self._open:
            with suppress(*_DRIVER_ERRORS):
                self._open.pop().close()

    def _connection(self) -> Any:
        connection = adbc_driver_postgresql.dbapi.connect(self._dsn, autocommit=True)
        self._open.append(connection)
        with connection.cursor() as cursor:
            cursor.execute(_BEGIN)
            if self._snapshot:
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{self._snapshot}'")
        return connection

    def _found(self) -> dict[str, tuple[str, dict[str, Field]]]:
        schemas = f"ARRAY[{_literal(self._schema)}]::name[]" if self._schema else "current_schemas(false)"
        names = ", ".join(f"'{name}'" for name in TABLES)
        # In order of preference: the search path, then the name as the contract spells it.
        columns = self.rows(
            "SELECT n.nspname::text, c.relname::text, a.attname::text, b.typname::text, b.typcategory::text "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "JOIN pg_type t ON t.oid = a.atttypid "
            "JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END "
            f"WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND lower(c.relname) IN ({names}) "
            f"AND n.nspname = ANY({schemas}) "
            f"ORDER BY array_position({schemas}, n.nspname), c.relname <> lower(c.relname), c.relname, "
            "a.attname <> lower(a.attname), a.attnum"
        )
        found: dict[str, tuple[str, dict[str, Field]]] = {}
        for schema, relation, column, kind, category in columns:
            sql, fields = found.setdefault(relation.lower(), (f"{_quoted(schema)}.{_quoted(relation)}", {}))
            if sql == f"{_quoted(schema)}.{_quoted(relation)}":
                family = "array" if category == "A" else _PG_FAMILIES.get(kind, "other")
                fields.setdefault(column.lower(), Field(_quoted(column), family))
        return found


def _conninfo(url: URL) -> tuple[str, str | None]:
    """libpq's connection string of a SQLAlchemy URL, and the schema it names."""
    schema = url.query.get("schema")
    dialect: Any = PGDialect_psycopg2
    _, options = dialect().create_connect_args(url.difference_update_query(["schema"]))
    # Whatever the server's encoding is, Arrow needs UTF-8.
    options = {"connect_timeout": _CONNECT_SECONDS} | options | {"client_encoding": "UTF8"}
    return psycopg2.extensions.make_dsn(**options), schema if isinstance(schema, str) else None


def _hiding(url: URL) -> Callable[[str], str]:
    """What hides the passwords that libpq was given."""
    options = (url.query.get(name) for name in _PASSWORDS)
    return hiding(url.password, *(option for option in options if isinstance(option, str)))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# Beyond these years (infinity among them) neither Python nor a calendar can follow.
_SANE = (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999))


def _sane_times(frame: pl.DataFrame) -> pl.DataFrame:
    """Timestamps outside the years 1 to 9999 turn their column into text for this batch: unreadable, but not lost."""
    wild = [
        name
        for name, dtype in frame.schema.items()
        if dtype == pl.Datetime and not frame[name].drop_nulls().is_between(*_SANE).all()
    ]
    return frame.with_columns(
        pl.when(pl.col(name).is_between(*_SANE))
        .then(pl.when(pl.col(name).is_between(*_SANE)).then(pl.col(name)).dt.to_string("%Y-%m-%d %H:%M:%S%.6f"))
        .otherwise(pl.format("{} us", pl.col(name).to_physical()))
        .alias(name)
        for name in wild
    )


_ENGINES: dict[str, type[_Sqlite] | type[_Postgres]] = {"sqlite": _Sqlite, "postgresql": _Postgres}


# Writing.


def ddl(engine: str) -> list[str]:
    """The statements that create the nine tables: `engine` is `postgresql` or `sqlite`."""
    text = (files("guatecompras") / "data" / "ddl" / f"{engine}.sql").read_text(encoding="utf-8")
    without_comments = re.sub(r"^--.*$", "", text, flags=re.MULTILINE)
    return [
        statement.strip() for statement in re.split(r";\s*$", without_comments, flags=re.MULTILINE) if statement.strip()
    ]


def write_tables(uri: str, tables: Iterable[tuple[str, pl.DataFrame]]) -> None:
    """Create the nine tables in `uri` and load frames of the contract's types into them, chunk by chunk.

    Whole or not at all. A SQLite file is replaced; in PostgreSQL the tables must not exist yet, and times are kept to
    the microsecond. Raises SourceError or StoreError.
    """
    shown = redact(uri)
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError):
        raise SourceError(f"'{shown}' is not a database's URI") from None
    if url.get_backend_name() == "sqlite" and url.database:
        _write_sqlite(Path(url.database), shown, tables)
    elif url.get_backend_name() == "postgresql":
        _write_postgres(url, shown, tables)
    else:
        raise SourceError(f"'{shown}' is neither a SQLite file nor a PostgreSQL database")


def _write_sqlite(path: Path, shown: str, tables: Iterable[tuple[str, pl.DataFrame]]) -> None:
    if any(path.with_name(path.name + ending).exists() for ending in ("-wal", "-journal")):
        # Left beside a new file, the journal of the old one would be played into it.
        raise SourceError(f"{shown}: cannot be replaced: another program has it open, or left it unfinished")
    with (
        replacing(path) as part,
        _clear_errors(shown, "the database", verb="written"),
        closing(adbc_driver_sqlite.dbapi.connect(str(part), autocommit=True)) as connection,
        connection.cursor() as cursor,
    ):
        _fill_sqlite(cursor, tables)


def _fill_sqlite(cursor: Any, tables: Iterable[tuple[str, pl.DataFrame]]) -> None:
    # Nobody sees the file before it is complete and synced: neither a journal nor one transaction is needed.
    for statement in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF"):
        cursor.execute(statement)
        cursor.fetchall()
    indexes = []
    for statement in ddl("sqlite"):
        if statement.startswith("CREATE INDEX"):
            indexes.append(statement)
        else:
            cursor.execute(statement)
    for name, frame in tables:
        if frame.height:
            cursor.adbc_ingest(name, plain(name, frame).to_arrow(), mode="append")
    for statement in indexes:  # built faster than kept up
        cursor.execute(statement)


def _write_postgres(url: URL, shown: str, tables: Iterable[tuple[str, pl.DataFrame]]) -> None:
    dsn, schema = _conninfo(url)
    with (
        _clear_errors(shown, "the database", _hiding(url), verb="written"),
        closing(psycopg2.connect(dsn)) as connection,
        connection,  # one transaction
        connection.cursor() as cursor,
    ):
        if schema:
            cursor.execute(f"SET LOCAL search_path TO {_quoted(schema)}")
        for statement in ddl("postgresql"):
            cursor.execute(statement)
        for name, frame in tables:
            whole = frame.with_columns(pl.selectors.datetime("ns").dt.cast_time_unit("us"))
            # write_csv quotes an empty text and leaves a null bare, which is how COPY tells them apart.
            rows = BytesIO(plain(name, whole).write_csv(include_header=False).encode())
            cursor.copy_expert(f"COPY {name} FROM STDIN (FORMAT csv)", rows)
