"""A month from snapshot to publication: what is published, reruns, other runs, tampering. Kills and bad disks: `faults/`."""

import gzip
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from guatecompras import dcat, publication, quality, tables
from guatecompras.errors import GateError, StoreError
from guatecompras.formats.archive import read_lines
from guatecompras.formats.counting import digest
from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import UTC_OFFSET, Month
from guatecompras.publication import versions_of
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from guatecompras.verification import verify_publication
from resources.sources.demo import DemoReading, DemoSource
from tests.replaced import LOSSES_ALLOWED

MONTH = "2026-01"
OLD, NEW = "demo:?size=60&seed=2", "demo:?size=60&seed=1"

Json = dict[str, Any]


def _extract(store: LocalStore, uri: str = NEW, source: DemoSource | None = None) -> MonthWork:
    # Two sources that tell the same month differently: what is edited without an event is dated by the clock.
    now = datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC_OFFSET)
    return MonthWork.extract(store, source or DemoSource.from_uri(uri), Month.parse(MONTH), LOSSES_ALLOWED, now)[0]


def _build(work: MonthWork) -> MonthWork:
    work.ocds()
    work.changes()
    work.tables()
    work.search()
    work.report()
    for name in DOWNLOADS:
        work.download(name)
    return work


def _publish(store: LocalStore, uri: str = NEW, source: DemoSource | None = None) -> Json:
    return _build(_extract(store, uri, source)).publish()


def _tree(folder: Path) -> dict[str, str]:
    """Path -> sha256 of every file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): digest(path)[0] for path in sorted(files)}


def _public(store: LocalStore) -> dict[str, str]:
    return _tree(store.root / "publication")


def _undated_files(tree: dict[str, str]) -> dict[str, str]:
    """Without the files that say when something was published."""
    return {name: sha256 for name, sha256 in tree.items() if name not in ("index.json", dcat.FILE)}


def _faults(store: LocalStore) -> tuple[str, ...]:
    return verify_publication(store.index(), store.version_folder).faults


def _undated(index: Json) -> Json:
    """An index without the times of publication, which are the clock's."""
    months = {}
    for month, entry in index["months"].items():
        versions = [{**old, "published": ""} for old in entry["versions"]]
        months[month] = {**entry, "published": "", "versions": versions}
    return {**index, "months": months}


def _versions(store: LocalStore) -> list[Json]:
    """The month's versions, the public one first."""
    return versions_of(store.index(), MONTH)


def _releases(store: LocalStore, version: str) -> dict[str, bytes]:
    """The releases of a version: id -> the line."""
    lines = read_lines(store.version_folder(MONTH, version) / f"{MONTH}_releases.jsonl.gz")
    return {json.loads(line)["id"]: line for line in lines}


def _process(release: str) -> str:
    return release.rpartition("-")[0]


def _copy(folder: Path, target: Path) -> LocalStore:
    """A store like another one, its hard links between work and publication included."""
    subprocess.run(["cp", "-a", str(folder), str(target)], check=True)
    return LocalStore(target)


@pytest.fixture(scope="module")
def old_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the month as it was first. Not to be changed: copy it."""
    root = tmp_path_factory.mktemp("old") / "store"
    _publish(LocalStore(root), OLD)
    return root


@pytest.fixture(scope="module")
def new_root(old_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after the source changed, published again. Not to be changed: copy it."""
    store = _copy(old_root, tmp_path_factory.mktemp("new") / "store")
    _publish(store, NEW)
    return store.root


@pytest.fixture
def old_store(old_root: Path, tmp_path: Path) -> LocalStore:
    return _copy(old_root, tmp_path / "store")


@pytest.fixture
def new_store(new_root: Path, tmp_path: Path) -> LocalStore:
    return _copy(new_root, tmp_path / "store")


# What is published.


