"""Dagster's home as the command uses it: which folder it is, and its storage opened for as long as runs last.

What stands in a home's `dagster.yaml` is `deploy/`; what runs in it is `runner.py`.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy
from dagster._core.storage.event_log import SqliteEventLogStorage
from sqlalchemy.pool import StaticPool

from guatecompras.variables import Variable
from resources.settings import PROJECT

HOME_VARIABLE = "DAGSTER_HOME"
POSTGRES_VARIABLE = "GUATECOMPRAS_DAGSTER_POSTGRES"
EMBEDDED_HOME = PROJECT / "pipelines" / "deploy" / "embedded"

VARIABLES = (
    Variable(
        HOME_VARIABLE,
        "Dagster's home: a folder with a dagster.yaml, where runs and schedules are kept",
        "pipelines/deploy/embedded",
    ),
    Variable(
        POSTGRES_VARIABLE,
        "database of the production home: `postgresql+psycopg2://USER:PASSWORD@HOST/DATABASE`",
        secret=True,
    ),
)

# Seconds that a write waits for another process to be done with the same file, as in Dagster itself.
_PATIENCE = 30


def home() -> Path:
    """The folder of the home (DAGSTER_HOME, else the embedded one), noted for this process and its workers."""
    folder = Path(os.environ.setdefault(HOME_VARIABLE, str(EMBEDDED_HOME))).expanduser().absolute()
    os.environ[HOME_VARIABLE] = str(folder)
    return folder


@contextmanager
def opened() -> Iterator[dg.DagsterInstance]:
    """The home's instance, its storage set up. Several processes that open an empty home at once can spoil its storage, so
    one does it first."""
    home()
    if not sqlalchemy.event.contains(sqlalchemy.Engine, "connect", _hasten):
        sqlalchemy.event.listen(sqlalchemy.Engine, "connect", _hasten)
    with dg.DagsterInstance.get() as instance:
        log = instance.event_log_storage
        if isinstance(log, SqliteEventLogStorage):
            with _kept_open(log):
                yield instance
        else:
            yield instance


def _hasten(connection: Any, _: object) -> None:
    """Dagster's SQLite need not wait for the disk at each event: in WAL mode it stays whole, and after a power cut lacks its
    last words at the most. Half of what Dagster adds to a month is that waiting."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=NORMAL")


@contextmanager
def _kept_open(log: SqliteEventLogStorage) -> Iterator[None]:
    """One connection to each of the event log's files, for all events: Dagster opens and closes several for each, and
    whoever closes SQLite's last one waits until what it wrote is in the main file. (An event: 2 ms of CPU, not 8; 5 ms
    until it is written, not 30.)"""
    engines: dict[str, sqlalchemy.Engine] = {}

    @contextmanager
    def connect(shard: str) -> Iterator[sqlalchemy.Connection]:
        with log._db_lock:  # one at a time, as Dagster's own
            if shard not in engines:
                engines[shard] = _engine(log.conn_string_for_shard(shard))
            if shard not in log._initialized_dbs:
                log._initdb(engines[shard])
                log._initialized_dbs.add(shard)
            with engines[shard].begin() as connection:
                yield connection

    log._connect = connect  # type: ignore[method-assign]
    try:
        yield
    finally:
        del log._connect
        for engine in engines.values():
            engine.dispose()


def _engine(address: str) -> sqlalchemy.Engine:
    # Threads share the connection, one after another.
    told = {"timeout": _PATIENCE, "check_same_thread": False}
    return sqlalchemy.create_engine(address, poolclass=StaticPool, connect_args=told)
