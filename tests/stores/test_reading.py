"""Reading what is public from both kinds of stores: the same bytes, in parts too, with little of them held and nothing written."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from guatecompras.errors import StoreError
from guatecompras.stores import open_store
from guatecompras.stores.reading import Reader, open_reader
from portal.publication import Publication
from tests.publications import MONTH, published
from tests.stores.conftest import FAULTS, PASS, REFUSE, Proxy

CONTENT = bytes(range(256)) * 20_000  # 5 MB, more than is asked of a bucket at once


@pytest.fixture(params=["folder", "bucket"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reader]:
    """A store with one long public file, and something that is not public beside it."""
    if request.param == "folder":
        place = tmp_path / "store"
        (place / "publication" / "months").mkdir(parents=True)
        (place / "publication" / "months" / "long").write_bytes(CONTENT)
        (place / "secret").write_bytes(b"secret")
        yield open_reader(str(place))
        return
    endpoint, bucket = request.getfixturevalue("endpoint"), request.getfixturevalue("bucket")
    from guatecompras.stores.s3 import Address, Bucket

    uri = f"s3://{bucket}/prefix?endpoint={endpoint}&region=us-east-1"
    (tmp_path / "long").write_bytes(CONTENT)
    Bucket(Address.parse(uri)).upload("publication/months/long", tmp_path / "long")
    Bucket(Address.parse(uri)).upload("secret", tmp_path / "long")
    yield open_reader(uri)


def test_a_file_is_read_whole_and_in_parts(reader: Reader) -> None:
    found = reader.stat("months/long")
    assert found is not None
    assert (found.bytes, found) == (len(CONTENT), reader.stat("months/long"))
    assert reader.read("months/long") == CONTENT
    for start, end in (
        (0, 1),
        (0, len(CONTENT)),
        (255, 257),
        (1_000_000, 3_500_001),
        (len(CONTENT) - 1, len(CONTENT)),
        (5, 5),
    ):
        assert reader.between("months/long", start, end) == CONTENT[start:end]
        pieces = [*reader.stream("months/long", start, end)]
        assert b"".join(pieces) == CONTENT[start:end]
        assert all(len(piece) <= 256 << 10 for piece in pieces)


def test_what_is_not_there_is_told_before_anything_is_sent(reader: Reader) -> None:
    assert reader.stat("months/nothing") is None
    for ask in (reader.read, lambda path: reader.between(path, 0, 1), lambda path: reader.stream(path, 0, 1)):
        with pytest.raises(StoreError):
            ask("months/nothing")


def test_a_file_that_is_shorter_than_it_should_be_is_an_error(reader: Reader) -> None:
    with pytest.raises(StoreError):
        reader.between("months/long", len(CONTENT) - 5, len(CONTENT) + 5)


@pytest.mark.parametrize(
    "path", ["../secret", "months/../../secret", "/secret", "", ".", "months//long", "a\\b", "a\0b", "months/"]
)
def test_no_path_leads_out(reader: Reader, path: str) -> None:
    for ask in (reader.stat, reader.read, lambda path: reader.stream(path, 0, 1)):
        with pytest.raises(StoreError):
            ask(path)


def test_a_reader_who_stops_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "publication").mkdir()
    (tmp_path / "publication" / "long").write_bytes(CONTENT)
    reader = open_reader(str(tmp_path))
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(50):
        stream = reader.stream("long", 0, len(CONTENT))
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        unread = reader.stream("long", 0, len(CONTENT))
        unread.close()  # type: ignore[attr-defined]
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_a_file_that_is_withdrawn_is_still_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "publication" / "long"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    stream = open_reader(str(tmp_path)).stream("long", 0, len(CONTENT))
    path.unlink()
    assert b"".join(stream) == CONTENT


def test_a_store_that_is_none(credentials: None) -> None:
    for uri in ("http://user:hunter2@host/x", "s3://UPPER/x", "s3://bucket/x?secret=hunter2"):
        with pytest.raises(StoreError) as told:
            open_reader(uri)
        assert "hunter2" not in str(told.value)


# The portal over a bucket.


@pytest.fixture
def uri(bucket: str, endpoint: str) -> str:
    found = f"s3://{bucket}/prefix?endpoint={endpoint}&region=us-east-1"
    published(open_store(found), 1)  # type: ignore[arg-type]
    return found


def test_a_publication_in_a_bucket_is_what_is_in_it(uri: str, tmp_path: Path) -> None:
    publication = Publication(uri, tmp_path / "cache", every=-1.0)
    edition = publication.now()
    assert edition.months == (MONTH,)
    for file in edition.month(MONTH)["files"]:
        found = edition.file(file["path"])
        assert hashlib.sha256(b"".join(edition.stream(found.path, 0, found.bytes))).hexdigest() == file["sha256"]
        assert edition.range(found.path, found.bytes // 2, found.bytes) == edition.read(found.path)[found.bytes // 2 :]
    published(open_store(uri), 1, "2026-02")  # type: ignore[arg-type]
    assert publication.now().months == ("2026-02", MONTH)
    assert edition.months == (MONTH,)


def test_files_are_copied_once_and_by_one(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publication = Publication(uri, tmp_path / "cache")
    edition, copies, fetched = publication.now(), list[Path](), list[str]()
    stream = publication.reader.stream
    monkeypatch.setattr(
        publication.reader, "stream", lambda path, *part: (fetched.append(path[-20:]), stream(path, *part))[1]
    )
    several = [
        threading.Thread(target=lambda: copies.append(edition.local(MONTH, "tables/items.parquet"))) for _ in range(4)
    ]
    for one in several:
        one.start()
    for one in several:
        one.join()
    assert len({*copies}) == 1
    assert fetched.count("tables/items.parquet") == 1
    assert copies[0].read_bytes() == edition.read(edition.named(MONTH, "tables/items.parquet").path)
    mine = copies[0].stat().st_ino
    other = Publication(uri, tmp_path / "cache").now()
    assert other.local(MONTH, "tables/items.parquet").stat().st_ino == mine
    assert not [*(tmp_path / "cache").rglob(".*")]


def test_a_copy_that_is_not_what_is_listed_is_refused(uri: str, tmp_path: Path) -> None:
    publication = Publication(uri, tmp_path / "cache")
    file = publication.now().named(MONTH, "tables/items.parquet")
    with pytest.raises(StoreError, match="not what the index lists"):
        publication.fetched(replace(file, sha256="0" * 64))
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.parent.name != "locks"]
    assert not kept


def test_copies_of_what_is_current_no_more_go(uri: str, tmp_path: Path) -> None:
    publication = Publication(uri, tmp_path / "cache", every=-1.0)
    before = publication.now()
    old, kept = before.local(MONTH, "tables/items.parquet"), before.local(MONTH, "tables/awards.parquet")
    os.utime(old, (0, 0))
    os.utime(kept, (0, 0))
    before.local(MONTH, "tables/awards.parquet")  # asked for again just now
    published(open_store(uri), 2)  # type: ignore[arg-type]
    publication.now().local(MONTH, "tables/items.parquet")
    assert (old.exists(), kept.exists()) == (False, True)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_in_passing_is_asked_for_again(uri: str, proxy: Proxy, tmp_path: Path, fault: str) -> None:
    seen: dict[str, int] = {}

    def act(method: str, path: str) -> str:
        seen[path] = seen.get(path, 0) + 1
        return fault if seen[path] == 1 else PASS

    proxy.act = act
    through = uri.replace(f"http://{proxy.behind}", proxy.endpoint)
    edition = Publication(through, tmp_path / "cache").now()
    file = edition.named(MONTH, "2026-01_Guatecompras.json.zip")
    assert hashlib.sha256(b"".join(edition.stream(file.path, 0, file.bytes))).hexdigest() == file.sha256


def test_a_bucket_that_is_down_leaves_what_was_public(uri: str, proxy: Proxy, tmp_path: Path) -> None:
    through = uri.replace(f"http://{proxy.behind}", proxy.endpoint) + "&retries=0"
    publication = Publication(through, tmp_path / "cache", every=-1.0)
    before = publication.now()
    proxy.act = lambda method, path: REFUSE
    assert publication.now() is before
    with pytest.raises(StoreError):
        Publication(through, tmp_path / "other").now()


def test_a_long_download_from_a_bucket_holds_little(bucket: str, endpoint: str, tmp_path: Path) -> None:
    from guatecompras.stores.s3 import Address, Bucket

    uri = f"s3://{bucket}/prefix?endpoint={endpoint}&region=us-east-1"
    with open(tmp_path / "long", "wb") as content:
        content.truncate(32 << 20)
    Bucket(Address.parse(uri)).upload("publication/long", tmp_path / "long")
    script = (
        "import resource, sys; from guatecompras.stores.reading import open_reader\n"
        f"reader = open_reader({uri!r}); reader.between('long', 0, 1)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(sum(map(len, reader.stream('long', 0, 32 << 20))), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    size, kilobytes = map(int, ended.stdout.split())
    assert size == 32 << 20
    assert kilobytes < 12 << 10
