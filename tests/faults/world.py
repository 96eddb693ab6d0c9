"""What the fault tests share: runs as processes of their own, stores and copies of them, what a reader sees, small disks."""

import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from guatecompras.formats.counting import digest
from guatecompras.stores import LocalStore
from guatecompras.verification import verify_publication
from resources.settings import PROJECT

Json = dict[str, Any]
Process = subprocess.Popen[str]

MONTHS = ("2026-01", "2026-02", "2026-03")
OLD, NEW, OTHER = (f"demo:?size=20&seed={seed}" for seed in (2, 1, 3))


@dataclass(frozen=True)
class Way:
    """What an undisturbed run takes: seconds of the processor, and deeds on the disk."""

    seconds: float
    deeds: int


# What says which versions are public, and when they were published.
_INDEXES = frozenset({"index.json", "catalog.jsonld"})
# What the clock decides in the index, and in which order months end; all else is the source's.
_PASSING = frozenset({"published", "sequence"})


# What a reader sees.


def tree(folder: Path) -> dict[str, str]:
    """Path -> sha256 of every file in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): digest(path)[0] for path in sorted(files)}


def data_of(store: LocalStore) -> dict[str, str]:
    """All that is public but what lists it."""
    return {name: sha256 for name, sha256 in tree(store.root / "publication").items() if name not in _INDEXES}


def undated(index: Any) -> Any:
    """An index, without what is the clock's."""
    if isinstance(index, dict):
        return {key: undated(value) for key, value in index.items() if key not in _PASSING}
    return [undated(value) for value in index] if isinstance(index, list) else index


def faults(store: LocalStore) -> tuple[str, ...]:
    """What a reader who checks everything finds wrong."""
    return verify_publication(store.index(), store.version_folder).faults


def public(store: LocalStore) -> dict[str, str]:
    """Month -> the version that is public."""
    return {month: entry["version"] for month, entry in store.index()["months"].items()}


def copied(store: LocalStore, target: Path) -> LocalStore:
    """A store like another one, its hard links between work and publication included."""
    subprocess.run(["cp", "-a", str(store.root), str(target)], check=True)
    return LocalStore(target)


# Processes.


def started(*words: object, module: str = "tests.faults.run", before: Sequence[str] = (), **more: Any) -> Process:
    """A module run by a fresh interpreter, in a process group of its own; `before`: a command that runs it."""
    return subprocess.Popen(
        [*before, sys.executable, "-m", module, *map(str, words)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        **more,
    )


def command(home: Path, *words: object, before: Sequence[str] = (), umask: int = -1, **environment: str) -> Process:
    """The command `guatecompras`, on a Dagster home that is made if there is none."""
    if not home.exists():
        home.mkdir()
        (home / "dagster.yaml").write_bytes((PROJECT / "pipelines/deploy/embedded/dagster.yaml").read_bytes())
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = kept | {"DAGSTER_HOME": str(home)} | environment
    return started(*words, module="pipelines.cli", before=before, umask=umask, env=env)


def told(process: Process, expected: str) -> None:
    """Read the next line that a run says."""
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said == f"{expected}\n", said + "".join(process.stderr or ())


def go(process: Process) -> None:
    """Let a run that waits go on."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def output(process: Process) -> str:
    """What a run says until it ends, as it should."""
    out, errors = process.communicate("\n" * 20, timeout=300)
    assert process.returncode == 0, errors
    return out


def busy(process: Process) -> float:
    """Seconds of the processor that a run has had; those of one that has ended are infinite."""
    try:
        times = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except (FileNotFoundError, ProcessLookupError):
        return math.inf
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def kill_group(process: Process) -> None:
    """SIGKILL to a run and all processes that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


# Disks.


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A disk of its own, mounted at `folder`, or reached through the namespace of a process that may mount. Else skipped."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    if not subprocess.run(command, capture_output=True, check=False).returncode:
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
        return
    holder = subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", '"$@" && echo mounted && cat', "sh", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert holder.stdout is not None
    if holder.stdout.readline() != "mounted\n":
        holder.communicate()
        pytest.skip("a small disk can be mounted neither here nor in a namespace")
    try:
        yield Path(f"/proc/{holder.pid}/root{folder}")
    finally:
        holder.communicate()


def remounted(disk: Path, mode: str) -> None:
    """Mount a disk anew, `ro` or `rw`. Skipped where it is in a namespace."""
    if disk.is_relative_to("/proc"):
        pytest.skip("only root can mount a disk anew")
    subprocess.run(["mount", "-o", f"remount,{mode}", str(disk)], check=True)


def filled(disk: Path) -> Path:
    """A file that takes up all the space that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler
