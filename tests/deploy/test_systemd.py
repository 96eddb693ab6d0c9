"""The systemd units: systemd itself reads and judges them, and the portal runs with as little as its unit leaves it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path

import httpx
import pytest

from resources.settings import PROJECT

UNITS = PROJECT / "pipelines" / "deploy" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
# Of 10, in tenths: systemd calls what is below 2.0 OK, and a service without a word of hardening is at 9.6.
MOST_EXPOSED = 15
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed (Debian: systemd)")

CODE = "/opt/guatecompras"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine's files as far as systemd asks for them: the units, its own targets, something under the commands' names."""
    root = tmp_path_factory.mktemp("root")
    units = root / "etc" / "systemd" / "system"
    shutil.copytree(UNITS, units)
    own = root / "lib" / "systemd" / "system"
    own.mkdir(parents=True)
    for path in Path("/lib/systemd/system").glob("*.target"):
        shutil.copy(path, own)
    for command in {*_commands(), "/bin/sh"}:
        path = root / command.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return root


def _unit(name: str) -> dict[str, dict[str, list[str]]]:
    """Section -> key -> values, with those of the drop-in before them."""
    told: dict[str, dict[str, list[str]]] = {}
    for path in (UNITS / "guatecompras-.service.d" / "hardening.conf", UNITS / name):
        section = ""
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                told.setdefault(section, {}).setdefault(key, []).append(value)
    return told


def _commands() -> list[str]:
    return [_unit(name)["Service"]["ExecStart"][0].split()[0] for name in SERVICES]


def test_each_service_is_there() -> None:
    named = {name.removeprefix("guatecompras-").removesuffix(".service") for name in SERVICES}
    assert named == {"webserver", "viewers", "daemon", "worker", "portal", "metrics", "publish"}


