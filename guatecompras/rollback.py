"""Going back: what an earlier version of a month held becomes public again, as a new version with the same files.

History only grows: the new version replaces the current one, its manifest names that, and its changes tell what changed back.
Only those changes, the list of what is gone and the manifest are written anew. How the index is switched is `switching.py`'s
business.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from guatecompras import personal, publication, switching
from guatecompras.changes import table as changelog
from guatecompras.errors import GuatecomprasError, StoreError
from guatecompras.formats import jsons
from guatecompras.formats.atomic import part_of
from guatecompras.months import UTC_OFFSET
from guatecompras.publication import MANIFEST, PublishedFile
from guatecompras.search import build as searching
from guatecompras.search.schema import file_name
from guatecompras.settings import Settings
from guatecompras.stores import Store
from guatecompras.verification import verify_version

Json = dict[str, Any]

_GONE, _RELEASES = file_name("gone"), "tables/releases.parquet"
# What says what a version is to the one before it, so that it differs where all else is the same.
_RELATIVE = frozenset({MANIFEST, changelog.LINES, changelog.PARQUET, _GONE})


@dataclass(frozen=True)
class RolledBack:
    """What is public after going back: the month's entry in the index, and how much changed (`changes.table.Changes`)."""

    entry: Json
    changes: Mapping[str, int]


@dataclass(frozen=True)
class _Version:
    """A version that is public or was, as it lies on this machine, each file that was asked for what was published."""

    entry: Json
    folder: Path
    manifest: Json
    files: dict[str, PublishedFile]

    def side(self, month: str, policy: personal.Policy) -> changelog.Side:
        withheld = policy.over(self.manifest.get("personal"))
        return changelog.Side(self.folder / f"{month}_records.jsonl.gz", self.folder / _RELEASES, withheld)

    def held(self) -> dict[str, str]:
        """What it says of the month: its files' sha256 by name."""
        return {name: file.sha256 for name, file in self.files.items() if name not in _RELATIVE}


def roll_back(
    store: Store, month: str, version: str, why: str, config: Settings, now: datetime | None = None
) -> RolledBack:
    """Make public again what an earlier version of a month held; the next publish builds on that.

    All is read and checked, and the new version is in place, before the index is switched, once. Raises GuatecomprasError when
    it cannot be: there is no such version, its files are withdrawn or are not what was published, it is what is public, or
    another run published the month meanwhile.
    """
    reason = " ".join(why.split())
    if not reason:
        raise GuatecomprasError("say why: it stands in the manifest and in the index")
    now = now or datetime.now(UTC_OFFSET)
    entries = publication.versions_of(store.index(), month)
    wanted = _wanted(entries, store.uri, month, version)
    policy = personal.load(config.personal_data)
    restored, current = _sound(store, month, wanted), _sound(store, month, entries[0], _compared(month))
    if not policy.covers(restored.manifest.get("personal")):
        raise StoreError(
            f"{month} cannot go back to {version}: it has personal data that may not be published any more; mend the source "
            "and publish the month"
        )
    if restored.held() == current.held():
        raise StoreError(f"{month} is at what version {version} held already (version {current.entry['version']})")
    told = {"from": current.entry["version"], "to": version, "why": reason}
    name, inputs = _named(month, told, current.entry["manifest"]["sha256"])
    with store.working(month, name), _workspace(store, month) as folder:
        files, counts = _made(month, restored, current, folder, policy)
        document = restored.manifest | {
            "version": name,
            "previous": {"version": current.entry["version"], "sha256": current.entry["manifest"]["sha256"]},
            "inputs": inputs,
            "changes": counts,
            "rolled_back": told,
            "files": [asdict(file) for _, (file, _) in sorted(files.items())],
        }
        path = folder / MANIFEST
        jsons.write_json(path, document)
        store.put_version(month, name, {place: file for place, (_, file) in files.items()} | {MANIFEST: path})
        entry = switching.switch(store, month, name, now.isoformat(timespec="seconds"), config)
    store.tidy(month)
    return RolledBack(entry, counts)


