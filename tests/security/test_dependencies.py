"""What is installed: locked by hashes, the same in all locks, and asked about by a real pip-audit."""

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from resources.settings import PROJECT

LOCKS = ("requirements.lock", "requirements-cluster.lock", "requirements-dev.lock")
BIN = Path(sys.executable).parent


def _locked(lock: str) -> dict[str, list[str]]:
    """Each requirement as it is written -> its hashes."""
    text = (PROJECT / lock).read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    return {line.partition(" --hash")[0].strip(): re.findall(r"--hash=(\S+)", line) for line in lines}


def _versions(lock: str) -> set[tuple[str, str, str]]:
    """Name, version and marker of each."""
    found = (Requirement(text) for text in _locked(lock))
    return {(canonicalize_name(one.name), str(one.specifier), str(one.marker or "")) for one in found}


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_by_hashes_and_comes_from_no_address(lock: str) -> None:
    locked = _locked(lock)
    assert len(locked) > 50
    for text, hashes in locked.items():
        one = Requirement(text)
        assert one.url is None, text
        assert [clause.operator for clause in one.specifier] == ["=="], text
        assert "*" not in str(one.specifier), text
        assert hashes, text
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), text
    assert not re.search(r"https?://|^-|--index|--find", (PROJECT / lock).read_text(), re.MULTILINE)


def test_the_locks_agree() -> None:
    """Each holds the one before it, so what is tested is what runs."""
    plain, cluster, dev = (_versions(lock) for lock in LOCKS)
    assert {one[:2] for one in plain} <= {one[:2] for one in cluster} <= {one[:2] for one in dev}
    for lock in LOCKS[:2]:
        for text, hashes in _locked(lock).items():
            name = text.partition(" ;")[0].strip()
            same = [found for other, found in _locked(LOCKS[2]).items() if other.partition(" ;")[0].strip() == name]
            assert hashes in same, text


@pytest.mark.parametrize(("lock", "extras"), list(zip(LOCKS, ([], ["cluster"], ["dev", "cluster"]), strict=True)))
def test_what_the_project_asks_for_is_what_is_locked(lock: str, extras: list[str]) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(text) for text in project["dependencies"]]
    wanted += [Requirement(text) for extra in extras for text in project["optional-dependencies"][extra]]
    locked: dict[str, set[str]] = {}
    for name, version, _ in _versions(lock):
        locked.setdefault(name, set()).add(version.removeprefix("=="))
    for one in wanted:
        if one.name == project["name"]:
            continue
        versions = locked.get(canonicalize_name(one.name), set())
        assert versions, f"{one.name} is not locked: make lock"
        assert all(one.specifier.contains(version, prereleases=True) for version in versions), f"{one}: make lock"


class _Osv(BaseHTTPRequestHandler):
    """OSV's answers: of one package that it knows something, of the others nothing."""

    server: "Vulnerabilities"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        self.server.asked.append((name, asked["version"]))
        known = {
            "id": "PYSEC-2026-4711",
            "summary": "planted for a test",
            "affected": [
                {
                    "package": {"name": name, "ecosystem": "PyPI"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999.0"}]}],
                }
            ],
        }
        body = json.dumps({"vulns": [known]} if name == self.server.vulnerable else {}).encode()
        self.send_response(200 if self.server.is_well else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class Vulnerabilities(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Osv)
        self.vulnerable, self.is_well = "", True
        self.asked: list[tuple[str, str]] = []


@pytest.fixture
def service() -> Iterator[Vulnerabilities]:
    server = Vulnerabilities()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def _audit(service: Vulnerabilities, tmp_path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """`make audit` as it is, on the environment that runs this."""
    words = ["make", "--no-print-directory", "audit", "-o", ".venv/.ready-dev", f"BIN={BIN}"]
    words += [f"OSV_URL=http://127.0.0.1:{service.server_port}/v1/query", *more]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(
        words, cwd=PROJECT, env=environment | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_audit_asks_about_everything_that_is_locked(service: Vulnerabilities, tmp_path: Path) -> None:
    done = _audit(service, tmp_path)
    assert done.returncode == 0, done.stderr
    here = {
        (canonicalize_name(one.name), str(one.specifier).removeprefix("=="))
        for lock in LOCKS
        for one in map(Requirement, _locked(lock))
        if one.marker is None or one.marker.evaluate()
    }
    assert set(service.asked) == here


def test_the_audit_fails_on_a_known_vulnerability_and_names_it(service: Vulnerabilities, tmp_path: Path) -> None:
    service.vulnerable = "jinja2"
    done = _audit(service, tmp_path, "LOCKS=requirements.lock")
    assert done.returncode != 0
    assert re.search(r"jinja2\s+3\.\S+\s+PYSEC-2026-4711\s+999\.0", done.stdout)
    assert "Found 1 known vulnerability in 1 package" in done.stderr


def test_an_audit_without_an_answer_is_no_success(service: Vulnerabilities, tmp_path: Path) -> None:
    service.is_well = False
    assert _audit(service, tmp_path, "LOCKS=requirements.lock").returncode != 0


def test_bandit_finds_nothing_and_would_find_something(tmp_path: Path) -> None:
    settings = ["-q", "-c", str(PROJECT / "pyproject.toml")]
    rooms = ["guatecompras", "assets", "pipelines", "portal", "resources"]
    done = subprocess.run(
        [BIN / "bandit", *settings, "-r", *rooms], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import subprocess\nsubprocess.run('ls', shell=True)\npassword = 'clave'\n")
    found = subprocess.run([BIN / "bandit", *settings, wrong], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert {"B602", "B105"} <= set(re.findall(r"B\d{3}", found.stdout))