@needs_systemd
@pytest.mark.parametrize("name", [*SERVICES, "guatecompras-publish.timer"])
def test_systemd_has_nothing_to_say_against_it(root: Path, name: str) -> None:
    done = subprocess.run(
        [str(ANALYZE), f"--root={root}", "verify", "--man=no", name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    # It looks into the machine for what else a running system has; of ours it must say nothing.
    assert not [line for line in done.stderr.splitlines() if "guatecompras" in line]


@needs_systemd
def test_systemd_would_say_something(root: Path) -> None:
    """What the test before this one relies on."""
    (root / "etc/systemd/system/guatecompras-wrong.service").write_text(
        "[Service]\nExecStart=/nowhere\nProtectHom=yes\n"
    )
    done = subprocess.run(
        [str(ANALYZE), f"--root={root}", "verify", "--man=no", "guatecompras-wrong.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    (root / "etc/systemd/system/guatecompras-wrong.service").unlink()
    assert "ProtectHom" in done.stderr
    assert "/nowhere" in done.stderr


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_exposed_to_little(root: Path, name: str) -> None:
    done = subprocess.run(
        [str(ANALYZE), f"--root={root}", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:]
    assert re.search(r"exposure level for \S+: [01]\.\d", done.stdout)


@needs_systemd
def test_the_timer_starts_in_guatemalas_night(root: Path) -> None:
    when = re.findall(r"OnCalendar=(.*)", (UNITS / "guatecompras-publish.timer").read_text())
    done = subprocess.run([str(ANALYZE), "calendar", *when], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "07:00:00 UTC" in done.stdout or "01:00:00" in done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_commands_and_files_are_those_of_the_project(name: str) -> None:
    service = _unit(name)["Service"]
    words = service["ExecStart"][0].split()
    if words[0].startswith(CODE):
        command = words[0].rpartition("/")[2]
        assert shutil.which(command, path=str(Path(sys.executable).parent))
    files = [word for word in words[1:] if word.startswith(CODE)]
    # The worker's script comes with what spreads months over machines.
    for file in files if name != "guatecompras-worker.service" else []:
        assert (PROJECT / file.removeprefix(f"{CODE}/")).is_file()


def test_who_shows_is_not_who_publishes() -> None:
    users = {name: _unit(name)["Service"]["User"][0] for name in SERVICES}
    portal = _unit("guatecompras-portal.service")["Service"]
    assert users.pop("guatecompras-portal.service") == "guatecompras-portal"
    assert set(users.values()) == {"guatecompras"}
    assert "ReadWritePaths" not in portal
    assert portal["ReadOnlyPaths"] == ["-/srv/guatecompras"]
    assert "LoadCredential" not in portal
    assert portal["EnvironmentFile"] == ["/etc/guatecompras/portal.env"]
    names = set(re.findall(r"^#?(\w+)=", (UNITS / "portal.env.example").read_text(), re.MULTILINE))
    assert names <= {"GUATECOMPRAS_TRUSTED_PROXIES", "GUATECOMPRAS_BASE_URL", "GUATECOMPRAS_CONTACT"}


@pytest.mark.parametrize("name", ["guatecompras-webserver.service", "guatecompras-viewers.service"])
def test_the_ui_listens_on_this_machine_alone(name: str) -> None:
    assert "--host 127.0.0.1" in _unit(name)["Service"]["ExecStart"][0]


def test_no_unit_holds_a_secret() -> None:
    secret = re.compile(r"(PASSWORD|SECRET|TOKEN|ACCESS_KEY|POSTGRES|_SOURCE)\w*=.")
    assert not [path for path in UNITS.rglob("*") if path.is_file() and secret.search(path.read_text())]


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="systemd-sysusers is not installed (Debian: systemd)")
def test_users_and_folders_can_be_made(root: Path) -> None:
    for command, file in (("systemd-sysusers", "sysusers.conf"), ("systemd-tmpfiles", "tmpfiles.conf")):
        words = [command, f"--root={root}", *(["--create"] if "tmpfiles" in command else []), str(UNITS / file)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if os.getuid() and done.returncode:
            pytest.skip("users are made by root")
        assert done.returncode == 0, done.stderr
    users = (root / "etc" / "passwd").read_text()
    assert "guatecompras:" in users
    assert "guatecompras-portal:" in users
    assert (root / "srv" / "guatecompras").stat().st_mode & 0o7777 == 0o2750
    assert (root / "var" / "lib" / "guatecompras" / "home").stat().st_mode & 0o777 == 0o700


# The portal with next to nothing: no capability, no way to any, no memory that is written and run, no right to write in the store,
# and nothing in its environment that is not its own.

_CONFINED = """
import ctypes, os, sys
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
told = ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
print("no memory is written and run" if told == 0 else "the kernel does not know how to", flush=True)
os.execv(sys.executable, [sys.executable, "-m", "pipelines.cli", "serve", "--port", "0", "--workers", "1"])
"""
_WITHOUT_RIGHTS = ("setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all")
_NOBODY = 65534


@pytest.fixture(scope="module")
def forbidden(three_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which only its owner, who is somebody else, may write."""
    place = tmp_path_factory.mktemp("forbidden") / "store"
    shutil.copytree(three_versions, place, symlinks=True)
    for path in (place, *place.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)
        if os.getuid() == 0:
            os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    return place


def _contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in (folder, *folder.rglob("*"))}


@pytest.fixture
def confined(forbidden: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a portal that is confined, and where it says what goes wrong."""
    log = tmp_path / "log"
    cache = tmp_path / "cache"
    words = [*(_WITHOUT_RIGHTS if os.getuid() == 0 else ()), sys.executable, "-c", _CONFINED]
    # Nothing of a database, of Dagster, of AWS; PYTHONPATH for the code where it is not installed.
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROJECT),
        "POLARS_SKIP_CPU_CHECK": "1",  # as the unit has it
        "GUATECOMPRAS_STORE": str(forbidden),
        "GUATECOMPRAS_PORTAL_CACHE": str(cache),
    }
    with open(log, "wb") as output:
        process = subprocess.Popen(
            words, stdout=output, stderr=subprocess.PIPE, text=True, env=environment, cwd=PROJECT
        )
        assert process.stderr is not None
        try:
            address = next(line.split()[-1] for line in process.stderr if "serving" in line)
            yield address, log
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed (Debian: util-linux)")
def test_the_portal_needs_no_right_to_write_in_the_store(confined: tuple[str, Path], forbidden: Path) -> None:
    address, log = confined
    before = _contents(forbidden)
    with httpx.Client(base_url=address, timeout=60) as client:
        for path in ("/", "/explorar", "/descarga-datos", "/calidad", "/politica.pdf", "/files", "/api/v2/concursos",
                     "/publication/index.json", "/openapi.json"):  # fmt: skip
            assert client.get(path).status_code == 200, (path, log.read_text()[-3000:])
        for file in client.get("/publication/index.json").json()["months"]["2026-01"]["files"]:
            assert len(client.get(f"/publication/{file['path']}").content) == file["bytes"]
    assert _contents(forbidden) == before
    assert "does not know" not in log.read_text() or sys.platform != "linux"


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="rights are given up by root")
def test_who_has_given_up_its_rights_cannot_write_there(forbidden: Path) -> None:
    """What the test above relies on."""
    words = [*_WITHOUT_RIGHTS, sys.executable, "-c", f"open({str(forbidden / 'new')!r}, 'w')"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "PermissionError" in done.stderr


def test_what_is_published_may_be_read_by_the_stores_group(tmp_path: Path) -> None:
    """With the units' UMask: by the group, which the portal is in, and by nobody else."""
    script = (
        "import os, sys; from pathlib import Path; os.umask(0o027); from tests.publications import published; "
        "from guatecompras.stores import LocalStore; published(LocalStore(Path(sys.argv[1])), 1, '2026-01')"
    )
    store = tmp_path / "store"
    subprocess.run([sys.executable, "-c", script, str(store)], cwd=PROJECT, check=True)
    paths = [store / "publication", *(store / "publication").rglob("*")]
    assert len(paths) > 10
    wrong = [path for path in paths if not path.is_symlink() and path.stat().st_mode & 0o047 != 0o040]
    assert not wrong


def test_the_drop_in_is_read_by_every_service() -> None:
    """By its name: systemd applies guatecompras-.service.d to all services whose names begin so."""
    assert all(name.startswith("guatecompras-") for name in SERVICES)
    told = RawConfigParser(strict=False)
    told.optionxform = str  # type: ignore[assignment,method-assign]
    told.read(UNITS / "guatecompras-.service.d" / "hardening.conf")
    assert told["Service"]["NoNewPrivileges"] == "yes"
    assert told["Service"]["ProtectSystem"] == "strict"
