"""What the portal counts: by real processes, at an address of its own, and what it costs a request."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.portal.conftest import PROJECT, Server, serving

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(address: str) -> tuple[str, Samples]:
    text = httpx.get(address, timeout=10).text
    families = text_string_to_metric_families(text)
    return text, {
        (sample.name.removeprefix("guatecompras_portal_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def metrics_address(folder: Path) -> str:
    told = re.search(r"serving metrics at (http\S+)", (folder / "errors.log").read_text())
    assert told
    return told[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counted")


@pytest.fixture(scope="module")
def server(published: Path, folder: Path) -> Iterator[Server]:
    with serving(published, folder, workers=2, more=("--metrics-port", "0"), GUATECOMPRAS_BURST="60") as found:
        yield found


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it never came to pass"


def test_requests_of_all_processes_are_counted_by_route(server: Server, folder: Path) -> None:
    address = metrics_address(folder)
    before = read(address)[1]
    with httpx.Client(base_url=server.url, headers={"Connection": "close"}) as client:
        etag = client.get("/files").headers["etag"]
        for number in range(10):
            client.get("/files", headers={"If-None-Match": etag})
            client.get(f"/no/hay/{number}")
            client.get("/api/v2/concursos", params={"q": f"secreto{number}"})
    text, found = read(address)

    def more(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return found[key] - before.get(key, 0.0)

    assert more("requests_total", route="/files", status="200") == 1
    assert more("requests_total", route="/files", status="304") == 10
    assert more("requests_total", route="-", status="404") == 10
    assert more("requests_total", route="/api/v2/concursos", status="200") == 10
    assert more("answer_seconds_count", route="/api/v2/concursos") == 10
    assert 0 < more("answer_seconds_sum", route="/api/v2/concursos") < 30
    assert more("sent_bytes_total", route="/api/v2/concursos") > 100
    assert found["workers", ()] == 2
    assert found["in_flight", ()] == 0
    assert found["resident_bytes", ()] > 50 << 20
    # Nothing of what was asked, nor by whom.
    assert "secreto" not in text
    assert "127.0.0.1" not in text
    assert len([line for line in text.splitlines() if "_bucket" in line]) < 200


def test_what_is_refused_is_counted(server: Server, folder: Path) -> None:
    def refused() -> float:
        return sum(
            value
            for (name, labels), value in read(metrics_address(folder))[1].items()
            if name == "requests_total" and ("status", "429") in labels
        )

    before, told = refused(), 0
    with httpx.Client(base_url=server.url) as client:
        for _ in range(200):
            told += client.get("/files").status_code == 429
    assert told > 0
    assert refused() - before == told


def test_the_public_does_not_see_it(server: Server, folder: Path) -> None:
    assert httpx.get(f"{server.url}/metrics").status_code in {404, 429}
    assert metrics_address(folder).startswith("http://127.0.0.1:")
    assert str(server.port) not in metrics_address(folder)


def test_a_process_that_dies_is_counted_no_more_but_what_it_did_is(published: Path, tmp_path: Path) -> None:
    with serving(published, tmp_path, workers=1, more=("--metrics-port", "0")) as server:
        address = metrics_address(tmp_path)
        httpx.get(f"{server.url}/files")
        worker = _children(server.process.pid, "granian-worker|pipelines.cli")
        os.kill(worker, signal.SIGKILL)
        until(lambda: (tmp_path / "errors.log").read_text().count("Started worker") == 2)
        httpx.get(f"{server.url}/files")
        found = read(address)[1]
        assert found["workers", ()] == 1
        assert found["requests_total", (("route", "/files"), ("status", "200"))] == 2


def _children(parent: int, pattern: str) -> int:
    listed = subprocess.run(
        ["pgrep", "-P", str(parent), "-f", pattern], capture_output=True, text=True, check=True
    ).stdout.split()
    (found,) = [int(pid) for pid in listed if "portal.http.metrics" not in Path(f"/proc/{pid}/cmdline").read_text()]
    return found


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_behind(published: Path, tmp_path: Path, end: int) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    told = {"TMPDIR": str(temporary), "GUATECOMPRAS_PORTAL_CACHE": str(tmp_path / "cache")}
    with serving(published, tmp_path, workers=1, more=("--metrics-port", "0"), **told) as server:
        address = metrics_address(tmp_path)
        assert read(address)[0]
        assert list(temporary.iterdir())
        server.process.send_signal(end)
        server.process.wait(60)

        def is_gone() -> bool:
            try:
                httpx.get(address, timeout=2)
            except httpx.TransportError:
                return True
            return False

        until(is_gone)
        until(lambda: not list(temporary.iterdir()))
        with suppress(ProcessLookupError):  # those that answer, which nobody told
            os.killpg(server.process.pid, signal.SIGKILL)


def test_an_address_that_is_taken_is_told_in_one_line(server: Server, published: Path, folder: Path) -> None:
    taken = metrics_address(folder).rpartition(":")[2].removesuffix("/metrics")
    command = ["-m", "pipelines.cli", "serve", "--port", "0", "--store", str(published), "--metrics-port", taken]
    import sys

    ended = subprocess.run(
        [sys.executable, *command], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert f"cannot show metrics at http://127.0.0.1:{taken}: " in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's package prometheus is not installed")
def test_prometheus_finds_nothing_to_object_to(server: Server, folder: Path) -> None:
    httpx.get(f"{server.url}/files")
    text = read(metrics_address(folder))[0]
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_counting_costs_next_to_nothing(tmp_path: Path) -> None:
    """Beside the millisecond that a small request takes at the least."""
    script = (
        "import time; from portal.http.metrics import Counting; counted = Counting()\n"
        "def once():\n"
        "    began = time.perf_counter()\n"
        "    for number in range(20_000):\n"
        "        counted.begin(); counted.end('/files', 200, 0.003, 1000, True)\n"
        "    return (time.perf_counter() - began) / 20_000\n"
        "print(min(once() for _ in range(3)))"
    )
    import sys

    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(ended.stdout) < 30e-6