def test_a_version_holds_the_files_of_the_publication(old_root: Path) -> None:
    entry = LocalStore(old_root).index()["months"][MONTH]
    names = {path.removeprefix(f"months/{MONTH}/{entry['version']}/") for path in (f["path"] for f in entry["files"])}
    assert names == {
        f"{MONTH}_Guatecompras.json.zip",
        f"{MONTH}_releases.jsonl.gz",
        f"{MONTH}_records.jsonl.gz",
        f"{MONTH}_csv.zip",
        f"{MONTH}_Guatecompras.xlsx",
        f"{MONTH}_parquet.zip",
        f"{MONTH}_rechazos.parquet",
        "changes.jsonl.gz",
        *(f"search/{name}.arrow" for name in ("concursos", "releases", "terms", "parties", "deals", "blocks", "gone")),
        "changes.parquet",
        "quality.json",
        "quality.html",
        *(f"tables/{name}.parquet" for name in tables.NAMES),
        "profile.zip",
        "datapackage.json",
        "manifest.json",
    }


def test_the_index_says_what_the_publication_promises(new_root: Path) -> None:
    store = LocalStore(new_root)
    index = json.loads((new_root / "publication" / "index.json").read_bytes())
    assert set(index) == {"schema", "sequence", "months", "collections"}
    assert (index["schema"], index["sequence"], index["collections"]) == (publication.SCHEMA, 2, {})
    entry = index["months"][MONTH]
    common = {"version", "published", "sequence", "inputs", "manifest", "counts"}
    assert set(entry) == common | {"files", "versions"}
    assert [set(earlier) for earlier in entry["versions"]] == [common | {"kept"}]
    assert [version["sequence"] for version in (entry, *entry["versions"])] == [2, 1]
    for version in (entry, *entry["versions"]):
        assert set(version["counts"]) == {"concursos", "releases", "records", "awards", "rejected"}
        assert version["counts"]["concursos"] == version["counts"]["records"] == 60
        path = new_root / "publication" / version["manifest"]["path"]
        assert digest(path) == (version["manifest"]["sha256"], version["manifest"]["bytes"])
        manifest = json.loads(path.read_bytes())
        assert manifest["inputs"] == version["inputs"]
        listed = {file["path"]: file for file in manifest["files"]}
        assert _tree(path.parent).keys() == listed.keys() | {"manifest.json"}
    for file in entry["files"]:
        assert set(file) == {"path", "format", "bytes", "sha256", "rows"}
        assert digest(new_root / "publication" / file["path"]) == (file["sha256"], file["bytes"])
    assert _faults(store) == ()


def test_the_manifest_lists_every_file_but_itself(old_root: Path) -> None:
    store = LocalStore(old_root)
    entry = store.index()["months"][MONTH]
    folder = store.version_folder(MONTH, entry["version"])
    manifest = json.loads((folder / "manifest.json").read_bytes())
    listed = {file["path"]: file["sha256"] for file in manifest["files"]}
    assert listed == {name: sha256 for name, sha256 in _tree(folder).items() if name != "manifest.json"}
    assert all(set(file) == {"path", "format", "bytes", "sha256", "rows"} for file in manifest["files"])
    assert manifest["schema"] == publication.SCHEMA
    assert manifest["previous"] is None
    assert (manifest["month"], manifest["version"]) == (MONTH, entry["version"])
    assert len(manifest["source"]["digest"]) == len(manifest["code"]["digest"]) == 64
    assert manifest["code"]["version"]
    assert manifest["counts"].items() >= entry["counts"].items()
    assert [check["id"] for check in manifest["checks"]] == [check.id for check in quality.CHECKS]
    assert all(check["passed"] or check["severity"] != "block" for check in manifest["checks"])


# Reruns.


def test_a_rerun_on_an_unchanged_source_changes_nothing_at_all(new_store: LocalStore) -> None:
    def state() -> dict[Path, tuple[int, int]]:
        files = (new_store.root / "publication").rglob("*")
        return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in files}

    before, public, index = state(), _public(new_store), new_store.index()
    entry = _publish(new_store, NEW)
    assert entry == index["months"][MONTH]
    assert (state(), _public(new_store)) == (before, public)
    # Nor without what the run before left in the work folder.
    shutil.rmtree(new_store.root / "work")
    assert _publish(new_store, NEW) == entry
    assert (state(), _public(new_store)) == (before, public)


