"""Reading a publication again: every way in which it can lie is found and named."""

import json
import random
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guatecompras.formats.counting import count_rows, digest
from guatecompras.publication import MANIFEST, versions_of
from guatecompras.stores import LocalStore
from guatecompras.verification import (
    Verification,
    disagreements,
    known_files,
    verify_chain,
    verify_publication,
    verify_version,
)
from tests.publications import MONTH

Json = dict[str, Any]


@pytest.fixture
def store(three_versions: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(three_versions, tmp_path / "store")
    return LocalStore(tmp_path / "store")


def _verify(store: LocalStore) -> Verification:
    return verify_publication(store.index(), store.version_folder)


def _entry(store: LocalStore) -> Json:
    entry: Json = store.index()["months"][MONTH]
    return entry


def _file(store: LocalStore, name: str, entry: Json | None = None) -> Path:
    return store.version_folder(MONTH, (entry or _entry(store))["version"]) / name


def _edit(store: LocalStore, change: Callable[[Json], object]) -> None:
    """Change the entry of the month in the index."""

    def changed(index: Json) -> Json:
        copy: Json = json.loads(json.dumps(index))
        change(copy["months"][MONTH])
        return copy

    store.update_index(changed)


def _listed(entry: Json, name: str) -> Json:
    return next(file for file in entry["files"] if file["path"].endswith(f"/{name}"))


def _relist(store: LocalStore, name: str, rows: int) -> None:
    """Let manifest and index say what a file is now, so that only its content can give it away."""
    for path, listed in ((name, rows), (MANIFEST, 1)):
        sha256, size = digest(_file(store, path))
        said = {"sha256": sha256, "bytes": size, "rows": listed}
        if path != MANIFEST:
            manifest = json.loads(_file(store, MANIFEST).read_bytes())
            next(file for file in manifest["files"] if file["path"] == path).update(said)
            _file(store, MANIFEST).write_text(json.dumps(manifest))
        _edit(store, lambda entry, path=path, said=said: _listed(entry, path).update(said))
    _relist_manifest(store)


def _relist_manifest(store: LocalStore) -> None:
    """Let the index say what the current manifest is now."""
    sha256, size = digest(_file(store, MANIFEST))
    for where in (lambda entry: _listed(entry, MANIFEST), lambda entry: entry["manifest"]):
        _edit(store, lambda entry, where=where: where(entry).update(sha256=sha256, bytes=size))


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_whole_publication_has_no_faults(store: LocalStore) -> None:
    found = _verify(store)
    assert (found.months, found.versions, found.faults, found.left) == (2, 4, (), 0)
    assert found.files == 4 * len(_entry(store)["files"])


# Files that are not what they were.


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        (f"{MONTH}_csv.zip", lambda path: path.unlink(), "missing"),
        ("tables/bids.parquet", lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes instead of"),
        (f"{MONTH}_releases.jsonl.gz", _flip, "sha256 is"),
        (MANIFEST, lambda path: path.unlink(), "missing"),
        (MANIFEST, _flip, "sha256 is"),
        (MANIFEST, lambda path: path.write_bytes(path.read_bytes() + b" "), "bytes instead of"),
        ("tables/more.parquet", lambda path: path.touch(), "not listed"),
    ],
)
def test_a_damaged_file_of_any_version_is_named(
    store: LocalStore, name: str, damage: Callable[[Path], None], words: str, older: bool
) -> None:
    entry = _entry(store)["versions"][0] if older else _entry(store)
    damage(_file(store, name, entry))
    faults = _verify(store).faults
    assert faults
    assert faults[0].startswith(f"months/{MONTH}/{entry['version']}/{name}: ")
    assert words in faults[0]
    assert all(entry["version"] in fault for fault in faults)


def test_a_version_that_is_gone_is_named_file_by_file(store: LocalStore) -> None:
    entry = _entry(store)
    shutil.rmtree(store.version_folder(MONTH, entry["version"]))
    assert _verify(store).faults == tuple(f"{file['path']}: missing" for file in entry["files"])


