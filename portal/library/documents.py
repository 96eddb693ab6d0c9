"""Records and releases, each read out of the month's published file without what is before it."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from zlib_ng import zlib_ng

from portal.library.shelf import Shelf

# Blocks kept inflated: of 256 KiB each.
_KEPT = 48
Read = Callable[[str, int, int], bytes]


class Documents:
    """Reads documents. `read(path, start, end)` gives bytes of a public file, by its path in the publication."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._kept: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, shelf: Shelf, file: str, block: int, offset: int, length: int) -> bytes:
        """The `length` bytes that begin at `offset` in a plain block of `records` or `releases`."""
        plain = self._block(shelf, file, block)
        while len(plain) < offset + length:  # it goes on in the next one
            block += 1
            plain += self._block(shelf, file, block)
        return plain[offset : offset + length]

    def _block(self, shelf: Shelf, file: str, block: int) -> bytes:
        key = (shelf.version, file, block)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        first, last = shelf.blocks[file][block : block + 2].tolist()
        plain: bytes = zlib_ng.decompressobj(-15).decompress(self._bytes(shelf, file, first, last))
        with self._lock:
            self._kept[key] = plain
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return plain

    def _bytes(self, shelf: Shelf, file: str, first: int, last: int) -> bytes:
        if shelf.documents is None:
            name = f"{shelf.month}_{file}.jsonl.gz"
            return self._read(f"months/{shelf.month}/{shelf.version}/{name}", first, last)
        with open(shelf.documents / f"{file}.jsonl.gz", "rb") as kept:
            kept.seek(first)
            return kept.read(last - first)
