"""The OCDS source on small files made here, and against a local server with the official API's contract."""

import gzip
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ocdskit.util import detect_format

from guatecompras.arrivals import ARRIVAL_ORDER, Arrivals
from guatecompras.errors import SourceError
from guatecompras.months import Month
from resources.sources import ocds
from resources.sources.bounds import FREE_BYTES
from resources.sources.ocds import Api, OcdsSource

MAY, JUNE = Month.parse("2026-05"), Month.parse("2026-06")
MAY_FILE = "2026-05_Guatecompras.json"


def record(
    nog: int, published: str = "2026-05-01T12:00:00-06:00", title: str = "Tubos", **changes: Any
) -> dict[str, Any]:
    compiled = {
        "ocid": f"ocds-xqjsxa-{nog}",
        "id": f"ocds-xqjsxa-{nog}-{published}",
        "date": published,
        "publishedDate": "2026-05-02T01:00:26-06:00",
        "tag": ["compiled"],
        "parties": [{"id": "GT-CISP-12101609", "name": "Entidad"}, {"id": "GT-GCUC-9-1", "name": "Unidad"}],
        "buyer": {"id": "GT-NIT-1"},
        "tender": {
            "id": f"GT-NOG-{nog}",
            "title": title,
            "statusDetails": "Vigente",
            "datePublished": published,
            "procurementMethodDetails": "Cotización (Art. 38 LCE)",
            "items": [{"id": f"I{nog}", "description": "Tubo", "quantity": 1.25}],
        },
    } | changes
    links = [{"url": f"https://x/release/GT-NOG-{nog}-T639132804262184908", "date": published, "tag": ["tender"]}]
    return {"ocid": compiled["ocid"], "releases": links, "compiledRelease": compiled}


def package(*records: Any, **metadata: Any) -> bytes:
    return json.dumps({"uri": "x", "version": "1.1", **metadata, "records": records}).encode()


def release(nog: int, date: str, **changes: Any) -> dict[str, Any]:
    compiled = record(nog)["compiledRelease"]
    return compiled | {"id": f"GT-NOG-{nog}-{date}", "date": date, "tag": ["tender"]} | changes


