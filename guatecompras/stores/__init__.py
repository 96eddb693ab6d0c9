"""Where a publication is kept: one small interface, and which store a URI names.

`publication/` is public: versions of months and of collections, which appear whole, and `index.json`, the only file that ever
changes, with what is made of it alone (`derive`). Work is private and always on this machine: what a run has made so far, by
month and version. What is written there is `publication.py`'s business; how, each store's own (`local.py`, `objects.py`).
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from guatecompras import signing
from guatecompras.addresses import redact
from guatecompras.errors import StoreError
from guatecompras.stores.local import LocalStore
from guatecompras.stores.workplace import STALE_AFTER

__all__ = ["STALE_AFTER", "LocalStore", "Store", "open_store"]

Json = dict[str, Any]


class Store(Protocol):
    """A publication's home. All errors are StoreError, one line. `uri` names it, and `public` where readers find it; neither
    holds credentials."""

    uri: str
    public: str

    def work(self, month: str) -> Path:
        """The folder on this machine for a month's work in progress."""
        ...

    def working(self, month: str, version: str) -> AbstractContextManager[None]:
        """Hold on to a version's work: `tidy` of no process removes it meanwhile, nor for a good while after."""
        ...

    def put_version(self, month: str, version: str, files: Mapping[str, Path]) -> None:
        """Put a version's files (relative name -> file) in place, all or none; one that is there already stays."""
        ...

    def put_collection(self, path: str, files: Mapping[str, Path]) -> None:
        """The same for a version of a collection, as `years/2026/<version>`. A manifest.json is among the files."""
        ...

    def version_folder(self, month: str, version: str, names: Collection[str] | None = None) -> Path:
        """A folder on this machine, named as the version, where those of its files (None: all) that are there can be read.

        Other files may lie there too, of the version as well. What a store has to fetch stays for an hour at least.
        """
        ...

    def collection_folder(self, path: str, names: Collection[str] | None = None) -> Path:
        """The same for a version of a collection."""
        ...

    def retire(self, month: str, version: str, keep: Collection[str] = ()) -> None:
        """Remove a version's files but those named; once more does no harm."""
        ...

    def retire_collection(self, path: str, keep: Collection[str] = ()) -> None:
        """The same for a version of a collection."""
        ...

    def index(self) -> Json:
        """The index as it is now."""
        ...

    def update_index(self, change: Callable[[Json], Json]) -> Json:
        """Replace the index by `change` of it, sealed, atomically; returns the new one. Of several writers none is lost.

        `change` may be called more than once, each time with the index as it is then; what it raises ends the update.
        """
        ...

    def derive(self, name: str, make: Callable[[Json], bytes]) -> None:
        """Write a public file beside the index that is made of it alone, as it is now; nothing is written where nothing changed.

        It is no part of the switch: it may be behind when a run died before it was written.
        """
        ...

    def tidy(self, month: str) -> None:
        """Remove what dead runs left of a month; other live runs of it are not disturbed."""
        ...

    def tidy_collection(self, name: str) -> None:
        """The same for the versions of a collection (`years/2026`, `history`)."""
        ...

    def link_current(self) -> None:
        """Where the store has links: `<collection>/current` leads to the version that is public. Elsewhere nothing is done."""
        ...


def open_store(uri: str) -> Store:
    """A store by its URI: a folder, as a path or `file://…`, or `s3://BUCKET/PREFIX?endpoint=…` (see `s3.Address`).

    Its index is signed as the environment says (`signing.py`). Raises StoreError for anything else. Nothing is read or written yet.
    """
    if uri.startswith("s3://"):
        # Who keeps a publication in a folder does not pay for the client's import.
        from guatecompras.stores.objects import ObjectStore  # noqa: PLC0415

        return ObjectStore.from_uri(uri, signing.from_environment())
    path = uri.removeprefix("file://")
    if "://" in path:
        raise StoreError(f"'{redact(uri)}' is not a store that can be used: give a folder or s3://BUCKET/PREFIX")
    return LocalStore(Path(path), signing.from_environment())
