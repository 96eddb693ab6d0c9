"""The changes of real versions: made by the stages, published with the month, read back through the feed and the command."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from guatecompras.changes import feed
from guatecompras.changes.table import LINES, PARQUET
from guatecompras.errors import StoreError
from guatecompras.formats.archive import read_lines
from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import Month
from guatecompras.publication import MANIFEST
from guatecompras.stores import LocalStore
from guatecompras.verification import verify_publication
from resources.sources.demo import demo_chunks
from resources.sources.sql import write_tables
from resources.sources.uri import open_source
from tests.changes.sides import replay
from tests.replaced import LOSSES_ALLOWED

MONTH, SIZE = "2026-01", 40
ROOT = Path(__file__).parents[2]
Json = dict[str, Any]

# One concurso says something else, and one is gone.
CHANGES = (
    "UPDATE concursos SET descripcion = 'OTRO TÍTULO', fecha_actualizacion = '2026-09-01 10:00:00'"
    " WHERE nog = (SELECT min(nog) FROM concursos)",
    "DELETE FROM concursos WHERE nog = (SELECT max(nog) FROM concursos)",
)


def _published(store: LocalStore, source: Path) -> Json:
    work, _ = MonthWork.extract(store, open_source(f"sqlite:///{source}"), Month.parse(MONTH), LOSSES_ALLOWED)
    for stage in (work.ocds, work.changes, work.tables, work.report):
        stage()
    work.downloads(DOWNLOADS)
    return work.publish()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions of a month, the second with CHANGES. Not to be changed."""
    folder = tmp_path_factory.mktemp("changes")
    source, store = folder / "source.sqlite", LocalStore(folder / "store")
    write_tables(f"sqlite:///{source}", demo_chunks(Month.parse(MONTH), 1, SIZE, 1))
    _published(store, source)
    with closing(sqlite3.connect(source)) as connection, connection:
        for statement in CHANGES:
            connection.execute(statement)
    _published(store, source)
    return store.root


def _versions(store: LocalStore) -> list[Path]:
    """The folders of the month's versions, the oldest first."""
    entry = store.index()["months"][MONTH]
    return [store.version_folder(MONTH, one["version"]) for one in reversed([entry, *entry["versions"]])]


def _records(folder: Path) -> dict[int, Json]:
    found = [orjson.loads(line) for line in read_lines(folder / f"{MONTH}_records.jsonl.gz")]
    return {int(told["ocid"].rpartition("-")[2]): told for told in found}


def _releases(folder: Path, nog: int) -> list[Json]:
    found = [orjson.loads(line) for line in read_lines(folder / f"{MONTH}_releases.jsonl.gz")]
    return [release for release in found if release["ocid"].endswith(f"-{nog}")]


def test_each_version_says_what_it_changed_and_that_adds_up(root: Path) -> None:
    store = LocalStore(root)
    first, second = _versions(store)
    manifests = [json.loads((folder / MANIFEST).read_bytes()) for folder in (first, second)]
    assert manifests[0]["changes"] == {
        "rows": SIZE, "added": SIZE, "removed": 0, "changed": 0, "event": SIZE, "silent": 0, "publisher": 0,
    }  # fmt: skip
    counts = manifests[1]["changes"]
    assert (counts["added"], counts["removed"], counts["changed"]) == (0, 1, 1)
    rows = pl.read_parquet(second / PARQUET).rows(named=True)
    assert counts["rows"] == len(rows)
    # The source was edited without an event: the edit is told as such, and what was public stays.
    assert [(row["after"], row["cause"]) for row in rows if row["path"] == "tender/title"] == [
        ('"OTRO TÍTULO"', "silent")
    ]
    assert counts["silent"] == len(rows) - 1
    edited = next(row["nog"] for row in rows if row["change"] == "changed")
    before, after = (_releases(folder, edited) for folder in (first, second))
    assert after[:-1] == before
    assert [row["release"] for row in rows if row["nog"] == edited] == [after[-1]["id"]] * (len(rows) - 1)
    assert replay(_records(first), rows) == _records(second)
    # What is published is listed, counted and verified as all else.
    listed = {file["path"]: file for file in manifests[1]["files"]}
    assert listed[PARQUET]["rows"] == listed[LINES]["rows"] == len(rows)
    assert verify_publication(store.index(), store.version_folder).faults == ()
    assert replay({}, feed.page(store).rows, _records(first)) == _records(second)


def test_the_changes_stay_as_they_are_when_nothing_changed(root: Path) -> None:
    store = LocalStore(root)
    entry = store.index()["months"][MONTH]
    work = MonthWork(store, MONTH, entry["version"], LOSSES_ALLOWED)
    base = work.base()
    assert base is not None
    assert base.version == entry["versions"][0]["version"]
    assert work.changes().reused


def test_a_version_before_that_is_damaged_stops_the_month_with_one_clear_line(root: Path) -> None:
    """What changed could not be told, and who follows the changes would be left with what is not so."""
    store = LocalStore(root)
    first = _versions(store)[0]
    work = MonthWork(store, MONTH, _versions(store)[1].name, LOSSES_ALLOWED)
    victim = first / "tables" / "releases.parquet"
    kept = victim.read_bytes()
    victim.unlink()
    try:
        with pytest.raises(
            StoreError, match=r"releases.parquet is not what was published, and what was published has to"
        ):
            work._earlier()
    finally:
        victim.write_bytes(kept)
    earlier = work._earlier()
    assert earlier is not None
    assert earlier.table == victim


def _run(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pipelines.cli", "changes", *map(str, words)]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(command, env=kept, capture_output=True, check=False, cwd=ROOT)


def test_the_command_goes_on_where_it_was_told_to(root: Path) -> None:
    everything = feed.page(LocalStore(root)).rows
    done = _run("--store", root, "--limit", SIZE + 1)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["cursor"] for row in rows] == [row["cursor"] for row in everything[: SIZE + 1]]
    assert (rows[0]["change"], "after" in rows[0]) == ("added", False)
    cursor = done.stderr.decode().split("--since ")[1].strip()
    rest = _run("--store", root, "--since", cursor)
    assert [json.loads(line)["cursor"] for line in rest.stdout.splitlines()] == [
        row["cursor"] for row in everything[SIZE + 1 :]
    ]
    wrong = _run("--store", root, "--since", "nothing")
    assert wrong.returncode == 1
    assert wrong.stderr.decode().strip() == "guatecompras: 'nothing' is not a cursor of this feed"
