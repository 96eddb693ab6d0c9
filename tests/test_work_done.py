"""How much work a month takes, in counts that no machine changes: documents decoded, bytes written, queries asked.

What it takes in seconds is for `benchmarks/` to say; here a change that does something twice is noticed.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from adbc_driver_manager import dbapi

from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import Month
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from resources.sources.demo import demo_chunks
from resources.sources.sql import write_tables
from resources.sources.uri import open_source

JANUARY = Month(2026, 1)


def _source(folder: Path, size: int) -> str:
    uri = f"sqlite:///{folder / f'{size}.sqlite'}"
    write_tables(uri, demo_chunks(JANUARY, 1, size, 1))
    return uri


def _publish(store: Path, source: str) -> MonthWork:
    work, _ = MonthWork.extract(LocalStore(store), open_source(source), JANUARY, Settings())
    work.ocds()
    work.tables()
    work.report()
    work.downloads(DOWNLOADS)
    work.publish()
    return work


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Calls since the start of the test: `decoded` and `encoded` documents (JSON of some size), `queries`."""
    calls: Counter[str] = Counter()

    def counting(owner: Any, name: str, what: str, counts: Callable[..., bool] = lambda *_: True) -> None:
        real = getattr(owner, name)

        def called(*arguments: Any, **more: Any) -> Any:
            result = real(*arguments, **more)
            if counts(result, *arguments):
                calls[what] += 1
            return result

        monkeypatch.setattr(owner, name, called)

    counting(orjson, "loads", "decoded", lambda found, *_: isinstance(found, dict) and "ocid" in found)
    counting(orjson, "dumps", "encoded", lambda _, given, *__: isinstance(given, dict) and "ocid" in given)
    counting(dbapi.Cursor, "execute", "queries")
    return calls


def test_documents_are_decoded_once_and_hardly_any_is_encoded(tmp_path: Path, counted: Counter[str]) -> None:
    work = _publish(tmp_path / "store", _source(tmp_path, 200))
    counts = work.ocds().data["counts"]
    # Once to be validated: releases and records. What else is decoded are the histories that have to be merged.
    documents = counts["releases"] + counts["records"]
    assert documents <= counted["decoded"] <= 1.05 * documents
    assert counted["encoded"] <= 0.05 * counts["records"]


def test_what_did_not_change_is_not_decoded_again(tmp_path: Path, counted: Counter[str]) -> None:
    source = _source(tmp_path, 200)
    _publish(tmp_path / "store", source)
    counted.clear()
    again = _publish(tmp_path / "store", source)
    assert counted["decoded"] == counted["encoded"] == 0
    assert again.ocds().reused


def test_queries_do_not_grow_with_the_month(tmp_path: Path, counted: Counter[str]) -> None:
    found = []
    for size in (20, 200):
        source = _source(tmp_path, size)
        counted.clear()
        _publish(tmp_path / f"store-{size}", source)
        found.append(counted["queries"])
    assert found[0] == found[1]
    assert found[0] <= 2 * 9 + 6  # two a table at the most, and what the database has


def _bytes_written() -> int:
    """By this process so far, to whatever file."""
    told = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(told["wchar"])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="this system does not count what is written")
def test_bytes_are_written_once(tmp_path: Path) -> None:
    source = _source(tmp_path, 200)
    before = _bytes_written()
    _publish(tmp_path / "store", source)
    written = _bytes_written() - before
    # The publication and the work on it are the same files.
    files = {path.stat().st_ino: path.stat().st_size for path in (tmp_path / "store").rglob("*") if path.is_file()}
    assert written <= 1.05 * sum(files.values())
