"""Versions, manifests and the index: what is public only ever grows by one version after another."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras.errors import StoreError
from guatecompras.publication import (
    MANIFEST,
    code_digest,
    empty_index,
    is_version,
    placed,
    previous_of,
    read_index,
    switched,
    versions_of,
)
from guatecompras.stores import LocalStore
from tests.publications import MONTH
from tests.switching import LISTED, switched_to

ROOT = Path(__file__).parents[1]


# The index.


@given(st.lists(st.tuples(st.sampled_from(["2025-12", "2026-01"]), st.sampled_from("abcd")), max_size=12))
def test_after_any_switches_each_version_stands_once_the_newest_first(switches: list[tuple[str, str]]) -> None:
    index = empty_index()
    made: dict[str, list[str]] = {}
    for month, version in switches:
        before, known = json.dumps(index), made.setdefault(month, [])
        if version in known[1:]:
            # Its manifest names a version that is not current any more, as every one that was replaced does.
            with pytest.raises(StoreError, match=f"another run published {month} meanwhile; run the month again"):
                switched_to(index, month, version)
            continue
        after = switched_to(index, month, version)
        assert json.dumps(index) == before
        assert (after == index) == (version in known)
        if version not in known:
            known.insert(0, version)
        assert after["sequence"] == sum(map(len, made.values()))
        index = after
        entry = index["months"][month]
        assert entry["version"] == version
        assert entry["manifest"]["path"] == f"months/{month}/{version}/manifest.json"
        assert entry["files"][0]["path"] == f"months/{month}/{version}/a.csv"
    for month, known in made.items():
        assert [entry["version"] for entry in versions_of(index, month)] == known
        assert [entry["kept"] for entry in versions_of(index, month)[1:]] == [True] * (len(known) - 1)
        assert not any("files" in entry for entry in versions_of(index, month)[1:])
    assert read_index(json.dumps(index).encode()) == index


def test_a_switch_is_refused_when_what_it_replaces_is_not_current() -> None:
    index = switched_to(empty_index(), MONTH, "a")
    current = previous_of(index, MONTH, "b")
    assert current == {"version": "a", "sha256": "0" * 64}
    for previous in (None, current | {"version": "z"}, current | {"sha256": "1" * 64}):
        with pytest.raises(StoreError, match="another run published 2026-01 meanwhile; run the month again"):
            switched(index, MONTH, "b", "", {}, LISTED, previous=previous, inputs="")
    with pytest.raises(StoreError, match="another run published 2026-02 meanwhile"):
        switched(index, "2026-02", "b", "", {}, LISTED, previous=current, inputs="")
    assert switched(index, MONTH, "b", "", {}, LISTED, previous=current, inputs="")["sequence"] == 2


def test_what_a_version_replaces_is_known_before_and_after_it_is_public() -> None:
    index = empty_index()
    assert versions_of(index, MONTH) == []
    for version, before in (("a", None), ("b", "a"), ("c", "b")):
        for _ in range(2):
            found = previous_of(index, MONTH, version)
            assert (found and found["version"]) == before
            index = switched_to(index, MONTH, version)


def test_months_stand_in_order() -> None:
    index = empty_index()
    for month in ("2026-02", "2025-12", "2026-01"):
        index = switched_to(index, month, "a")
    assert list(index["months"]) == ["2025-12", "2026-01", "2026-02"]


def test_a_version_in_place_that_cannot_be_read_is_one_clear_line(three_versions: Path, tmp_path: Path) -> None:
    entry = LocalStore(three_versions).index()["months"][MONTH]
    folder = tmp_path / "version"
    shutil.copytree(three_versions / "publication" / "months" / MONTH / entry["version"], folder)
    manifest, files = placed(folder)
    assert {file.path for file in files} == {path["path"] for path in manifest["files"]} | {MANIFEST}
    for text in ("{", "[]", '{"files": [{"path": 1}]}'):
        (folder / MANIFEST).write_text(text)
        with pytest.raises(StoreError, match="the version in place cannot be used"):
            placed(folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(StoreError, match="the version in place cannot be used"):
        placed(folder)


# Versions.


def test_versions_are_named_alike(three_versions: Path) -> None:
    version = LocalStore(three_versions).index()["months"][MONTH]["version"]
    assert is_version(version)
    assert not any(is_version(name) for name in ("runs", ".lock", "none", f".{version}.part-x-1-00000000"))


def test_the_code_has_one_digest_wherever_and_whenever_it_is_read(tmp_path: Path) -> None:
    package = tmp_path / "guatecompras"
    shutil.copytree(ROOT / "guatecompras", package, ignore=shutil.ignore_patterns("__pycache__"))

    def found() -> str:
        code = "import guatecompras.publication as it; print(it.__file__, it.code_digest())"
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        run = [sys.executable, "-c", code]
        done = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        place, seal = done.stdout.split()
        assert place.startswith(str(package))
        return seal

    first = found()
    assert list(package.rglob("__pycache__"))
    for path in package.rglob("*"):
        os.utime(path, (0, 0))
    for litter in ("x.pyc", ".#month.py", "data/.hidden/x.csv", "demo/more.py", "notes.txt"):
        (package / litter).parent.mkdir(exist_ok=True)
        (package / litter).write_text("x")
    assert found() == first
    for change in ("data/catalogs/estatus.csv", "ocds/releases.py"):
        with (package / change).open("a") as file:
            file.write("\n")
        second = found()
        assert second != first
        first = second
    (package / "ocds" / "more.py").touch()
    assert found() != first
    assert len(code_digest()) == 64
