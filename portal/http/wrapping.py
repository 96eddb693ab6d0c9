"""A published file as the only entry of a ZIP that is stored nowhere: it can be sent in parts, as if it were.

Stored, not compressed: what is wrapped is compressed already. Which file is wrapped for whom is `files.py`'s business.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# As in the archives that are published (1980-01-01), so that the same file gives the same archive.
_DATE, _TIME = 0x0021, 0
_VERSION, _UTF8, _REGULAR_FILE = 20, 0x800, 0o100644 << 16
_LARGEST = 0xFFFF_FFFE


@dataclass(frozen=True)
class Wrapped:
    """What stands before and after the file's bytes, of which there are `inside`."""

    before: bytes
    inside: int
    after: bytes

    @property
    def length(self) -> int:
        """The archive's bytes."""
        return len(self.before) + self.inside + len(self.after)

    def inner(self, start: int, end: int) -> tuple[int, int]:
        """Which part of the file's bytes a part of the archive holds."""
        shift = len(self.before)
        return min(max(start - shift, 0), self.inside), min(max(end - shift, 0), self.inside)

    def around(self, start: int, end: int, inner: Iterator[bytes]) -> Iterator[bytes]:
        """A part of the archive; `inner`: that part of the file's bytes."""
        shift = len(self.before) + self.inside
        yield self.before[start:end]
        yield from inner
        yield self.after[max(start - shift, 0) : max(end - shift, 0)]


def wrapped(name: str, size: int, pieces: Iterable[bytes]) -> Wrapped:
    """The archive of a file with this name in it; its bytes are read for their sum.

    Raises ValueError for a file of more than 4 GB, which needs another form.
    """
    if size > _LARGEST:
        raise ValueError(f"{name} is too large for a ZIP of this form")
    checksum = 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
    told = name.encode()
    facts = (_VERSION, _UTF8, 0, _TIME, _DATE, checksum, size, size, len(told))
    before = struct.pack("<4s5H3I2H", b"PK\3\4", *facts, 0) + told
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 3 << 8 | _VERSION, *facts, 0, 0, 0, 0, _REGULAR_FILE, 0) + told
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(before) + size, 0)
    return Wrapped(before, size, entry + end)