# Words that are not so.


@pytest.mark.parametrize(
    ("name", "lie", "words"),
    [
        (f"{MONTH}_csv.zip", {"rows": 1}, r"_csv\.zip: \d+ rows instead of 1$"),
        ("tables/records.parquet", {"rows": 39}, "40 rows instead of 39$"),
        (f"{MONTH}_records.jsonl.gz", {"bytes": 1}, "bytes instead of 1$"),
        (f"{MONTH}_records.jsonl.gz", {"sha256": "0" * 64}, "sha256 is"),
        (f"{MONTH}_csv.zip", {"format": "parquet.zip"}, "damaged"),
        (f"{MONTH}_csv.zip", {"format": "tar"}, "'tar' is not a published format"),
        (f"{MONTH}_csv.zip", {"format": "schema"}, "lists other files than the index"),
        ("tables/bids.parquet", {"path": "../../secret"}, "not a file of version"),
    ],
)
def test_an_index_that_lies_about_a_file_is_found(store: LocalStore, name: str, lie: Json, words: str) -> None:
    _edit(store, lambda entry: _listed(entry, name).update(lie))
    assert any(re.search(words, fault) for fault in _verify(store).faults)


@pytest.mark.parametrize("name", ["concursos", "releases", "records", "awards", "rejected"])
def test_an_index_that_lies_about_counts_is_found(store: LocalStore, name: str) -> None:
    _edit(store, lambda entry: entry["counts"].update({name: entry["counts"][name] + 1}))
    assert any("counts differ from the index" in fault for fault in _verify(store).faults)


def test_counts_that_the_manifest_lies_about_too_are_found(store: LocalStore) -> None:
    manifest = json.loads(_file(store, MANIFEST).read_bytes())
    manifest["counts"]["awards"] += 1
    _file(store, MANIFEST).write_text(json.dumps(manifest))
    _edit(store, lambda entry: entry["counts"].update(awards=entry["counts"]["awards"] + 1))
    _relist(store, f"{MONTH}_csv.zip", _listed(_entry(store), f"{MONTH}_csv.zip")["rows"])
    awards = manifest["counts"]["awards"]
    prefix = f"months/{MONTH}/{_entry(store)['version']}/"
    assert _verify(store).faults == (f"{prefix}: counts {awards} awards, its table has {awards - 1} rows",)


def test_an_index_without_a_file_or_its_manifest_is_found(store: LocalStore) -> None:
    _edit(store, lambda entry: entry["files"].remove(_listed(entry, f"{MONTH}_csv.zip")))
    assert [fault.rpartition(": ")[2] for fault in _verify(store).faults] == [
        "not listed",
        "lists other files than the index",
    ]
    _edit(store, lambda entry: entry["files"].remove(_listed(entry, MANIFEST)))
    assert any(fault.endswith("manifest.json: not in the index") for fault in _verify(store).faults)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest["files"].pop(), "lists other files than the index"),
        (lambda manifest: manifest["files"][0].update(rows=10**6), "lists other files than the index"),
        (lambda manifest: manifest["counts"].update(records=1), "counts differ from the index"),
        (lambda manifest: manifest.update(version="x"), "is of another version"),
        (lambda manifest: manifest.update(inputs="x"), "inputs differ from the index"),
        (lambda manifest: manifest.update(previous=None), "the chain is broken: before it came none"),
        (lambda manifest: manifest.pop("files"), "not a manifest"),
        (lambda manifest: manifest.clear(), "not a manifest"),
    ],
)
def test_a_manifest_that_disagrees_with_the_index_is_found(
    store: LocalStore, change: Callable[[Json], None], words: str
) -> None:
    manifest = json.loads(_file(store, MANIFEST).read_bytes())
    change(manifest)
    _file(store, MANIFEST).write_text(json.dumps(manifest))
    _relist_manifest(store)
    (fault,) = _verify(store).faults
    assert words in fault


