"""The nginx configuration as it is shipped, in a real nginx: the portal behind it, and a real Dagster UI behind passwords."""

import base64
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from resources.settings import PROJECT
from tests.portal.conftest import Server, serving

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(
    not (NGINX and shutil.which("htpasswd") and shutil.which("openssl")),
    reason="nginx, htpasswd or openssl are not installed (Debian: nginx, apache2-utils, openssl)",
)

SHIPPED = PROJECT / "pipelines" / "deploy" / "nginx"
PORTAL, OPERATORS, VIEWERS = "ocds.example.gt", "dagster.example.gt", "ver.dagster.example.gt"
OPERATOR, VIEWER = ("operadora", "clave de la operadora"), ("lector", "clave del lector")
BURST = 60
DEADLINE = 90.0


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def _wait(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)  # between two looks


@dataclass(frozen=True)
class Site:
    """What listens where."""

    folder: Path
    http: int
    https: int
    dagster: int
    portal: Server
    webserver: int
    viewers: int

    def ask(
        self,
        name: str,
        path: str,
        method: str = "GET",
        user: tuple[str, str] | None = None,
        source: str = "127.0.0.1",
        content: bytes | None = None,
        **headers: str,
    ) -> httpx.Response:
        """A request to one of the names, over TLS that is checked, from an address of this machine."""
        port = self.https if name == PORTAL else self.dagster
        trust = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        transport = httpx.HTTPTransport(verify=trust, local_address=source)
        told = {key.replace("_", "-"): value for key, value in headers.items()}
        with httpx.Client(transport=transport, auth=user, timeout=60) as client:
            return client.request(
                method,
                f"https://127.0.0.1:{port}{path}",
                content=content,
                headers={"Host": name, "Accept-Encoding": "identity"} | told,
                extensions={"sni_hostname": name},
            )

    def graphql(self, name: str, user: tuple[str, str] | None, query: str, **headers: str) -> httpx.Response:
        body = json.dumps({"query": query}).encode()
        told = {"Content-Type": "application/json"} | headers
        return self.ask(name, "/graphql", "POST", user, content=body, **told)

    def handshake(self, name: str, user: tuple[str, str] | None, **headers: str) -> tuple[str, ssl.SSLSocket]:
        """The status line of the answer to a WebSocket's request, and its connection."""
        trust = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        connection = trust.wrap_socket(socket.create_connection(("127.0.0.1", self.dagster), 30), server_hostname=name)
        lines = [
            "GET /graphql HTTP/1.1",
            f"Host: {name}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: graphql-ws",
            f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
            *(f"{key}: {value}" for key, value in headers.items()),
        ]
        if user:
            lines.append(f"Authorization: Basic {base64.b64encode(':'.join(user).encode()).decode()}")
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += connection.recv(1)
        return answer.split(b"\r\n")[0].decode(), connection


def _configured(folder: Path, ports: dict[str, str]) -> None:
    """The shipped files with other ports and paths, in lines that are marked as the site's own and nowhere else."""
    changes = ports | {
        "/etc/nginx/tls/ocds.crt": f"{folder}/cert.pem",
        "/etc/nginx/tls/ocds.key": f"{folder}/key.pem",
        "/etc/nginx/tls/dagster.crt": f"{folder}/cert.pem",
        "/etc/nginx/tls/dagster.key": f"{folder}/key.pem",
        "/etc/nginx/dagster.": f"{folder}/dagster.",
        "/var/log/nginx/": f"{folder}/log/",
    }
    for path in SHIPPED.glob("*.conf"):
        lines = []
        for line in path.read_text().splitlines():
            new = line
            if line.endswith("# SITE") or "; # SITE" in line:
                for old, value in changes.items():
                    new = new.replace(old, value)
            lines.append(new)
        (folder / path.name).write_text("\n".join(lines) + "\n")
    own = ["daemon off;", "worker_processes 1;", f"pid {folder}/nginx.pid;", f"error_log {folder}/log/error.log;"]
    own += ["user root;"] if os.getuid() == 0 else []
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    files = f"include {folder}/portal.conf; include {folder}/dagster.conf;"
    http = f"http {{ {temporary} access_log off; {files} }}"
    (folder / "nginx.conf").write_text("\n".join([*own, "events { worker_connections 512; }", http]) + "\n")


def _secrets(folder: Path) -> None:
    names = ",".join(f"DNS:{name}" for name in (PORTAL, OPERATORS, VIEWERS))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=prueba", "-addext",
         f"subjectAltName={names}", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    for file, (name, password) in (("dagster.operators", OPERATOR), ("dagster.viewers", VIEWER)):
        words = ["htpasswd", "-B", "-b", "-c", folder / file, name, password]
        subprocess.run(words, check=True, capture_output=True)


