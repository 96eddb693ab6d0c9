"""Blocks taken over from an earlier archive: the same bytes with and without, whatever became of the earlier one."""

import gzip
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guatecompras.formats.archive import ZipWriter, gzip_lines_writer
from guatecompras.formats.deflating import BLOCK, SPREAD, Blocks, notes_of


def _lines(count: int, seed: int = 1) -> list[bytes]:
    draw = random.Random(seed)
    return [b'{"ocid":"x-%d","text":"%s"}\n' % (n, draw.randbytes(700).hex().encode()) for n in range(count)]


LINES = _lines(6_000)  # some nine blocks


def _written(path: Path, lines: list[bytes], earlier: Path | None = None) -> int:
    """Write lines; returns how many blocks were taken over."""
    with Blocks(earlier) as blocks, gzip_lines_writer(path, blocks=blocks) as stream:
        for line in lines:
            stream.write(line)
    assert gzip.decompress(path.read_bytes()) == b"".join(lines)
    return blocks.taken


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("earlier") / "a.jsonl.gz"
    assert _written(path, LINES) == 0
    return path


def test_a_changed_line_costs_its_own_block_and_the_one_primed_with_it(earlier: Path, tmp_path: Path) -> None:
    changed = [*LINES[:3_000], LINES[3_000][:-2] + b' longer"}\n', *LINES[3_001:]]
    taken = _written(tmp_path / "with.gz", changed, earlier)
    assert _written(tmp_path / "without.gz", changed) == 0
    assert (tmp_path / "with.gz").read_bytes() == (tmp_path / "without.gz").read_bytes()
    blocks = len(b"".join(LINES)) // (BLOCK + SPREAD)
    assert taken >= blocks - 2


@settings(max_examples=15)
@given(edits=st.lists(st.tuples(st.integers(0, 5_999), st.sampled_from(["drop", "double", "change"])), max_size=3))
def test_the_bytes_are_the_same_with_and_without(
    edits: list[tuple[int, str]], earlier: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = {
        "drop": lambda line: [],
        "double": lambda line: [line, line],
        "change": lambda line: [line.replace(b"a", b"\xc3\xa1")],
    }
    edited = dict(edits)
    lines = [new for n, line in enumerate(LINES) for new in (made[edited[n]](line) if n in edited else [line])]
    folder = tmp_path_factory.mktemp("edited")
    _written(folder / "with.gz", lines, earlier)
    _written(folder / "without.gz", lines)
    assert (folder / "with.gz").read_bytes() == (folder / "without.gz").read_bytes()


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for place in range(100, len(data), 50_000):
        data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        _flip,
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: path.unlink(),
        lambda path: notes_of(path).unlink(),
        lambda path: notes_of(path).write_bytes(b"{"),
        lambda path: notes_of(path).write_bytes(b"[]"),
    ],
)
def test_an_earlier_archive_that_is_spoilt_is_as_none(
    spoil: Callable[[Path], object], earlier: Path, tmp_path: Path
) -> None:
    copy = tmp_path / earlier.name
    copy.write_bytes(earlier.read_bytes())
    notes_of(copy).write_bytes(notes_of(earlier).read_bytes())
    spoil(copy)
    assert _written(tmp_path / "again.gz", LINES, copy) == 0
    assert (tmp_path / "again.gz").read_bytes() == earlier.read_bytes()


def test_an_archive_is_its_own_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"

    def write(blocks: Blocks) -> None:
        with ZipWriter(path, blocks=blocks) as archive:
            for name in ("a.csv", "b.csv"):
                with archive.entry(name) as stream:
                    stream.write(b"".join(LINES))

    with Blocks() as blocks:
        write(blocks)
    before = path.read_bytes()
    with Blocks(path) as blocks:
        write(blocks)
    assert path.read_bytes() == before
    # Of the two equal members either may lend a block.
    assert blocks.taken == 2 * -(-len(b"".join(LINES)) // BLOCK)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_data_without_lines_is_cut_all_the_same(tmp_path: Path) -> None:
    data = os.urandom(1000) * 4_000
    with gzip_lines_writer(tmp_path / "a.gz") as stream:
        stream.write(data)
    with gzip_lines_writer(tmp_path / "b.gz") as stream:
        for place in range(0, len(data), 77_777):
            stream.write(data[place : place + 77_777])
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == data
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
