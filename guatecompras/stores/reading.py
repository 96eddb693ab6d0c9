"""Reading what is public, and nothing else: single files and parts of them, from a folder or a bucket.

It writes nothing into the store, takes no locks and needs no work folder; which files are public is the reader's to know.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from guatecompras.addresses import redact
from guatecompras.errors import StoreError

if TYPE_CHECKING:
    from guatecompras.stores.s3 import Bucket

# What is held of a file that is passed on.
PIECE = 256 << 10
_RETRIES, _TIMEOUT = 3, 15.0


@dataclass(frozen=True)
class Stat:
    """What a public file is now; `etag` changes with its content."""

    bytes: int
    etag: str
    modified: datetime


class Reader(Protocol):
    """The folder `publication/` of a store. Paths are relative to it. All errors are StoreErrors, one line."""

    uri: str

    def stat(self, path: str) -> Stat | None:
        """None where there is no such file."""
        ...

    def read(self, path: str) -> bytes:
        """A small file, whole."""
        ...

    def between(self, path: str, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`, that one not included; the file has to have them."""
        ...

    def stream(self, path: str, start: int, end: int) -> Iterator[bytes]:
        """The same, piece by piece. What cannot be opened is told by this call, not by the first piece; who does not read to the
        end closes it."""
        ...

    def here(self, path: str) -> Path | None:
        """The file on this machine's disk; None where the store is elsewhere."""
        ...


def open_reader(uri: str) -> Reader:
    """What is public in a store, by the store's URI (as `open_store`). Nothing is read yet."""
    if uri.startswith("s3://"):
        # Who reads a folder does not pay for the client's import.
        from guatecompras.stores.s3 import Address, Bucket  # noqa: PLC0415

        address = Address.parse(uri)
        # Somebody is waiting for an answer: who publishes has more patience.
        hasty = replace(address, retries=min(address.retries, _RETRIES), timeout=min(address.timeout, _TIMEOUT))
        return BucketReader(Bucket(hasty))
    path = uri.removeprefix("file://")
    if "://" in path:
        raise StoreError(f"'{redact(uri)}' is not a store that can be read: give a folder or s3://BUCKET/PREFIX")
    return FolderReader(Path(path))


class FolderReader:
    """A publication in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.uri = str(root)
        self._public = root.expanduser().absolute() / "publication"

    def stat(self, path: str) -> Stat | None:
        try:
            status = self._path(path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(path, error) from error
        # Files are replaced, never written into: another file has another inode.
        seal = f"{status.st_ino} {status.st_size} {status.st_mtime_ns}".encode()
        return Stat(
            status.st_size, blake2b(seal, digest_size=12).hexdigest(), datetime.fromtimestamp(status.st_mtime, UTC)
        )

    def read(self, path: str) -> bytes:
        try:
            return self._path(path).read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error

    def between(self, path: str, start: int, end: int) -> bytes:
        return b"".join(self.stream(path, start, end))

    def stream(self, path: str, start: int, end: int) -> Iterator[bytes]:
        try:
            # Open from now on: a version that is withdrawn meanwhile is still read to its end.
            descriptor = os.open(self._path(path), os.O_RDONLY)
        except OSError as error:
            raise _unreadable(path, error) from error
        pieces = _pieces(descriptor, path, start, end)
        next(pieces)  # from here on closing it closes the file
        return pieces

    def here(self, path: str) -> Path | None:
        return self._path(path)

    def _path(self, path: str) -> Path:
        return self._public / checked(path)


def _pieces(descriptor: int, path: str, start: int, end: int) -> Iterator[bytes]:
    try:
        yield b""
        while start < end:
            piece = os.pread(descriptor, min(PIECE, end - start), start)
            if not piece:
                raise StoreError(f"cannot read {path}: it is shorter than it is listed")
            start += len(piece)
            yield piece
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(descriptor)


class BucketReader:
    """A publication in object storage."""

    def __init__(self, bucket: "Bucket") -> None:
        self.uri, self._bucket = bucket.address.uri, bucket

    def stat(self, path: str) -> Stat | None:
        found = self._bucket.head(_key(path))
        return None if found is None else Stat(found.bytes, found.etag.strip('"'), found.modified)

    def read(self, path: str) -> bytes:
        found = self._bucket.read(_key(path))
        if found is None:
            raise StoreError(f"cannot read {self.uri}/{_key(path)}: it is not there")
        return found[0]

    def between(self, path: str, start: int, end: int) -> bytes:
        return self._bucket.between(_key(path), start, end) if start < end else b""

    def stream(self, path: str, start: int, end: int) -> Iterator[bytes]:
        # The first piece now, so that what cannot be read is told before an answer has begun.
        first = self.between(path, start, min(end, start + _FETCHED))
        return self._rest(path, start, end, first)

    def _rest(self, path: str, start: int, end: int, piece: bytes) -> Iterator[bytes]:
        while piece:
            for at in range(0, len(piece), PIECE):
                yield piece[at : at + PIECE]
            start += len(piece)
            piece = self.between(path, start, min(end, start + _FETCHED))

    def here(self, path: str) -> Path | None:
        return None


# What is asked of a bucket at once for somebody who reads on: several pieces, for each request has its price.
_FETCHED = 1 << 20


def checked(path: str) -> str:
    """The path, if it cannot lead out of the folder it is relative to; else StoreError."""
    parts = path.split("/")
    if not path or "\0" in path or "\\" in path or any(part in {"", ".", ".."} for part in parts):
        raise StoreError("a public file's path is relative and without . and ..")
    return path


def _key(path: str) -> str:
    return f"publication/{checked(path)}"


def _unreadable(path: str, error: OSError) -> StoreError:
    return StoreError(f"cannot read {path}: {error.strerror or error}")