def _csv_without(store: LocalStore, drop: Callable[[str, list[bytes]], list[bytes] | None]) -> int:
    """Write the month's CSV zip again, `drop` giving each member's lines or None; returns the rows left."""
    path = _file(store, f"{MONTH}_csv.zip")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            lines = drop(name, content.split(b"\r\n" if b"\r\n" in content else b"\n"))
            if lines is not None:
                archive.writestr(name, (b"\r\n" if b"\r\n" in content else b"\n").join(lines))
    return sum(count_rows(path, "csv.zip").values())


def test_formats_that_count_differently_are_found(store: LocalStore) -> None:
    rows = _csv_without(store, lambda name, lines: lines[:1] + lines[2:] if name == "party_roles.csv" else lines)
    _relist(store, f"{MONTH}_csv.zip", rows)
    (fault,) = _verify(store).faults
    assert fault.startswith(f"{MONTH}: party_roles has ")
    assert "2026-01_csv.zip" in fault


def test_a_table_that_a_download_lacks_is_found(store: LocalStore) -> None:
    rows = _csv_without(store, lambda name, lines: None if name == "awards.csv" else lines)
    _relist(store, f"{MONTH}_csv.zip", rows)
    (fault,) = _verify(store).faults
    assert "0 rows in 2026-01_csv.zip" in fault


def test_a_version_is_verified_without_counting_too(store: LocalStore) -> None:
    entry = _entry(store)
    folder = store.version_folder(MONTH, entry["version"])
    assert verify_version(folder, entry["files"], MONTH, counted=False) == []
    _flip(_file(store, "tables/bids.parquet"))
    assert len(verify_version(folder, entry["files"], MONTH, counted=False)) == 1


# A history that was tampered with.


def _versions(store: LocalStore) -> list[Json]:
    return versions_of(store.index(), MONTH)


def _manifest(store: LocalStore, entry: Json) -> Path:
    return store.root / "publication" / entry["manifest"]["path"]


def _rewrite(store: LocalStore, place: int, change: Callable[[Json], object]) -> None:
    """Change the manifest of a version (0: the current one), and let the index say what it is now."""
    path = _manifest(store, _versions(store)[place])
    manifest = json.loads(path.read_bytes())
    change(manifest)
    path.write_text(json.dumps(manifest))
    sha256, size = digest(path)

    def relisted(entry: Json) -> None:
        one = [entry, *entry["versions"]][place]
        one["manifest"].update(sha256=sha256, bytes=size)
        if place == 0:
            _listed(entry, MANIFEST).update(sha256=sha256, bytes=size)

    _edit(store, relisted)


def _chain(store: LocalStore) -> list[str]:
    return verify_chain(store.index(), store.version_folder)


def test_any_byte_of_any_manifest_counts(store: LocalStore) -> None:
    draw = random.Random(20260131)
    for entry in _versions(store):
        path = _manifest(store, entry)
        content = path.read_bytes()
        for place in {0, len(content) - 1, *(draw.randrange(len(content)) for _ in range(60))}:
            path.write_bytes(content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :])
            assert any(fault.startswith(f"{entry['manifest']['path']}: sha256 is ") for fault in _chain(store)), place
        path.write_bytes(content)
    assert _chain(store) == []


@pytest.mark.parametrize("place", [1, 2])
def test_history_cannot_be_rewritten_without_all_that_came_after(store: LocalStore, place: int) -> None:
    """An old version's file, its manifest and the index are changed so that they agree; the next manifest gives it away."""
    entries = _versions(store)
    path = _manifest(store, entries[place]).with_name("tables") / "awards.parquet"
    path.write_bytes((store.version_folder(MONTH, entries[0]["version"]) / "tables" / "awards.parquet").read_bytes())
    sha256, size = digest(path)
    rows = count_rows(path, "parquet")["rows"]

    def change(manifest: Json) -> None:
        listed = next(file for file in manifest["files"] if file["path"] == "tables/awards.parquet")
        listed.update(sha256=sha256, bytes=size, rows=rows)
        manifest["counts"]["awards"] = rows

    _rewrite(store, place, change)
    _edit(store, lambda entry: entry["versions"][place - 1]["counts"].update(awards=rows))
    (fault,) = _chain(store)
    after = entries[place - 1]["manifest"]["path"]
    assert fault.startswith(f"{after}: the chain is broken: before it came {entries[place]['version']}")
    assert fault in _verify(store).faults


