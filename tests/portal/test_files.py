"""Downloads: every public file with its very bytes, in parts too, and the official paths as today's consumers use them."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from python_calamine import CalamineWorkbook

from portal.app import create_app
from portal.http.security import policy_of_report
from portal.publication import Edition, Publication
from portal.settings import Settings
from tests.portal.conftest import BASE_URL, Client
from tests.portal.test_publication import withdraw


@pytest.fixture(scope="module")
def edition(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Edition:
    return Publication(str(published), tmp_path_factory.mktemp("cache")).now()


def _public(edition: Edition) -> Iterator[tuple[str, str]]:
    """Every public file that never changes and its sha256: of current and earlier versions and of what manifests list."""
    for name, month in edition.index["months"].items():
        for version in (month, *month["versions"]):
            folder = f"months/{name}/{version['version']}"
            for file in edition.manifest(name, version["version"])["files"]:
                yield f"{folder}/{file['path']}", file["sha256"]
    for collection in edition.index["collections"].values():
        yield from ((file["path"], file["sha256"]) for file in collection["files"])
        manifest = json.loads(edition.read(collection["manifest"]["path"]))
        folder = collection["manifest"]["path"].rpartition("/")[0]
        yield from ((f"{folder}/{file['path']}", file["sha256"]) for file in manifest["files"])


def test_every_public_file_is_served_with_its_bytes(client: Client, edition: Edition) -> None:
    files = dict(_public(edition))
    assert len(files) > 150
    for path, sha256 in files.items():
        answer = client.get(f"/publication/{path}")
        assert answer.status_code == 200, path
        assert hashlib.sha256(answer.content).hexdigest() == sha256, path
        assert answer.headers["ETag"] == f'"{sha256}"'
        assert answer.headers["Content-Length"] == str(len(answer.content))
        assert "immutable" in answer.headers["Cache-Control"]


def test_head_tells_what_get_would(client: Client, edition: Edition) -> None:
    for path in [*dict(_public(edition))][::7]:
        got, told = client.get(f"/publication/{path}"), client.ask("HEAD", f"/publication/{path}")
        assert told.content == b""
        assert _lasting(told) == _lasting(got), path


def _lasting(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if not name.startswith("ratelimit")}


@pytest.mark.parametrize(
    ("name", "media", "saved"),
    [
        ("2026-01_Guatecompras.json.zip", "application/zip", 'attachment; filename="2026-01_Guatecompras.json.zip"'),
        ("2026-01_releases.jsonl.gz", "application/gzip", 'attachment; filename="2026-01_releases.jsonl.gz"'),
        ("tables/awards.parquet", "application/vnd.apache.parquet", 'attachment; filename="2026-01_awards.parquet"'),
        ("quality.json", "application/json", 'inline; filename="2026-01_quality.json"'),
        ("quality.html", "text/html; charset=utf-8", 'inline; filename="2026-01_quality.html"'),
        (
            "2026-01_Guatecompras.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            'attachment; filename="2026-01_Guatecompras.xlsx"',
        ),
    ],
)
def test_a_file_says_what_it_is_and_what_it_is_called(
    client: Client, edition: Edition, name: str, media: str, saved: str
) -> None:
    version = edition.month("2026-01")["version"]
    answer = client.ask("HEAD", f"/publication/months/2026-01/{version}/{name}")
    assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == (media, saved)


def test_files_of_the_history_are_called_by_table_and_month(client: Client, edition: Edition) -> None:
    version = edition.index["collections"]["history"]["version"]
    answer = client.ask("HEAD", f"/publication/history/{version}/awards/month=2026-01/data.parquet")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="2026-01_awards.parquet"'


@pytest.mark.parametrize(
    ("name", "media"), [("index.json", "application/json"), ("catalog.jsonld", "application/ld+json")]
)
def test_what_changes_is_asked_for_again(client: Client, published: Path, name: str, media: str) -> None:
    answer = client.get(f"/publication/{name}")
    assert answer.content == (published / "publication" / name).read_bytes()
    assert answer.headers["Content-Type"] == media
    assert "must-revalidate" in answer.headers["Cache-Control"]
    assert client.get(f"/publication/{name}", If_None_Match=answer.headers["ETag"]).status_code == 304


def test_current_leads_to_the_version_that_is_public(client: Client, edition: Edition) -> None:
    for name, place in (
        (
            "history/current/manifest.json",
            f"history/{edition.index['collections']['history']['version']}/manifest.json",
        ),
        (
            "years/2026/current/manifest.json",
            f"years/2026/{edition.index['collections']['years/2026']['version']}/manifest.json",
        ),
        ("months/2026-01/current/quality.json", f"months/2026-01/{edition.month('2026-01')['version']}/quality.json"),
    ):
        answer = client.get(f"/publication/{name}")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/publication/{place}")
        assert client.get(answer.headers["Location"]).status_code == 200
    assert client.get("/publication/months/2019-01/current/quality.json").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "",
        "../index.json",
        "../../../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "..%5c..%5cetc%5cpasswd",
        "%252e%252e/etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "months//2026-01",
        "months/2026-01/",
        "months/2026-01/./index.json",
        "months/2026-01/current/../../../../.index.lock",
        "years/2026/current/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "history/current/",
        "index.json/",
        "index.json%00",
        "index.json%0d%0aSet-Cookie:x",
        "INDEX.JSON",
        "%ff%fe",
        "work/2026-01",
        "file:///etc/passwd",
        "s3://bucket/key",
    ],
)
def test_nothing_else_can_be_had(client: Client, path: str) -> None:
    answer = client.get(f"/publication/{path}", Accept="application/json")
    if answer.status_code == 302:  # within the version, to a path that is not listed either
        answer = client.get(answer.headers["Location"])
    assert answer.status_code in {400, 404}
    assert b"root:" not in answer.content
    assert "set-cookie" not in answer.headers


def test_what_was_withdrawn_is_gone(store: Path, tmp_path: Path) -> None:
    folder = withdraw(store)
    client = Client(create_app(Settings(store=str(store), cache=str(tmp_path / "cache")), log=lambda _: None))
    answer = client.get(f"/publication/{folder}/quality.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (410, "application/problem+json")
    assert client.get(f"/publication/{folder}/manifest.json").status_code == 200
    assert client.get(f"/publication/{folder}/nothing.json").status_code == 404


# Parts.


@pytest.fixture(scope="module")
def archive(client: Client, edition: Edition) -> tuple[str, bytes]:
    """The address of a file, and its bytes."""
    address = f"/publication/{edition.named('2026-01', '2026-01_Guatecompras.json.zip').path}"
    return address, client.get(address).content


@pytest.mark.parametrize(
    ("told", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=100-", 100, None),
        ("bytes=-10", -10, None),
        ("bytes=-99999999999", 0, None),
        ("bytes=5-99999999999999999999", 5, None),
        ("BYTES = 7-8", 7, 9),
    ],
)
def test_a_part_of_a_file(client: Client, archive: tuple[str, bytes], told: str, start: int, end: int | None) -> None:
    address, content = archive
    answer = client.get(address, Range=told)
    expected = content[start:end]
    first = start if start >= 0 else len(content) + start
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(content)}"
    assert answer.headers["Content-Length"] == str(len(expected))


@pytest.mark.parametrize(
    "told",
    ["bytes=9-1", "bytes=-", "bytes=", "bytes=a-b", "items=0-1", "bytes=0-1,5-6", "bytes=--5", "0-5", "bytes=1-2-3"],
)
def test_what_is_no_range_gets_the_whole(client: Client, archive: tuple[str, bytes], told: str) -> None:
    address, content = archive
    answer = client.get(address, Range=told)
    assert (answer.status_code, answer.content) == (200, content)


@pytest.mark.parametrize("told", ["bytes={size}-", "bytes=99999999999-", "bytes=-0"])
def test_a_part_beyond_the_end(client: Client, archive: tuple[str, bytes], told: str) -> None:
    address, content = archive
    answer = client.get(address, Range=told.format(size=len(content)))
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(content)}")
    assert "PK" not in answer.text


def test_a_download_that_broke_off_goes_on_only_with_the_same_file(client: Client, archive: tuple[str, bytes]) -> None:
    address, content = archive
    whole = client.get(address)
    etag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    later = format_datetime(datetime(2031, 1, 1, tzinfo=UTC), usegmt=True)
    for told, status in (
        (etag, 206),
        (modified, 206),
        ('"other"', 200),
        (f"W/{etag}", 200),
        (later, 200),
        ("nonsense", 200),
    ):
        answer = client.get(address, Range="bytes=10-19", If_Range=told)
        assert answer.status_code == status, told
        assert answer.content == (content[10:20] if status == 206 else content)


def test_what_the_client_has_is_not_sent_again(client: Client, archive: tuple[str, bytes]) -> None:
    address, _ = archive
    whole = client.get(address)
    etag, modified = whole.headers["ETag"], whole.headers["Last-Modified"]
    assert parsedate_to_datetime(modified) <= datetime.now(UTC)
    for headers in (
        {"If_None_Match": etag},
        {"If_None_Match": f'"other", W/{etag}'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": modified},
        {"If_None_Match": etag, "If_Modified_Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If_None_Match": etag, "Range": "bytes=0-1"},
    ):
        answer = client.get(address, **headers)
        assert (answer.status_code, answer.content) == (304, b""), headers
        assert answer.headers["ETag"] == etag
    for headers in ({"If_None_Match": '"other"', "If_Modified_Since": modified}, {"If_Modified_Since": "yesterday"}):
        assert client.get(address, **headers).status_code == 200


# The report, which has styles of its own.


def test_a_report_may_use_its_own_styles_and_nothing_else(client: Client, edition: Edition) -> None:
    answer = client.get(f"/publication/{edition.named('2026-01', 'quality.html').path}")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert policy.startswith("default-src 'none'; style-src 'unsafe-hashes' 'sha256-")
    assert policy == policy_of_report(answer.content)


def test_a_report_with_too_many_styles_is_saved_and_not_shown() -> None:
    bars = "".join(f'<i style="width:{number}%"></i>' for number in range(200))
    assert policy_of_report(bars.encode()) is None
    assert policy_of_report(b"<p>plain</p>") == (
        "default-src 'none'; style-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


# The official contract.


def test_the_official_list(client: Client, edition: Edition) -> None:
    answer = client.get("/files")
    assert answer.headers["Content-Type"] == "application/json"
    listed = answer.json()["result"]
    assert [(one["year"], one["month"]) for one in listed] == [(2026, 2), (2026, 1)]
    assert listed[1] == {
        "id": "gc-2026-01",
        "files": {kind: f"{BASE_URL}/file/{kind}/2026/01" for kind in ("csv", "xlsx", "json", "sha")},
        "year": 2026,
        "month": 1,
        "monthName": "enero",
        "source": "Guatecompras",
        "timestamp": edition.month("2026-01")["published"],
    }


@pytest.mark.parametrize(
    ("query", "months"),
    [
        ("year=2026", [2, 1]),
        ("month=1", [1]),
        ("month=01", [1]),
        ("year=2026&month=2", [2]),
        ("year=2025", []),
        ("year=&month=", [2, 1]),
    ],
)
def test_the_official_list_by_year_and_month(client: Client, query: str, months: list[int]) -> None:
    assert [one["month"] for one in client.get(f"/files?{query}").json()["result"]] == months


class Kingfisher:
    """What kingfisher-collect's spider does: the list, each month's JSON, a ZIP with a record package, between dates."""

    def __init__(self, client: Client, first: datetime | None = None, last: datetime | None = None) -> None:
        self._client, self._first, self._last = client, first, last

    def crawl(self) -> Iterator[tuple[str, Any]]:
        answer = self._client.get("/files")
        assert answer.status_code == 200
        for item in answer.json()["result"]:
            if self._first and self._last:
                date = datetime(int(item["year"]), int(item["month"]), 1, tzinfo=UTC)
                if not self._first <= date <= self._last:
                    continue
            url = urlsplit(item["files"]["json"])
            download = self._client.get(url.path)
            assert download.status_code == 200
            with zipfile.ZipFile(io.BytesIO(download.content)) as archive:
                for info in archive.infolist():
                    if info.filename.endswith(".json"):
                        yield "-".join(url.path.split("/")[-2:]), json.loads(archive.read(info))


def test_kingfisher_collects_record_packages(client: Client, edition: Edition) -> None:
    found = dict(Kingfisher(client).crawl())
    assert sorted(found) == ["2026-01", "2026-02"]
    for month, package in found.items():
        assert len(package["records"]) == edition.month(month)["counts"]["records"]
        assert all(record["compiledRelease"]["ocid"] == record["ocid"] for record in package["records"])
        assert package["version"] == "1.1"
    only = Kingfisher(client, datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    assert [name for name, _ in only.crawl()] == ["2026-02"]


@pytest.mark.parametrize("month", ["1", "01", "001"])
def test_a_month_with_and_without_its_zero(client: Client, edition: Edition, month: str) -> None:
    answer = client.get(f"/file/json/2026/{month}")
    assert (
        hashlib.sha256(answer.content).hexdigest() == edition.named("2026-01", "2026-01_Guatecompras.json.zip").sha256
    )
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == ["2026-01_Guatecompras.json"]


def test_the_official_workbook_is_in_a_zip(client: Client, edition: Edition) -> None:
    answer = client.get("/file/xlsx/2026/1")
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["2026-01_Guatecompras.xlsx"]
        workbook = archive.read("2026-01_Guatecompras.xlsx")
    assert hashlib.sha256(workbook).hexdigest() == edition.named("2026-01", "2026-01_Guatecompras.xlsx").sha256
    assert "awards" in CalamineWorkbook.from_filelike(io.BytesIO(workbook)).sheet_names


def test_parts_of_the_official_workbook_are_parts_of_the_same(client: Client) -> None:
    whole = client.get("/file/xlsx/2026/1").content
    size = len(whole)
    for start, end in (
        (0, 10),
        (20, 40),
        (50, 80),
        (size - 200, size - 100),
        (size - 90, size),
        (0, size),
        (30, size - 30),
    ):
        assert client.get("/file/xlsx/2026/1", Range=f"bytes={start}-{end - 1}").content == whole[start:end]


def test_the_official_tables(client: Client) -> None:
    with zipfile.ZipFile(io.BytesIO(client.get("/file/csv/2026/2").content)) as archive:
        assert {"records.csv", "awards.csv"} <= set(archive.namelist())


def test_the_sums_are_of_what_is_downloaded(client: Client) -> None:
    sums = client.get("/file/sha/2026/01").text.splitlines()
    files = {}
    for kind in ("json", "xlsx", "csv"):
        answer = client.get(f"/file/{kind}/2026/01")
        files[answer.headers["Content-Disposition"].split('"')[1]] = hashlib.sha256(answer.content).hexdigest()
    assert dict(reversed(line.split("  ")) for line in sums) == files


@pytest.mark.parametrize("address", ["/file/json/2019/12", "/file/csv/2030/1", "/file/sha/2026/3", "/file/xlsx/1/1"])
def test_a_month_without_data_is_no_content(client: Client, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("/file/exe/2026/1", "type"),
        ("/file/JSON/2026/1", "type"),
        ("/file/json/2026/0", "month"),
        ("/file/json/2026/13", "month"),
        ("/file/json/2026/-1", "month"),
        ("/file/json/2026/1.5", "month"),
        ("/file/json/2026/enero", "month"),
        ("/file/json/0/1", "year"),
        ("/file/json/99999999999999999999/1", "year"),
        ("/file/json/2026/1'%20OR%20'1'='1", "month"),
        ("/files?year=abc", "year"),
        ("/files?month=13", "month"),
        ("/files?month=1;DROP%20TABLE%20x", "month"),
        ("/files?year=99999", "year"),
    ],
)
def test_official_nonsense_is_told_in_the_official_message(client: Client, address: str, named: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 400
    message = answer.json()
    assert set(message) == {"status", "operacionRealizadaConExito", "mensajeOperacion"}
    assert (message["status"], message["operacionRealizadaConExito"]) == ("Error", False)
    assert message["mensajeOperacion"].startswith(f"El parámetro «{named}» debe ser ")


def test_nothing_published_yet(tmp_path: Path) -> None:
    client = Client(create_app(Settings(store=str(tmp_path), cache=str(tmp_path / "cache")), log=lambda _: None))
    assert orjson.loads(client.get("/files").content) == {"result": []}
    assert client.get("/file/json/2026/1").status_code == 204
    assert client.get("/publication/catalog.jsonld").status_code == 404
    assert client.get("/publication/index.json").json()["months"] == {}
