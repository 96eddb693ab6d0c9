"""The local store: one atomic switch, versions whole or not at all, many writers, leftovers, bad disks."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from guatecompras.errors import StoreError
from guatecompras.publication import MANIFEST, SCHEMA, empty_index
from guatecompras.stores import STALE_AFTER, LocalStore, open_store
from tests.switching import switch, switched_to

MONTH = "2026-01"
FIRST, SECOND, THIRD = (f"20260201T00000{number}-{'0' * 12}" for number in (1, 2, 3))
ROOT = Path(__file__).parents[1]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def _files(store: LocalStore, text: str = "one", month: str = MONTH) -> dict[str, Path]:
    """Two files and a manifest in the work folder, as `put_version` takes them."""
    folder = store.work(month)
    found = {}
    for name in ("a.csv", "tables/b.parquet", MANIFEST):
        found[name] = folder / f"{name.replace('/', '-')}-{text}"
        found[name].write_text(f"{name} {text}")
    return found


def _publish(store: LocalStore, version: str, month: str = MONTH) -> None:
    store.put_version(month, version, _files(store, version, month))
    switch(store, month, version)


def _tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def _dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def _run(script: str, *words: object) -> "subprocess.Popen[str]":
    """A fresh interpreter on the project, as a run of its own would be."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# Versions.


def test_a_version_appears_with_all_its_files_and_nothing_else(store: LocalStore) -> None:
    files = _files(store)
    store.put_version(MONTH, FIRST, files)
    folder = store.version_folder(MONTH, FIRST)
    assert _tree(folder) == {name: path.read_bytes() for name, path in files.items()}
    assert list(folder.parent.iterdir()) == [folder]


def test_putting_a_version_again_changes_nothing(store: LocalStore) -> None:
    store.put_version(MONTH, FIRST, _files(store))
    folder = store.version_folder(MONTH, FIRST)
    before = {path: path.stat().st_ino for path in folder.rglob("*")}
    store.put_version(MONTH, FIRST, _files(store, "other"))
    assert {path: path.stat().st_ino for path in folder.rglob("*")} == before
    assert list(folder.parent.iterdir()) == [folder]


def test_a_version_that_cannot_be_completed_does_not_appear(store: LocalStore) -> None:
    files = _files(store) | {"z.csv": store.work(MONTH) / "absent"}
    with pytest.raises(StoreError, match=rf"cannot write .*{FIRST}"):
        store.put_version(MONTH, FIRST, files)
    assert not list(store.version_folder(MONTH, FIRST).parent.iterdir())


def test_replacing_a_work_file_does_not_touch_the_version_made_of_it(store: LocalStore) -> None:
    files = _files(store)
    store.put_version(MONTH, FIRST, files)
    before = _tree(store.version_folder(MONTH, FIRST))
    part = files["a.csv"].with_name("new")
    part.write_text("new")
    part.replace(files["a.csv"])
    assert _tree(store.version_folder(MONTH, FIRST)) == before


def test_a_work_folder_on_another_disk_is_copied(store: LocalStore, disk: Path) -> None:
    files = {name: disk / path.name for name, path in _files(store).items()}
    for name, path in files.items():
        path.write_text(name)
    store.put_version(MONTH, FIRST, files)
    assert _tree(store.version_folder(MONTH, FIRST)) == {name: name.encode() for name in files}


# The index.


def test_an_absent_index_is_an_empty_one_and_nobody_shares_it(store: LocalStore) -> None:
    store.index()["months"]["2026-01"] = "spoilt"
    assert store.index() == {"schema": SCHEMA, "sequence": 0, "months": {}, "collections": {}}


def test_an_unchanged_index_is_not_written(store: LocalStore) -> None:
    _publish(store, FIRST)
    path = store.root / "publication" / "index.json"
    before = path.stat().st_mtime_ns, path.stat().st_ino
    _publish(store, FIRST)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_a_change_that_fails_leaves_the_index(store: LocalStore) -> None:
    _publish(store, FIRST)
    before = _tree(store.root / "publication")
    with pytest.raises(ZeroDivisionError):
        store.update_index(lambda index: 1 / 0)  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError):
        store.update_index(lambda index: index | {"months": {1, 2}})
    assert _tree(store.root / "publication") == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not an index"),
        ('{"schema": 2, "months": {', "not an index"),
        ("[]", "its schema is None"),
        ('{"schema": 0, "months": {}}', "its schema is 0, not one of 1 to 3"),
        ('{"schema": 1, "months": {"2026-01": {"version": "a", "versions": []}}}', "damaged"),
        ('{"schema": 2}', "sequence"),
        ('{"schema": 2, "sequence": 1, "months": {"2026-01": {"version": "a"}}, "collections": {}}', "months"),
        ('{"schema": 2, "sequence": 1, "months": {"2026-01": 5}, "collections": {}}', "months"),
    ],
)
def test_a_damaged_or_foreign_index_is_one_clear_line_and_stays(store: LocalStore, text: str, words: str) -> None:
    _publish(store, FIRST)
    path = store.root / "publication" / "index.json"
    path.write_text(text)
    for act in (
        store.index,
        lambda: store.update_index(lambda index: empty_index()),
        lambda: store.put_version(MONTH, FIRST, _files(store, "two")),
        lambda: store.tidy(MONTH),
    ):
        with pytest.raises(StoreError, match=words) as raised:
            act()
        assert str(path) in str(raised.value)
        assert "\n" not in str(raised.value)
    assert path.read_text() == text
    assert store.version_folder(MONTH, FIRST).is_dir()


