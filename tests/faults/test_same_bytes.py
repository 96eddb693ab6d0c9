"""The same input gives the same bytes: on any machine, in any language, by any number of processes, from any kind of source."""

import gzip
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from guatecompras.stores import LocalStore
from resources.settings import PROJECT
from tests.faults.world import MONTHS, Process, command, data_of, faults, output, undated

# Two machines, as far as a process can tell: where it writes, what it speaks, what time it is there, how it hashes, how many
# threads it starts, what it lets others read.
MACHINES: tuple[dict[str, str], ...] = (
    {"TZ": "Asia/Tokyo", "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONHASHSEED": "1"},
    {"TZ": "America/Los_Angeles", "LANG": "tr_TR.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4242"},
)


def _run(folder: Path, number: int, *words: object) -> Process:
    """The command on one of the machines; on the second one it finds one processor."""
    temporary = folder / f"privatetmp{number}"
    temporary.mkdir(exist_ok=True)
    more = {"TMPDIR": str(temporary), "POLARS_MAX_THREADS": str(3 - 2 * number)}
    processors = sorted(os.sched_getaffinity(0))
    return command(
        folder / f"privatehome{number}",
        *words,
        before=() if not number else ("taskset", "-c", str(processors[-1])) if shutil.which("taskset") else (),
        umask=0o022 + number * 0o055,
        **MACHINES[number],
        **more,
    )


def _sources(folder: Path, first: str, months: int) -> list[str]:
    """One month after the other as a database and as a folder of CSV files."""
    targets = (f"sqlite:///{folder}/privatesource.sqlite", str(folder / "privatecsv"))
    words = ("demo-source", "--first", first, "--months", months, "--size", 20, "--out")
    for run in [_run(folder, number, *words, target) for number, target in enumerate(targets)]:
        output(run)
    return [targets[0], f"csv:{targets[1]}"]


def _published(folder: Path, months: tuple[str, ...], jobs: tuple[int, int]) -> list[LocalStore]:
    """The months published on both machines, from both kinds of source, by so many processes."""
    first, last = (int(month[:4]) * 12 + int(month[5:]) for month in (months[0], months[-1]))
    sources = _sources(folder, months[0], last - first + 1)
    stores = [LocalStore(folder / f"privatestore{number}") for number in range(2)]
    runs = [
        _run(
            folder,
            number,
            "publish",
            *months,
            "--source",
            sources[number],
            "--store",
            store.root,
            "--jobs",
            jobs[number],
        )
        for number, store in enumerate(stores)
    ]
    for run in runs:
        output(run)
    return stores


def _members(path: Path, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A published file and all that it packs, as plain bytes."""
    yield path.name, content
    if path.suffix in (".zip", ".xlsx"):
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _members(Path(name), archive.read(name))
    elif path.suffix == ".gz":
        yield path.stem, gzip.decompress(content)
    elif path.suffix == ".parquet":
        metadata = pq.ParquetFile(BytesIO(content)).schema_arrow
        yield path.name, repr((metadata.metadata, [field.metadata for field in metadata])).encode()
        yield path.name, pl.read_parquet(BytesIO(content)).write_json().encode()


def test_months_are_the_same_bytes_everywhere_and_say_nothing_of_where(tmp_path: Path) -> None:
    """One after the other from a database, side by side from CSV files; the second is compared with the first."""
    stores = _published(tmp_path, MONTHS[:2], (1, 2))
    assert data_of(stores[0]) == data_of(stores[1])
    assert undated(stores[0].index()) == undated(stores[1].index())
    assert [faults(store) for store in stores] == [(), ()]
    host = os.uname().nodename.encode()
    words = [b"private", str(tmp_path).encode(), str(PROJECT).encode(), b"demo:", b"sqlite"]
    words += [host] if len(host) > 8 else []
    for path in (stores[0].root / "publication").rglob("*"):
        for name, content in _members(path, path.read_bytes()) if path.is_file() else ():
            for word in words:
                assert word not in content, (path, name, word)


@pytest.mark.slow
def test_three_months_at_once_are_those_that_were_made_one_after_the_other(tmp_path: Path) -> None:
    stores = _published(tmp_path, MONTHS, (1, 3))
    assert data_of(stores[0]) == data_of(stores[1])
    assert undated(stores[0].index()) == undated(stores[1].index())


@pytest.mark.slow
@pytest.mark.skipif(
    subprocess.run(["which", "unshare"], capture_output=True, check=False).returncode != 0, reason="no unshare"
)
def test_the_name_of_the_machine_is_nowhere(tmp_path: Path) -> None:
    named = ("unshare", "-ru", "sh", "-c", 'hostname privatehostname && exec "$@"', "sh")
    if subprocess.run([*named, "true"], capture_output=True, check=False).returncode:
        pytest.skip("the machine cannot be named otherwise here")
    run = command(
        tmp_path / "home",
        "publish",
        MONTHS[0],
        "--source",
        "demo:?size=20&seed=1",
        "--store",
        tmp_path / "store",
        before=named,
    )
    output(run)
    for path in (tmp_path / "store" / "publication").rglob("*"):
        for name, content in _members(path, path.read_bytes()) if path.is_file() else ():
            assert b"privatehost" not in content, (path, name)
