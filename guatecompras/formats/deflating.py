"""Deflate on all cores: data is cut into blocks, each primed with the end of the one before (as pigz does), so that the
bytes do not depend on how many threads there were or in what pieces the data came. Blocks that stand alone are smaller and
not primed: each can be inflated without the others (`places`), which costs a few percent.

A block ends where a line or a row does, so a change in one row leaves the blocks after it as they were, and those that an
earlier archive has are taken from it as they are (`Blocks`). Deflating is a quarter of the work on a month.
"""

import hashlib
import os
import re
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

import orjson
from zlib_ng import zlib_ng

from guatecompras.formats.atomic import replacing

# Part of the output's identity, all of them: others give other bytes.
BLOCK = 1 << 20  # bytes deflated at once, at least
ALONE = 1 << 18  # the same of blocks that stand alone
SPREAD = 1 << 16  # how much further the end of a line or row is looked for
WINDOW = 1 << 15  # how far back deflate looks
_END = re.compile(rb"\n|</row>|\},(?=\{\"ocid\":)")
# What ends a block but the last one: deflate is flushed to a whole byte by an empty stored block.
_FLUSHED = b"\0\0\xff\xff"


class _Packed(NamedTuple):
    """A deflated block; `crc` and `size` are of the plain bytes."""

    key: str
    data: bytes
    crc: int
    size: int


class Blocks:
    """The blocks of an archive by what they hold: noted while it is written, and taken from an earlier one that has them.

    Use it in a `with` statement. `earlier`: an archive written with notes, or nothing; one that is not there, or is not
    what its notes say, is as none.
    """

    def __init__(self, earlier: Path | None = None) -> None:
        self._earlier = earlier
        self._stack = ExitStack()
        self._known: dict[str, list[int]] = {}
        self._noted: dict[str, list[int]] = {}
        self.taken = 0

    def __enter__(self) -> "Blocks":
        if self._earlier:
            try:
                self._known = orjson.loads(notes_of(self._earlier).read_bytes())
                self._file = self._stack.enter_context(open(self._earlier, "rb"))
            except (OSError, ValueError):
                self._known = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def find(self, key: str) -> _Packed | None:
        """The block of a key; may be called from any thread."""
        if key not in self._known:
            return None
        place, length, seal, crc, size = self._known[key]
        data = os.pread(self._file.fileno(), length, place)
        if len(data) != length or zlib_ng.crc32(data) != seal:
            return None
        self.taken += 1
        return _Packed(key, data, crc, size)

    def note(self, place: int, block: _Packed) -> None:
        seal = zlib_ng.crc32(block.data)
        self._noted[block.key] = [place, len(block.data), seal, block.crc, block.size]

    def save(self, archive: Path) -> None:
        """Write the notes beside the archive that they are of."""
        with replacing(notes_of(archive)) as part:
            part.write_bytes(orjson.dumps(self._noted))


def notes_of(archive: Path) -> Path:
    """Where the notes of an archive are."""
    return archive.with_name(f"{archive.name}.blocks")


class Deflater:
    """Deflates what is written into a file, a block at a time on the pool.

    Holds at most a few blocks a thread. After `finish`: `crc` and `size` of the plain bytes.
    """

    def __init__(
        self,
        file: BinaryIO,
        pool: ThreadPoolExecutor,
        ahead: int,
        level: int,
        blocks: Blocks | None = None,
        alone: bool = False,
    ) -> None:
        self._file, self._pool, self._ahead, self._level, self._blocks = file, pool, ahead, level, blocks
        self._block, self._window_size = (ALONE, 0) if alone else (BLOCK, WINDOW)
        self._buffer = bytearray()
        self._window = b""
        self._running: deque[Future[_Packed]] = deque()
        self.crc = self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append; `data` must stay as it is, for whole blocks are taken from it later and without a copy."""
        view = memoryview(data).cast("B")
        # A block waits for all bytes that decide where it ends, and one more: the last one is closed in another way.
        longest = self._block + SPREAD
        while len(self._buffer) + len(view) > longest:
            held = len(self._buffer)
            whole = memoryview(bytes(self._buffer) + view[: longest - held]) if held else view
            end = _end(whole, self._block)
            self._submit(whole[:end], last=False)
            del self._buffer[:end]
            view = view[max(0, end - held) :]
        self._buffer += view

    def finish(self) -> None:
        self._submit(memoryview(bytes(self._buffer)), last=True)
        while self._running:
            self._take()

    def _submit(self, block: memoryview, last: bool) -> None:
        self._running.append(self._pool.submit(self._packed, block, self._window, last))
        self._window = bytes(block[-self._window_size :]) if self._window_size else b""
        while len(self._running) > self._ahead:
            self._take()

    def _take(self) -> None:
        block = self._running.popleft().result()
        if self._blocks:
            self._blocks.note(self._file.tell(), block)
        self._file.write(block.data)
        self.crc = zlib_ng.crc32_combine(self.crc, block.crc, block.size)
        self.size += block.size

    def _packed(self, block: memoryview, window: bytes, last: bool) -> _Packed:
        key = ""
        if self._blocks:
            seal = hashlib.sha256(b"%d %d " % (self._level, last) + window)
            seal.update(block)
            key = seal.hexdigest()
            if found := self._blocks.find(key):
                return found
        deflate = zlib_ng.compressobj(self._level, zlib_ng.DEFLATED, -15, 8, zlib_ng.Z_DEFAULT_STRATEGY, window)
        data = deflate.compress(block) + deflate.flush(zlib_ng.Z_FINISH if last else zlib_ng.Z_SYNC_FLUSH)
        return _Packed(key, data, zlib_ng.crc32(block), len(block))


def _end(data: memoryview, block: int) -> int:
    """Where the first block of `data` ends."""
    found = _END.search(data, block, block + SPREAD)
    return found.end() if found else block + SPREAD


def places(deflated: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
    """The blocks of a deflated stream whose blocks stand alone: where each starts, and its plain bytes.

    Raises ValueError when they do not stand alone, or the stream is damaged.
    """
    data, start = memoryview(deflated), 0
    while start < len(data):
        end, plain, last = _block(data, start)
        yield start, plain
        if last:
            return
        start = end
    raise ValueError("the deflated stream has no end")


def _block(data: memoryview, start: int) -> tuple[int, bytes, bool]:
    """Where the block at `start` ends, its plain bytes, and whether it is the last one."""
    inflate, plain, end = zlib_ng.decompressobj(-15), b"", start
    while True:
        found = data.obj.find(_FLUSHED, end)  # type: ignore[attr-defined]
        upto = found + len(_FLUSHED) if found >= 0 else len(data)
        try:
            plain += inflate.decompress(data[end:upto])
        except zlib_ng.error as error:  # type: ignore[misc]  # an instance, its stub says
            raise ValueError(f"the block at {start} does not stand alone: {error}") from error
        end = upto
        if inflate.eof:
            return len(data) - len(inflate.unused_data), plain, True
        # The same four bytes inside a block are none of its end: it would be too short.
        if len(plain) >= ALONE:
            return end, plain, False
        if found < 0:
            raise ValueError(f"the block at {start} is cut short")