def zipped(data: bytes, name: str = MAY_FILE, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def table(source: OcdsSource | Path, month: Month = MAY, name: str = "concursos") -> pl.DataFrame:
    source = source if isinstance(source, OcdsSource) else OcdsSource.from_uri(f"ocds:{source}")
    with source.open(month) as reading:
        frames = list(reading.batches(name))
    return pl.concat(frames) if frames else pl.DataFrame(schema={"nog": pl.String})


def nogs(source: OcdsSource | Path, month: Month = MAY) -> list[str | None]:
    return table(source, month)["nog"].to_list()


# Forms of files.


FORMS: dict[str, bytes] = {
    "pretty.json": json.dumps(json.loads(package(record(2), record(1))), indent=4).encode(),
    "bom.json": b"\xef\xbb\xbf" + package(record(2), record(1)),
    "lines.jsonl": b"\n".join(json.dumps(record(nog)).encode() for nog in (2, 1)) + b"\n\n",
    "compiled.jsonl.gz": gzip.compress(b"\r\n".join(json.dumps(record(n)["compiledRelease"]).encode() for n in (2, 1))),
    "packages.jsonl": package(record(2)) + b"\n" + package(record(1)),
    "array.json": json.dumps([record(2)["compiledRelease"], record(1)]).encode(),
    "releases.json": json.dumps({"releases": [release(2, "2026-05-01"), release(1, "2026-05-01")]}).encode(),
    "named.zip": zipped(package(record(2), record(1))),
    "named.json.gz": gzip.compress(package(record(2), record(1))),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FORMS[name])
    assert nogs(tmp_path / name) == ["1", "2"]
    assert nogs(tmp_path) == ["1", "2"]
    assert nogs(tmp_path, JUNE) == []
    assert table(tmp_path, name="renglones")["cantidad"].to_list() == ["1.25", "1.25"]


def test_a_single_record_and_a_single_release_are_files_too(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_bytes(json.dumps(record(1)).encode())
    (tmp_path / "release.json").write_bytes(json.dumps(release(2, "2026-05-03")).encode())
    assert nogs(tmp_path) == ["1", "2"]


@pytest.mark.parametrize(("name", "form"), [("pretty.json", "record package"), ("releases.json", "release package")])
def test_ocdskit_sees_the_same_forms(tmp_path: Path, name: str, form: str) -> None:
    (tmp_path / name).write_bytes(FORMS[name])
    assert detect_format(tmp_path / name)[0] == form


def test_batches_hold_whole_nogs_in_order_and_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocds, "BATCH_NOGS", 2)
    (tmp_path / MAY_FILE).write_bytes(package(*(record(nog) for nog in (10, 9, 100, 8, 7))))
    with OcdsSource.from_uri(f"ocds:{tmp_path}").open(MAY) as reading:
        assert [frame["nog"].to_list() for frame in reading.batches("concursos")] == [["7", "8"], ["9", "10"], ["100"]]
        assert reading.missing == frozenset()
        arrivals = Arrivals(MAY)
        admitted = {name: list(arrivals.admit(name, reading.batches(name))) for name in ARRIVAL_ORDER}
    assert {name: sum(f.height for f in frames) for name, frames in admitted.items() if frames} == {
        "concursos": 5,
        "eventos": 5,
        "renglones": 5,
        "partes": 10,
    }
    instant = admitted["eventos"][0]["fecha_registro"].dt.replace_time_zone(None)
    assert instant.cast(pl.String).unique().to_list() == ["2026-05-02 01:00:26.218490800"]
    assert arrivals.rejects().is_empty()


# Months.


def test_records_in_another_months_file_come_in_their_own(tmp_path: Path) -> None:
    late = record(2, "2026-06-01T02:00:00Z")  # still May in Guatemala
    (tmp_path / MAY_FILE).write_bytes(package(record(1), record(3, "2026-06-02T00:00:00-06:00")))
    (tmp_path / "2026-06_Guatecompras.zip").write_bytes(zipped(package(late, record(4, "2026-06-03T00:00:00-06:00"))))
    assert nogs(tmp_path, MAY) == ["1", "2"]
    assert nogs(tmp_path, JUNE) == ["3", "4"]


def test_the_latest_version_of_a_record_wins_in_every_month(tmp_path: Path) -> None:
    newer = record(1, "2026-06-01T00:00:00-06:00", title="B", publishedDate="2026-06-02T01:00:00-06:00")
    (tmp_path / "a.json").write_bytes(package(newer))
    (tmp_path / "b.json").write_bytes(package(record(1, title="A")))
    assert nogs(tmp_path, MAY) == []
    assert table(tmp_path, JUNE)["descripcion"].to_list() == ["B"]


def test_releases_of_a_nog_in_several_files_are_one_process(tmp_path: Path) -> None:
    first = release(1, "2026-05-01T12:00:00-06:00")
    second = release(1, "2026-05-04T12:00:00-06:00", tender={"statusDetails": "Evaluación"})
    (tmp_path / "z.json").write_bytes(json.dumps({"releases": [first]}).encode())
    (tmp_path / "a.json").write_bytes(json.dumps({"releases": [second, first]}).encode())
    assert table(tmp_path)["estatus_concurso"].to_list() == ["2"]
    assert table(tmp_path, name="eventos")["tipo"].to_list() == ["publicacion", "cambio_estatus"]


def test_without_a_publication_date_the_first_event_tells_the_month(tmp_path: Path) -> None:
    undated = record(1, tender={"datePublished": "0001-01-01T00:00:00Z"})
    nothing = {"ocid": "ocds-xqjsxa-2", "releases": [], "compiledRelease": {"tag": ["compiled"]}}
    (tmp_path / "a.json").write_bytes(package(undated, nothing, 5, record(3, "2026-06-01T00:00:00-06:00")))
    # What has no date at all goes to the first month of the source, without NOG last.
    assert nogs(tmp_path, MAY) == ["1", "2", None]
    assert nogs(tmp_path, JUNE) == ["3"]


def test_wrong_types_and_broken_text_do_not_stop_the_month(tmp_path: Path) -> None:
    odd = record(1, tender=[1, 2], parties="x")
    broken = json.dumps(record(2)).replace("Tubos", r"a\ud800b\ud83d\ude00\\ud800").encode()
    latin = json.dumps(record(3, title="CA?A")).encode().replace(b"CA?A", b"CA\xd1A")
    records = b",".join([json.dumps(odd).encode(), broken, latin])
    (tmp_path / "a.json").write_bytes(b'{"version":"1.1","records":[' + records + b"]}")
    found = table(tmp_path)
    assert found["nog"].to_list() == ["1", "2", "3"]
    assert found["descripcion"].to_list() == ["[1,2]", "a\ufffdb😀\\ud800", "CA\ufffdA"]


def test_watermarks_are_the_latest_dates(tmp_path: Path) -> None:
    late = record(2)
    late["releases"].append({"url": "https://x/release/y", "date": "2026-07-09T08:00:00-06:00", "tag": ["tender"]})
    (tmp_path / "a.json").write_bytes(package(record(1), late, record(3, "2026-06-01T00:00:00-06:00")))
    source = OcdsSource.from_uri(f"ocds:{tmp_path}")
    assert source.watermarks() == {"2026-05": datetime(2026, 7, 9, 8), "2026-06": datetime(2026, 6, 1)}  # noqa: DTZ001
    assert max(table(source)["fecha_actualizacion"]) == "2026-07-09T08:00:00"


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(package(record(1)))
    assert nogs(tmp_path) == ["1"]
    (tmp_path / "a.json").write_bytes(package(record(1), record(2)))
    assert nogs(tmp_path) == ["1", "2"]


# OCDS 1.0.


OLD_RELEASE = {
    "ocid": "ocds-xqjsxa-5",
    "id": "5-1",
    "date": "2026-05-03T00:00:00-06:00",
    "tag": ["award"],
    "buyer": {"name": "Municipalidad", "identifier": {"scheme": "GT-CISP", "id": "12101609"}},
    "tender": {"id": "5", "title": "Tubos", "datePublished": "2026-05-01T00:00:00-06:00"},
    "awards": [{"id": "A", "suppliers": [{"name": "Juan", "identifier": {"scheme": "GT-NIT", "id": "7894880"}}]}],
}


@pytest.mark.parametrize("metadata", [{"version": "1.0"}, {}])
def test_ocds_1_0_is_upgraded(tmp_path: Path, metadata: dict[str, str]) -> None:
    (tmp_path / "old.json").write_bytes(json.dumps({**metadata, "releases": [OLD_RELEASE]}).encode())
    parties = table(tmp_path, name="partes").select("esquema", "identificador", "nombre").rows()
    assert parties == [("GT-CISP", "12101609", "Municipalidad"), ("GT-NIT", "7894880", "Juan")]
    assert table(tmp_path, name="adjudicaciones")["proveedor"].to_list() == ["GT-NIT-7894880"]


def test_references_of_1_1_are_not_taken_for_organisations(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(json.dumps({"releases": [release(1, "2026-05-01", parties=None)]}).encode())
    assert table(tmp_path, name="partes")["esquema"].to_list() == ["GT-NIT"]
    assert table(tmp_path)["entidad_compradora"].to_list() == [None]


# What cannot be read.


def lying(data: bytes) -> bytes:
    """A zip whose member is not what its directory says."""
    archive = bytearray(zipped(data, method=zipfile.ZIP_STORED))
    archive[60:70] = b"x" * 10
    return bytes(archive)


BAD: dict[str, tuple[bytes, str]] = {
    "truncated.json": (package(record(1))[:-20], "not readable JSON"),
    "truncated.zip": (zipped(package(record(1)))[:-40], "truncated or damaged"),
    "lying.zip": (lying(package(record(1))), "truncated or damaged"),
    "truncated.json.gz": (gzip.compress(package(record(1)))[:-12], "truncated or damaged"),
    "truncated.jsonl": (json.dumps(record(1)).encode() + b'\n{"ocid":', "not readable JSON"),
    "page.json": (b"<!DOCTYPE html><html></html>", "not readable JSON"),
    "other.json": (b'{"hello": "world"}', "holds no OCDS"),
    "number.json": (b"5", "no OCDS package"),
    "records.json": (b'{"version": "1.1", "records": 5}', "records that are no list"),
    "deep.json": (b'{"records": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "not readable JSON"),
    "empty.json": (b"", "is empty"),
    "blank.json": (b" \n \n", "is empty"),
    "bomb.zip": (zipped(b" " * (FREE_BYTES + 1)), "not an honest archive"),
    "bomb.gz": (gzip.compress(b" " * (FREE_BYTES + 1)), "not an honest archive"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_in_one_line(tmp_path: Path, name: str) -> None:
    data, reason = BAD[name]
    (tmp_path / name).write_bytes(data)
    for source in (OcdsSource.from_uri(f"ocds:{tmp_path}"), OcdsSource.from_uri(f"ocds:{tmp_path / name}")):
        with pytest.raises(SourceError, match=reason) as caught:
            nogs(source)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_many_members_share_one_bound(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"{number}.json", b" " * (FREE_BYTES // 4))
    with pytest.raises(SourceError, match="not an honest archive"):
        nogs(tmp_path)


def test_other_downloads_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "2026-05_csv.zip").write_bytes(zipped(b"a,b", "a.csv"))
    (tmp_path / "leame.txt").write_text("hola")
    (tmp_path / ".oculto.json").write_text("{")
    with pytest.raises(SourceError, match="holds no OCDS files"):
        nogs(tmp_path)
    (tmp_path / MAY_FILE).write_bytes(package(record(1)))
    assert nogs(tmp_path) == ["1"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        nogs(tmp_path / "nada")


@pytest.mark.parametrize(
    "uri",
    ["ocds:", "csv:x", "ocds+ftp://x/y", "ocds+https:///x", "ocds+http://ana:clave@/x", "ocds+http://ana:cl/ave@x"],
)
def test_other_uris_are_refused_without_their_secrets(uri: str) -> None:
    with pytest.raises(SourceError) as caught:
        OcdsSource.from_uri(uri)
    assert "clave" not in str(caught.value)
    assert "ana" not in str(caught.value)


def test_the_uri_has_no_secrets() -> None:
    assert OcdsSource.from_uri("ocds+https://ana:clave@x.gt:8443/base/?k=1").uri == "ocds+https://x.gt:8443/base"


# The API.


class Server(ThreadingHTTPServer):
    """Answers by path: a list of (status, body) taken one by one, the last for ever; 404 for all else."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, bytes]]] = {}
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.cut = 0  # bytes left out at the end of bodies
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/base"

    @property
    def source(self) -> OcdsSource:
        return OcdsSource.from_uri(f"ocds+{self.base}")

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        path = self.path.removeprefix("/base")
        self.server.asked.append((path, self.headers.get("User-Agent"), self.headers.get("Authorization")))
        listed = self.server.answers.get(path, [(404, b"")])
        status, body = listed.pop(0) if len(listed) > 1 else listed[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) - self.server.cut])

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(ocds, "BACKOFF_SECONDS", 0)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def listing(*months: tuple[int, int, str]) -> bytes:
    found = [{"id": str(m), "files": {"sha": s}, "year": y, "month": m, "timestamp": s} for y, m, s in months]
    return json.dumps({"result": found}).encode()


def test_a_month_of_the_api(server: Server) -> None:
    server.answers["/file/json/2026/5"] = [(200, zipped(package(record(2), record(1))))]
    assert nogs(server.source) == ["1", "2"]
    path, agent, login = next(asked for asked in server.asked if asked[0] == "/file/json/2026/5")
    assert agent is not None
    assert agent.startswith("Mozilla/")
    assert login is None
    assert server.paths().count(path) == 1


def test_the_month_is_asked_for_with_a_zero_too(server: Server) -> None:
    server.answers["/file/json/2026/5"] = [(400, b'{"status":"Notcontent"}')]
    server.answers["/file/json/2026/05"] = [(200, package(record(1)))]
    assert nogs(server.source) == ["1"]


@pytest.mark.parametrize("status", [204, 400, 404])
def test_nothing_there_is_an_empty_month(server: Server, status: int) -> None:
    for path in ("/files", "/file/json/2026/5", "/file/json/2026/05"):
        server.answers[path] = [(status, b"")]
    assert nogs(server.source) == []
    assert server.source.watermarks() == {}
    assert server.paths().count("/file/json/2026/5") == 1


def test_a_server_error_is_tried_again(server: Server) -> None:
    server.answers["/file/json/2026/5"] = [(503, b""), (500, b""), (200, zipped(package(record(1))))]
    assert nogs(server.source) == ["1"]
    assert server.paths().count("/file/json/2026/5") == 3


def test_a_lasting_server_error_is_named(server: Server) -> None:
    server.answers["/file/json/2026/5"] = [(503, b"")]
    with pytest.raises(SourceError, match=r"/file/json/2026/5 answered 503"):
        nogs(server.source)
    assert server.paths().count("/file/json/2026/5") == ocds.ATTEMPTS


def test_a_refusal_is_not_tried_again(server: Server) -> None:
    server.answers["/file/json/2026/5"] = [(403, b"")]
    with pytest.raises(SourceError, match="answered 403"):
        nogs(server.source)
    assert server.paths().count("/file/json/2026/5") == 1


def test_a_body_that_ends_early_is_tried_again_and_named(server: Server) -> None:
    server.answers["/file/json/2026/5"] = [(200, zipped(package(record(1))))]
    server.cut = 10
    with pytest.raises(SourceError, match="it ended after"):
        nogs(server.source)
    assert server.paths().count("/file/json/2026/5") == ocds.ATTEMPTS


@pytest.mark.parametrize(
    ("body", "reason"), [(BAD["truncated.zip"][0], "truncated or damaged"), (b"<html>", "not readable")]
)
def test_a_bad_body_is_named_by_its_address(server: Server, body: bytes, reason: str) -> None:
    server.answers["/file/json/2026/5"] = [(200, body)]
    with pytest.raises(SourceError, match=rf"^{server.base}/file/json/2026/5 .*{reason}"):
        nogs(server.source)


def test_no_server_is_named(server: Server) -> None:
    source = OcdsSource.from_uri("ocds+http://127.0.0.1:1/base")
    with pytest.raises(SourceError, match="cannot be reached"):
        nogs(source)


def test_watermarks_of_the_api_are_when_the_files_were_written(server: Server) -> None:
    server.answers["/files"] = [
        (200, listing((2026, 6, "2026-06-15T04:12:40.149946-06:00"), (2026, 5, "2026-06-01T02:00:00Z"), (2026, 4, "?")))
    ]
    assert server.source.watermarks() == {
        "2026-04": datetime(2026, 4, 1),  # noqa: DTZ001
        "2026-05": datetime(2026, 5, 31, 20),  # noqa: DTZ001
        "2026-06": datetime(2026, 6, 15, 4, 12, 40, 149946),  # noqa: DTZ001
    }


def test_neighbouring_files_are_looked_through_once(server: Server) -> None:
    late = record(2, "2026-06-01T02:00:00Z")
    far = record(3, "2026-09-01T00:00:00-06:00")
    server.answers["/files"] = [(200, listing((2026, 5, "a"), (2026, 6, "b"), (2026, 7, "c")))]
    server.answers["/file/json/2026/5"] = [(200, package(record(1)))]
    server.answers["/file/json/2026/6"] = [(200, package(late, far))]
    server.answers["/file/json/2026/7"] = [(200, package(record(4, "2026-07-05T00:00:00-06:00")))]
    assert nogs(server.source, MAY) == ["1", "2"]
    # Too far from its file for its own month to look there: the file's month answers for it.
    assert nogs(server.source, JUNE) == ["3"]
    assert nogs(server.source, JUNE) == ["3"]
    assert server.paths().count("/file/json/2026/7") == 1


def test_a_record_that_only_links_is_asked_for(server: Server) -> None:
    bare = {key: value for key, value in record(1).items() if key != "compiledRelease"}
    other = {key: value for key, value in record(2).items() if key != "compiledRelease"}
    found = release(2, "2026-05-01T12:00:00-06:00", id="GT-NOG-2-T639132804262184908")
    server.answers["/file/json/2026/5"] = [(200, package(bare, other))]
    server.answers["/record/ocds-xqjsxa-1"] = [(200, package(record(1)))]
    server.answers["/release/GT-NOG-2-T639132804262184908"] = [(200, json.dumps({"releases": [found]}).encode())]
    assert table(server.source)["descripcion"].to_list() == ["Tubos", "Tubos"]


def test_the_login_is_sent(server: Server) -> None:
    api = Api(server.base.replace("//", "//ana:cl%40ve@"))
    assert api.release("GT-NOG-1-T1") is None
    assert server.asked[-1][2] == "Basic YW5hOmNsQHZl"
