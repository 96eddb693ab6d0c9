"""The changes of a version: they lead from the one before to it, in both formats, whatever the batches."""

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from guatecompras.changes import table
from guatecompras.changes.diff import differences
from guatecompras.errors import GuatecomprasError
from guatecompras.formats.archive import read_lines
from guatecompras.formats.counting import count_rows
from tests.changes.sides import Version, ocid, record, replay, write_side

Json = Any


def _written(
    tmp_path: Path, before: Version | None, after: Version, edits: pl.DataFrame | None = None, **more: Any
) -> tuple[list[dict[str, Json]], table.Changes]:
    old = None if before is None else write_side(tmp_path / "before", before)
    new = write_side(tmp_path / "after", after)
    path = None
    if edits is not None:
        path = tmp_path / "edits.parquet"
        edits.write_parquet(path)
    made = table.write(old, new, tmp_path, path, **({"batch": 3} | more))
    return pl.read_parquet(made.parquet).rows(named=True), made


def _random_version(draws: random.Random) -> Version:
    def items() -> list[Json]:
        return [{"id": name, "n": draws.choice([1, 1.0, None])} for name in draws.sample("abc", draws.randrange(1, 4))]

    return {
        nog: record(nog, *range(1, draws.randrange(2, 4)), title=draws.choice(["a", 'é"\n/']), items=items())
        for nog in draws.sample(range(1, 20), draws.randrange(1, 19))
    }


@pytest.mark.parametrize("seed", range(12))
def test_changes_lead_from_one_version_to_the_next(tmp_path: Path, seed: int) -> None:
    draws = random.Random(seed)
    before, after = _random_version(draws), _random_version(draws)
    rows, made = _written(tmp_path, before, after, batch=1 + seed % 5)
    assert replay(before, rows) == after
    assert [row["nog"] for row in rows] == sorted(row["nog"] for row in rows)
    assert made.counts == {
        "rows": len(rows),
        "added": len(after.keys() - before.keys()),
        "removed": len(before.keys() - after.keys()),
        "changed": sum(json.dumps(before[nog]) != json.dumps(after[nog]) for nog in before.keys() & after.keys()),
        "event": len(rows),
        "silent": 0,
        "publisher": 0,
    }
    # Both formats say the same, and what is published is counted as `verify` counts.
    values = dict.fromkeys(("before", "after"), json.loads)
    expected = [
        {
            name: values.get(name, lambda it: it)(value)
            for name, value in row.items()
            if value is not None or name == "release"
        }
        for row in rows
    ]
    assert [json.loads(line) for line in read_lines(made.lines)] == expected
    assert count_rows(made.parquet, "parquet") == {"rows": len(rows)}
    assert count_rows(made.lines, "jsonl.gz") == {"lines": len(rows)}
    # The batches do not show.
    bytes_before = made.parquet.read_bytes(), made.lines.read_bytes()
    again = _written(tmp_path, before, after, batch=7)[1]
    assert (again.parquet.read_bytes(), again.lines.read_bytes()) == bytes_before
    # Nor does it when only what was made anew is looked at.
    anew = [nog for nog in after if json.dumps(after[nog]) != json.dumps(before.get(nog))]
    again = _written(tmp_path, before, after, made=anew)[1]
    assert (again.parquet.read_bytes(), again.lines.read_bytes()) == bytes_before


def test_a_first_version_is_all_news(tmp_path: Path) -> None:
    version = {7: record(7, 1, 2, title="x"), 5: record(5, 1)}
    rows, made = _written(tmp_path, None, version)
    assert replay({}, rows, version) == version
    assert [(row["nog"], row["change"], row["path"], row["before"], row["after"], row["release"]) for row in rows] == [
        (5, "added", "", None, None, f"{ocid(5)}-1"),
        (7, "added", "", None, None, f"{ocid(7)}-2"),
    ]
    assert made.counts["added"] == made.counts["rows"] == 2


def test_a_change_names_the_newest_release_that_brought_it_and_its_cause(tmp_path: Path) -> None:
    before = {nog: record(nog, 1, title="x", n=1) for nog in (1, 2, 3)}
    after = {1: record(1, 1, 2, 3, title="y", n=2), 2: record(2, 1, title="y", n=1)}
    edits = pl.DataFrame(
        {
            "nog": [1, 2],
            "release": ["r", "s"],
            "path": ["title", "title"],
            "before": ['"x"', '"x"'],
            "after": ['"y"', '"y"'],
            "cause": ["silent", "publisher"],
        }
    )
    rows, made = _written(tmp_path, before, after, edits, batch=1)
    told = {(row["nog"], row["path"]): (row["change"], row["cause"], row["release"]) for row in rows}
    newest = f"{ocid(1)}-3"
    assert told == {
        (1, "id"): ("changed", "event", newest),
        (1, "n"): ("changed", "event", newest),
        (1, "numbers"): ("changed", "event", newest),
        (1, "title"): ("changed", "silent", newest),
        (2, "title"): ("changed", "publisher", None),
        (3, ""): ("removed", "event", None),
    }
    assert {name: made.counts[name] for name in table.CAUSES} == {"event": 4, "silent": 1, "publisher": 1}


def test_the_same_again_is_no_change(tmp_path: Path) -> None:
    version = {nog: record(nog, 1) for nog in range(5)}
    rows, made = _written(tmp_path, version, version)
    assert rows == []
    assert set(made.counts.values()) == {0}
    assert count_rows(made.lines, "jsonl.gz") == {"lines": 0}
    # Keys that changed places say nothing.
    turned = {nog: dict(reversed(told.items())) for nog, told in version.items()}
    assert not list(differences(version[0], turned[0]))
    assert _written(tmp_path, version, turned)[0] == []


def test_a_file_that_is_cut_short_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    old = write_side(tmp_path / "before", {nog: record(nog, 1) for nog in range(5)})
    new = write_side(tmp_path / "after", {1: record(1, 2)})
    old.records.write_bytes(old.records.read_bytes()[:-12])
    with pytest.raises(GuatecomprasError, match="is cut short"):
        table.write(old, new, tmp_path)
    assert not list(tmp_path.glob("*changes*"))


@pytest.mark.parametrize(("nogs", "fault"), [([1, 2], "lacks records that"), ([1, 2, 3, 4], "has records that")])
def test_records_and_releases_of_two_versions_are_one_clear_line(tmp_path: Path, nogs: list[int], fault: str) -> None:
    side = write_side(tmp_path / "one", {nog: record(nog, 1) for nog in (1, 2, 3)})
    other = write_side(tmp_path / "other", {nog: record(nog, 1) for nog in nogs})
    with pytest.raises(GuatecomprasError, match=fault):
        table.write(side, table.Side(other.records, side.releases), tmp_path)