def _webserver(home: Path, port: int, *more: str) -> subprocess.Popen[bytes]:
    # Nothing is loaded: what is tested is who may ask it what.
    command = [str(Path(sys.executable).parent / "dagster-webserver"), "--empty-workspace"]
    command += ["--host", "127.0.0.1", "--port", str(port), *more]
    with open(home / f"{port}.log", "wb") as log:
        return subprocess.Popen(command, env=os.environ | {"DAGSTER_HOME": str(home)}, stdout=log, stderr=log, cwd=home)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/server_info", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def site(three_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "log").mkdir()
    home = folder / "home"
    home.mkdir()
    shutil.copy(PROJECT / "pipelines" / "deploy" / "embedded" / "dagster.yaml", home)
    http, https, dagster, webserver, viewers = _free_ports(5)
    # One after the other: two processes that open an empty home at once may spoil it.
    running = [_webserver(home, webserver)]
    environment = {
        "GUATECOMPRAS_TRUSTED_PROXIES": "127.0.0.1/32",
        "GUATECOMPRAS_BASE_URL": f"https://{PORTAL}",
        "GUATECOMPRAS_BURST": str(BURST),
        "GUATECOMPRAS_REQUESTS_PER_MINUTE": "1",
    }
    try:
        with serving(three_versions, folder / "portal", **environment) as portal:
            _wait(lambda: _answers(webserver), "the Dagster UI")
            running.append(_webserver(home, viewers, "--read-only"))
            ports = {
                "127.0.0.1:8000": f"127.0.0.1:{portal.port}",
                "127.0.0.1:3000": f"127.0.0.1:{webserver}",
                "127.0.0.1:3001": f"127.0.0.1:{viewers}",
                "listen 80;": f"listen 127.0.0.1:{http};",
                "listen 443 ": f"listen 127.0.0.1:{https} ",
                "listen 8443 ": f"listen 127.0.0.1:{dagster} ",
            }
            _configured(folder, ports)
            _secrets(folder)
            words = [
                str(NGINX),
                "-p",
                str(folder),
                "-c",
                str(folder / "nginx.conf"),
                "-e",
                str(folder / "log/start.log"),
            ]
            tested = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
            assert tested.returncode == 0, tested.stderr
            assert "[warn]" not in tested.stderr
            running.append(subprocess.Popen(words))
            _wait(lambda: _answers(viewers), "the Dagster UI for viewers")
            _wait(lambda: (folder / "nginx.pid").exists() and (folder / "nginx.pid").read_text() != "", "nginx")
            yield Site(folder, http, https, dagster, portal, webserver, viewers)
    finally:
        for process in reversed(running):
            process.terminate()
            process.wait(30)


# The portal.


@pytest.mark.parametrize("path", ["/", "/explorar", "/descarga-datos", "/files", "/api/v2/concursos", "/openapi.json"])
def test_the_portal_is_shown(site: Site, path: str) -> None:
    answer = site.ask(PORTAL, path)
    assert answer.status_code == 200
    assert answer.headers["server"] == "guatecompras"
    for name in ("Strict-Transport-Security", "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options"):
        assert len(answer.headers.get_list(name)) == 1, name


def _file(site: Site) -> tuple[str, int]:
    index = site.ask(PORTAL, "/publication/index.json").json()
    file = next(file for file in index["months"]["2026-01"]["files"] if file["path"].endswith(".json.zip"))
    return f"/publication/{file['path']}", file["bytes"]


def test_downloads_parts_of_them_and_what_is_known_already(site: Site) -> None:
    path, size = _file(site)
    whole = site.ask(PORTAL, path, source="127.0.0.9")
    assert (whole.status_code, len(whole.content)) == (200, size)
    part = site.ask(PORTAL, path, source="127.0.0.9", Range="bytes=10-29")
    assert (part.status_code, part.content) == (206, whole.content[10:30])
    assert part.headers["content-range"] == f"bytes 10-29/{size}"
    known = site.ask(PORTAL, path, source="127.0.0.9", If_None_Match=whole.headers["etag"])
    assert (known.status_code, known.content) == (304, b"")
    head = site.ask(PORTAL, path, "HEAD", source="127.0.0.9")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")
    # Nothing of a download lies on nginx' disk.
    assert not [path for path in (site.folder / "proxy").rglob("*") if path.is_file()]


def test_compression_is_the_portals_own(site: Site) -> None:
    answer = site.ask(PORTAL, "/explorar", Accept_Encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["etag"].endswith('-gzip"')


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_sent_to_the_portal(site: Site, method: str) -> None:
    before = len(site.portal.lines())
    assert site.ask(PORTAL, "/files", method, content=b"x").status_code == 405
    assert len(site.portal.lines()) == before


def test_a_browser_may_ask_whether_it_may_ask(site: Site) -> None:
    assert site.ask(PORTAL, "/files", "OPTIONS", source="127.0.0.9").status_code == 204


@pytest.mark.parametrize(
    ("path", "headers", "content"),
    [
        ("/", {"X_Long": "a" * 70_000}, None),
        (f"/?q={'a' * 40_000}", {}, None),
        ("/", {}, b"a" * 100_000),
    ],
    ids=["headers", "address", "body"],
)
def test_what_is_too_large_is_refused(site: Site, path: str, headers: dict[str, str], content: bytes | None) -> None:
    answer = site.ask(PORTAL, path, "GET", content=content, source="127.0.0.9", **headers)
    assert answer.status_code in {400, 413, 414, 431}


def test_a_client_is_counted_by_its_own_address_whatever_it_says(site: Site) -> None:
    def flood(source: str) -> list[int]:
        forged = ({"X_Forwarded_For": f"203.0.113.{n}", "Forwarded": f"for=203.0.113.{n}"} for n in range(BURST + 5))
        return [site.ask(PORTAL, "/files", "HEAD", source=source, **headers).status_code for headers in forged]

    answers = flood("127.0.0.3")
    assert answers.count(429) >= 4, "who says that it is somebody else gets more than it may"
    assert answers[:BURST].count(200) == BURST
    # Others are not taken for the one who asked too much: nginx' own address is not what is counted.
    assert site.ask(PORTAL, "/files", "HEAD", source="127.0.0.4").status_code == 200
    # And nobody spends another one's share.
    spent = site.ask(PORTAL, "/files", "HEAD", source="127.0.0.5", X_Forwarded_For="127.0.0.6")
    assert spent.headers["ratelimit-remaining"] == str(BURST - 1)
    other = site.ask(PORTAL, "/files", "HEAD", source="127.0.0.6")
    assert other.headers["ratelimit-remaining"] == str(BURST - 1)


def test_plain_http_leads_to_https(site: Site) -> None:
    answer = httpx.get(f"http://127.0.0.1:{site.http}/explorar?q=papel", headers={"Host": PORTAL})
    assert answer.status_code == 308
    assert answer.headers["location"] == f"https://{PORTAL}/explorar?q=papel"
    elsewhere = httpx.get(f"http://127.0.0.1:{site.dagster}/runs", headers={"Host": OPERATORS})
    assert elsewhere.status_code == 308
    assert elsewhere.headers["location"].startswith(f"https://{OPERATORS}")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed (Debian: curl)")
def test_http_2_is_spoken(site: Site) -> None:
    words = ["curl", "-s", "--http2", "--cacert", site.folder / "cert.pem", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
             "--resolve", f"{PORTAL}:{site.https}:127.0.0.1", f"https://{PORTAL}:{site.https}/files"]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout == "2 200"


def test_old_tls_is_not_spoken(site: Site) -> None:
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{site.https}", "-servername", PORTAL, "-tls1_1",
             "-cipher", "ALL:@SECLEVEL=0"]  # fmt: skip
    done = subprocess.run(words, input=b"", capture_output=True, check=False)
    assert done.returncode != 0


def test_nginx_writes_down_nothing_personal_of_the_portals_visitors(site: Site) -> None:
    site.ask(PORTAL, "/explorar?q=secreto", source="127.0.0.7")
    log = site.folder / "log" / "guatecompras-portal.log"
    _wait(lambda: log.stat().st_size > 0, "the access log")
    text = log.read_text()
    assert "secreto" not in text
    assert "127.0.0." not in text


# Dagster.


@pytest.mark.parametrize(
    "path", ["/graphql", "/runs", "/server_info", "/locations", "/dagit", "/report_runless_asset_event"]
)
def test_dagster_is_not_reached_through_the_portals_name(site: Site, path: str) -> None:
    answer = site.ask(PORTAL, path)
    assert answer.status_code == 404
    assert "dagster" not in answer.text.lower()
    assert answer.headers["server"] == "guatecompras"


@pytest.mark.parametrize("port", ["https", "dagster"])
def test_other_names_are_not_answered(site: Site, port: str) -> None:
    """Nor is one port's name on the other."""
    for name in ("otro.example.gt", OPERATORS if port == "https" else PORTAL):
        loose = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", getattr(site, port)), 10) as plain, pytest.raises(ssl.SSLError):
            loose.wrap_socket(plain, server_hostname=name)