def test_a_changed_source_gives_a_new_version_and_the_old_one_stays(old_root: Path, new_root: Path) -> None:
    old, new = LocalStore(old_root).index()["months"][MONTH], LocalStore(new_root).index()["months"][MONTH]
    assert new["version"] != old["version"]
    earlier = {key: value for key, value in old.items() if key not in ("files", "versions")}
    assert new["versions"] == [earlier | {"kept": True}]
    manifest = json.loads((new_root / "publication" / new["manifest"]["path"]).read_bytes())
    assert manifest["previous"] == {"version": old["version"], "sha256": old["manifest"]["sha256"]}
    before, after = _undated_files(_public(LocalStore(old_root))), _public(LocalStore(new_root))
    assert before.items() <= after.items()


def test_going_back_is_a_new_version_that_takes_nothing_back(new_store: LocalStore) -> None:
    """The source is again as it was: a version of its own, whose releases are those that are public and corrections."""
    first, second = (entry["version"] for entry in _versions(new_store)[::-1])
    for _ in range(2):
        third = _publish(new_store, OLD)["version"]
        assert [entry["version"] for entry in _versions(new_store)] == [third, second, first]
    for before, after in ((first, second), (second, third)):
        old, new = _releases(new_store, before), _releases(new_store, after)
        both = {_process(name) for name in old} & {_process(name) for name in new}
        stay = {name: line for name, line in old.items() if _process(name) in both}
        assert len(both) > 5
        assert stay.items() < new.items()
    assert _faults(new_store) == ()


def test_other_settings_are_another_version(old_store: LocalStore) -> None:
    source, month = DemoSource.from_uri(OLD), Month.parse(MONTH)
    other, _ = MonthWork.extract(old_store, source, month, Settings(publisher_name="Otro"))
    assert other.version != old_store.index()["months"][MONTH]["version"]


def test_a_store_can_be_moved_between_stages(tmp_path: Path, old_root: Path) -> None:
    work = _extract(LocalStore(tmp_path / "here"), OLD)
    work.ocds()
    work.changes()
    work.tables()
    (tmp_path / "here").rename(tmp_path / "there")
    store = LocalStore(tmp_path / "there")
    moved = MonthWork(store, MONTH, work.version, LOSSES_ALLOWED)
    assert moved.ocds().reused
    entry = _build(moved).publish()
    assert _undated(store.index()) == _undated(LocalStore(old_root).index())
    assert _faults(store) == ()
    assert _publish(store, OLD) == entry


def test_how_often_each_path_is_there_is_counted_batch_by_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guatecompras.month._FLATTENED_AT_ONCE", 7)
    work = _extract(LocalStore(tmp_path))
    work.ocds()
    stage = work.tables()
    counted = stage.data["coverage"]
    paths = {"records": "ocid", "parties": "parties/id", "items": "tender/items/id", "awards": "awards/id"}
    for table, path in paths.items():
        assert counted[path] == (stage.files[table]["rows"],) * 2
    coverage = next(outcome for outcome in work.judged(work.compared()) if outcome.check.id == "coverage")
    assert (coverage.state, coverage.applicable > 100) == ("pass", True)


def test_finished_stages_are_kept_and_broken_ones_made_again(tmp_path: Path) -> None:
    work = _build(_extract(LocalStore(tmp_path)))
    whole = _tree(work.folder)
    assert all(stage.reused for stage in (work.ocds(), work.tables(), *(work.download(name) for name in DOWNLOADS)))
    for name, damage in {
        f"{MONTH}_records.jsonl.gz": _flip,
        "tables/awards.parquet": lambda path: path.unlink(),
        f"{MONTH}_csv.zip": lambda path: path.write_bytes(path.read_bytes()[:-1]),
        "stage-excel.json": lambda path: path.write_text("[]"),
        "source/eventos.parquet": _flip,
    }.items():
        damage(work.folder / name)
        again = _build(_extract(LocalStore(tmp_path)))
        found = _tree(again.folder)
        stages = {path for path in whole if path.startswith("stage-")}  # they say how long it took
        assert {path: found.get(path) for path in whole.keys() - stages} == {
            path: whole[path] for path in whole.keys() - stages
        }, name


# Other runs of the same month.