def test_readers_never_see_half_an_index(store: LocalStore) -> None:
    """The index only ever becomes another file; the one that a reader has open stays as it was."""
    _publish(store, FIRST)
    with open(store.root / "publication" / "index.json", "rb") as reader:
        before = json.loads(reader.read())
        _publish(store, SECOND)
        reader.seek(0)
        assert json.loads(reader.read()) == before
    assert store.index()["months"][MONTH]["version"] == SECOND


# Many writers.

_SWITCHER = """
import os
import sys
from pathlib import Path
from guatecompras.stores import LocalStore
from tests.switching import switch

store, month = LocalStore(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    version = f"2026020{number}T000000-" + "0" * 12
    files = {name: store.work(month) / f"{os.getpid()}-{number}-{name}" for name in ("a.csv", "manifest.json")}
    for path in files.values():
        path.write_text(version)
    store.put_version(month, version, files)
    switch(store, month, version)
    store.tidy(month)
"""


def _together(processes: "list[subprocess.Popen[str]]") -> None:
    """Let processes that wait begin at once, and hold every one of them to its end."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors


def test_eight_processes_switching_different_months_all_end_in_the_index(store: LocalStore) -> None:
    months = [f"2026-{number:02d}" for number in range(1, 9)]
    _together([_run(_SWITCHER, store.root, month, 5) for month in months])
    index = store.index()
    assert list(index["months"]) == months
    versions = [f"2026020{number}T000000-{'0' * 12}" for number in range(4, -1, -1)]
    for month, entry in index["months"].items():
        assert [entry["version"], *(old["version"] for old in entry["versions"])] == versions
        for version in versions:
            assert _tree(store.version_folder(month, version)) == dict.fromkeys(("a.csv", MANIFEST), version.encode())
    assert not list(store.root.rglob(".*.part-*"))


def test_processes_publishing_the_same_version_at_once_end_with_one(store: LocalStore) -> None:
    _together([_run(_SWITCHER, store.root, MONTH, 1) for _ in range(3)])
    months = store.root / "publication" / "months" / MONTH
    version = f"20260200T000000-{'0' * 12}"
    assert [path.name for path in months.iterdir()] == [version]
    assert set(_tree(months / version)) == {"a.csv", MANIFEST}
    assert store.index()["months"][MONTH]["versions"] == []


# Leftovers.


def _leftover(folder: Path, name: str, pid: int, host: str | None = None) -> Path:
    path = folder / f".{name}.part-{host or socket.gethostname()}-{pid}-0123abcd"
    (path / "tables").mkdir(parents=True)
    (path / "tables" / "x.parquet").write_text("x")
    return path


def test_what_dead_processes_left_is_removed_wherever_it_lies(store: LocalStore) -> None:
    _publish(store, FIRST)
    dead = _dead_pid()
    months, work = store.root / "publication" / "months" / MONTH, store.work(MONTH)
    (work / SECOND / "tables").mkdir(parents=True)
    gone = [
        _leftover(months, SECOND, dead),
        _leftover(work, "incoming", dead),
        _leftover(work / SECOND / "tables", "awards.parquet", dead),
    ]
    stale = _leftover(work, "incoming", dead, host="elsewhere")
    _age(stale, STALE_AFTER + 60)
    kept = [
        _leftover(months, SECOND, os.getpid()),
        _leftover(work, "incoming", os.getpid()),
        _leftover(work, "incoming2", dead, host="elsewhere"),
    ]
    store.tidy(MONTH)
    assert not any(path.exists() for path in [*gone, stale])
    assert all((path / "tables" / "x.parquet").is_file() for path in kept)


def test_only_stale_work_goes_and_never_the_current_versions(store: LocalStore) -> None:
    _publish(store, FIRST)
    _publish(store, SECOND)
    work = store.work(MONTH)
    for name in (FIRST, SECOND, THIRD, "runs"):
        (work / name).mkdir()
        _age(work / name, STALE_AFTER + 60)
    _age(work / THIRD, STALE_AFTER - 60)
    store.tidy(MONTH)
    assert {path.name for path in work.iterdir() if path.is_dir()} == {SECOND, THIRD, "runs"}


def test_a_version_that_no_index_lists_stays_while_it_may_still_be_switched_to(store: LocalStore) -> None:
    _publish(store, FIRST)
    _age(store.version_folder(MONTH, FIRST), STALE_AFTER + 60)
    store.put_version(MONTH, SECOND, _files(store, "two"))
    store.put_version(MONTH, THIRD, _files(store, "three"))
    for version in (SECOND, THIRD):
        _age(store.version_folder(MONTH, version), STALE_AFTER + 60)
    # A run that finds its version in place, and is about to switch to it.
    store.put_version(MONTH, SECOND, _files(store, "two"))
    store.tidy(MONTH)
    assert store.version_folder(MONTH, FIRST).is_dir()
    assert store.version_folder(MONTH, SECOND).is_dir()
    assert not store.version_folder(MONTH, THIRD).exists()


_WORKER = """
import sys
from pathlib import Path
from guatecompras.stores import LocalStore

