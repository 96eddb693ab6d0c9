"""What changed from one version of a month to the next: one row a difference between its records, as Parquet and JSON Lines.

How two records are told apart is `diff.py`'s business, which version comes before which the month's.
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import compress, islice
from pathlib import Path

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from guatecompras.ahead import ahead
from guatecompras.changes.diff import differences
from guatecompras.errors import GuatecomprasError
from guatecompras.formats.archive import gzip_lines_writer, read_lines
from guatecompras.formats.parquets import TableWriter
from guatecompras.ocds.cohort import Lines
from guatecompras.personal import WITHHELD, Policy
from guatecompras.snapshot import Follower

PARQUET, LINES = "changes.parquet", "changes.jsonl.gz"
RELEASES = "tables/releases.parquet"

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
KINDS = (ADDED, REMOVED, CHANGED)
# Of an event; of a row edited in the source without one; of what the publisher makes otherwise.
EVENT, PUBLISHER = "event", "publisher"
CAUSES = (EVENT, "silent", PUBLISHER)

BATCH = 2_000  # records held at once, of each version
# Rows read at once by who follows: a row may hold a whole record.
GROUP = 1 << 11

_COLUMNS = (
    ("nog", pa.int64(), "Número de Operación Guatecompras"),
    ("ocid", pa.string(), "Identificador del proceso (OCID)"),
    ("change", pa.string(), "Qué le pasó al proceso: added (es nuevo), removed (ya no está) o changed (cambió)"),
    (
        "path",
        pa.string(),
        "Dónde cambió: claves separadas por /, [id] para una entrada de una lista; vacía, el proceso",
    ),
    ("before", pa.string(), "Lo que decía, en JSON; nulo si no había nada"),
    ("after", pa.string(), "Lo que dice, en JSON; nulo si ya no hay nada"),
    (
        "cause",
        pa.string(),
        "Por qué: event (un evento), silent (la fuente cambió sin evento), publisher (quien publica)",
    ),
    ("release", pa.string(), "La publicación (release) que lo trajo; nula si no la hay"),
)
SCHEMA = pa.schema([pa.field(name, kind, metadata={"description": told}) for name, kind, told in _COLUMNS])

_ROWS = {"nog": pl.Int64, "change": pl.String, "path": pl.String, "before": pl.String, "after": pl.String}
_RELEASES = {"nog": pl.Int64, "ocid": pl.String, "id": pl.String}
_EDITS = {"nog": pl.Int64, "path": pl.String, "cause": pl.String}


@dataclass(frozen=True)
class Side:
    """A version's records (JSON Lines, gzipped) and its table `releases`, both in order of NOG. `policy`: what is published of
    natural persons now, where the version may have more of them: that is told as gone, but not what it was."""

    records: Path
    releases: Path
    policy: Policy | None = None


@dataclass(frozen=True)
class Changes:
    """What was written. `counts`: `rows`; records `added`, `removed` and `changed`; rows by cause."""

    parquet: Path
    lines: Path
    counts: dict[str, int]


def write(
    before: Side | None,
    after: Side,
    folder: Path,
    edits: Path | None = None,
    made: Collection[int] | None = None,
    batch: int = BATCH,
    cause: str = EVENT,
) -> Changes:
    """Write `changes.parquet` and `changes.jsonl.gz` into `folder`: what leads from `before` (None: nothing) to `after`.

    A record that came or went is one row of the empty path with the whole record as published, but in the first version of
    a month, where all came: there the rows only name them, for the version's own file of records holds them. Of a
    record that changed each difference is a row. In JSON Lines `before` and `after` are the values themselves, left out
    where there is none. `edits`: what was found not to come from an event (nog, path, cause; Parquet in order of nog);
    paths that are in it take their cause from there, all others `cause`. `release`: the newest of the NOG's that the
    version before lacked.
    `made`: the NOGs of `after` whose records were made anew, all others being as they were; None: any. Raises
    GuatecomprasError when a file cannot be read.
    """
    paths = folder / PARQUET, folder / LINES
    counts = dict.fromkeys(("rows", *KINDS, *CAUSES), 0)
    with ExitStack() as stack:
        found = (
            _differences(before, after, edits, made, batch, cause, stack) if before else named(after.releases, batch)
        )
        table = stack.enter_context(TableWriter(paths[0], SCHEMA, GROUP))
        lines = stack.enter_context(gzip_lines_writer(paths[1]))
        for rows in found:
            if rows.height:
                table.write(rows)
                lines.write(Lines(as_lines(rows)).text)
                _count(rows, counts)
    return Changes(*paths, counts)


def as_lines(rows: pl.DataFrame) -> pl.Series:
    """Rows of changes as JSON texts, one each: `before` and `after` as the values they are, left out where they are null."""
    head = pl.struct(pl.exclude("before", "after")).struct.json_encode().str.strip_suffix("}")
    values = [pl.concat_str(pl.lit(f',"{name}":'), name).fill_null("") for name in ("before", "after")]
    return rows.select(line=pl.concat_str(head, *values, pl.lit("}"))).to_series()


def _count(rows: pl.DataFrame, counts: dict[str, int]) -> None:
    counts["rows"] += rows.height
    for kind, number in rows.group_by("change").agg(pl.col("nog").n_unique()).rows():
        counts[kind] += number
    for cause, number in rows.group_by("cause").len().rows():
        counts[cause] += number


def named(releases: Path, batch: int = BATCH) -> Iterator[pl.DataFrame]:
    """The rows of a month's first version, by its table `releases`: what records it has."""
    table = Follower(releases)
    for stop in _stops([_nogs(releases)], batch):
        yield (
            table.up_to(stop)
            .group_by("nog", maintain_order=True)
            .agg(
                ocid=pl.col("ocid").first(),
                change=pl.lit(ADDED),
                path=pl.lit(""),
                before=pl.lit(None, pl.String),
                after=pl.lit(None, pl.String),
                cause=pl.lit(EVENT),
                release=pl.col("id").last(),
            )
        )


