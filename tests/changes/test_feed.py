"""The feed: who follows it misses nothing and gets nothing twice, also while many publish at once."""

import json
import multiprocessing as mp
import signal
import struct
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras.changes import feed, table
from guatecompras.errors import CursorError, StoreError
from guatecompras.stores import LocalStore
from tests.changes.publisher import MONTHS, publish, publish_version, records_of
from tests.changes.sides import record, replay

Json = dict[str, Any]
PUBLISHERS, COMMITS = 5, 50
ROOT = Path(__file__).parents[2]


def _pages(store: LocalStore, cursor: str = feed.START, limit: int = feed.LIMIT) -> Iterator[feed.Page]:
    """All pages after a cursor; the last is the first that is up to date."""
    while True:
        page = feed.page(store, cursor, limit)
        yield page
        if page.up_to_date:
            return
        cursor = page.cursor


def _all(store: LocalStore, cursor: str = feed.START, limit: int = feed.LIMIT) -> list[Json]:
    return [row for page in _pages(store, cursor, limit) for row in page.rows]


def _named(number: int) -> str:
    return f"20260101T000000-{number:012x}"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """Three commits of two months: 5 rows, none, and 3."""
    store = LocalStore(tmp_path / "store")
    first = {nog: record(nog, 1) for nog in range(5)}
    publish_version(store, "2026-02", first, _named(1))
    publish_version(store, "2026-02", first, _named(2))
    publish_version(store, "2026-01", {nog: record(nog, 1) for nog in range(3)}, _named(3))
    return store


def test_a_reader_that_follows_while_many_publish_sees_every_change_once_and_in_order(tmp_path: Path) -> None:
    store, context = LocalStore(tmp_path / "store"), mp.get_context("spawn")
    store.update_index(lambda index: index)
    each = COMMITS // PUBLISHERS
    publishers = [context.Process(target=publish, args=(str(store.root), seed, each)) for seed in range(PUBLISHERS)]
    for publisher in publishers:
        publisher.start()
    seen: list[Json] = []
    cursor, during = feed.START, 0
    while True:
        # Looked at before the page is read: what the last of them published is in it.
        running = any(publisher.is_alive() for publisher in publishers)
        page = feed.page(store, cursor, limit=7)
        seen += page.rows
        cursor = page.cursor
        during += running and bool(page.rows)
        if page.up_to_date and not running:
            break
    assert [publisher.exitcode for publisher in publishers] == [0] * PUBLISHERS
    assert during > 3  # it did follow, and did not come when all was over
    commits = feed.commits(store.index())
    assert [commit.sequence for commit in commits] == list(range(1, COMMITS + 1))
    # Every row of every commit, once, and none else.
    expected = [
        {"sequence": commit.sequence, "month": commit.month} | row
        for commit in commits
        for row in pl.read_parquet(store.version_folder(commit.month, commit.version) / table.PARQUET).rows(named=True)
    ]
    assert [{name: row[name] for name in ("sequence", "month", *table.SCHEMA.names)} for row in seen] == expected
    assert len({row["cursor"] for row in seen}) == len(seen)
    # And they make what is public.
    rows = defaultdict(list)
    for row in seen:
        rows[row["month"]].append(row)
    made = {month: replay({}, rows[month], records_of(store, month, -1)) for month in MONTHS}
    assert made == {month: records_of(store, month) for month in MONTHS}
    assert _all(store) == seen


@pytest.mark.parametrize("limit", [1, 2, 5, 8, 100])
def test_pages_of_any_size_hold_the_same_rows(store: LocalStore, limit: int) -> None:
    rows = _all(store, limit=limit)
    assert [(row["sequence"], row["month"], row["nog"]) for row in rows] == [
        *((1, "2026-02", nog) for nog in range(5)),
        *((3, "2026-01", nog) for nog in range(3)),
    ]
    assert all(len(page.rows) <= limit for page in _pages(store, limit=limit))


def test_reading_goes_on_after_any_row(store: LocalStore) -> None:
    rows = _all(store)
    for place, row in enumerate(rows, 1):
        assert _all(store, row["cursor"]) == rows[place:]
        assert feed.page(store, row["cursor"]).up_to_date


