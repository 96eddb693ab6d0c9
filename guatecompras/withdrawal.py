"""Taking back what may not be public any more: earlier versions that hold personal data which the policy of today withholds.

Only their manifests stay, so that the chain still proves what was published when. What is current is not touched: it is replaced
by publishing the month again (`month.py`), collections by gathering them again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from guatecompras import dcat, personal, retention
from guatecompras.errors import StoreError
from guatecompras.formats.counting import digest
from guatecompras.publication import MANIFEST, PERSONAL_DATA, staying, versions_of
from guatecompras.settings import Settings
from guatecompras.stores import Store

Json = dict[str, Any]


@dataclass(frozen=True)
class Withdrawal:
    """What was withdrawn now: `versions` (month, version) and `collections` (name, version). `waiting`: months whose current
    version has such data, and collections that are made of one: publish and collect first, then withdraw again."""

    versions: tuple[tuple[str, str], ...]
    collections: tuple[tuple[str, str], ...]
    waiting: tuple[str, ...]


def withdraw(store: Store, config: Settings) -> Withdrawal:
    """Withdraw what of earlier versions the policy does not let be public. Once more finishes what a run that died began, and
    otherwise does nothing. Raises StoreError when a manifest is not what was published."""
    policy, index = personal.load(config.personal_data), store.index()
    every = {(month, entry["version"]): entry for month in index["months"] for entry in versions_of(index, month)}
    tainted = {place for place, entry in every.items() if not _may_be_public(store, place[0], entry, policy)}
    current = {(month, entry["version"]) for month, entry in index["months"].items()}
    taken = {place for place in tainted - current if "withdrawn" not in every[place]}
    gathered = _made_of(store, index, tainted)
    latest = {(name, entry["version"]) for name, entry in index["collections"].items()}
    gone = gathered - latest
    if taken or gone:
        index = store.update_index(lambda before: _marked(before, taken, gone))
        dcat.publish(store, config)
    for month in index["months"]:
        for entry in retention.withdrawn(index, month):
            store.retire(month, entry["version"], staying(entry))
    for name, version in gone:
        store.retire_collection(f"{name}/{version}")
    waiting = sorted(name for name, _ in (tainted & current) | (gathered & latest))
    return Withdrawal(tuple(sorted(taken)), tuple(sorted(gone)), tuple(waiting))


def _may_be_public(store: Store, month: str, entry: Json, policy: personal.Policy) -> bool:
    path = store.version_folder(month, entry["version"], [MANIFEST]) / MANIFEST
    return "withdrawn" not in entry and policy.covers(_read(path, entry).get("personal"))


def _made_of(store: Store, index: Json, tainted: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The versions of collections (name, version) whose files are there and that are made of one of those versions of months."""
    found = set()
    for name, current in index["collections"].items():
        for entry in (current, *(old for old in current["versions"] if old["kept"])):
            folder = store.collection_folder(f"{name}/{entry['version']}", [MANIFEST])
            months = _read(folder / MANIFEST, entry)["months"]
            if any((month, part["version"]) in tainted for month, part in months.items()):
                found.add((name, str(entry["version"])))
    return found


def _read(path: Path, entry: Json) -> Json:
    """A manifest that is the one which the index names."""
    if not path.is_file() or digest(path)[0] != entry["manifest"]["sha256"]:
        raise StoreError(f"{path} is not what was published: put it back from a copy, then withdraw again")
    document: Json = orjson.loads(path.read_bytes())
    return document


def _marked(index: Json, taken: set[tuple[str, str]], gone: set[tuple[str, str]]) -> Json:
    """The index with these versions of months and of collections withdrawn."""

    def of_month(month: str, entry: Json) -> Json:
        is_taken = (month, entry["version"]) in taken
        return entry | {"kept": False, "withdrawn": PERSONAL_DATA} if is_taken else entry

    def of_collection(name: str, entry: Json) -> Json:
        return entry | {"kept": entry["kept"] and (name, entry["version"]) not in gone}

    return index | {
        "months": {
            month: entry | {"versions": [of_month(month, old) for old in entry["versions"]]}
            for month, entry in index["months"].items()
        },
        "collections": {
            name: entry | {"versions": [of_collection(name, old) for old in entry["versions"]]}
            for name, entry in index["collections"].items()
        },
    }
