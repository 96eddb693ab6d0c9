"""Hostile and broken OCDS files: each ends in rejects or one clear error; every concurso is published or rejected by name."""

import gzip
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guatecompras.errors import SourceError
from resources.sources import ocds
from resources.sources.bounds import FREE_BYTES
from tests.faults.accounting import Account, account
from tests.ocds.sample_release import at, compiled, mutations, nodes

Json = dict[str, Any]

FIRST = 40_000_001
FILE = "2026-05_Guatecompras.json"


def record(nog: int, document: Json | None = None) -> Json:
    """A record whose compiled release is the sample, or a spoilt one, under another NOG."""
    text = json.dumps(document or compiled()).replace("30095980", str(nog))
    return {"ocid": f"ocds-xqjsxa-{nog}", "releases": [], "compiledRelease": json.loads(text)}


def package(*records: Any) -> bytes:
    return json.dumps({"uri": "x", "version": "1.1", "records": records}).encode()


def published(folder: Path, content: bytes, name: str = FILE) -> Account:
    (folder / "source").mkdir()
    (folder / "source" / name).write_bytes(content)
    return account(f"ocds:{folder / 'source'}", folder / "store")


def refused(folder: Path, content: bytes, name: str = FILE) -> str:
    """The one line that a month ends in."""
    with pytest.raises(SourceError) as raised:
        published(folder, content, name)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500
    assert name in str(raised.value)
    # Nothing is left of it.
    assert not list(folder.rglob("*.parquet"))
    return str(raised.value)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytearray:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return bytearray(buffer.getvalue())


# Archives.

GOOD = package(record(FIRST), record(FIRST + 1))


def _directory(archive: bytearray) -> int:
    """Where the entry of the first member in the archive's directory begins."""
    return archive.index(b"PK\x01\x02")


def _said(archive: bytearray, place: int, form: str, value: int) -> bytes:
    struct.pack_into(form, archive, place, value)
    return bytes(archive)


def _in_both(archive: bytearray, local: int, central: int, form: str, value: int) -> bytes:
    struct.pack_into(form, archive, local, value)
    return _said(archive, _directory(archive) + central, form, value)


def _overlapping() -> bytes:
    """A thousand entries of a directory for one compressed body of four megabytes."""
    archive = zipped(("a.json", b" " * 2**22))
    start = _directory(archive)
    end = archive.index(b"PK\x05\x06")
    entries = b"".join(
        bytes(archive[start:end]).replace(b"a.json", f"{number:06d}.json".encode()[-6:]) for number in range(1000)
    )
    tail = bytearray(archive[end:])
    struct.pack_into("<HHII", tail, 8, 1000, 1000, len(entries), start)
    return bytes(archive[:start]) + entries + bytes(tail)


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "cut in the directory.zip": lambda: bytes(zipped((FILE, GOOD)))[:-30],
    "cut in the body.zip": lambda: bytes(zipped((FILE, GOOD)))[:200],
    "only the magic.zip": lambda: b"PK\x03\x04",
    "wrong checksum.zip": lambda: _in_both(zipped((FILE, GOOD)), 14, 16, "<I", 0xDEADBEEF),
    "a size too small.zip": lambda: _in_both(zipped((FILE, GOOD)), 22, 24, "<I", 100),
    "a size too large.zip": lambda: _in_both(zipped((FILE, GOOD)), 22, 24, "<I", 2**31),
    "a body too small.zip": lambda: _in_both(zipped((FILE, GOOD)), 18, 20, "<I", 10),
    "an offset beyond the end.zip": lambda: _said(
        zipped((FILE, GOOD)), _directory(zipped((FILE, GOOD))) + 42, "<I", 2**31
    ),
    "an unknown method.zip": lambda: _in_both(zipped((FILE, GOOD)), 8, 10, "<H", 77),
    "a password.zip": lambda: _in_both(zipped((FILE, GOOD)), 6, 8, "<H", 1),
    "flipped bits.zip": lambda: _said(zipped((FILE, GOOD)), 150, "<Q", 0x5555555555555555),
    "a bomb.zip": lambda: bytes(zipped((FILE, b" " * (FREE_BYTES + 1)))),
    "many small bombs.zip": lambda: bytes(zipped(*((f"{n}.json", b" " * 2**20) for n in range(20)))),
    "one body for many.zip": _overlapping,
    "cut.json.gz": lambda: gzip.compress(GOOD)[:-9],
    "wrong checksum.json.gz": lambda: gzip.compress(GOOD)[:-8] + b"\0" * 8,
    "a bomb.json.gz": lambda: gzip.compress(b" " * (FREE_BYTES + 1)),
    "a bomb behind a good part.json.gz": lambda: gzip.compress(GOOD) + gzip.compress(b" " * (FREE_BYTES + 1)),
    "packed twice.json.gz": lambda: gzip.compress(gzip.compress(GOOD)),
    "packed twice.zip": lambda: bytes(zipped((FILE, bytes(zipped((FILE, GOOD)))))),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_lying_archive_is_one_clear_error(tmp_path: Path, name: str) -> None:
    assert re.search("damaged|unpack|honest|not readable JSON|no OCDS", refused(tmp_path, ARCHIVES[name](), name))