def test_who_is_up_to_date_waits_at_the_next_commit(store: LocalStore) -> None:
    end = feed.page(store).cursor
    page = feed.page(store, end)
    assert (page.rows, page.cursor, page.up_to_date) == ([], end, True)
    publish_version(store, "2026-01", {0: record(0, 1), 1: record(1, 1), 2: record(2, 1, 2)}, _named(4))
    rows = feed.page(store, end).rows
    assert {(row["sequence"], row["nog"], row["change"]) for row in rows} == {(4, 2, "changed")}
    # Another switch of the index, as of a collection, takes a number too, and is none of the feed's.
    store.update_index(lambda index: index | {"sequence": 5})
    end = feed.page(store, end).cursor
    publish_version(store, "2026-02", {0: record(0, 1)}, _named(5))
    assert {row["sequence"] for row in feed.page(store, end).rows} == {6}


def test_only_the_files_and_row_groups_that_hold_the_rows_are_read(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "GROUP", 2)
    publish_version(store, "2026-03", {nog: record(nog, 1) for nog in range(9)}, _named(4))
    rows = _all(store)[-9:]
    read: list[tuple[str, list[int]]] = []

    class Watched(pq.ParquetFile):  # type: ignore[misc]
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self._of = path.parent.parent.name

        def read_row_groups(self, groups: list[int], **more: Any) -> Any:
            read.append((self._of, groups))
            return super().read_row_groups(groups, **more)

    monkeypatch.setattr(pq, "ParquetFile", Watched)
    assert feed.page(store, rows[2]["cursor"], limit=3).rows == rows[3:6]
    assert read == [("2026-03", [1, 2])]


def test_a_row_as_json_holds_values_and_leaves_out_what_is_not_there(store: LocalStore) -> None:
    publish_version(store, "2026-02", {nog: record(nog, 1) for nog in range(6)}, _named(4))
    row = _all(store)[-1]
    told = orjson.loads(feed.as_json(row))
    assert told["after"] == record(5, 1)
    assert "before" not in told
    assert told["cursor"] == row["cursor"]
    assert (told["change"], told["cause"], told["path"]) == ("added", "event", "")


def test_the_command_follows_until_it_is_interrupted(store: LocalStore) -> None:
    command = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "changes",
        "--store",
        str(store.root),
        "--follow",
        "--every",
        "0.1",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as follower:
        assert follower.stdout is not None
        assert follower.stderr is not None
        first = [json.loads(follower.stdout.readline()) for _ in range(8)]
        assert [row["sequence"] for row in first] == [1] * 5 + [3] * 3
        publish_version(store, "2026-03", {7: record(7, 1)}, _named(4))
        assert json.loads(follower.stdout.readline())["nog"] == 7
        follower.send_signal(signal.SIGINT)
        told = follower.stderr.read()
    assert follower.returncode == 0, told
    assert feed.page(store, told.split("--since ")[1].strip()).rows == []


# Cursors.


@given(st.one_of(st.text(max_size=40), st.text("ABCabc019-_=", max_size=40)))
def test_what_no_page_gave_is_no_cursor(cursor: str) -> None:
    if cursor:
        with pytest.raises(CursorError, match="is not a cursor of this feed"):
            feed.page(LocalStore(Path("nowhere")), cursor)


def test_a_cursor_that_was_changed_or_is_anothers_is_refused(store: LocalStore, tmp_path: Path) -> None:
    cursor = feed.page(store, limit=3).cursor
    assert cursor.replace("-", "").replace("_", "").isalnum()
    for place in range(len(cursor)):
        other = "A" if cursor[place] != "A" else "B"
        with pytest.raises(CursorError):
            feed.page(store, cursor[:place] + other + cursor[place + 1 :])
    for wrong in (cursor + "=", cursor[:-1], " " + cursor, urlsafe_b64encode(struct.pack(">B2Q", 1, 1, 3)).decode()):
        with pytest.raises(CursorError):
            feed.page(store, wrong)
    fresh = LocalStore(tmp_path / "fresh")
    publish_version(fresh, "2026-01", {0: record(0, 1)}, _named(9))
    with pytest.raises(CursorError, match="past the end"):
        feed.page(fresh, cursor)
    with pytest.raises(CursorError, match="ahead of the publication"):
        feed.page(fresh, feed.page(store).cursor)


def test_a_file_of_changes_that_is_gone_is_one_clear_line(store: LocalStore) -> None:
    (store.version_folder("2026-01", _named(3)) / table.PARQUET).unlink()
    with pytest.raises(StoreError, match="is not a readable file of changes"):
        feed.page(store)
    with pytest.raises(ValueError, match="0 rows"):
        feed.page(store, limit=0)
