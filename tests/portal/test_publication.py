"""What the portal takes for public: what the index says now, whole, quickly, and nothing else."""

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from guatecompras.errors import StoreError
from guatecompras.publication import index_text, read_index
from guatecompras.stores import LocalStore
from guatecompras.stores.reading import Stat
from portal.publication import Edition, Publication
from tests.publications import published as publish


@pytest.fixture
def publication(published: Path, tmp_path: Path) -> Publication:
    return Publication(str(published), tmp_path / "cache")


@pytest.fixture
def changing(store: Path, tmp_path: Path) -> Publication:
    """Looks at the index each time it is asked."""
    return Publication(str(store), tmp_path / "cache", every=-1.0)


def test_an_edition_is_what_the_index_says(publication: Publication, published: Path) -> None:
    edition = publication.now()
    text = (published / "publication" / "index.json").read_bytes()
    assert edition.index == read_index(text)
    assert edition.read("index.json") == text
    assert edition.months == ("2026-02", "2026-01")
    assert edition.month("2026-01")["version"] in edition.manifest("2026-01")["version"]
    assert edition.quality("2026-02")["month"] == "2026-02"
    with pytest.raises(KeyError):
        edition.month("2019-12")
    with pytest.raises(KeyError):
        edition.quality("2019-12")


def test_earlier_versions_are_there(publication: Publication) -> None:
    edition = publication.now()
    for entry in edition.month("2026-01")["versions"]:
        assert edition.manifest("2026-01", entry["version"])["version"] == entry["version"]
    with pytest.raises(KeyError):
        edition.manifest("2026-01", "20200101T000000-000000000000")


def test_every_file_that_is_listed_is_what_is_listed(publication: Publication) -> None:
    edition = publication.now()
    files = [file for entry in _entries(edition) for file in entry["files"]]
    assert len(files) > 60
    for file in files:
        found = edition.file(file["path"])
        content = b"".join(edition.stream(found.path, 0, found.bytes))
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert edition.range(found.path, 1, found.bytes - 1) == content[1:-1]


def _entries(edition: Edition) -> list[dict]:  # type: ignore[type-arg]
    return [*edition.index["months"].values(), *edition.index["collections"].values()]


def test_a_file_on_this_machine_is_the_published_one(publication: Publication, published: Path) -> None:
    path = publication.now().local("2026-01", "tables/awards.parquet")
    assert path.is_relative_to(published)
    with pytest.raises(KeyError):
        publication.now().local("2026-01", "tables/../manifest.json")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "index.json/",
        "../index.json",
        "months",
        "months/2026-01",
        "months/2026-01/../2026-01/x",
        "history/current/manifest.json",
        "/etc/passwd",
        "work/2026-01",
        "months/2026-01/nothing/manifest.json",
        "\0",
        ".index.lock",
    ],
)
def test_what_is_not_listed_is_not_public(publication: Publication, path: str) -> None:
    with pytest.raises(KeyError):
        publication.now().file(path)


def test_an_edition_stays_when_another_month_is_published(changing: Publication, store: Path) -> None:
    before = changing.now()
    sequence, etag = before.index["sequence"], before.etag
    publish(LocalStore(store), 5, "2026-03")
    after = changing.now()
    assert after.months == ("2026-03", "2026-02", "2026-01")
    assert after.etag != etag
    assert (before.months, before.index["sequence"], before.etag) == (("2026-02", "2026-01"), sequence, etag)
    assert before.read("index.json") != after.read("index.json")
    assert after.modified >= before.modified


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(b'{"schema": 2'), Path.unlink], ids=["damaged", "gone"]
)
def test_an_index_that_cannot_be_read_changes_nothing(
    changing: Publication, store: Path, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    before = changing.now()
    damage(store / "publication" / "index.json")
    assert changing.now() is before
    assert "what was public before stays" in caplog.text


def test_a_store_without_an_index_has_nothing_yet(tmp_path: Path) -> None:
    publication = Publication(str(tmp_path / "nowhere"), tmp_path / "cache", every=-1.0)
    assert publication.now().months == ()
    publish(LocalStore(tmp_path / "nowhere"), 1)
    assert publication.now().months == ("2026-01",)


class _Hanging:
    """A store that does not answer until it is let."""

    def __init__(self, publication: Publication) -> None:
        self._reader, self.go_on = publication.reader, threading.Event()

    def stat(self, path: str) -> Stat | None:
        self.go_on.wait(30)
        return self._reader.stat(path)

    def __getattr__(self, name: str) -> object:
        return getattr(self._reader, name)


def test_a_store_that_hangs_holds_up_nobody(changing: Publication) -> None:
    before = changing.now()
    hanging = _Hanging(changing)
    changing.reader = hanging  # type: ignore[assignment]
    began = time.monotonic()
    assert changing.now() is before  # the one that looks waits a little
    assert all(changing.now() is before for _ in range(1000))
    assert time.monotonic() - began < 1.0
    hanging.go_on.set()


def test_readers_never_see_half_a_switch(changing: Publication, store: Path) -> None:
    done = threading.Event()

    def read() -> int:
        times = 0
        while not done.wait(0.002):
            edition = changing.now()
            for month in edition.months:
                assert edition.manifest(month)["version"] == edition.month(month)["version"]
            times += 1
        return times

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        publish(LocalStore(store), 7, "2026-02")
        publish(LocalStore(store), 8, "2026-03")
        done.set()
        assert all(reader.result() > 10 for reader in readers)
    assert "2026-03" in changing.now().months


def withdraw(store: Path) -> str:
    """Take the files of the earliest version of 2026-01 away, as retention does; its folder."""
    index = read_index((store / "publication" / "index.json").read_bytes())
    entry = index["months"]["2026-01"]["versions"][-1]
    entry["kept"] = False
    LocalStore(store).retire("2026-01", entry["version"], {"manifest.json", "changes.jsonl.gz", "changes.parquet"})
    (store / "publication" / "index.json").write_bytes(index_text(index))
    return f"months/2026-01/{entry['version']}"


def test_what_was_withdrawn_is_known_for_it(changing: Publication, store: Path) -> None:
    folder = withdraw(store)
    edition = changing.now()
    assert edition.is_withdrawn(f"{folder}/quality.json")
    assert not edition.is_withdrawn(f"{folder}/manifest.json")
    assert edition.range(f"{folder}/manifest.json", 0, 1) == b"{"
    with pytest.raises(StoreError):
        edition.read(f"{folder}/quality.json")


def test_a_catalog_is_read_as_it_is(publication: Publication, published: Path) -> None:
    text = publication.now().read("catalog.jsonld")
    assert text == (published / "publication" / "catalog.jsonld").read_bytes()
    assert orjson.loads(text)["@type"] == "Catalog"
