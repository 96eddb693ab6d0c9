"""The changes of all months in the order in which they became public, page by page: what a reader follows with a cursor.

Each version of a month is one commit, with a number (`sequence`) that every switch of the index takes anew: a commit that a reader
has not seen has a higher one than all it has seen, however many months were published side by side. What a commit
changed is in its version's `changes.parquet`, which stays for ever; how it got there is `table.py`'s business.
"""

import struct
import zlib
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from guatecompras.changes.table import PARQUET, RELEASES, SCHEMA, named
from guatecompras.errors import CursorError, StoreError
from guatecompras.formats.parquets import first_line
from guatecompras.publication import versions_of

Json = dict[str, Any]

START = ""
LIMIT = 1_000

SCHEMA_FRAME = pl.DataFrame(pl.from_arrow(SCHEMA.empty_table()))

_FORM = ">B2Q"
_FORM_VERSION = 1


class Published(Protocol):
    """What the feed reads: a store, or what is public of one."""

    def index(self) -> Json: ...

    def version_folder(self, month: str, version: str, names: Collection[str] | None = None) -> Path: ...


@dataclass(frozen=True, order=True)
class Commit:
    """One switch of the index: from now on a month is at this version. `published`: RFC 3339.

    `bare`: nobody can tell what it changed, since it is older than changes are or the changes before it are withdrawn; what its
    month holds from then on is named instead, as in the first version of a month.
    """

    sequence: int
    month: str
    version: str
    published: str
    bare: bool = False


@dataclass(frozen=True)
class Page:
    """Some rows of the feed. `cursor`: where the next page starts; `up_to_date`: nothing more was public at that moment."""

    rows: list[Json]
    cursor: str
    up_to_date: bool


def commits(index: Json) -> list[Commit]:
    """All commits that an index knows of, in their order."""
    return sorted(commit for month in index["months"] for commit in _commits(month, versions_of(index, month)[::-1]))


def _commits(month: str, entries: list[Json]) -> Iterator[Commit]:
    """Those of a month, by its versions from the oldest on."""
    gap = False
    for entry in entries:
        told = entry.get("schema") != 1 and "withdrawn" not in entry
        # A version that cannot say either what it changed or what it holds leaves that to the next one.
        if told or entry.get("kept", True):
            yield Commit(entry["sequence"], month, entry["version"], entry["published"], gap or not told)
            gap = False
        else:
            gap = True


def page(store: Published, cursor: str = START, limit: int = LIMIT) -> Page:
    """At most `limit` rows after a cursor (START: from the first), from one reading of the index.

    A row has its commit (`sequence`, `month`, `version`, `published`), the columns of `changes.parquet` (`before` and
    `after` as JSON text) and `cursor`, from which the row after it is read. A commit's rows come in the order of its file, so
    following to the end and applying each to what there was gives what is public; the rows of a month's first version only
    name its records, which are in that version. Raises CursorError for a cursor that is
    none of this publication's, and StoreError when a file cannot be read.
    """
    if limit < 1:
        raise ValueError(f"a page cannot have {limit} rows")
    sequence, row = _decoded(cursor)
    index = store.index()
    if sequence > index["sequence"] + 1:
        raise CursorError(
            "this cursor is ahead of the publication: it is another one's, or an older copy is public now"
        )
    rows: list[Json] = []
    for commit in commits(index):
        if commit.sequence < sequence:
            continue
        start = row if commit.sequence == sequence else 0
        found, whole = _rows(store, commit, start, limit - len(rows))
        rows += found
        if not whole:
            return Page(rows, _encoded(commit.sequence, start + len(found)), up_to_date=False)
        # What is left of a commit is nothing: the next place is any later one's first row.
        sequence, row = commit.sequence + 1, 0
    return Page(rows, _encoded(sequence, row), up_to_date=True)


def as_json(row: Json) -> bytes:
    """A row as one JSON text: `before` and `after` as the values they are, left out where there is none."""
    told = row | {name: orjson.Fragment(row[name]) for name in ("before", "after") if row[name] is not None}
    return orjson.dumps({name: value for name, value in told.items() if value is not None or name == "release"})


# Reading.


def _rows(store: Published, commit: Commit, start: int, limit: int) -> tuple[list[Json], bool]:
    """At most `limit` rows of a commit from row `start` on, and whether those were its last."""
    if commit.bare:
        return _named(store, commit, start, limit)
    path = store.version_folder(commit.month, commit.version, (PARQUET,)) / PARQUET
    try:
        with pq.ParquetFile(path) as file:
            total = file.metadata.num_rows
            if start > total:
                raise CursorError(f"this cursor is past the end of what {commit.month} changed at {commit.version}")
            frame = _slice(file, start, min(limit, total - start))
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"{path} is not a readable file of changes: {first_line(error)}") from error
    return _told(commit, frame, start, total)


def _named(store: Published, commit: Commit, start: int, limit: int) -> tuple[list[Json], bool]:
    """The same of a commit that says only what its month holds."""
    table = store.version_folder(commit.month, commit.version, (RELEASES,)) / RELEASES
    try:
        rows = pl.concat([SCHEMA_FRAME, *named(table)])
    except (pl.exceptions.PolarsError, OSError) as error:
        raise StoreError(f"{table} is not a readable table of releases: {first_line(error)}") from error
    return _told(commit, rows.slice(start, limit), start, rows.height)


def _told(commit: Commit, frame: pl.DataFrame, start: int, total: int) -> tuple[list[Json], bool]:
    """Rows from row `start` on, as a page has them."""
    told = {
        "sequence": commit.sequence,
        "month": commit.month,
        "version": commit.version,
        "published": commit.published,
    }
    place = partial(_encoded, commit.sequence)
    # The last row of all leads to the next commit: where it is read again nothing comes twice.
    after = [place(number) for number in range(start + 1, start + frame.height + 1)]
    whole = start + frame.height == total
    rows = [told | row | {"cursor": cursor} for row, cursor in zip(frame.iter_rows(named=True), after, strict=True)]
    return rows, whole


def _slice(file: pq.ParquetFile, start: int, count: int) -> pl.DataFrame:
    """Some rows, from the row groups that hold them."""
    groups: list[int] = []
    first = passed = 0
    for group in range(file.num_row_groups if count else 0):
        held = file.metadata.row_group(group).num_rows
        if passed + held > start and passed < start + count:
            first = first if groups else passed
            groups.append(group)
        passed += held
    table = (
        file.read_row_groups(groups, columns=SCHEMA.names).slice(start - first, count)
        if groups
        else SCHEMA.empty_table()
    )
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


# Cursors.


def _encoded(sequence: int, row: int) -> str:
    """A cursor: the commit and the number of its row that comes next, in letters that any address can hold."""
    told = struct.pack(_FORM, _FORM_VERSION, sequence, row)
    return urlsafe_b64encode(told + struct.pack(">I", zlib.crc32(told))).decode().rstrip("=")


def _decoded(cursor: str) -> tuple[int, int]:
    if cursor == START:
        return 0, 0
    try:
        told = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        form, sequence, row = struct.unpack(_FORM, told[:-4])
    except (ValueError, struct.error) as error:
        raise CursorError(f"'{cursor[:60]}' is not a cursor of this feed") from error
    if form != _FORM_VERSION or cursor != _encoded(sequence, row):
        raise CursorError(f"'{cursor[:60]}' is not a cursor of this feed")
    return sequence, row
