"""What a month is compared with, read from a store: which months, which version, and what cannot be read."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from guatecompras import quality, tables, verification
from guatecompras.errors import GateError, StoreError
from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import Month
from guatecompras.publication import MANIFEST, code_digest, describe
from guatecompras.quality import compared
from guatecompras.quality.compared import ELSEWHERE, REPORT, read
from guatecompras.quality.months import identifiers_across_months
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from resources.sources.demo import DemoSource
from tests.quality.test_checks import _clean as rows_of_two
from tests.quality.test_checks import _month as small
from tests.replaced import LOSSES_ALLOWED
from tests.switching import switch

MONTH = "2026-01"
LIKE = {"rows": {"records": 2.0}, "methods": {"Cotización": 2.0}}
SOUND = {"version": "", "score": 99.0, "dimensions": {}, "counts": {}, "distributions": LIKE}
Json = dict[str, Any]


def _name(number: int) -> str:
    return f"20260301T000000-{number:012x}"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def _publish(
    store: LocalStore,
    month: str,
    number: int = 1,
    report: Any = SOUND,
    code: str = "",
) -> Path:
    """A version of a month, as the index and its folder have it. Returns its folder."""
    version = _name(number)
    work = store.work(month) / f"made-{number}"
    work.mkdir()
    made = small(work, rows_of_two())
    releases = work / "releases.jsonl.gz"
    releases.write_bytes(gzip.compress(b"{}\n"))
    files = {f"tables/{name}.parquet": path for name, path in made.tables.items()}
    files[f"{month}_releases.jsonl.gz"] = releases
    for name, document in ((REPORT, report), (MANIFEST, {"code": {"digest": code or code_digest()}})):
        if document is not None:
            files[name] = work / name
            files[name].write_text(document if isinstance(document, str) else json.dumps(document))
    listed = [describe(path, name, "manifest" if name == MANIFEST else "", 1) for name, path in files.items()]
    store.put_version(month, version, files)
    switch(store, month, version, listed)
    return store.version_folder(month, version)


def _replace(path: Path, content: bytes) -> None:
    """Other bytes in a file's place; work files are linked to it, so it is not changed where it lies."""
    path.unlink()
    path.write_bytes(content)


def test_an_empty_store_has_nothing_to_compare_with(store: LocalStore) -> None:
    assert read(store, MONTH, _name(1)) == compared.Compared({}, {}, None, {}, {}, ())


def test_the_twelve_months_before_are_looked_at_and_no_others(store: LocalStore) -> None:
    for month in ("2024-12", "2025-01", "2025-06", "2025-12", "2026-02"):
        _publish(store, month)
    _publish(store, "2025-12", 2)
    found = read(store, MONTH, _name(1))
    assert list(found.history) == list(found.elsewhere) == ["2025-01", "2025-06", "2025-12"]
    assert found.versions == {"2025-01": _name(1), "2025-06": _name(1), "2025-12": _name(2)}
    assert found.history["2025-12"] == LIKE
    assert found.elsewhere["2025-12"] == {
        name: store.version_folder("2025-12", _name(2)) / "tables" / f"{name}.parquet" for name in ELSEWHERE
    }
    assert (found.previous, found.unreadable) == (None, ())


@pytest.mark.parametrize(
    ("month", "first", "last"), [("2026-12", "2025-12", "2026-11"), ("2020-01", "2019-01", "2019-12")]
)
def test_months_before_across_the_year(month: str, first: str, last: str) -> None:
    names = list(compared._months_before(month))
    assert (names[0], names[-1], len(names)) == (first, last, 12)
    assert [str(Month.parse(name).next()) for name in names] == [*names[1:], month]


def test_the_tables_of_other_months_are_those_that_checks_read() -> None:
    assert set(ELSEWHERE) == {table for table, *_ in identifiers_across_months._KEYS}


def test_the_public_version_is_the_previous_one_unless_it_is_this(store: LocalStore) -> None:
    folder = _publish(store, MONTH)
    found = read(store, MONTH, _name(2))
    assert found.previous == quality.Previous(
        _name(1),
        {name: folder / "tables" / f"{name}.parquet" for name in tables.NAMES},
        folder / f"{MONTH}_releases.jsonl.gz",
        LIKE,
        same_code=True,
        personal=None,
    )
    assert found.versions == {MONTH: _name(1)}
    assert read(store, MONTH, _name(1)) == compared.Compared({}, {}, None, {}, {}, ())
    # Going back to a version of before: the one that is public now is what it replaces.
    _publish(store, MONTH, 2)
    again = read(store, MONTH, _name(1)).previous
    assert again
    assert again.version == _name(2)


def test_a_version_that_other_code_made_says_so(store: LocalStore) -> None:
    _publish(store, MONTH, code="0" * 64)
    previous = read(store, MONTH, _name(2)).previous
    assert previous
    assert not previous.same_code


