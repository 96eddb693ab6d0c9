"""The library finds what a plain reading of all that is published finds."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras import catalogs
from guatecompras.formats import archive
from guatecompras.months import UTC_OFFSET
from guatecompras.search import words
from guatecompras.stores import LocalStore
from portal.library import BadCursorError, Library, Query
from portal.publication import Publication
from tests.publications import published

Json = dict[str, Any]
NOW = datetime(2026, 2, 20, 12, tzinfo=UTC)
MONTHS = ("2026-01", "2026-02")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = LocalStore(tmp_path_factory.mktemp("library") / "store")
    for month in MONTHS:
        published(place, 3, month, size=150)
    return place.root


@pytest.fixture(scope="module")
def library(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    cache = tmp_path_factory.mktemp("cache")
    return Library(Publication(str(store), cache).now(), cache, "https://ocds.example")


@pytest.fixture(scope="module")
def records(store: Path) -> dict[int, Json]:
    """All compiled records, read without the library."""
    found = {}
    for path in sorted(store.glob("publication/months/*/*/*_records.jsonl.gz")):
        for line in archive.read_lines(path):
            record = orjson.loads(line)
            found[int(record["ocid"].rpartition("-")[2])] = record
    return found


def _called(record: Json) -> datetime:
    return datetime.fromisoformat(record["tender"]["datePublished"])


def _active(record: Json) -> list[Json]:
    return [award for award in record.get("awards", []) if award["status"] == "active"]


def _amount(record: Json) -> float | None:
    values = [award["value"] for award in _active(record)] or [record["tender"].get("value")]
    told = [value["amount"] for value in values if value and value["currency"] == "GTQ"]
    return sum(told) if told else None


_ESTATUS = catalogs.mapping("estatus", "name", "id")
_KNOWN: dict[str, set[str]] = {}


def _words(record: Json) -> set[str]:
    if record["ocid"] not in _KNOWN:
        texts = [record["tender"]["title"], *(item["description"] for item in record["tender"].get("items", []))]
        _KNOWN[record["ocid"]] = {word for text in texts for word in words.of(text)}
    return _KNOWN[record["ocid"]]


def _fits(record: Json, query: Query) -> bool:
    """What the query says, word for word."""
    tender, amount = record["tender"], _amount(record)
    estatus = _ESTATUS[tender["statusDetails"]]
    if query.text and not all(word in _words(record) for word in words.of(query.text)):
        return False
    codes = [item["classification"]["id"] for item in tender.get("items", []) if "classification" in item]
    if query.unspsc and not any(code.startswith(query.unspsc) for code in codes):
        return False
    if query.estatus and estatus not in query.estatus:
        return False
    if query.supplier and query.supplier not in {one["id"] for award in _active(record) for one in award["suppliers"]}:
        return False
    if query.buyer and record["buyer"]["id"] != query.buyer:
        return False
    if query.amount_min is not None and (amount is None or amount < query.amount_min):
        return False
    if query.amount_max is not None and (amount is None or amount > query.amount_max):
        return False
    if query.called_from and _called(record).astimezone(UTC_OFFSET).date() < query.called_from:
        return False
    if query.called_to and _called(record).astimezone(UTC_OFFSET).date() > query.called_to:
        return False
    closes = tender.get("tenderPeriod", {}).get("endDate")
    return not query.open or (estatus == 1 and (closes is None or datetime.fromisoformat(closes) > NOW))


def _found(library: Library, query: Query, sort: str = "-called", limit: int = 1000) -> list[int]:
    return [row.nog for row in library.search(query, sort, limit=limit, now=NOW).rows]


QUERIES = st.builds(
    Query,
    text=st.sampled_from(["", "compra", "servicio", "Papelería", "MEDICAMENTOS hospital", "xyzzy"]),
    unspsc=st.sampled_from([(), ("4",), ("51", "42"), ("14111507",)]),
    estatus=st.sampled_from([(), (1,), (3,), (3, 5)]),
    amount_min=st.sampled_from([None, 0.0, 25_000.0, 60_000.5]),
    amount_max=st.sampled_from([None, 80_000.0, 1e9]),
    called_from=st.sampled_from([None, date(2026, 1, 10), date(2026, 2, 1), date(9999, 1, 1)]),
    called_to=st.sampled_from([None, date(2026, 1, 31), date(2026, 2, 15), date(1, 1, 1)]),
    open=st.booleans(),
)


@given(query=QUERIES)
def test_it_finds_what_a_plain_reading_finds(library: Library, records: dict[int, Json], query: Query) -> None:
    wanted = {nog for nog, record in records.items() if _fits(record, query)}
    found = _found(library, query)
    assert set(found) == wanted
    assert len(found) == len(wanted) == library.count(query, NOW)


def test_it_finds_by_who_buys_and_who_supplies(library: Library, records: dict[int, Json]) -> None:
    suppliers = {one["id"] for record in records.values() for award in _active(record) for one in award["suppliers"]}
    buyers = {record["buyer"]["id"] for record in records.values()}
    assert len(suppliers) > 20
    for query in [*(Query(supplier=one) for one in suppliers), *(Query(buyer=one) for one in buyers)]:
        assert set(_found(library, query)) == {nog for nog, record in records.items() if _fits(record, query)}
    assert _found(library, Query(supplier="GT-NIT-0")) == _found(library, Query(buyer="nobody")) == []


def test_the_end_of_a_word_may_be_left_out(library: Library, records: dict[int, Json]) -> None:
    wanted = {nog for nog, record in records.items() if any(word.startswith("medic") for word in _words(record))}
    assert set(_found(library, Query(text="Médic*"))) == wanted
    assert wanted


_KEYS = {
    "called": lambda row: row.called,
    "updated": lambda row: row.updated,
    "amount": lambda row: -1.0 if row.amount is None or row.currency != "GTQ" else row.amount,
    "closes": lambda row: row.closes or datetime.min.replace(tzinfo=UTC),
}


@pytest.mark.parametrize("sort", [*_KEYS, *(f"-{name}" for name in _KEYS)])
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_follow_one_another_in_order_and_back(library: Library, sort: str, limit: int) -> None:
    query, cursor, forth, pages = Query(called_to=date(2026, 1, 9)), None, [], []
    while True:
        page = library.search(query, sort, cursor, limit, NOW)
        forth += page.rows
        pages.append([row.nog for row in page.rows])
        assert page.total == library.count(query, NOW)
        if page.next is None:
            break
        cursor = page.next
    key = _KEYS[sort.removeprefix("-")]
    assert forth == sorted(forth, key=lambda row: (key(row), row.nog), reverse=sort.startswith("-"))
    assert len({row.nog for row in forth}) == len(forth) == page.total
    # And the same pages on the way back.
    back = [pages[-1]]
    while page.prev is not None:
        page = library.search(query, sort, page.prev, limit, NOW)
        back.insert(0, [row.nog for row in page.rows])
    assert [nog for one in back for nog in one] == [row.nog for row in forth]


def test_a_cursor_of_another_sort_or_of_nobody_is_refused(library: Library) -> None:
    place = library.search(Query(), "-called", limit=3).next
    with pytest.raises(BadCursorError):
        library.search(Query(), "amount", place)
    for text in ("", "%", "W10", "bnVsbA", "WyItY2FsbGVkIixmYWxzZSwxZTk5LCIxIl0", "WyItY2FsbGVkIixmYWxzZSwiMSIsIngiXQ"):
        with pytest.raises(BadCursorError):
            library.search(Query(), "-called", text)


@pytest.mark.parametrize(("sort", "limit"), [("price", 5), ("-called", 0), ("-called", 1001)])
def test_what_cannot_be_asked_is_refused(library: Library, sort: str, limit: int) -> None:
    with pytest.raises(ValueError, match="sort"):
        library.search(Query(), sort, None, limit)


def test_rows_say_what_the_record_says(library: Library, records: dict[int, Json]) -> None:
    for nog, record in records.items():
        row = library.row(nog)
        assert row is not None
        assert (row.title, row.called, row.buyer_id) == (
            record["tender"]["title"],
            _called(record),
            record["buyer"]["id"],
        )
        told = sorted({(one["id"], one["name"]) for award in _active(record) for one in award["suppliers"]})
        assert sorted((one.id, one.name) for one in row.suppliers) == told
        assert row.status == record["tender"]["status"]
    assert library.row(1) is None


def test_documents_come_as_published(library: Library, store: Path, records: dict[int, Json]) -> None:
    releases: dict[int, list[bytes]] = {}
    for path in store.glob("publication/months/*/*/*_releases.jsonl.gz"):
        for line in archive.read_lines(path):
            releases.setdefault(int(orjson.loads(line)["ocid"].rpartition("-")[2]), []).append(line)
    assert releases.keys() == records.keys()
    for nog, lines in releases.items():
        assert library.releases(nog) == lines
        for line in lines:
            assert library.release(orjson.loads(line)["id"]) == line
        told = orjson.loads(library.record(nog) or b"")
        assert told["compiledRelease"] == records[nog]
        assert [one["url"] for one in told["releases"]] == [
            f"https://ocds.example/release/{orjson.loads(line)['id']}" for line in lines
        ]
    assert library.record(1) is library.release("GT-NOG-1-T1") is library.release("../etc") is None


def test_records_are_those_of_the_package(library: Library, store: Path) -> None:
    import zipfile

    path = next(store.glob("publication/months/2026-01/*/*_Guatecompras.json.zip"))
    with zipfile.ZipFile(path) as archived:
        package = orjson.loads(archived.read(archived.namelist()[0]))
    for record in package["records"]:
        told = orjson.loads(library.record(int(record["ocid"].rpartition("-")[2])) or b"")
        for one in told["releases"]:
            one["url"] = one["url"].replace("https://ocds.example", "https://ocds.guatecompras.gt")
        assert told == record


def test_facets_count_what_is_found(library: Library, records: dict[int, Json]) -> None:
    found = library.facets(Query(), ("month", "year", "estatus", "objeto", "buyer", "unspsc", "supplier"))
    months = Counter(f"{_called(record).astimezone(UTC_OFFSET):%Y-%m}" for record in records.values())
    assert {one.value: one.concursos for one in found["month"]} == dict(months)
    assert [one.concursos for one in found["year"]] == [len(records)]
    total = sum(_amount(record) or 0 for record in records.values())
    assert found["year"][0].amount == pytest.approx(total)
    objects = Counter(record["tender"].get("mainProcurementCategory") for record in records.values())
    assert {one.value: one.concursos for one in found["objeto"]} == {k: n for k, n in objects.items() if k}
    families = Counter(
        family
        for record in records.values()
        for family in {
            i["classification"]["id"][:4] for i in record["tender"].get("items", []) if "classification" in i
        }
    )
    assert {one.value: one.concursos for one in found["unspsc"]} == dict(families.most_common()) or len(families) > 50
    for one in found["supplier"]:
        assert one.concursos == library.count(Query(supplier=one.value), NOW)
        assert one.label


def test_totals_and_profiles_add_up(library: Library, records: dict[int, Json]) -> None:
    suppliers, buyers = library.totals("supplier"), library.totals("buyer")
    paid = sum(
        award["value"]["amount"]
        for r in records.values()
        for award in _active(r)
        if award["value"]["currency"] == "GTQ"
    )
    assert suppliers["amount"].sum() == pytest.approx(paid)
    assert buyers["concursos"].sum() == len(records)
    for role, frame in (("supplier", suppliers), ("buyer", buyers)):
        for party in frame["id"].head(10):
            profile = library.profile(party, role)
            assert profile is not None
            assert sum(one.concursos for one in profile.months) == profile.total.concursos
            assert sum(one.awarded for one in profile.months) == profile.total.awarded
            assert sum(one.amount for one in profile.months) == pytest.approx(profile.total.amount, abs=0.01)
            if not profile.others and role == "supplier":
                assert sum(one.amount for one in profile.counterparts) == pytest.approx(profile.total.amount, abs=0.05)
    single = sum(1 for r in records.values() if _active(r) and r["tender"].get("numberOfTenderers") == 1)
    assert buyers["single"].sum() == single
    assert library.profile("GT-NIT-0", "supplier") is None


def test_names_are_found_by_their_words(library: Library) -> None:
    everyone = library.totals("supplier")
    name = everyone["name"][0]
    assert name in library.totals("supplier", name.lower())["name"].to_list()
    assert library.totals("supplier", everyone["id"][3])["id"].to_list() == [everyone["id"][3]]
    assert library.totals("supplier", "xyzzy").is_empty()


def test_what_was_public_and_is_no_more_is_known(three_versions: Path, tmp_path: Path) -> None:
    library = Library(Publication(str(three_versions), tmp_path).now(), tmp_path, "https://ocds.example")
    folders = sorted((three_versions / "publication" / "months" / "2026-01").iterdir())
    nogs = [
        {int(orjson.loads(line)["ocid"].rpartition("-")[2]) for line in archive.read_lines(path)}
        for folder in folders
        for path in folder.glob("*_records.jsonl.gz")
    ]
    now = {nog for one in nogs for nog in one if library.row(nog)}
    gone = set.union(*nogs) - now
    assert gone
    assert all(library.gone(nog) for nog in gone)
    assert not any(library.gone(nog) for nog in now)


def test_a_month_without_search_files_gets_its_own(store: Path, library: Library, tmp_path: Path) -> None:
    edition = Publication(str(store), tmp_path).now()
    for entry in edition.index["months"].values():
        entry["files"] = [file for file in entry["files"] if file["format"] != "search"]
    own = Library(edition, tmp_path, "https://ocds.example")
    assert len(list((tmp_path / "search").iterdir())) == len(MONTHS)
    assert _found(own, Query()) == _found(library, Query())
    nog = _found(own, Query())[0]
    assert own.record(nog) == library.record(nog)


def test_what_is_recorded_since_then(library: Library) -> None:
    rows = library.search(Query(), "-updated", limit=1000).rows
    since = rows[len(rows) // 2].updated
    wanted = [row.nog for row in rows if row.updated >= since]
    assert set(_found(library, Query(updated_since=since))) == set(wanted)
    assert _found(library, Query(updated_since=since + timedelta(days=9999))) == []
