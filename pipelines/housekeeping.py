"""What a Dagster home need not keep: runs that ended long ago, with all that they wrote. How months stand is never lost.

When it runs is `jobs.py` and `schedules.py`; ticks are purged by Dagster itself (`retention` in dagster.yaml).
"""

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.asset_check_execution_record import COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunTagsTable

from guatecompras.errors import GuatecomprasError
from guatecompras.variables import Variable

KEEP_VARIABLE = "GUATECOMPRAS_KEEP_RUNS_DAYS"
KEEP_DAYS = 365

VARIABLES = (
    Variable(
        KEEP_VARIABLE,
        "days that a run that ended is kept in Dagster's home; what tells how months stand is kept longer",
        str(KEEP_DAYS),
    ),
)

# Runs that are looked at with one query, and the most that one night deletes: the rest has its turn the next night.
BATCH = 200
MOST = 5_000

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION.value
_EVALUATED = [status.value for status in COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES]


@dataclass(frozen=True)
class Done:
    """`kept`: runs that are old enough to go and tell how something stands; `left`: whether more could go than one call may."""

    deleted: int
    kept: int
    left: bool


def keep_days() -> int:
    """How long runs are kept, by the environment."""
    told = os.environ.get(KEEP_VARIABLE, "").strip() or str(KEEP_DAYS)
    if not told.isdecimal() or int(told) < 1:
        raise GuatecomprasError(f"{KEEP_VARIABLE} is {told!r}, not a number of days from 1 on")
    return int(told)


def clean(
    instance: dg.DagsterInstance, days: int, now: datetime | None = None, batch: int = BATCH, most: int = MOST
) -> Done:
    """Delete the runs that ended more than `days` ago, with their events, tags, checks and output, oldest first. Kept is every
    run that holds an asset partition's latest materialization or an asset check's latest evaluation: what Dagster says of a
    month is what it reads in that run's events."""
    before = (now or datetime.now(UTC)) - timedelta(days=days)
    asked = dg.RunsFilter(statuses=_ENDED, updated_before=before)
    telling = telling_runs(instance)
    deleted = kept = 0
    last_kept: str | None = None  # a page begins after a run that is still there
    while records := instance.get_run_records(asked, limit=batch, cursor=last_kept, ascending=True):
        going = dict.fromkeys(record.dagster_run.run_id for record in records if _may_go(record, before, telling))
        if deleted + len(going) > most:
            _delete(instance, list(going)[: most - deleted])
            return Done(most, kept, left=True)
        _delete(instance, list(going))
        deleted += len(going)
        staying = [record.dagster_run.run_id for record in records if record.dagster_run.run_id not in going]
        kept += len(staying)
        last_kept = staying[-1] if staying else last_kept
    return Done(deleted, kept, left=False)


def _may_go(record: dg.RunRecord, before: datetime, telling: Collection[str]) -> bool:
    # What changed a run last may be a tag, so the end counts where it is known.
    ended = record.end_time is None or record.end_time < before.timestamp()
    return ended and record.dagster_run.run_id not in telling


def telling_runs(instance: dg.DagsterInstance) -> set[str]:
    """The runs that hold a latest materialization or evaluation. Asked of the tables themselves: what is public loads every
    event whole, partition by partition, and knows only the assets that are defined today."""
    log = instance.event_log_storage
    assert isinstance(log, SqlEventLogStorage)
    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    materialized = (
        sa.select(sa.func.max(events.id))
        .where(events.dagster_event_type == _MATERIALIZED, events.asset_key.is_not(None))
        .group_by(events.asset_key, events.partition)
    )
    evaluated = (
        sa.select(sa.func.max(checks.id))
        .where(checks.execution_status.in_(_EVALUATED))
        .group_by(checks.asset_key, checks.check_name, checks.partition)
    )
    with log.index_connection() as connection:
        found = [
            *connection.execute(sa.select(events.run_id).where(events.id.in_(materialized)).distinct()),
            *connection.execute(sa.select(checks.run_id).where(checks.id.in_(evaluated)).distinct()),
        ]
    return {row[0] for row in found}


def _delete(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """First what Dagster deletes, then what it leaves behind."""
    for run_id in run_ids:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    if not run_ids:
        return
    log, runs = instance.event_log_storage, instance.run_storage
    assert isinstance(log, SqlEventLogStorage)
    assert isinstance(runs, SqlRunStorage)
    with log.index_connection() as connection:
        connection.execute(sa.delete(AssetCheckExecutionsTable).where(AssetCheckExecutionsTable.c.run_id.in_(run_ids)))
    with runs.connect() as connection:  # SQLite does not by itself
        connection.execute(sa.delete(RunTagsTable).where(RunTagsTable.c.run_id.in_(run_ids)))
    if isinstance(log, SqliteEventLogStorage):
        _unlink(log, run_ids)


def _unlink(log: SqliteEventLogStorage, run_ids: Iterable[str]) -> None:
    """The file that held a run's events; Dagster only empties it."""
    for run_id in run_ids:
        log._initialized_dbs.discard(run_id)  # who asks again finds no events, not a file without tables
        for end in ("", "-wal", "-shm"):
            Path(log.path_for_shard(run_id) + end).unlink(missing_ok=True)


@dg.op(name="old_runs")
def old_runs(context: dg.OpExecutionContext) -> None:
    """Delete the runs that ended long ago."""
    days = keep_days()
    done = clean(context.instance, days)
    context.add_output_metadata(asdict(done) | {"days": days})