def test_a_version_without_a_report_is_no_history(store: LocalStore) -> None:
    _publish(store, "2025-12", report=None)
    _publish(store, MONTH, report=None)
    found = read(store, MONTH, _name(2))
    assert found.history == {}
    assert list(found.elsewhere) == ["2025-12"]
    assert found.previous
    assert found.previous.distributions == {}
    assert found.unreadable == ()


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ("{", "unexpected end"),
        ("[]", "it is no object"),
        ({"version": ""}, "it lacks counts"),
        (SOUND | {"distributions": [1]}, "its distributions are not numbers by category"),
        (SOUND | {"distributions": {"rows": 3}}, "its distributions are not numbers by category"),
        (SOUND | {"distributions": {"rows": {"records": "many"}}}, "its distributions are not numbers by category"),
    ],
)
def test_a_report_that_cannot_be_used_is_no_history_and_named(store: LocalStore, report: Any, reason: str) -> None:
    _publish(store, "2025-12", report=report)
    found = read(store, MONTH, _name(1))
    assert found.history == {}
    (fault,) = found.unreadable
    assert fault.startswith(f"months/2025-12/{_name(1)}/{REPORT}: ")
    assert reason in fault
    assert "\n" not in fault


def _damaged(folder: Path) -> Iterator[tuple[str, str]]:
    """Break one file after another, in every way; what is said of each."""
    records, releases, contracts = (folder / "tables" / f"{name}.parquet" for name in ELSEWHERE)
    size = records.stat().st_size
    # As long as before, and Parquet still as far as its footer shows.
    _replace(records, b"PAR1" + bytes(8) + records.read_bytes()[12:])
    assert records.stat().st_size == size
    yield "tables/records.parquet", "it is not what was published"
    releases.unlink()
    yield "tables/releases.parquet", "No such file or directory"
    contracts.unlink()
    contracts.mkdir()
    yield "tables/contracts.parquet", "Is a directory"


def test_a_table_that_cannot_be_read_is_absent_and_named(store: LocalStore) -> None:
    folder = _publish(store, "2025-12")
    _publish(store, "2025-11")
    damaged = list(_damaged(folder))
    found = read(store, MONTH, _name(1))
    assert list(found.elsewhere) == ["2025-11"]
    assert list(found.history) == ["2025-11", "2025-12"]
    assert found.unreadable == tuple(f"months/2025-12/{_name(1)}/{name}: {reason}" for name, reason in damaged)


def test_a_public_version_that_cannot_be_read_is_none(store: LocalStore) -> None:
    folder = _publish(store, MONTH)
    _replace(folder / "tables" / "awards.parquet", b"")
    found = read(store, MONTH, _name(2))
    assert found.previous is None
    assert found.unreadable == (f"months/{MONTH}/{_name(1)}/tables/awards.parquet: it is not what was published",)
    # What it was is still said: there was one to compare with.
    assert found.versions == {MONTH: _name(1)}


def test_a_public_version_that_lacks_a_table_is_none_and_says_so(store: LocalStore) -> None:
    _publish(store, MONTH)

    def forget(index: Json) -> Json:
        entry = index["months"][MONTH]
        return {
            **index,
            "months": {MONTH: {**entry, "files": [f for f in entry["files"] if "awards" not in f["path"]]}},
        }

    store.update_index(forget)
    found = read(store, MONTH, _name(2))
    assert found.previous is None
    assert found.unreadable == (f"months/{MONTH}/{_name(1)}/tables: not all tables and releases are there",)


def test_a_damaged_index_is_the_stores_business(store: LocalStore) -> None:
    _publish(store, MONTH)
    (store.root / "publication" / "index.json").write_text("{")
    with pytest.raises(StoreError):
        read(store, MONTH, _name(2))


# In the work on a month.


def _build(store: LocalStore, seed: int, config: Settings, size: int = 40) -> MonthWork:
    source = DemoSource.from_uri(f"demo:?size={size}&seed={seed}")
    work, _ = MonthWork.extract(store, source, Month.parse(MONTH), config)
    work.ocds()
    work.tables()
    return work


def _states(work: MonthWork) -> dict[str, str]:
    return {outcome.check.id: outcome.state for outcome in work.judged(work.compared())}


def test_a_month_is_held_against_what_is_public(store: LocalStore) -> None:
    first = _build(store, 1, LOSSES_ALLOWED)
    versions = {check.id for check in quality.versions.CHECKS}
    assert {_states(first)[check] for check in versions} == {"not_applicable"}
    first.report()
    first.downloads(DOWNLOADS)
    first.publish()
    assert first.compared().previous is None
    assert {_states(first)[check] for check in versions} == {"not_applicable"}
    # Other settings give another version of the same content.
    same = _build(store, 1, replace(LOSSES_ALLOWED, publisher_name="Otro"))
    assert same.compared().versions == {MONTH: first.version}
    assert {_states(same)[check] for check in versions} <= {"pass", "not_applicable"}
    assert _states(same)["releases_changed"] == "pass"
    # Another source altogether is stopped.
    other = _build(store, 2, Settings())
    other.report()
    other.downloads(DOWNLOADS)
    with pytest.raises(GateError, match="concursos_lost"):
        other.publish()
    assert store.index()["months"][MONTH]["version"] == first.version
    assert verification.verify_publication(store.index(), store.version_folder).faults == ()
