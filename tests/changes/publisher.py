"""A publisher of tiny versions, to be run as a process of its own beside others: `publish(root, seed, commits)`."""

import random
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from guatecompras.changes import table
from guatecompras.errors import StoreError
from guatecompras.formats.archive import read_lines
from guatecompras.publication import MANIFEST, describe, previous_of, switched, versions_of
from guatecompras.stores import LocalStore, Store
from tests.changes.sides import record, write_side

Json = Any
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")


def publish(root: str, seed: int, commits: int) -> None:
    """Publish so many versions of months drawn at random, each made of what was public when it was begun."""
    store, draws, done = LocalStore(Path(root)), random.Random(seed), 0
    while done < commits:
        month = draws.choice(MONTHS)
        # Another publisher may have been faster; then this version is one of nothing, and the next is tried.
        with suppress(StoreError):
            publish_version(store, month, _drawn(draws), f"20260101T000000-{draws.getrandbits(48):012x}")
            done += 1


def publish_version(store: Store, month: str, version: Mapping[int, Json], name: str) -> None:
    """Publish a version of so many records. Raises StoreError when another version of the month became public meanwhile."""
    previous = previous_of(store.index(), month, name)
    with tempfile.TemporaryDirectory(dir=store.work(month)) as place:
        folder = Path(place)
        side = write_side(folder, version)
        before = store.version_folder(month, previous["version"]) if previous else None
        old = before and table.Side(before / side.records.name, before / "tables" / side.releases.name)
        made = table.write(old, side, folder)
        files = {"records.jsonl.gz": side.records, "tables/releases.parquet": side.releases}
        files |= {path.name: path for path in (made.parquet, made.lines)}
        (folder / MANIFEST).write_bytes(orjson.dumps({"previous": previous, "version": name}))
        store.put_version(month, name, files | {MANIFEST: folder / MANIFEST})
        listed = [describe(folder / MANIFEST, MANIFEST, "manifest", 1)]
        store.update_index(
            lambda index: switched(
                index, month, name, "2026-02-01T00:00:00-06:00", {}, listed, previous=previous, inputs=""
            )
        )


def records_of(store: Store, month: str, place: int = 0) -> dict[int, Json]:
    """What is public of a month, or was: `place` among its versions, from the newest on."""
    folder = store.version_folder(month, versions_of(store.index(), month)[place]["version"])
    found = [orjson.loads(line) for line in read_lines(folder / "records.jsonl.gz")]
    return {int(told["ocid"].rpartition("-")[2]): told for told in found}


def _drawn(draws: random.Random) -> dict[int, Json]:
    nogs = draws.sample(range(1, 12), draws.randrange(0, 9))
    return {nog: record(nog, *range(1, draws.randrange(2, 5)), title=draws.choice("abc")) for nog in nogs}