def test_a_run_that_another_overtook_is_refused_and_the_next_one_builds_on_what_is_public(
    old_store: LocalStore,
) -> None:
    slow = _extract(old_store, NEW)
    slow.ocds()
    fast = _publish(old_store, "demo:?size=60&seed=3")["version"]
    _build(slow)
    before = _public(old_store)
    with pytest.raises(StoreError, match=r"^another run published 2026-01 meanwhile; run the month again$"):
        slow.publish()
    assert old_store.index()["months"][MONTH]["version"] == fast
    assert before.items() <= _public(old_store).items()
    entry = _publish(old_store, NEW)
    assert entry["version"] != slow.version
    assert entry["versions"][0]["version"] == fast
    assert _faults(old_store) == ()


def test_the_index_describes_what_is_in_place_even_if_this_run_did_not_put_it_there(tmp_path: Path) -> None:
    """A version folder that another run put in place, and died before it switched; ours would say it in other words."""
    store = LocalStore(tmp_path)
    work = _build(_extract(store))
    work.publish()
    manifest = store.version_folder(MONTH, work.version) / "manifest.json"
    reworded = manifest.with_name("other")
    reworded.write_bytes(manifest.read_bytes() + b"\n")
    reworded.replace(manifest)
    (tmp_path / "publication" / "index.json").unlink()
    _publish(store)
    assert _faults(store) == ()


# What is refused.


class _Faulty(DemoSource):
    """A demo source with some concursos that nobody buys for: their releases have no buyer, so they break the profile."""

    def __init__(self, broken: int) -> None:
        super().__init__(size=100, seed=1)
        self._broken = broken

    @contextmanager
    def open(self, month: Month) -> Iterator[DemoReading]:
        with super().open(month) as reading:
            batches = reading.batches
            nogs = sorted(pl.concat(batches("concursos"))["nog"])[: self._broken]

            def broken(table: str) -> Iterator[pl.DataFrame]:
                hit = pl.col("nog").is_in(nogs)
                for frame in batches(table):
                    if table == "concursos":
                        kept = pl.when(~hit).then(pl.col("entidad_compradora"))
                        yield frame.with_columns(kept.alias("entidad_compradora"))
                    elif table == "partes":
                        yield frame.filter(~(hit & pl.col("esquema").is_in(["GT-CISP", "GT-GCUC"])))
                    else:
                        yield frame

            reading.batches = broken  # type: ignore[method-assign]
            yield reading


class _Edited(DemoSource):
    """A demo source in which the titles of some concursos were edited, and the last ones are new (or gone)."""

    def __init__(self, edited: int, *, lacking: int = 0) -> None:
        super().__init__(size=100, seed=1)
        self._edited, self._lacking = edited, lacking

    @contextmanager
    def open(self, month: Month) -> Iterator[DemoReading]:
        with super().open(month) as reading:
            batches = reading.batches
            nogs = sorted(pl.concat(batches("concursos"))["nog"])
            edited, there = nogs[5 : 5 + self._edited], nogs[: len(nogs) - self._lacking]

            def changed(table: str) -> Iterator[pl.DataFrame]:
                for frame in batches(table):
                    kept = frame.filter(pl.col("nog").is_in(there))
                    if table == "concursos":
                        title = pl.when(pl.col("nog").is_in(edited)).then(pl.lit("Otra cosa")).otherwise("descripcion")
                        kept = kept.with_columns(descripcion=title)
                    yield kept

            reading.batches = changed  # type: ignore[method-assign]
            yield reading


@pytest.mark.parametrize(
    ("before", "after", "mended"),
    [
        (_Edited(0), _Edited(1), True),
        (_Edited(0, lacking=2), _Edited(3), True),
        (_Edited(3), _Edited(0), True),
        (_Edited(0), _Edited(1, lacking=1), False),
    ],
    ids=["an edit", "edits and new ones", "edits taken back", "one is gone"],
)
def test_little_that_changed_is_put_into_what_there_was_and_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: DemoSource, after: DemoSource, mended: bool
) -> None:
    stores = LocalStore(tmp_path / "with"), LocalStore(tmp_path / "without")
    for store in stores:
        _publish(store, source=before)
    # Without the work on it there is nothing but what is public.
    shutil.rmtree(stores[1].root / "work")
    calls: list[list[str]] = []
    whole = MonthWork._tables_from
    monkeypatch.setattr(MonthWork, "_tables_from", lambda *words: calls.append(words[2]) or whole(*words))
    works = [_build(_extract(store, source=after)) for store in stores]
    assert len(calls) == mended
    assert works[0].tables().data == works[1].tables().data
    for work in works:
        work.publish()
    assert _undated_files(_public(stores[0])) == _undated_files(_public(stores[1]))
    assert _undated(stores[0].index()) == _undated(stores[1].index())