def test_an_archive_with_hostile_names_stays_in_its_folder(tmp_path: Path) -> None:
    names = ("../../fuera.json", "/etc/fuera.json", "a/\x01\n.json", "ñ" * 200 + ".json")
    members = [(name, package(record(FIRST + number))) for number, name in enumerate(names)]
    published(tmp_path, bytes(zipped(*members)), "nombres.zip").balances(range(FIRST, FIRST + len(names)))
    assert not list(tmp_path.rglob("fuera.json"))


# JSON.

DEEP = 10_000


def _deep(depth: int) -> str:
    return "[" * depth + "]" * depth


def _spliced(nog: int, place: str, value: str) -> bytes:
    """A record with JSON text in place of a value of its compiled release."""
    text = json.dumps(record(nog) | {"compiledRelease": compiled() | {place: "AQUÍ"}}, ensure_ascii=False)
    return text.replace("30095980", str(nog)).replace('"AQUÍ"', value).encode()


def _among(*raw: bytes) -> bytes:
    return b'{"version":"1.1","records":[' + b",".join(raw) + b"]}"


GOOD_ONE = json.dumps(record(FIRST)).encode()

UNREADABLE: dict[str, bytes] = {
    "a list ten thousand deep": _among(GOOD_ONE, _spliced(FIRST + 1, "language", _deep(DEEP))),
    "objects ten thousand deep": _among(GOOD_ONE, b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    "a package ten thousand deep": b"[" * DEEP + GOOD + b"]" * DEEP,
    "not a number": _among(GOOD_ONE, _spliced(FIRST + 1, "language", "NaN")),
    "infinity": _among(GOOD_ONE, _spliced(FIRST + 1, "language", "-Infinity")),
    "cut in a string": package(record(FIRST))[:-100],
    "a NUL between values": GOOD.replace(b", ", b",\0", 1),
    "two lists of records": GOOD[:-1] + b', "records": ' + json.dumps([record(FIRST + 2)]).encode() + b"}",
    "two lists of records, spelt apart": GOOD[:-1] + b', "r\\u0065cords" : []}',
    "two JSON texts": GOOD + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_json_that_cannot_be_read_is_one_clear_error(tmp_path: Path, name: str) -> None:
    refused(tmp_path, UNREADABLE[name])


# Values of a record that are odd and may be read: whatever becomes of them, the concurso is accounted for.
ODD: tuple[str, ...] = (
    *(
        "1e400",
        "-1e400",
        "1e-400",
        "9" * 400,
        "9" * 5000,
        "-" + "9" * 5000,
        "0." + "1" * 5000,
        "1.7976931348623159e308",
        "-0.0",
    ),
    *(
        '"1e400"',
        '"NaN"',
        '"Infinity"',
        '"-inf"',
        '"=1+1"',
        '"@SUM(A1)"',
        '"\ufffe\uffff"',
        '"\x7f"',
        '"' + "x" * 100_000 + '"',
    ),
    *(r'"\u0000"', r'"a\u0000b"', r'"\ud800"', r'"\udc00\ud800"', r'"\u202e\u200b"'),
    *(_deep(100), _deep(500), _deep(900), '{"a":' * 300 + "1" + "}" * 300, '{"a":1,"a":2}'),
    *("true", "null", "[]", "{}", "[[[]]]"),
)
_TENDER = (("title",), ("value", "amount"), ("datePublished",))
PLACES: tuple[tuple[Any, ...], ...] = (*_TENDER, ("items", 0, "quantity"), ("items", 0, "id"), ("documents", 0, "url"))


def _odd_records() -> Iterator[bytes]:
    nog = FIRST
    for place in PLACES:
        for value in ODD:
            document = json.loads(json.dumps(compiled()))
            at(document["tender"], place[:-1])[place[-1]] = "AQUÍ"
            text = json.dumps(record(nog, document), ensure_ascii=False).replace('"AQUÍ"', value)
            yield text.encode("utf-8", "surrogatepass")
            nog += 1


def test_odd_values_are_published_or_rejected_by_name(tmp_path: Path) -> None:
    raw = list(_odd_records())
    found = published(tmp_path, _among(*raw))
    found.balances(range(FIRST, FIRST + len(raw)))
    assert not any(mark in json.dumps(found.records) for mark in (r"\u0000", r"\ud800", r"\u200b"))
    # Most of them cost the value alone.
    assert len(found.records) > 0.8 * len(raw)


BYTES = (b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\x80", b"a\x80b")


def test_text_that_is_no_utf8_is_published_with_marks_in_its_place(tmp_path: Path) -> None:
    raw = [
        json.dumps(record(FIRST + n)).encode().replace(b"MEJORAMIENTO", b"CA" + code) for n, code in enumerate(BYTES)
    ]
    found = published(tmp_path, _among(*raw))
    found.balances(range(FIRST, FIRST + len(BYTES)))
    assert all("CA\ufffd" in one["tender"]["title"] or "CAa\ufffd" in one["tender"]["title"] for one in found.records)


def test_a_concurso_is_one_however_often_and_with_whatever_keys_it_comes(tmp_path: Path) -> None:
    """The last of a record's keys that are there twice counts; of records that share a NOG the latest."""
    twice = json.dumps(record(FIRST)).encode()[:-1] + b',"ocid":"ocds-xqjsxa-40000001"}'
    found = published(tmp_path, _among(twice, GOOD_ONE, json.dumps(record(FIRST + 1)).encode(), b"5", b"null", b'"x"'))
    found.balances([FIRST, FIRST + 1, None, None, None])


def test_a_record_that_is_too_large_is_rejected_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocds, "MAX_UNIT", 20_000)
    large = json.dumps(record(FIRST + 1)).encode().replace(b"MEJORAMIENTO", b"M" * 20_000)
    nameless = b'{"compiledRelease": {"x": "' + b"x" * 20_000 + b'"}}'
    found = published(tmp_path, _among(GOOD_ONE, large, nameless))
    found.balances([FIRST, FIRST + 1, None])
    assert found.nogs == [FIRST]
    assert f"registro de {len(large)} bytes: demasiado grande" in set(found.rejects["valor"])


# Wrong types at every path.


def test_wrong_types_at_every_path_are_published_or_rejected_by_name(tmp_path: Path) -> None:
    """The sample with each of its values replaced by each of many others, one record each."""
    spoilt = [
        document for steps, document in mutations(compiled()) if steps[0] not in ("ocid", "tender") or len(steps) > 1
    ]
    spoilt = spoilt[:: 1 + len(spoilt) // 1500]
    raw = [json.dumps(record(FIRST + number, document)).encode() for number, document in enumerate(spoilt)]
    found = published(tmp_path, _among(*raw))
    found.balances(range(FIRST, FIRST + len(raw)))
    assert len(found.records) > 0.7 * len(raw)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "amount", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
STEPS = [steps for steps in nodes(compiled()) if steps and steps != ("ocid",)]


@st.composite
def spoilt_documents(draw: st.DrawFn) -> Json:
    """The sample with anything at all in up to four places."""
    document = json.loads(json.dumps(compiled()))
    for steps in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=4, unique=True)):
        try:
            at(document, steps[:-1])[steps[-1]] = draw(VALUES)
        except (TypeError, KeyError, IndexError):  # what was there is replaced already
            continue
    return document


def _any_documents(tmp_path_factory: pytest.TempPathFactory, documents: list[Json]) -> None:
    raw = [json.dumps(record(FIRST + number, document)).encode() for number, document in enumerate(documents)]
    raw.append(json.dumps(record(FIRST + len(raw))).encode())  # a month needs one that is sound
    folder = tmp_path_factory.mktemp("any")
    published(folder, _among(*raw)).balances(range(FIRST, FIRST + len(raw)))


many_documents = st.lists(spoilt_documents(), min_size=10, max_size=30)
quick = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@settings(quick, max_examples=3)
@given(documents=many_documents)
def test_anything_at_all_in_several_places(tmp_path_factory: pytest.TempPathFactory, documents: list[Json]) -> None:
    _any_documents(tmp_path_factory, documents)


@pytest.mark.slow
@settings(quick, max_examples=100)
@given(documents=many_documents)
def test_anything_at_all_in_several_places_at_length(
    tmp_path_factory: pytest.TempPathFactory, documents: list[Json]
) -> None:
    _any_documents(tmp_path_factory, documents)


@pytest.mark.slow
def test_wrong_types_at_every_path_at_length(tmp_path: Path) -> None:
    """All of them, the ocid and the whole tender too: who loses its NOG is still one concurso."""
    raw = [json.dumps(record(FIRST + n, document)).encode() for n, (_, document) in enumerate(mutations(compiled()))]
    found = published(tmp_path, _among(*raw))
    assert found.received == len(raw)
    assert len(found.records) + len(set(found.lost["clave"])) >= found.received