@pytest.mark.parametrize(
    "user", [None, ("operadora", "otra"), ("nadie", ""), VIEWER], ids=["none", "wrong", "unknown", "viewer"]
)
def test_without_its_password_the_ui_shows_nothing(site: Site, user: tuple[str, str] | None) -> None:
    for path in ("/", "/runs", "/server_info", "/graphql", "/favicon.png"):
        answer = site.ask(OPERATORS, path, user=user)
        assert answer.status_code == 401, path
        assert "dagster" not in answer.text.lower()
    assert site.graphql(OPERATORS, user, "{ version }").status_code == 401
    status, connection = site.handshake(OPERATORS, user)
    connection.close()
    assert " 401 " in status


def test_with_it_the_ui_works(site: Site) -> None:
    page = site.ask(OPERATORS, "/", user=OPERATOR)
    assert page.status_code == 200
    assert 'id="initialization-data"' in page.text
    answer = site.graphql(OPERATORS, OPERATOR, "{ version }")
    assert re.fullmatch(r"1\.\d+\.\d+", answer.json()["data"]["version"])
    assert page.headers["x-frame-options"] == "DENY"
    large = site.graphql(OPERATORS, OPERATOR, "#" + "a" * (9 << 20))
    assert large.status_code == 413


def test_a_subscription_passes(site: Site) -> None:
    status, connection = site.handshake(OPERATORS, OPERATOR, Origin=f"https://{OPERATORS}")
    assert " 101 " in status
    with connection:
        said = b'{"type":"connection_init","payload":{}}'
        connection.sendall(bytes([0x81, 0x80 | len(said), 0, 0, 0, 0]) + said)  # a text, masked with nothing
        head = connection.recv(2)
        assert head[0] == 0x81
        assert json.loads(connection.recv(head[1])) == {"type": "connection_ack"}


def test_a_page_of_another_site_may_not_use_the_password(site: Site) -> None:
    foreign = {"Origin": "https://evil.example"}
    assert site.graphql(OPERATORS, OPERATOR, "{ version }", **foreign).status_code == 403
    status, connection = site.handshake(OPERATORS, OPERATOR, **foreign)
    connection.close()
    assert " 403 " in status
    assert site.graphql(OPERATORS, OPERATOR, "{ version }", Origin="https://dagsterXexample.gt").status_code == 403


_LAUNCH = (
    "mutation { launchRun(executionParams: {selector: {repositoryLocationName: \"guatecompras\", "
    "repositoryName: \"__repository__\", jobName: \"month\"}, runConfigData: {}}) { __typename } }"
)  # fmt: skip
_MUTATIONS = {
    "launchRun": _LAUNCH,
    "wipeAssets": 'mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["a"]}}]) { __typename } }',
    "deletePipelineRun": 'mutation { deletePipelineRun(runId: "a") { __typename } }',
    "shutdownRepositoryLocation": 'mutation { shutdownRepositoryLocation(repositoryLocationName: "a") { __typename } }',
}


def _kind(answer: httpx.Response) -> Any:
    told = answer.json()
    return told if told.get("errors") else next(iter(told["data"].values()))["__typename"]


@pytest.mark.parametrize("name", list(_MUTATIONS))
def test_viewers_may_look_and_change_nothing(site: Site, name: str) -> None:
    assert site.graphql(VIEWERS, VIEWER, "{ version }").status_code == 200
    assert site.graphql(VIEWERS, OPERATOR, "{ version }").status_code == 401
    assert _kind(site.graphql(VIEWERS, VIEWER, _MUTATIONS[name])) == "UnauthorizedError"


def test_operators_may_launch(site: Site) -> None:
    """What the test before this one compares with: there the same is refused for who asks, not for what is asked."""
    assert _kind(site.graphql(OPERATORS, OPERATOR, _LAUNCH)) != "UnauthorizedError"


def test_the_password_ends_at_nginx_and_is_written_nowhere(site: Site) -> None:
    site.ask(OPERATORS, "/", user=OPERATOR)
    text = b"".join(path.read_bytes() for path in site.folder.rglob("*") if path.is_file())
    for _, password in (OPERATOR, VIEWER):
        assert password.encode() not in text
    assert base64.b64encode(":".join(OPERATOR).encode()) not in text


def test_what_is_behind_listens_on_this_machine_alone(site: Site) -> None:
    for port in (site.webserver, site.viewers):
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        listening = [
            line.split()[1] for line in lines if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
        ]
        assert listening == [f"0100007F:{port:04X}"]