def test_a_history_rewritten_whole_is_another_one_to_whoever_kept_a_file_of_it(
    store: LocalStore, three_versions: Path
) -> None:
    _rewrite(store, 2, lambda manifest: manifest.update(license="none"))
    for place in (1, 0):
        before = _versions(store)[place + 1]["manifest"]["sha256"]
        _rewrite(store, place, lambda manifest, before=before: manifest["previous"].update(sha256=before))
    assert _chain(store) == []
    known = known_files(store.index(), store.version_folder)
    kept = LocalStore(three_versions)
    for entry in _versions(kept):
        assert digest(_manifest(kept, entry))[0] not in known


@pytest.mark.parametrize(
    ("drop", "words"),
    [
        (lambda entry: entry["versions"].pop(0), ["the chain is broken", "commits are missing: 2"]),
        (lambda entry: entry["versions"].pop(1), ["the chain is broken", "commits are missing: 1"]),
        (lambda entry: entry["versions"].clear(), ["the chain is broken", "commits are missing: 1, 2"]),
        (lambda entry: entry["versions"].reverse(), ["the chain is broken", "commits of 2026-01 are not in order"]),
        (lambda entry: entry["versions"][0].update(sequence=1), ["commit 1 is there twice", "commits are missing: 2"]),
        (lambda entry: entry.update(sequence=9), ["its sequence is 4, its newest commit 9"]),
        (lambda entry: entry["versions"][1].update(sequence=0), ["its sequence is 4"]),
        (lambda entry: entry.update(inputs="0" * 64), ["inputs differ from the index"]),
        (lambda entry: entry["versions"][0].update(inputs="0" * 64), ["inputs differ from the index"]),
        (lambda entry: entry["versions"][0]["counts"].update(records=1), ["counts differ from the index"]),
        (lambda entry: entry["versions"][0].update(version=entry["version"]), ["has another one for the version's"]),
        (lambda entry: entry["versions"][0].update(manifest=entry["manifest"]), ["has another one for the version's"]),
        (lambda entry: entry["manifest"].update(sha256="0" * 64), ["sha256 is", "the index has two digests of it"]),
    ],
)
def test_an_index_whose_history_was_edited_is_found(
    store: LocalStore, drop: Callable[[Json], None], words: list[str]
) -> None:
    _edit(store, drop)
    chain, whole = _chain(store), verify_publication(store.index(), store.version_folder, counted=False).faults
    for some in words:
        assert any(some in fault for fault in chain), (some, chain)
    assert whole


def test_a_version_taken_back_and_a_month_dropped_are_found(store: LocalStore) -> None:
    whole = store.index()
    newest, before, oldest = _versions(store)
    document = json.loads(_manifest(store, before).read_bytes())
    prefix = f"months/{MONTH}/{before['version']}/"
    files = [file | {"path": f"{prefix}{file['path']}"} for file in document["files"]]
    files.append(before["manifest"] | {"format": "manifest", "rows": 1})
    back = {key: value for key, value in before.items() if key != "kept"} | {"files": files, "versions": [oldest]}
    store.update_index(lambda index: index | {"months": index["months"] | {MONTH: back}})
    assert _chain(store) == ["index.json: commits are missing: 3"]
    store.update_index(lambda _: whole | {"months": {MONTH: whole["months"][MONTH]}})
    assert _chain(store) == ["index.json: its sequence is 4, its newest commit 3"]
    assert newest["sequence"] == 3


