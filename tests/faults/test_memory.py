"""Files as large as a month and of one single line: what is read of them at once stays bounded."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests.faults.test_hostile_ocds import FIRST, record
from tests.faults.world import started

SIZE = 300 * 2**20
MOST = 512 * 2**20  # of memory that is the process's own; the file itself is mapped

Json = dict[str, object]


def _measured(uri: str, store: Path, month: str) -> tuple[list[int], int]:
    """Concursos received, published and rejected, and the most memory of its own that the process had, in bytes."""
    process = started(uri, store, month, module="tests.faults.accounting")
    most = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        most = max(most, int((re.search(r"RssAnon:\s+(\d+)", status) or ["", "0"])[1]) * 1024)
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    return [int(number) for number in out.split()], most


def _written(path: Path, pieces: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)


def _many_records() -> Iterator[bytes]:
    text = json.dumps(record(FIRST)).encode()
    yield b'{"version":"1.1","records":['
    for number in range(SIZE // len(text)):
        yield b"," * bool(number) + text.replace(str(FIRST).encode(), str(FIRST + number).encode())
    yield b"]}"


def _one_among_two(middle: Iterator[bytes]) -> Iterator[bytes]:
    """Two sound records, and between them one with something of 300 MB in place of its title."""
    before, after = json.dumps(record(FIRST + 1)).encode().split(b'"MEJORAMIENTO DE CALLE"', 1)
    yield b'{"version":"1.1","records":[' + json.dumps(record(FIRST)).encode() + b"," + before
    yield from middle
    yield after + b"," + json.dumps(record(FIRST + 2)).encode() + b"]}"


def _long_text() -> Iterator[bytes]:
    return _one_among_two(chain([b'"'], repeat(b"x" * 2**20, SIZE // 2**20), [b'"']))


def _long_list() -> Iterator[bytes]:
    item = b'{"id":"a","description":"b","quantity":1},' * 25_000
    return _one_among_two(chain([b"["], repeat(item, SIZE // len(item)), [b"0]"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "published"), [(_many_records, None), (_long_text, 2), (_long_list, 2)], ids=["records", "text", "list"]
)
def test_a_single_line_of_json(tmp_path: Path, write: Callable[[], Iterator[bytes]], published: int | None) -> None:
    (tmp_path / "source").mkdir()
    _written(tmp_path / "source" / "2026-05_Guatecompras.json", write())
    (received, records, lost), most = _measured(f"ocds:{tmp_path / 'source'}", tmp_path / "store", "2026-05")
    assert received == records + lost
    assert records == (received if published is None else published)
    assert most < MOST
