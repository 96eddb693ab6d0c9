"""ZIP and gzip, streamed and deterministic: the containers of the other formats. What the members hold is theirs.

How data is deflated is `deflating.py`'s.
"""

import os
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from zlib_ng import zlib_ng

from guatecompras.errors import GuatecomprasError
from guatecompras.formats.atomic import replacing
from guatecompras.formats.deflating import BLOCK, Blocks, Deflater

CHUNK = 1 << 20  # bytes read at once

GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # no date, no name
GZIP_TAIL = 8  # bytes: checksum and size
_DOS_DATE = (1 << 5) | 1  # 1980-01-01, the first day a ZIP can hold; the time is 00:00
_REGULAR_FILE = 0o100644 << 16
_UTF8 = 0x800
_STORED, _DEFLATED = 0, 8
_LIMIT_32, _LIMIT_16 = 0xFFFFFFFF, 0xFFFF

# Twenty bytes kept free in each local header for the sizes of a member that turns out to pass 4 GiB. Until then they
# are a "growth hint", padding that the Open Packaging format defines (Excel warns about a Zip64 field without need).
_HINT = struct.pack("<4H12x", 0xA220, 16, 0xA028, 0)


class Writable(Protocol):
    """Anything that takes bytes."""

    def write(self, data: bytes | memoryview, /) -> object: ...


class _Storer:
    """The same for bytes that are compressed already: passed on as they are."""

    def __init__(self, put: Callable[[bytes | memoryview], object]) -> None:
        self._put = put
        self.crc = self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        self._put(data)
        self.crc = zlib_ng.crc32(data, self.crc)
        self.size += len(data)

    def finish(self) -> None:
        pass


@dataclass
class _Member:
    name: bytes
    flags: int
    method: int
    offset: int
    crc: int = 0
    size: int = 0
    packed: int = 0

    @property
    def large(self) -> bool:
        return max(self.size, self.packed) >= _LIMIT_32

    def local_header(self) -> bytes:
        extra = struct.pack("<2H2Q", 1, 16, self.size, self.packed) if self.large else _HINT
        fields = struct.pack("<I5H", 0x04034B50, 45 if self.large else 20, self.flags, self.method, 0, _DOS_DATE)
        return fields + self._sizes(self.large) + struct.pack("<2H", len(self.name), len(extra)) + self.name + extra

    def directory_entry(self) -> bytes:
        far = self.offset >= _LIMIT_32
        wide = [self.size, self.packed] * self.large + [self.offset] * far
        extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        version = 45 if wide else 20
        # The high byte 3 says Unix, so that the mode in the attributes counts.
        fields = struct.pack("<I6H", 0x02014B50, 3 << 8 | version, version, self.flags, self.method, 0, _DOS_DATE)
        rest = (len(self.name), len(extra), 0, 0, 0, _REGULAR_FILE, _LIMIT_32 if far else self.offset)
        return fields + self._sizes(self.large) + struct.pack("<5H2I", *rest) + self.name + extra

    def _sizes(self, large: bool) -> bytes:
        packed, size = (_LIMIT_32, _LIMIT_32) if large else (self.packed, self.size)
        return struct.pack("<3I", self.crc, packed, size)