def test_files_that_changed_places_are_found(store: LocalStore) -> None:
    newest, before, _ = _versions(store)
    for one, other in (
        (_file(store, "tables/awards.parquet"), _file(store, "tables/bids.parquet")),
        (_file(store, f"{MONTH}_csv.zip", newest), _file(store, f"{MONTH}_csv.zip", before)),
        (_manifest(store, newest), _manifest(store, before)),
    ):
        contents = one.read_bytes(), other.read_bytes()
        one.write_bytes(contents[1])
        other.write_bytes(contents[0])
        faults = "\n".join(_verify(store).faults)
        for path in (one, other):
            assert f"{path.relative_to(store.root / 'publication').as_posix()}: " in faults
        one.write_bytes(contents[0])
        other.write_bytes(contents[1])
    assert _verify(store).faults == ()


def test_commits_of_collections_count_too(store: LocalStore) -> None:
    def collected(index: Json) -> Json:
        return index | {"sequence": 6, "collections": {"history": {"sequence": 6}}}

    store.update_index(collected)
    assert _chain(store) == []  # commit 5 was of a collection that another one replaced
    store.update_index(lambda index: index | {"collections": {"history": {"sequence": 4}}})
    assert _chain(store) == [
        "index.json: commit 4 is there twice",
        "index.json: its sequence is 6, its newest commit 4",
    ]


def test_months_are_verified_alone_and_rows_left_uncounted(store: LocalStore) -> None:
    _flip(_file(store, "tables/bids.parquet"))
    other = verify_publication(store.index(), store.version_folder, ["2026-02"])
    assert (other.months, other.versions, other.faults) == (1, 1, ())
    (fault,) = verify_publication(store.index(), store.version_folder, [MONTH], counted=False).faults
    assert "tables/bids.parquet: sha256 is" in fault


# One file.


def test_any_file_is_known_by_what_it_holds(store: LocalStore) -> None:
    known = known_files(store.index(), store.version_folder)
    for place, entry in enumerate(_versions(store)):
        folder = store.version_folder(MONTH, entry["version"])
        for path in (path for path in folder.rglob("*") if path.is_file()):
            at = path.relative_to(store.root / "publication").as_posix()
            (found,) = (one for one in known[digest(path)[0]] if one.path == at)
            assert (found.of, found.version, found.current) == (MONTH, entry["version"], place == 0)
    assert all(one.path.startswith("months/") for found in known.values() for one in found)
    # Collections hold what months hold, and files of their own.
    shared = next(iter(known))
    files = [{"path": "history/v/a.parquet", "sha256": shared}, {"path": "history/v/manifest.json", "sha256": "0" * 64}]
    collections = {"history": {"version": "v", "files": files}}
    more = known_files(store.index() | {"collections": collections}, store.version_folder)
    assert [str(one) for one in more[shared]] == [
        *map(str, known[shared]),
        "history/v/a.parquet, current (history, version v)",
    ]
    assert [one.of for one in more["0" * 64]] == ["history"]


def test_disagreements_compare_what_each_format_can_hold() -> None:
    agreeing = {
        "tables/records.parquet": {"rows": 2},
        "tables/releases.parquet": {"rows": 3},
        "2026-01_csv.zip": {"records": 2, "releases": 3},
        "2026-01_Guatecompras.xlsx": {"records": 2, "releases": 3},
        "2026-01_Guatecompras.json.zip": {"records": 2},
        "2026-01_records.jsonl.gz": {"lines": 2},
        "2026-01_releases.jsonl.gz": {"lines": 3},
        "2026-01_rechazos.parquet": {"rows": 7},
        "changes.jsonl.gz": {"lines": 5},
        "changes.parquet": {"rows": 5},
    }
    assert disagreements(MONTH, agreeing) == []
    for name, rows in agreeing.items():
        for table in rows if not name.endswith("_rechazos.parquet") else ():
            assert len(disagreements(MONTH, agreeing | {name: rows | {table: 9}})) == 1
