import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from guatecompras.errors import StoreError
from guatecompras.formats.atomic import replacing, sweep


def test_a_file_appears_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with replacing(target) as part:
        part.write_text("new")
        assert part.parent == tmp_path
        assert part.name.startswith(".a.txt.part-")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_an_exception_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(TypeError), replacing(target) as part, part.open("w") as file:
        file.write("half", None)  # type: ignore[call-arg]
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the folder does not exist"), replacing(tmp_path / "none" / "a"):
        pass


def test_a_disk_that_takes_no_more_is_a_store_error(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StoreError, match=r"cannot write .*a\.bin"), replacing(tmp_path / "a.bin") as part:
            part.write_bytes(bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_sweep_removes_only_what_a_dead_process_of_this_host_left(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = socket.gethostname()
    orphan = tmp_path / f".m.zip.part-{host}-{dead.pid}-0123abcd"
    kept = [
        tmp_path / f".m.zip.part-{host}-{os.getpid()}-0123abcd",
        tmp_path / f".m.zip.part-otherhost-{dead.pid}-0123abcd",
        tmp_path / "m.zip",
        tmp_path / ".m.zip.part-x",
    ]
    for path in [orphan, *kept]:
        path.touch()
    assert sweep(tmp_path) == [orphan]
    assert sorted(tmp_path.iterdir()) == sorted(kept)
