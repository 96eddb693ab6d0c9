"""What the portal counts of its requests, for Prometheus: by route, never by address or client; and the process that shows it.

Each process that answers counts in files of its own, in a folder that they share; `exposing` runs another one beside them, which
adds them up at an address that is not the public's. Nothing is counted unless that is asked for (`serve.py`).
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from guatecompras.errors import GuatecomprasError

# The library reads it when it is loaded, so it is loaded after it is set.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

# Seconds until an answer begins.
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# What was refused before any route was found, and what no route is for.
_NO_ROUTE = "-"


class Counting:
    """What one process counts. Made in that process, once."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: PLC0415 # see FOLDER_VARIABLE

        registry = CollectorRegistry()
        self._requests = Counter(
            "guatecompras_portal_requests",
            "Requests, by route and status. 304: the client had it already; 429: it asked too much.",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "guatecompras_portal_answer_seconds",
            "Seconds until an answer began.",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._bytes = Counter("guatecompras_portal_sent_bytes", "Bytes of bodies.", ["route"], registry=registry)
        self._cut = Counter("guatecompras_portal_cut", "Answers that were not taken to their end.", registry=registry)
        self._flying = Gauge(
            "guatecompras_portal_in_flight",
            "Requests that are being answered.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        Gauge(
            "guatecompras_portal_workers", "Processes that answer.", multiprocess_mode="livesum", registry=registry
        ).set(1)
        # Finding a series by its labels takes longer than counting.
        self._by_status: dict[tuple[str, int], Callable[[], None]] = {}
        self._by_route: dict[str, tuple[Callable[[float], None], Callable[[float], None]]] = {}

    def begin(self) -> None:
        self._flying.inc()

    def end(self, route: str | None, status: int, seconds: float, sent: int, whole: bool) -> None:
        """`seconds`: until the answer began; `status`: 0 where none did."""
        self._flying.dec()
        name = route or _NO_ROUTE
        count = self._by_status.get((name, status))
        if count is None:
            count = self._by_status[name, status] = self._requests.labels(name, str(status)).inc
        count()
        both = self._by_route.get(name)
        if both is None:
            both = self._by_route[name] = (self._seconds.labels(name).observe, self._bytes.labels(name).inc)
        if status:
            both[0](seconds)
        both[1](sent)
        if not whole:
            self._cut.inc()


@contextmanager
def exposing(host: str, port: int, told: Callable[[str], None]) -> Iterator[None]:
    """A process beside this one that shows what is counted, as long as this one goes on. Port 0: any that is free. `told`: called
    with the address. Raises GuatecomprasError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    shown = f"[{host}]" if family == socket.AF_INET6 else host
    with tempfile.TemporaryDirectory(prefix="guatecompras-metrics-") as folder:
        os.environ[FOLDER_VARIABLE] = folder
        try:
            listening = socket.create_server((host, port), family=family)
        except (OSError, OverflowError) as error:
            raise GuatecomprasError(f"cannot show metrics at http://{shown}:{port}: {error}") from error
        with listening:
            command = [sys.executable, "-m", "portal.http.metrics", str(listening.fileno()), str(os.getpid())]
            # By name, as this process was started: what it is asked to load is found from the same place.
            found = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])}
            process = subprocess.Popen(command, pass_fds=[listening.fileno()], env={**os.environ, **found})  # noqa: S603
            told(f"http://{shown}:{listening.getsockname()[1]}/metrics")
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _show(descriptor: int, parent: int) -> None:
    """Serve what the processes of `parent` have counted, until it ends."""
    from prometheus_client import CollectorRegistry, make_wsgi_app  # noqa: PLC0415 # see FOLDER_VARIABLE
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead  # noqa: PLC0415
    from prometheus_client.registry import Collector  # noqa: PLC0415

    folder = Path(os.environ[FOLDER_VARIABLE])

    class Processes(Collector):
        """The memory of those that live. What those that died had under way is forgotten."""

        def collect(self) -> Iterable[GaugeMetricFamily]:
            total = 0
            for pid in {int(path.stem.rpartition("_")[2]) for path in folder.glob("gauge_live*.db")}:
                resident = _resident(pid)
                if resident is None:
                    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
                else:
                    total += resident
            yield GaugeMetricFamily(
                "guatecompras_portal_resident_bytes", "Memory of the processes that answer.", value=total
            )

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the terminal: it is the parent's to hear
    registry = CollectorRegistry()
    registry.register(Processes())  # before the sums: it removes what is of no process
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    listening = socket.socket(fileno=descriptor)
    server = _Server(("", 0), _Silent, bind_and_activate=False)
    server.socket.close()
    server.socket, server.server_name, server.server_port = listening, "metrics", listening.getsockname()[1]
    server.setup_environ()
    server.set_app(make_wsgi_app(registry))
    server.parent = parent
    try:
        server.serve_forever()
    except _OrphanedError:
        shutil.rmtree(folder, ignore_errors=True)  # who was killed cannot tidy up


class _OrphanedError(Exception):
    """The parent is gone."""


class _Server(WSGIServer):
    """Ends with its parent, however that ends."""

    parent = 0

    def service_actions(self) -> None:
        """Called twice a second."""
        if os.getppid() != self.parent:
            raise _OrphanedError


class _Silent(WSGIRequestHandler):
    timeout = 10  # seconds for who connects and asks nothing

    def log_message(self, format: str, *arguments: object) -> None:
        """A line for each look of a machine tells nobody anything."""


def _resident(pid: int) -> int | None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    _show(int(sys.argv[1]), int(sys.argv[2]))