# Two versions, walked side by side.


def _differences(
    before: Side,
    after: Side,
    edits: Path | None,
    made: Collection[int] | None,
    batch: int,
    cause: str,
    stack: ExitStack,
) -> Iterator[pl.DataFrame]:
    nogs = [_nogs(side.releases) for side in (before, after)]
    stops = _stops(nogs, batch)
    causes = Follower(edits) if edits else None
    # What came or went is other too.
    looked_at = None if made is None else frozenset(made) | (frozenset(nogs[0]) ^ frozenset(nogs[1]))
    old, new = (stack.enter_context(ahead(_walk(side, stops, looked_at))) for side in (before, after))
    for stop, one, other in zip(stops, old, new, strict=True):
        yield _changes(one, other, causes.up_to(stop).select(*_EDITS) if causes else pl.DataFrame(schema=_EDITS), cause)


def _nogs(table: Path) -> pl.Series:
    return pl.Series("nog", pq.read_table(table, columns=["nog"])["nog"]).unique()


def _stops(found: list[pl.Series], batch: int) -> list[int]:
    """The last NOG of each batch of `batch` that either version has."""
    nogs = pl.concat(found).unique().sort()
    return (
        [*nogs.gather_every(batch, batch - 1), *nogs.tail(1)]
        if len(nogs) % batch
        else [*nogs.gather_every(batch, batch - 1)]
    )


@dataclass(frozen=True)
class _Batch:
    """Some NOGs of a version: their records (nog, json) and releases (nog, ocid, id), in order."""

    records: pl.DataFrame
    releases: pl.DataFrame


def _walk(side: Side, stops: list[int], looked_at: frozenset[int] | None) -> Iterator[_Batch]:
    """The batches of a version; of records only those that are looked at."""
    table, lines = Follower(side.releases), read_lines(side.records)
    for stop in stops:
        releases = table.up_to(stop).select(*_RELEASES)
        nogs = releases["nog"].unique(maintain_order=True)
        texts = list(islice(lines, len(nogs)))
        if len(texts) < len(nogs):
            raise GuatecomprasError(f"{side.records} lacks records that {side.releases} has releases of")
        if side.policy:
            texts = side.policy.marked(texts)
        if looked_at is not None:
            kept = nogs.is_in(list(looked_at))
            nogs, texts = nogs.filter(kept), list(compress(texts, kept))
        json = pl.Series("json", texts, dtype=pl.Binary).cast(pl.String)
        yield _Batch(pl.DataFrame([nogs, json]), releases)
    if next(lines, None) is not None:
        raise GuatecomprasError(f"{side.records} has records that {side.releases} has no releases of")


def _changes(before: _Batch, after: _Batch, edits: pl.DataFrame, cause: str) -> pl.DataFrame:
    """The rows of some NOGs, as SCHEMA has them."""
    both = before.records.join(after.records, on="nog", how="full", coalesce=True, suffix="_after")
    both = both.filter(pl.col("json").ne_missing(pl.col("json_after")))
    if both.is_empty():
        return pl.DataFrame(schema=_ROWS)
    whole = both.filter(pl.any_horizontal(pl.col("json", "json_after").is_null()))
    came_or_went = whole.select(
        "nog",
        change=pl.when(pl.col("json").is_null()).then(pl.lit(ADDED)).otherwise(pl.lit(REMOVED)),
        path=pl.lit(""),
        before="json",
        after="json_after",
    )
    rows = pl.concat([came_or_went, _changed(both.drop_nulls())]).sort("nog", maintain_order=True)
    ocids = pl.concat([after.releases, before.releases]).select("nog", "ocid").unique("nog")
    news = after.releases.join(before.releases, on="id", how="anti", maintain_order="left")
    newest = news.group_by("nog").agg(release=pl.col("id").last())
    return (
        rows.join(ocids, on="nog", how="left", maintain_order="left")
        .join(newest, on="nog", how="left", maintain_order="left")
        .join(edits.unique(["nog", "path"], keep="last"), on=["nog", "path"], how="left", maintain_order="left")
        .with_columns(pl.col("cause").fill_null(pl.when(_withheld()).then(pl.lit(PUBLISHER)).otherwise(pl.lit(cause))))
        .select(SCHEMA.names)
    )


def _withheld() -> pl.Expr:
    """What is gone because it may not be published."""
    return (pl.col("path") != "") & pl.col("after").is_null() & pl.col("before").str.contains(WITHHELD, literal=True)


def _changed(records: pl.DataFrame) -> pl.DataFrame:
    found = [
        (nog, CHANGED, *difference)
        for nog, before, after in records.iter_rows()
        for difference in differences(orjson.loads(before), orjson.loads(after))
    ]
    return pl.DataFrame(found, schema=_ROWS, orient="row")
