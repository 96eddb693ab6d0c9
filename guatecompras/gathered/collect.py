"""Making the collections anew where their months changed, and public all at once: one switch of the index for all of them.

What is in the yearly files and the history is `years.py`'s and `history.py`'s business; other collections bring plans of
their own (`bring`).
"""

import fcntl
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from guatecompras.errors import StoreError
from guatecompras.formats import jsons
from guatecompras.gathered import history, years
from guatecompras.gathered.parts import Gathered, Part, counts_of, manifest, own_manifest, parts_of, version_of
from guatecompras.months import UTC_OFFSET
from guatecompras.publication import MANIFEST
from guatecompras.stores import Store
from guatecompras.stores.workplace import locked

Json = dict[str, Any]

# Who holds an index of a little ago still finds what it names.
VERSIONS_KEPT = 2


@dataclass(frozen=True)
class Collected:
    """One collection after a run: its entry in the index, and whether it was made now."""

    name: str
    entry: Json
    made: bool


@dataclass(frozen=True)
class Plan:
    """A collection as it should be. `name`: its place in the publication, as `years/2026`; `parts`: the months that it is made
    of; `build`: makes its files in an empty folder; `rules`: what else decides its bytes, but code and months; `listed`: whether
    the index, which all readers load, names its files, or only the manifest that names them; `kept`: versions whose files stay."""

    name: str
    parts: tuple[Part, ...]
    build: Callable[[Path], Gathered]
    rules: str = ""
    listed: bool = True
    kept: int = VERSIONS_KEPT

    @property
    def version(self) -> str:
        return version_of(self.name, self.parts, self.rules)


def collect(store: Store, *, yearly: bool = True, whole: bool = True) -> list[Collected]:
    """Bring the yearly files and the history (or one of both) up to date with the months that are public, as `bring` does."""
    return bring(store, partial(_plans, store, yearly=yearly, whole=whole))


def bring(store: Store, planned: Callable[[list[Part]], Iterable[Plan]]) -> list[Collected]:
    """Bring the collections that are planned for the months that are public up to date, all by one switch of the index.

    All from one reading of the index; a month that is published meanwhile is in the next ones. What is of the same months
    and rules already stays. Raises StoreError when nothing is published yet or a file is not what was published.
    """
    now = datetime.now(UTC_OFFSET).isoformat(timespec="seconds")
    with _alone(store):
        index = store.index()
        parts = parts_of(index)
        if not parts:
            raise StoreError(f"there is no publication in {store.uri}")
        _withdraw(store, index)
        plans, made = list(planned(parts)), {}
        for plan in plans:
            if index["collections"].get(plan.name, {}).get("version") != plan.version:
                made[plan.name] = _put(store, plan) | {"published": now, "read": index["sequence"]}
        if made:
            kept = {plan.name: plan.kept for plan in plans}
            index = store.update_index(partial(switched, entries=made, kept=kept))
        # Also when nothing was made: a run may have died before this.
        store.link_current()
        _withdraw(store, index)
        for name in index["collections"]:
            store.tidy_collection(name)
    current = index["collections"]
    return [Collected(plan.name, current[plan.name], plan.name in made) for plan in plans if plan.name in current]


def switched(index: Json, entries: Mapping[str, Json], kept: Mapping[str, int] | None = None) -> Json:
    """The index with these entries of collections, all by the next number of `sequence`. One that was made from a newer reading
    of the index than the entry given stays. `kept`: versions whose files stay, by collection, where it is not VERSIONS_KEPT."""
    keeps = kept or {}
    current = index["collections"]
    sequence = index["sequence"] + 1
    newer = {
        name: {"version": entry["version"], "published": entry["published"], "sequence": sequence}
        | entry
        | {
            "versions": _superseded(current[name], entry["version"], keeps.get(name, VERSIONS_KEPT))
            if name in current
            else []
        }
        for name, entry in entries.items()
        if name not in current
        or (current[name]["read"] <= entry["read"] and current[name]["version"] != entry["version"])
    }
    if not newer:
        return index
    return index | {"sequence": sequence, "collections": dict(sorted((current | newer).items()))}


def _superseded(entry: Json, version: str, keep: int) -> list[Json]:
    """The versions before, newest first: the files of the last ones stay, others were or will be withdrawn."""
    before = {key: value for key, value in entry.items() if key not in ("files", "versions")}
    # What was withdrawn before this switch is gone by now.
    kept = [before, *(old for old in entry["versions"] if old["kept"])]
    kept = [old for old in kept if old["version"] != version]
    return [old | {"kept": place < keep - 1} for place, old in enumerate(kept)]


def _plans(store: Store, parts: list[Part], *, yearly: bool, whole: bool) -> Iterator[Plan]:
    for year, months in years.by_year(parts).items() if yearly else ():
        yield Plan(years.name_of(year), tuple(months), partial(years.build, store, year, months))
    if whole:
        yield Plan(history.NAME, tuple(parts), partial(history.build, store, parts), listed=False)


def _put(store: Store, plan: Plan) -> Json:
    """Make a collection and put it in place; returns what the index will say of it."""
    with _workspace(store, plan) as folder:
        made = plan.build(folder)
        path = folder / MANIFEST
        jsons.write_json(path, manifest(plan.name, plan.version, plan.parts, made.listed))
        own = own_manifest(path)
        store.put_collection(f"{plan.name}/{plan.version}", {**made.files, MANIFEST: path})
    prefix = f"{plan.name}/{plan.version}/"
    shown = [*made.listed, own] if plan.listed else [own]
    return {
        "version": plan.version,
        "manifest": {"path": f"{prefix}{MANIFEST}", "bytes": own.bytes, "sha256": own.sha256},
        "counts": counts_of(plan.parts) | {"files": len(made.listed)},
        "files": [asdict(file) | {"path": f"{prefix}{file.path}"} for file in shown],
    }


@contextmanager
def _workspace(store: Store, plan: Plan) -> Iterator[Path]:
    """A folder to make a collection in; it is gone afterwards, and one that a killed run left goes with it."""
    folder = store.work("collections") / plan.name.replace("/", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """One run at a time on this machine; on others the index tells which was the newer."""
    with locked(store.work("collections") / ".collect.lock", fcntl.LOCK_EX):
        yield


def _withdraw(store: Store, index: Json) -> None:
    """Remove the files of versions that the index says are withdrawn; a run that died in between leaves it to the next."""
    for name, entry in index["collections"].items():
        for old in _withdrawn(entry):
            store.retire_collection(f"{name}/{old}")


def _withdrawn(entry: Json) -> Iterable[str]:
    return [old["version"] for old in entry["versions"] if not old["kept"]]