def test_a_month_may_lose_one_percent_and_no_more(old_store: LocalStore) -> None:
    before = _public(old_store)
    with pytest.raises(GateError, match=r"2026-01 is not published.*schema \(.*NOG \d+.*buyer") as raised:
        _publish(old_store, source=_Faulty(2))
    assert "\n" not in str(raised.value)
    assert _public(old_store) == before
    entry = _publish(old_store, source=_Faulty(1))
    assert (entry["counts"]["concursos"], entry["counts"]["records"], entry["counts"]["rejected"]) == (100, 99, 1)
    folder = old_store.version_folder(MONTH, entry["version"])
    checks = {check["id"]: check for check in json.loads((folder / "manifest.json").read_bytes())["checks"]}
    assert checks["schema"]["passed"]
    assert checks["schema"]["failures"] > 0
    assert _faults(old_store) == ()


def _flip(path: Path) -> None:
    """Change one byte in the middle of a file; its size stays."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    # Written as a new file: a work file shares its bytes with the version published from it.
    path.unlink()
    path.write_bytes(content)


def _restaged(work: MonthWork, stage: str, name: str) -> None:
    """Let a stage's note say that it wrote the file as it is now, as a defect of the stage would."""
    path = work.folder / f"stage-{stage}.json"
    note = json.loads(path.read_bytes())
    sha256, size = digest(work.folder / note["files"][name]["path"])
    note["files"][name] |= {"sha256": sha256, "bytes": size}
    path.write_text(json.dumps(note))


def test_a_duplicated_award_is_refused(old_store: LocalStore) -> None:
    before = _public(old_store)
    work = _build(_extract(old_store, NEW))
    path = work.folder / "tables" / "awards.parquet"
    awards = pq.read_table(path)
    pq.write_table(awards.take([0, *range(awards.num_rows)]), path)
    _restaged(work, "tables", "awards")
    with pytest.raises(GateError, match=r"identifiers \(1: NOG \d+ awards/id GT-ADJ-"):
        work.publish()
    assert _public(old_store) == before


def test_formats_that_count_differently_are_refused(old_store: LocalStore) -> None:
    before = _public(old_store)
    work = _build(_extract(old_store, NEW))
    path = work.folder / "stage-csv.json"
    note = json.loads(path.read_bytes())
    note["data"]["rows"]["awards"] += 1
    path.write_text(json.dumps(note))
    with pytest.raises(
        GateError, match=r"formats disagree: 2026-01_csv.zip: \d+ rows of awards were written, it holds \d+"
    ):
        work.publish()
    assert _public(old_store) == before


def _zip_without(path: Path, member: str, lose: Callable[[bytes], bytes]) -> None:
    """Write an archive again, what `lose` takes from one of its members left out."""
    with zipfile.ZipFile(path) as archive:
        members = {info: archive.read(info) for info in archive.infolist()}
    path.unlink()
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in members.items():
            archive.writestr(info, lose(content) if info.filename == member else content)


def _lose_line(path: Path) -> None:
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.unlink()
    path.write_bytes(gzip.compress(b"".join(lines[1:])))


def _lose_record(content: bytes) -> bytes:
    package = json.loads(content)
    del package["records"][0]
    return json.dumps(package, separators=(",", ":"), ensure_ascii=False).encode()


def _lose_sheet_row(content: bytes) -> bytes:
    rows = content.split(b"<row ")
    return b"<row ".join([*rows[:2], *rows[3:]])


def _shortened(content: bytes) -> bytes:
    table = pq.read_table(BytesIO(content))
    short = BytesIO()
    pq.write_table(table.slice(1), short)
    return short.getvalue()


def _lose_row(path: Path) -> None:
    content = _shortened(path.read_bytes())
    path.unlink()
    path.write_bytes(content)


