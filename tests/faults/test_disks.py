"""Disks that fill, take no more, or may not be written, and stores that go away: one clear line, the publication as before, and the
next run makes of it what an undisturbed one does.
"""

import os
import pwd
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from guatecompras.errors import GuatecomprasError, StoreError
from guatecompras.month import MonthWork
from guatecompras.months import Month
from guatecompras.stores import LocalStore
from resources.sources.uri import open_source
from tests.faults.run import publish, stages
from tests.faults.test_hostile_ocds import FIRST, package, record, zipped
from tests.faults.world import MONTHS, NEW, copied, data_of, faults, filled, remounted, small_disk, undated
from tests.replaced import LOSSES_ALLOWED

MONTH = MONTHS[0]
Break = Callable[[], Callable[[], None]]


def _each_stage_refused(store: LocalStore, broken: Break, words: str) -> None:
    """Break something in each stage, mend it and go on; `broken` breaks and gives what mends."""
    before, index = data_of(store), undated(store.index())
    for stage, do in stages(store, NEW, MONTH):
        mend = broken()
        try:
            with pytest.raises(StoreError, match=words) as raised:
                do()
            assert "\n" not in str(raised.value), stage
            assert undated(store.index()) == index, stage
            # A version that is in place before the index names it harms nobody.
            assert data_of(store).items() >= before.items(), stage
        finally:
            mend()
        do()
        if stage != "publish":
            assert faults(store) == (), stage


def _like(store: LocalStore, new: LocalStore) -> None:
    """The month is as the undisturbed run published it."""
    assert faults(store) == ()
    assert undated(store.index()["months"][MONTH]) == undated(new.index()["months"][MONTH])
    expected = {name: sha256 for name, sha256 in data_of(new).items() if name.startswith(f"months/{MONTH}/")}
    assert {name: sha256 for name, sha256 in data_of(store).items() if name.startswith(f"months/{MONTH}/")} == expected


def test_a_disk_that_fills_in_any_stage_is_one_clear_line_and_no_harm(
    old: LocalStore, new: LocalStore, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        store = copied(old, disk / "store")
        _each_stage_refused(store, lambda: filled(disk).unlink, "No space left")
        _like(store, new)
        # What a library left open stays as long as this process does.
        assert all(f"-{os.getpid()}-" in path.name for path in store.root.rglob(".*.part-*"))


def test_a_disk_that_takes_no_more_is_one_clear_line_in_any_stage(store: LocalStore, new: LocalStore) -> None:
    """The same where no disk can be mounted: no file may grow beyond 500 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def broken() -> Callable[[], None]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    _each_stage_refused(store, broken, r"cannot write .*: File too large")
    _like(store, new)


@pytest.mark.slow
def test_a_read_only_disk_is_one_clear_line_in_any_stage(old: LocalStore, new: LocalStore, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "24m") as disk:
        store = copied(old, disk / "store")

        def broken() -> Callable[[], None]:
            remounted(disk, "ro")
            return lambda: remounted(disk, "rw")

        _each_stage_refused(store, broken, "Read-only file system")
        _like(store, new)


@contextmanager
def _ordinary_user() -> Iterator[Path]:
    """A folder of somebody to whom something can be forbidden, as whom this process acts meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="gc-faults-"))
    uid = os.geteuid()
    try:
        if uid == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            os.seteuid(nobody.pw_uid)
        yield folder
    finally:
        os.seteuid(uid)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("forbidden", ["publication", pytest.param("work", marks=pytest.mark.slow)])
def test_a_folder_that_may_not_be_written_is_one_clear_line(new: LocalStore, forbidden: str) -> None:
    with _ordinary_user() as folder:
        store = LocalStore(folder / "store")
        store.work(MONTH)
        (folder / "store" / "publication").mkdir()
        closed = folder / "store" / forbidden
        for path in (closed, *closed.rglob("*")):
            path.chmod(0o555)
        with pytest.raises(StoreError, match="Permission denied") as raised:
            publish(store, NEW, MONTH)
        assert "\n" not in str(raised.value)
        assert store.index()["months"] == {}
        for path in (closed, *closed.rglob("*")):
            path.chmod(0o755)
        publish(store, NEW, MONTH)
        assert faults(store) == ()


# A store that is not reached any more.


def _gone(root: Path) -> Callable[[], object]:
    aside = root.rename(root.with_name("aside"))

    def back() -> None:
        shutil.rmtree(root, ignore_errors=True)
        aside.rename(root)

    return back


def _a_file_in_its_place(root: Path) -> Callable[[], object]:
    back = _gone(root)
    root.touch()

    def mend() -> None:
        root.unlink()
        back()

    return mend


def _a_link_to_nowhere(root: Path) -> Callable[[], object]:
    back = _gone(root)
    root.symlink_to(root.with_name("nowhere"))

    def mend() -> None:
        root.unlink()
        back()

    return mend


_LATER = [pytest.param(broken, marks=pytest.mark.slow) for broken in (_a_file_in_its_place, _a_link_to_nowhere)]


@pytest.mark.parametrize("broken", [_gone, *_LATER])
def test_a_store_that_goes_away_between_two_stages_is_one_clear_line(
    store: LocalStore, new: LocalStore, broken: Callable[[Path], Callable[[], object]]
) -> None:
    """As a network disk does. Gone before the first stage it is a new store, which nobody can tell from an old one."""
    for stage, do in stages(store, NEW, MONTH):
        if stage != "source" or broken is not _gone:
            mend = broken(store.root)
            try:
                with pytest.raises(StoreError) as raised:
                    do()
                assert "\n" not in str(raised.value), stage
            finally:
                mend()
        do()
    _like(store, new)


# The disk for what is read: archives are unpacked and rows are gathered there.


@pytest.mark.parametrize("free", [0, 100_000])
@pytest.mark.parametrize("form", ["json", "zip"])
def test_a_full_disk_for_temporary_files_is_one_clear_line(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, free: int
) -> None:
    content = package(*(record(FIRST + number) for number in range(200)))
    path = tmp_path / f"source.{form}"
    path.write_bytes(content if form == "json" else zipped(("2026-05_Guatecompras.json", content)))
    before = data_of(store)
    with small_disk(tmp_path / "disk", "4m") as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        filler = filled(disk)
        os.truncate(filler, filler.stat().st_size - free)
        with pytest.raises(GuatecomprasError, match="No space left") as raised:
            MonthWork.extract(store, open_source(f"ocds:{path}"), Month.parse("2026-05"), LOSSES_ALLOWED)
        assert "\n" not in str(raised.value)
        assert data_of(store) == before
        filler.unlink()
        MonthWork.extract(store, open_source(f"ocds:{path}"), Month.parse("2026-05"), LOSSES_ALLOWED)
        assert not list(disk.iterdir())