class ZipWriter:
    """Writes a ZIP archive member by member; use it in a `with` statement.

    `target`: a path, written atomically, or a seekable binary file at its start. `level`: deflate, 1 to 9. `blocks`: those
    of an earlier archive, which are taken over, and the notes of this one's. Dates, modes and flags are fixed. Sizes go
    into the local headers, so readers that stream work too; Zip64 only where it is needed. After an exception the
    archive is not completed (and, given a path, does not appear).
    """

    def __init__(self, target: Path | BinaryIO, level: int = 6, blocks: Blocks | None = None) -> None:
        self._target, self._level, self._blocks = target, level, blocks
        self._stack = ExitStack()
        self._members: list[_Member] = []
        self._names: set[bytes] = set()
        self._open = False

    def __enter__(self) -> "ZipWriter":
        if isinstance(self._target, Path):
            self._file: BinaryIO = self._stack.enter_context(_replaced_file(self._target))
        else:
            self._file = self._target
        self._pool, self._ahead = _pool(self._stack)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        with self._stack as stack:
            if error is None:
                self._write_directory()
                if self._blocks and isinstance(self._target, Path):
                    self._blocks.save(self._target)
                return None
            # The stack has to see the error, to throw the unfinished file away.
            return stack.__exit__(kind, error, trace)

    @contextmanager
    def entry(self, name: str, stored: bool = False) -> Iterator[Writable]:
        """A stream that becomes the member `name` (a relative path with `/`); `stored`: without compression.

        One at a time. Raises ValueError for a second member of that name and for names that leave the folder.
        """
        member = self._start(name, stored)
        stream: _Storer | Deflater = _Storer(self._file.write)
        if not stored:
            stream = Deflater(self._file, self._pool, self._ahead, self._level, self._blocks)
        header = len(member.local_header())
        self._file.write(member.local_header())
        self._open = True
        yield stream
        stream.finish()
        end = self._file.tell()
        member.crc, member.size, member.packed = stream.crc, stream.size, end - member.offset - header
        self._file.seek(member.offset)
        self._file.write(member.local_header())
        self._file.seek(end)
        self._members.append(member)
        self._open = False

    def _start(self, name: str, stored: bool) -> _Member:
        encoded = name.encode()
        if self._open:
            raise ValueError(f"'{name}' cannot start while another member is open")
        if not name or name.startswith("/") or "\\" in name or ".." in name.split("/") or len(encoded) > _LIMIT_16:
            raise ValueError(f"'{name}' cannot be a member of an archive")
        if encoded in self._names:
            raise ValueError(f"'{name}' is in the archive already")
        self._names.add(encoded)
        flags = 0 if name.isascii() else _UTF8
        return _Member(encoded, flags, _STORED if stored else _DEFLATED, self._file.tell())

    def _write_directory(self) -> None:
        start = self._file.tell()
        for member in self._members:
            self._file.write(member.directory_entry())
        end = self._file.tell()
        count, size = len(self._members), end - start
        if count >= _LIMIT_16 or start >= _LIMIT_32 or size >= _LIMIT_32:
            fields = (0x06064B50, 44, 3 << 8 | 45, 45, 0, 0, count, count, size, start)
            self._file.write(struct.pack("<IQ2H2I4Q", *fields) + struct.pack("<IIQI", 0x07064B50, 0, end, 1))
        small, short = min(count, _LIMIT_16), (min(size, _LIMIT_32), min(start, _LIMIT_32))
        self._file.write(struct.pack("<I4H2IH", 0x06054B50, 0, 0, small, small, *short, 0))


@contextmanager
def gzip_lines_writer(
    path: Path, level: int = 6, blocks: Blocks | None = None, *, alone: bool = False
) -> Iterator[Writable]:
    """A stream that becomes the gzip file `path`, atomically: one member, no date or name. The caller ends the lines.

    `blocks`: as of a ZipWriter; `alone`: its blocks stand alone, so that a line can be read without all before it.
    """
    with ExitStack() as stack:
        file = stack.enter_context(_replaced_file(path))
        pool, ahead = _pool(stack)
        file.write(GZIP_HEAD)
        deflater = Deflater(file, pool, ahead, level, blocks, alone)
        yield deflater
        deflater.finish()
        file.write(struct.pack("<2I", deflater.crc, deflater.size & _LIMIT_32))
        if blocks:
            blocks.save(path)


def read_chunks(path: Path) -> Iterator[bytes]:
    """The plain bytes of a gzip file, about 1 MiB at a time; raises GuatecomprasError when it is cut or damaged."""
    with open(path, "rb") as file:
        packed = file.read(CHUNK)
        if not packed:
            raise GuatecomprasError(f"{path} is empty, not a gzip file")
        while packed:  # one turn a member: a gzip file may be several, one after another
            inflate = zlib_ng.decompressobj(31)
            while not inflate.eof:
                packed = packed or file.read(CHUNK)
                if not packed:
                    raise GuatecomprasError(f"{path} is cut short")
                try:
                    plain = inflate.decompress(packed, CHUNK)
                except zlib_ng.error as error:  # type: ignore[misc]  # an instance, its stub says
                    raise GuatecomprasError(f"{path} is damaged: {error}") from error
                packed = inflate.unconsumed_tail
                if plain:
                    yield plain
            packed = inflate.unused_data or file.read(CHUNK)


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a gzip file without their line feeds, streaming; a last line without one counts too.

    Raises GuatecomprasError when the file is cut or damaged (after the lines before that point).
    """
    rest: list[bytes] = []  # pieces of a line that goes on in the next chunk
    for chunk in read_chunks(path):
        first, *lines = chunk.split(b"\n")
        rest.append(first)
        if lines:
            yield b"".join(rest)
            rest = [lines.pop()]
            yield from lines
    if last := b"".join(rest):
        yield last


@contextmanager
def _replaced_file(path: Path) -> Iterator[BinaryIO]:
    with replacing(path) as part, open(part, "xb", buffering=BLOCK) as file:
        yield file


def _pool(stack: ExitStack) -> tuple[ThreadPoolExecutor, int]:
    """Threads for deflating, and how many blocks may wait for them."""
    threads = min(8, len(os.sched_getaffinity(0)))
    return stack.enter_context(ThreadPoolExecutor(threads)), 2 * threads