# The stage that wrote a file, the file's name in it, and how it comes to hold a row less than was written.
_LOSSES: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "releases": ("ocds", f"{MONTH}_releases.jsonl.gz", _lose_line),
    "records": ("ocds", f"{MONTH}_records.jsonl.gz", _lose_line),
    "rejects": ("ocds", "rechazos.parquet", _lose_row),
    "table": ("tables", "tables/bids.parquet", _lose_row),
    "changes": ("changes", "changes.jsonl.gz", _lose_line),
    "changes as a table": ("changes", "changes.parquet", _lose_row),
    "json": (
        "json",
        f"{MONTH}_Guatecompras.json.zip",
        lambda path: _zip_without(path, f"{MONTH}_Guatecompras.json", _lose_record),
    ),
    "csv": (
        "csv",
        f"{MONTH}_csv.zip",
        lambda path: _zip_without(path, "items.csv", lambda content: content.split(b"\r\n", 1)[0] + b"\r\n"),
    ),
    "excel": (
        "excel",
        f"{MONTH}_Guatecompras.xlsx",
        lambda path: _zip_without(path, "xl/worksheets/sheet2.xml", _lose_sheet_row),
    ),
    "parquet": ("parquet", f"{MONTH}_parquet.zip", lambda path: _zip_without(path, "awards.parquet", _shortened)),
}


@pytest.fixture(scope="module")
def built(old_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with a month made up to its downloads, over a public one, and its version. Not to be changed: copy it."""
    store = _copy(old_root, tmp_path_factory.mktemp("built") / "store")
    work = _build(MonthWork.extract(store, _Faulty(1), Month.parse(MONTH), LOSSES_ALLOWED)[0])  # it has rejects too
    return store.root, work.version


@pytest.mark.parametrize("kind", _LOSSES)
def test_a_row_that_any_writer_lost_is_refused(built: tuple[Path, str], tmp_path: Path, kind: str) -> None:
    store = _copy(built[0], tmp_path / "store")
    before = _public(store)
    work = MonthWork(store, MONTH, built[1], LOSSES_ALLOWED)
    stage, name, lose = _LOSSES[kind]
    lose(work.folder / name)
    note = json.loads((work.folder / f"stage-{stage}.json").read_bytes())
    key = next(key for key, entry in note["files"].items() if entry["path"] == name)
    _restaged(work, stage, key)
    published = "2026-01_rechazos.parquet" if kind == "rejects" else name
    with pytest.raises(GateError, match=rf"2026-01 is not published, formats disagree: .*{published}.*\d+ rows"):
        work.publish()
    assert _public(store) == before


@pytest.mark.parametrize(
    "name",
    ["source/concursos.parquet", f"{MONTH}_releases.jsonl.gz", "tables/awards.parquet", f"{MONTH}_Guatecompras.xlsx"],
)
def test_a_file_changed_after_its_stage_is_refused_and_the_next_run_makes_it_anew(
    old_store: LocalStore, new_root: Path, name: str
) -> None:
    before = _public(old_store)
    work = _build(_extract(old_store, NEW))
    _flip(work.folder / name)
    with pytest.raises(GateError, match=rf"2026-01 is not published: .*{name} is not the .* run the month again"):
        work.publish()
    assert _public(old_store) == before
    _publish(old_store, NEW)
    assert _undated(old_store.index()) == _undated(LocalStore(new_root).index())
    assert _faults(old_store) == ()


@pytest.mark.parametrize("stage", ["ocds", "tables", *DOWNLOADS])
def test_a_missing_stage_says_what_to_do(new_root: Path, tmp_path: Path, stage: str) -> None:
    store = _copy(new_root, tmp_path / "store")
    before = _public(store)
    work = _extract(store, NEW)
    (work.folder / f"stage-{stage}.json").unlink()
    words = rf"stage {stage} of 2026-01 has not been done for version {work.version}: materialize the whole month"
    with pytest.raises(StoreError, match=words):
        work.publish()
    assert _public(store) == before


def test_a_month_without_a_snapshot_says_what_to_do(tmp_path: Path) -> None:
    work = MonthWork(LocalStore(tmp_path), MONTH, "none", LOSSES_ALLOWED)
    acts = [work.ocds, work.tables, work.report, work.publish, work.snapshot]
    for act in [*acts, *(lambda name=name: work.download(name) for name in DOWNLOADS)]:
        with pytest.raises(StoreError, match="materialize the whole month"):
            act()
    assert [path.name for path in (tmp_path / "work" / MONTH).iterdir()] == [".lock"]
