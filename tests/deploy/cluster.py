"""Many machines, in small: a broker (Redis), object storage, PostgreSQL, Dagster's daemon, and workers, each with a home, a work
folder and a temporary folder of its own. All are processes of their own, and may be killed.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import make_url

from pipelines.machines.variables import BROKER_VARIABLE, MONTHS_VARIABLE
from resources.settings import PROJECT
from tests.stores.conftest import ACCESS, SECRET, make_bucket

T = TypeVar("T")

REDIS = shutil.which("redis-server")
DEPLOY = PROJECT / "pipelines" / "deploy" / "celery"


def until(found: Callable[[], T | None], what: str, seconds: float = 120.0) -> T:
    """What is found in the end; asks again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


@dataclass
class Redis:
    """A Redis server on a port of its own. `keeps`: what it was told outlives it (append-only file), as it should."""

    folder: Path
    password: str = "planted-redis-password"
    port: int = 0
    keeps: bool = True
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not self.port:
            with closing(socket.socket()) as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        told = ["--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", self.password]
        kept = ["--appendonly", "yes" if self.keeps else "no", "--save", "", "--dir", str(self.folder)]
        assert REDIS is not None
        self._process = subprocess.Popen([REDIS, *told, *kept], stdout=subprocess.DEVNULL)
        until(self._answers, "Redis", 20)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def uri(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


@dataclass
class Cluster:
    """`environment`: what all machines have in common."""

    folder: Path
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str, **more: str) -> None:
        """A process on a machine of its own: nothing on its disk is shared, but the code."""
        machine = self.folder / name
        for part in ("home", "work", "tmp"):
            (machine / part).mkdir(parents=True, exist_ok=True)
        (machine / "home" / "dagster.yaml").write_bytes((self.folder / "dagster.yaml").read_bytes())
        own = {"DAGSTER_HOME": "home", "HOME": "home", "GUATECOMPRAS_WORK": "work", "TMPDIR": "tmp"}
        with open(machine / "log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=self.environment | {key: str(machine / part) for key, part in own.items()} | more,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_worker(self, name: str, months: int = 1, **more: str) -> None:
        self.start(name, "sh", str(DEPLOY / "worker.sh"), str(months), **more)

    def start_daemon(self) -> None:
        self.start("daemon", str(Path(sys.executable).with_name("dagster-daemon")), "run", "-w", "workspace.yaml")

    def backfill(self, first: str, last: str) -> None:
        """The operator's command; returns when Dagster has the months in its queue."""
        command = (
            str(Path(sys.executable).with_name("dagster")),
            "job",
            "backfill",
            "-w",
            "workspace.yaml",
            "-j",
            "month",
        )
        self.start("operator", *command, "--from", first, "--to", last, "--noprompt")
        assert self.processes.pop("operator").wait() == 0, self.log("operator")

    def kill(self, name: str) -> None:
        """As when the machine loses its power: the process and all that it started, at once."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> int:
        """As a service manager stops it."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(60)

    def log(self, name: str) -> str:
        return (self.folder / name / "log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def cluster(folder: Path, postgres: Any, redis: Redis, endpoint: str, source: str, **more: str) -> Iterator[Cluster]:
    """A database and a bucket of its own; nothing runs yet but Redis."""
    name = f"home_{time.time_ns()}"
    postgres.psql(f"CREATE DATABASE {name}")
    url = make_url(postgres.get_uri(name)).set(drivername="postgresql+psycopg2")
    yaml = (DEPLOY / "dagster.yaml").read_text(encoding="utf-8")
    (folder / "dagster.yaml").write_text(_hastened(yaml), encoding="utf-8")
    ours = {
        "PYTHONPATH": str(PROJECT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GUATECOMPRAS_DAGSTER_POSTGRES": url.render_as_string(hide_password=False),
        "GUATECOMPRAS_SOURCE": source,
        "GUATECOMPRAS_STORE": f"s3://{make_bucket(endpoint)}/gt?endpoint={endpoint}&region=us-east-1",
        "AWS_ACCESS_KEY_ID": ACCESS,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        BROKER_VARIABLE: redis.uri,
        MONTHS_VARIABLE: "2",
    }
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("GUATECOMPRAS_", "AWS_", "DAGSTER_"))
    }
    made = Cluster(folder, kept | ours | more)
    with ExitStack() as stack:
        stack.callback(lambda: [made.kill(name) for name in list(made.processes)])
        yield made


# The shipped home; only that it waits for less long.
_QUICK = {
    "silence_seconds: 60": "silence_seconds: 4",
    "poll_interval_seconds: 30": "poll_interval_seconds: 1",
    "start_timeout_seconds: 900": "start_timeout_seconds: 45",
}


def _hastened(yaml: str) -> str:
    for shipped, quick in _QUICK.items():
        assert shipped in yaml
        yaml = yaml.replace(shipped, quick)
    return yaml
