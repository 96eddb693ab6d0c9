"""What was told of each saved search, and what waits to be told: a file that is replaced as a whole, held by one run at a time."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from guatecompras.errors import GuatecomprasError
from guatecompras.formats.atomic import replacing, sweep
from guatecompras.stores.workplace import locked

_SCHEMA = 1


class Delivery(msgspec.Struct):
    """What is posted at once: an id that it keeps however often it is posted, and the bytes, which are JSON."""

    id: str
    body: msgspec.Raw


class Entry(msgspec.Struct):
    """A search: as it was written, every NOG that it found so far, and the deliveries that wait, the oldest first."""

    search: str
    seen: set[int]
    waiting: list[Delivery]


class _Told(msgspec.Struct):
    schema: int
    queries: dict[str, Entry]


class State:
    """The entries by name. `save` may be called by threads, and says on the disk all that holds now."""

    def __init__(self, path: Path, entries: dict[str, Entry]) -> None:
        self.entries = entries
        self.turn = threading.Lock()
        self._path = path

    def save(self) -> None:
        """Raises StoreError where the disk refuses."""
        with replacing(self._path) as part:
            part.write_bytes(msgspec.json.encode(_Told(_SCHEMA, self.entries), order="deterministic"))


@contextmanager
def held(path: Path) -> Iterator[State]:
    """The state in a file, empty where there is none yet. Raises GuatecomprasError for a file that is none of ours, and where
    another run holds it."""
    try:
        with locked(path.with_name(f".{path.name}.lock"), fcntl.LOCK_EX | fcntl.LOCK_NB):
            sweep(path.parent)
            yield State(path, _read(path))
    except BlockingIOError:
        raise GuatecomprasError(f"another run holds {path}") from None


def _read(path: Path) -> dict[str, Entry]:
    try:
        told = msgspec.json.decode(path.read_bytes(), type=_Told)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise GuatecomprasError(f"cannot read {path}: {error.strerror or error}") from error
    except msgspec.DecodeError as error:
        raise GuatecomprasError(f"{path} is no state of alerts: {error}") from error
    if told.schema != _SCHEMA:
        raise GuatecomprasError(f"{path} is of another version of this program (schema {told.schema})")
    return told.queries
