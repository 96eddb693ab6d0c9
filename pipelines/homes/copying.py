"""A Dagster home on SQLite copied into an empty one on PostgreSQL: table by table, in one transaction, as it stands.

Events get new numbers, since SQLite numbers them run by run; what refers to them by number is renumbered with them. Not copied:
what only matters while something runs (heartbeats, slots), and what runs printed, which are files beside the home.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.definitions.run_status_sensor_definition import RunStatusSensorCursor
from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log import schema as events
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.runs import schema as runs
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.storage.schedules import schema as schedules
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_shared.serdes import deserialize_value, serialize_value

from guatecompras.errors import GuatecomprasError

Row = dict[str, Any]
Change = Callable[[Row], Row | None]

_BATCH = 500
_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
_RUN_TABLES = (
    runs.SnapshotsTable,
    runs.RunsTable,
    runs.RunTagsTable,
    runs.BulkActionsTable,
    runs.BackfillTagsTable,
    runs.KeyValueStoreTable,
)
_ASSET_TABLES = (
    events.AssetKeyTable,
    events.AssetEventTagsTable,
    events.AssetCheckExecutionsTable,
    events.DynamicPartitionsTable,
    events.ConcurrencyLimitsTable,
)
_SCHEDULE_TABLES = (
    schedules.JobTable,
    schedules.InstigatorsTable,
    schedules.JobTickTable,
    schedules.AssetDaemonAssetEvaluationsTable,
)
_LOG = events.SqlEventLogStorageTable
_ALL = (*_RUN_TABLES, _LOG, *_ASSET_TABLES, *_SCHEDULE_TABLES)


@dataclass(frozen=True)
class Copied:
    """How many rows each table got."""

    rows: Mapping[str, int]


def copy(folder: Path, target: dg.DagsterInstance) -> Copied:
    """Copy the home of `folder` into `target`. Raises GuatecomprasError where that cannot be done; then nothing is changed."""
    if not (folder / "history" / "runs.db").is_file():
        raise GuatecomprasError(f"{folder} holds no Dagster home on SQLite (there is no history/runs.db)")
    into = target.event_log_storage
    if not isinstance(into, PostgresEventLogStorage):
        raise GuatecomprasError("the home to copy into is not on PostgreSQL: DAGSTER_HOME names another one")
    with dg.DagsterInstance.from_config(str(folder)) as source:
        log = source.event_log_storage
        if not isinstance(log, SqliteEventLogStorage):
            raise GuatecomprasError(f"the home in {folder} is not on SQLite")
        _refuse_others(source, target)
        engine = sa.create_engine(into.postgres_url)
        try:
            with engine.begin() as connection:
                _refuse_full(connection)
                return Copied(_copy(source, log, connection))
        finally:
            engine.dispose()


def _refuse_others(source: dg.DagsterInstance, target: dg.DagsterInstance) -> None:
    """Both must have been made by the same Dagster, and nothing may be under way."""
    for kind in ("run_storage", "event_log_storage", "schedule_storage"):
        made = [getattr(home, kind).alembic_version()[0] for home in (source, target)]
        if made[0] != made[1]:
            raise GuatecomprasError(
                f"the homes' tables differ ({made[0]}, {made[1]}): run `dagster instance migrate` in both, then copy"
            )
    unfinished = source.get_runs_count(
        dg.RunsFilter(statuses=[status for status in dg.DagsterRunStatus if status not in _ENDED])
    )
    if unfinished:
        raise GuatecomprasError(
            f"{unfinished} runs of the old home have not ended: wait for them or stop them, then copy"
        )


def _refuse_full(connection: sa.Connection) -> None:
    for table in _ALL:
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise GuatecomprasError(f"the home to copy into is not empty: it has {table.name}")


def _copy(source: dg.DagsterInstance, log: SqliteEventLogStorage, into: sa.Connection) -> dict[str, int]:
    run_storage, schedule_storage = source.run_storage, source.schedule_storage
    assert isinstance(run_storage, SqlRunStorage)
    assert isinstance(schedule_storage, SqlScheduleStorage)
    numbers: dict[int, int] = {}
    known = set(source.get_run_ids())
    changes: dict[str, Change] = {
        # SQLite keeps the tags of runs that were deleted.
        runs.RunTagsTable.name: lambda row: row if row["run_id"] in known else None,
        events.AssetKeyTable.name: lambda row: _asset(row, numbers),
        events.AssetEventTagsTable.name: lambda row: _renumbered(row, numbers, "event_id"),
        events.AssetCheckExecutionsTable.name: lambda row: _renumbered(
            row, numbers, "evaluation_event_storage_id", "materialization_event_storage_id"
        ),
        schedules.JobTable.name: lambda row: _state(row, "job_body", numbers),
        schedules.InstigatorsTable.name: lambda row: _state(row, "instigator_body", numbers),
    }
    count = {}
    with run_storage.connect() as connection:
        for table in _RUN_TABLES:
            count[table.name] = _insert(into, table, _rows(connection, table), changes)
    count[_LOG.name] = _insert(into, _LOG, _events(log, sorted(known), numbers), changes)
    with log.index_connection() as connection:
        for table in _ASSET_TABLES:
            count[table.name] = _insert(into, table, _rows(connection, table), changes)
    with schedule_storage.connect() as connection:
        for table in _SCHEDULE_TABLES:
            count[table.name] = _insert(into, table, _rows(connection, table), changes)
    for table in _ALL:  # what comes next is numbered after what was copied
        into.execute(
            sa.text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM {table.name}"  # noqa: S608 – Dagster's names
            )
        )
    return count


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[Row]:
    return (dict(row) for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings())


def _insert(into: sa.Connection, table: sa.Table, rows: Iterator[Row], changes: Mapping[str, Change]) -> int:
    change: Change = changes.get(table.name) or _as_it_is
    count, batch = 0, list[Row]()
    for row in rows:
        changed = change(row)
        if changed is not None:
            batch.append(changed)
            count += 1
        if len(batch) == _BATCH:
            into.execute(sa.insert(table), batch)
            batch = []
    if batch:
        into.execute(sa.insert(table), batch)
    return count


def _as_it_is(row: Row) -> Row:
    return row


def _renumbered(row: Row, numbers: Mapping[int, int], *columns: str) -> Row:
    # What refers to an event that was deleted refers to none.
    return row | {column: numbers.get(row[column]) for column in columns}


def _asset(row: Row, numbers: Mapping[int, int]) -> Row:
    """An asset keeps its last event whole, with its number. What Dagster has worked out of the numbers it works out again."""
    told = row["last_materialization"]
    if told:
        last = deserialize_value(told)
        if isinstance(last, dg.EventLogRecord):
            number = numbers.get(last.storage_id, last.storage_id)
            told = serialize_value(dg.EventLogRecord(storage_id=number, event_log_entry=last.event_log_entry))
    return row | {"last_materialization": told, "cached_status_data": None}


def _state(row: Row, column: str, numbers: Mapping[int, int]) -> Row:
    """A sensor of runs keeps the number of the event that it saw last: in the new home it must not see it again."""
    state = deserialize_value(row[column], InstigatorState)
    data = state.instigator_data
    if not isinstance(data, SensorInstigatorData) or not data.cursor or not RunStatusSensorCursor.is_valid(data.cursor):
        return row
    cursor = RunStatusSensorCursor.from_json(data.cursor)
    seen = bisect_right(list(numbers), cursor.record_id)  # it may be of a run that was deleted
    number = list(numbers.values())[seen - 1] if seen else 0
    moved = cursor._replace(record_id=number).to_json()
    return row | {column: serialize_value(state.with_data(data._replace(cursor=moved)))}


def _events(log: SqliteEventLogStorage, run_ids: list[str], numbers: dict[int, int]) -> Iterator[Row]:
    """All events, numbered anew. Each run's file has them all, in its order; the index has once more what concerns all runs
    (assets, checks, how runs ended), in the order over all. Both orders are kept. `numbers`: by the index's, filled here."""
    number = 0
    waiting: dict[str, list[Row]] = {}  # of runs that are begun; only some at a time

    def out(row: Row) -> Row:
        nonlocal number
        number += 1
        return row | {"id": number}

    # An engine of its own: Dagster's connection is locked as long as it is open, and runs' files are read meanwhile.
    engine = sa.create_engine(log.conn_string_for_shard(INDEX_SHARD_NAME))
    with engine.connect() as connection:
        ends = connection.execute(sa.select(_LOG.c.run_id, sa.func.max(_LOG.c.id)).group_by(_LOG.c.run_id))
        last = dict(ends.tuples().all())
        for row in _rows(connection, _LOG):
            run_id, old = row["run_id"], row["id"]
            if run_id not in waiting:
                waiting[run_id] = _of_run(log, run_id)
            of_run = waiting[run_id]
            place = next((at for at, other in enumerate(of_run) if other["event"] == row["event"]), None)
            yield from map(out, of_run[: place or 0])
            yield out(row)
            numbers[old] = number
            waiting[run_id] = of_run if place is None else of_run[place + 1 :]
            if last[run_id] == old:
                yield from map(out, waiting.pop(run_id))
    engine.dispose()
    for run_id in run_ids:
        if run_id not in last:
            yield from map(out, _of_run(log, run_id))


def _of_run(log: SqliteEventLogStorage, run_id: str) -> list[Row]:
    if not Path(log.path_for_shard(run_id)).is_file():
        return []
    with log.run_connection(run_id) as connection:
        return list(_rows(connection, _LOG))
