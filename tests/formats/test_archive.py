import gzip
import io
import os
import shutil
import subprocess
import zipfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guatecompras.errors import GuatecomprasError
from guatecompras.formats import archive
from guatecompras.formats.archive import ZipWriter, gzip_lines_writer, read_lines
from guatecompras.formats.deflating import BLOCK

PIECES = st.lists(st.binary(max_size=300) | st.integers(0, 3 * BLOCK).map(lambda n: b"guate" * (n // 5)), max_size=4)


def packed(members: dict[str, list[bytes]], stored: bool = False) -> bytes:
    file = io.BytesIO()
    with ZipWriter(file) as writer:
        for name, pieces in members.items():
            with writer.entry(name, stored) as stream:
                for piece in pieces:
                    stream.write(piece)
    return file.getvalue()


@settings(max_examples=25)
@given(PIECES, st.booleans())
def test_what_goes_in_comes_out_however_it_was_cut(pieces: list[bytes], stored: bool) -> None:
    whole = b"".join(pieces)
    data = packed({"datos/año.csv": pieces, "b": []}, stored)
    assert data == packed({"datos/año.csv": [whole], "b": []}, stored)
    with zipfile.ZipFile(io.BytesIO(data)) as reader:
        assert reader.testzip() is None
        assert reader.namelist() == ["datos/año.csv", "b"]
        assert reader.read("datos/año.csv") == whole


def test_the_number_of_threads_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    text = [os.urandom(1000).hex().encode() * 3000]
    found = set()
    for cores in (1, 2, 5):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        found.add(packed({"a": text}))
    assert len(found) == 1


def test_headers_are_fixed_and_hold_the_sizes() -> None:
    data = packed({"a.csv": [b"x" * 100]})
    info = zipfile.ZipFile(io.BytesIO(data)).infolist()[0]
    assert info.date_time == (1980, 1, 1, 0, 0, 0)
    assert (info.create_system, info.external_attr, info.flag_bits) == (3, 0o100644 << 16, 0)
    assert int.from_bytes(data[22:26], "little") == 100  # in the local header: no descriptor after the data


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_accepts_it(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed({"año.csv": [b"1\r\n" * 1000], "b.bin": [b""]}))
    assert subprocess.run(["unzip", "-tq", tmp_path / "a.zip"], capture_output=True, check=False).returncode == 0


def test_past_the_limits_it_becomes_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    # Four GiB are too many for a test, so the limit comes down; the fields of Zip64 hold any size.
    monkeypatch.setattr(archive, "_LIMIT_32", 1000)
    file = io.BytesIO()
    with ZipWriter(file) as writer, writer.entry("a", stored=True) as stream:
        stream.write(bytes(5000))
    data = file.getvalue()
    # With the lowered limit as the mark "see Zip64", readers must be told the real mark.
    real, low = b"\xff" * 4, (1000).to_bytes(4, "little")
    data = data.replace(low + low, real + real)
    at = data.rindex(b"PK\x05\x06") + 16
    data = data[:at] + data[at : at + 4].replace(low, real) + data[at + 4 :]
    with zipfile.ZipFile(io.BytesIO(data)) as reader:
        assert reader.infolist()[0].extract_version == 45
        assert reader.read("a") == bytes(5000)


def test_more_members_than_the_old_format_counts() -> None:
    file = io.BytesIO()
    with ZipWriter(file) as writer:
        for number in range(65_540):
            with writer.entry(str(number), stored=True):
                pass
    assert len(zipfile.ZipFile(file).namelist()) == 65_540


@pytest.mark.parametrize("name", ["", "/a", "a/../b", "..", "a\\b"])
def test_names_that_leave_the_folder_are_refused(name: str) -> None:
    with ZipWriter(io.BytesIO()) as writer, pytest.raises(ValueError, match="cannot be a member"), writer.entry(name):
        pass


def test_a_name_comes_once_and_members_one_at_a_time() -> None:
    with ZipWriter(io.BytesIO()) as writer:
        with writer.entry("a"), pytest.raises(ValueError, match="open"), writer.entry("b"):
            pass
        with pytest.raises(ValueError, match="already"), writer.entry("a"):
            pass


def test_a_failed_archive_does_not_appear(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x" * 3 * BLOCK
        raise RuntimeError

    with pytest.raises(RuntimeError), ZipWriter(tmp_path / "a.zip") as writer, writer.entry("a") as stream:
        deque(map(stream.write, pieces()))
    assert not list(tmp_path.iterdir())


@settings(max_examples=25)
@given(st.lists(st.binary(max_size=50).map(lambda b: b.replace(b"\n", b"")) | st.just(b"x" * (BLOCK + 7)), max_size=6))
def test_lines_come_back(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("gz") / "a.jsonl.gz"
    with gzip_lines_writer(path) as writer:
        for line in lines:
            writer.write(line + b"\n")
    assert list(read_lines(path)) == lines
    assert gzip.decompress(path.read_bytes()) == b"".join(line + b"\n" for line in lines)
    assert path.read_bytes()[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def test_gzip_of_several_members_is_read_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"a\nb") + gzip.compress(b"c\nd"))
    assert list(read_lines(path)) == [b"a", b"bc", b"d"]


@pytest.mark.parametrize("spoil", [lambda d: d[:-3], lambda d: d[: len(d) // 2], lambda d: b"", lambda d: b"no" + d])
def test_a_spoilt_gzip_is_an_error(tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a.gz"
    path.write_bytes(spoil(gzip.compress(os.urandom(5000))))
    with pytest.raises(GuatecomprasError, match=str(path)):
        list(read_lines(path))