def _wanted(entries: list[Json], uri: str, month: str, version: str) -> Json:
    """The entry of the version to go back to."""
    if not entries:
        raise StoreError(f"{month} is not in the publication in {uri}")
    found = next((entry for entry in entries if entry["version"] == version), None)
    if found is None:
        kept = [entry["version"] for entry in entries[1:] if entry["kept"]]
        raise StoreError(f"{month} has no version {version}; it can go back to {', '.join(kept) or 'none'}")
    if found is entries[0]:
        raise StoreError(f"{month} is at version {version} already")
    if not found["kept"]:
        raise StoreError(
            f"{month} cannot go back to {version}: its files are withdrawn, only manifest and changes stay"
        )
    return found


def _compared(month: str) -> frozenset[str]:
    """The files of the current version that tell what changes back."""
    return frozenset({f"{month}_records.jsonl.gz", _RELEASES, _GONE})


def _sound(store: Store, month: str, entry: Json, names: frozenset[str] | None = None) -> _Version:
    """A version whose manifest is the one that the index names, and whose files (None: all) are what the manifest says."""
    version = entry["version"]
    prefix = f"months/{month}/{version}/"
    own = entry["manifest"] | {"format": "manifest", "rows": 1}
    folder = store.version_folder(month, version, [MANIFEST])
    _demand(verify_version(folder, [own], month, counted=False, tolerated=_all(folder)), month)
    manifest, listed = publication.placed(folder)
    files = {file.path: file for file in listed}
    chosen = [
        asdict(file) | {"path": f"{prefix}{name}"} for name, file in files.items() if names is None or name in names
    ]
    folder = store.version_folder(month, version, None if names is None else [MANIFEST, *(names & files.keys())])
    _demand(verify_version(folder, chosen, month, counted=False, tolerated=_all(folder)), month)
    return _Version(entry, folder, manifest, files)


def _all(folder: Path) -> list[Path]:
    """What lies beside the files in question is none of theirs."""
    return [path for path in folder.rglob("*") if path.is_file()]


def _demand(faults: list[str], month: str) -> None:
    if faults:
        raise StoreError(
            f"{month} stays as it is, for a file is not what was published: {'; '.join(faults)}; put it back from a copy"
        )


def _named(month: str, told: Json, current: str) -> tuple[str, str]:
    """The name of the new version, dated as what it holds, and what it is made from, as a sha256: no snapshot gives the same.

    The same step from the same place has the same name, so a run that was killed is gone on with.
    """
    seal = hashlib.sha256("\n".join(("rollback", month, *told.values(), current)).encode()).hexdigest()
    return f"{told['to'].partition('-')[0]}-{seal[:12]}", seal


@contextmanager
def _workspace(store: Store, month: str) -> Iterator[Path]:
    folder = part_of(store.work(month) / "rollback")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(
    month: str, restored: _Version, current: _Version, folder: Path, policy: personal.Policy
) -> tuple[dict[str, tuple[PublishedFile, Path]], dict[str, int]]:
    """Every file of the new version (name -> as listed, where it is), and how much changed."""
    files = {name: (file, restored.folder / name) for name, file in restored.files.items() if name != MANIFEST}
    found = changelog.write(
        current.side(month, policy), restored.side(month, policy), folder, cause=changelog.PUBLISHER
    )
    anew = {path.name: (path, found.counts["rows"]) for path in (found.parquet, found.lines)}
    if _GONE in files:
        stay = pl.read_parquet(restored.folder / _RELEASES, columns=["nog"])["nog"]
        anew[_GONE] = searching.write_gone(
            folder, searching.ever_public(current.folder, current.folder / _RELEASES) - {*stay}
        )
    for name, (path, rows) in anew.items():
        form = files[name][0].format
        files[name] = (publication.describe(path, name, form, rows), path)
    return files, dict(found.counts)