with LocalStore(Path(sys.argv[1])).working(sys.argv[2], sys.argv[3]):
    print("ready", flush=True)
    sys.stdin.readline()
"""


def test_work_is_not_removed_while_a_process_is_at_it_however_long_ago_it_began(store: LocalStore) -> None:
    _publish(store, FIRST)
    folder = store.work(MONTH) / SECOND
    folder.mkdir()
    worker = _run(_WORKER, store.root, MONTH, SECOND)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    _age(folder, STALE_AFTER + 60)
    store.tidy(MONTH)
    assert folder.is_dir()
    worker.communicate("over\n", timeout=30)
    # It ended just now, so its next stage may be on its way.
    store.tidy(MONTH)
    assert folder.is_dir()
    _age(folder, STALE_AFTER + 60)
    store.tidy(MONTH)
    assert not folder.exists()


def test_a_killed_process_holds_no_lock(store: LocalStore) -> None:
    folder = store.work(MONTH) / SECOND
    folder.mkdir()
    worker = _run(_WORKER, store.root, MONTH, SECOND)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    worker.kill()
    worker.communicate(timeout=30)
    _age(folder, STALE_AFTER + 60)
    store.tidy(MONTH)
    assert not folder.exists()


def test_a_clock_set_back_removes_nothing(store: LocalStore) -> None:
    folder = store.work(MONTH) / SECOND
    folder.mkdir()
    _age(folder, -10 * STALE_AFTER)
    store.tidy(MONTH)
    assert folder.is_dir()


# Disks.


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)


def _fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler


def test_a_full_disk_is_one_clear_line_and_the_publication_stays(disk: Path) -> None:
    store = LocalStore(disk / "store")
    _publish(store, FIRST)
    (disk / "store" / "publication" / "months" / "2026-02").mkdir()
    _files(store, "two", "2026-02")
    before = _tree(store.root / "publication")
    filler = _fill(disk)
    with pytest.raises(StoreError, match=r"cannot write .*index\.json: No space left") as raised:
        store.update_index(lambda index: switched_to(index, "2026-02", FIRST))
    assert "\n" not in str(raised.value)
    assert _tree(store.root / "publication") == before
    filler.unlink()
    _publish(store, SECOND)
    assert store.index()["months"][MONTH]["version"] == SECOND


def test_a_read_only_disk_is_one_clear_line_and_the_publication_stays(disk: Path) -> None:
    store = LocalStore(disk / "store")
    _publish(store, FIRST)
    files = _files(store, "two")
    before = _tree(store.root / "publication")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    acts = {
        "lock": lambda: store.put_version(MONTH, SECOND, files),
        "index": lambda: store.update_index(lambda index: empty_index()),
        "create": lambda: store.work("2026-02"),
    }
    for words, act in acts.items():
        with pytest.raises(StoreError, match=rf"cannot .*{words}.*Read-only file system"):
            act()
    assert store.index()["months"][MONTH]["version"] == FIRST
    assert _tree(store.root / "publication") == before


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written_is_one_clear_line(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    _publish(store, FIRST)
    files = _files(store, "two")
    months = store.root / "publication" / "months" / MONTH
    months.chmod(0o555)
    with pytest.raises(StoreError, match="Permission denied"):
        store.put_version(MONTH, SECOND, files)
    months.chmod(0o755)
    assert store.index()["months"][MONTH]["version"] == FIRST


def test_a_file_in_place_of_the_store_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot create .*file"):
        LocalStore(tmp_path / "file" / "store").work(MONTH)
    with pytest.raises(StoreError, match=r"cannot create .*file"):
        LocalStore(tmp_path / "file").work(MONTH)


def test_stores_are_folders(tmp_path: Path) -> None:
    assert open_store(f"file://{tmp_path}/a").version_folder(MONTH, FIRST).is_relative_to(tmp_path / "a")
    assert open_store(str(tmp_path)).work(MONTH).is_relative_to(tmp_path)
    with pytest.raises(StoreError, match="s3://bucket"):
        open_store("s3://bucket")
