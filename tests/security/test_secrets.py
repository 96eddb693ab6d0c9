"""Secrets are planted wherever one is given, the system is run for real, well and failing, and all that it writes is searched."""

import os
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg
import pytest
from sqlalchemy.engine import make_url

from guatecompras.addresses import forms, hiding
from pipelines.definitions import build_definitions
from resources.settings import PROJECT, SourceResource
from resources.sources.sql import SqlSource
from tests.pipelines.conftest import MONTHS
from tests.security.conftest import PASSWORD, READER, WRONG, Command, Database, Gossip, make_database
from tests.security.searching import Text, found, in_folders, in_postgres

ACCESS, SECRET, TOKEN, HOOK, SIGNED = (
    "AKIAPLANTEDPLANTED01",
    "plantado/secreto+s3/0123456789",
    "eyJplantado.ckan.token",
    "gancho-plantado-4711",
    "firma-plantada-0815",
)


@pytest.mark.parametrize("form", forms(PASSWORD))
def test_the_search_finds_a_secret_wherever_it_stands(tmp_path: Path, form: str) -> None:
    """Whoever finds nothing has to be able to."""
    import gzip
    import sqlite3
    import zipfile

    import polars as pl

    leak = f"before {form} after"
    (tmp_path / "plain.log").write_text(leak)
    (tmp_path / "a.gz").write_bytes(gzip.compress(leak.encode()))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.gz", gzip.compress(leak.encode()))
    pl.DataFrame({"a": [form.replace('"', "").replace("\\", "")]}).write_parquet(tmp_path / "a.parquet")
    with sqlite3.connect(tmp_path / "runs.db") as written:
        written.execute("CREATE TABLE snapshots (body BLOB)")
        written.execute("INSERT INTO snapshots VALUES (?)", (zlib.compress(leak.encode()),))
    written.close()
    places = {
        place.partition(tmp_path.name + "/")[2].partition(":")[0] for place in found(in_folders(tmp_path), [PASSWORD])
    }
    expected = {"plain.log", "a.gz, unpacked", "a.zip/inner.gz, unpacked", "runs.db snapshots, unpacked"}
    assert expected <= places


def test_a_publication_from_postgres_writes_the_password_nowhere(
    tmp_path: Path, home: Path, database: Database, command: Command
) -> None:
    status, told = command("publish", MONTHS[0], "--source", database.uri(), "--store", str(tmp_path / "store"))
    assert status == 0, told
    assert not found([("output", told.encode()), *in_folders(tmp_path)], [PASSWORD])
    # What is searched is what was run: the source stands in the home, without its password.
    assert found(in_folders(home), [f"{READER}:***@"])


@pytest.mark.slow
def test_workers_are_not_told_the_password_where_others_see_it(tmp_path: Path, home: Path, database: Database) -> None:
    words = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "publish",
        *MONTHS,
        "--jobs",
        "2",
        "--store",
        str(tmp_path / "store"),
    ]
    environment = os.environ | {"GUATECOMPRAS_SOURCE": database.uri()}
    with subprocess.Popen(
        words, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as running:
        seen: set[bytes] = set()
        ended = threading.Event()
        looking = threading.Thread(target=_look, args=(running.pid, seen, ended))
        looking.start()
        told = running.communicate(timeout=120)[0]
        ended.set()
        looking.join()
    assert running.returncode == 0, told
    assert sum(b"spawn_main" in words for words in seen) >= 2
    texts = [("output", told), *(("arguments", words) for words in seen)]
    assert not found([*texts, *in_folders(tmp_path)], [PASSWORD])


def _look(parent: int, seen: set[bytes], ended: threading.Event) -> None:
    """The arguments of a process and of its children, as long as it runs."""
    while not ended.wait(0.05):
        listed = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
        for number in (parent, *map(int, listed.stdout.split())):
            try:
                seen.add(Path(f"/proc/{number}/cmdline").read_bytes())
            except OSError:
                continue


def _failing(name: str, database: Database) -> str:
    """The source's address for a way to fail."""
    return {
        "wrong password": database.uri(WRONG),
        "wrong host": database.uri(host="/nowhere"),
        "no such host": f"postgresql+psycopg2://{READER}:{quote(PASSWORD, safe='')}@host.invalid/x",
        "nobody there": f"postgresql://{READER}:{quote(PASSWORD, safe='')}@127.0.0.1:1/x?sslmode=disable",
        "no such schema": f"{database.uri()}&schema=nada",
        "password as an option": f"postgresql://{READER}@/x?host=/nowhere&password={quote(PASSWORD, safe='')}",
        "no address": f"postgresql://{READER}:{PASSWORD}@[/x",
        "another database": f"mysql://{READER}:{quote(PASSWORD, safe='')}@host/x",
        "an API": f"ocds+http://{READER}:{quote(PASSWORD, safe='')}@127.0.0.1:1/api",
    }[name]


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
@pytest.mark.parametrize(
    "name",
    [
        "wrong password",
        "wrong host",
        "no such host",
        "nobody there",
        "no such schema",
        "password as an option",
        "no address",
        "another database",
        pytest.param("an API", marks=pytest.mark.slow),  # it is asked again and again
    ],
)
def test_a_source_that_fails_does_not_tell_its_password(
    name: str, debug: tuple[str, ...], tmp_path: Path, home: Path, database: Database, command: Command
) -> None:
    source = _failing(name, database)
    status, told = command(*debug, "publish", MONTHS[0], "--source", source, "--store", str(tmp_path / "store"))
    assert status != 0
    assert told
    assert not found([("output", told.encode()), *in_folders(tmp_path)], [PASSWORD, WRONG])


def test_a_query_that_fails_in_the_middle_does_not_tell_the_password(
    tmp_path: Path, home: Path, database: Database, command: Command
) -> None:
    """A value that quotes the password, as a view over a foreign server may: the server says it in its error."""
    quoted = PASSWORD.replace("'", "''")
    database.execute(
        "ALTER TABLE contratos RENAME TO los_contratos",
        "CREATE FUNCTION que_falla() RETURNS text LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'no connection with %', '{quoted}'; END $$",
        "CREATE VIEW contratos AS SELECT nog, contrato_id, adjudicacion_id, fecha_suscripcion, monto, "
        "que_falla() AS estado FROM los_contratos",
        f"GRANT SELECT ON contratos TO {READER}",
    )
    try:
        status, told = command("publish", MONTHS[0], "--source", database.uri(), "--store", str(tmp_path / "store"))
    finally:
        database.execute(
            "DROP VIEW contratos", "DROP FUNCTION que_falla", "ALTER TABLE los_contratos RENAME TO contratos"
        )
    assert status == 1
    assert "no connection with ***" in told
    assert not found([("output", told.encode()), *in_folders(tmp_path)], [PASSWORD])


@pytest.mark.slow
def test_a_server_that_goes_away_does_not_make_the_password_known(
    tmp_path: Path, home: Path, doomed_server: Any, command: Command
) -> None:
    database = make_database(doomed_server, "origen")
    doomed_server.cleanup()
    status, told = command("publish", MONTHS[0], "--source", database.uri(), "--store", str(tmp_path / "store"))
    assert status == 1
    assert not found([("output", told.encode()), *in_folders(tmp_path)], [PASSWORD])


def test_dagster_keeps_the_sources_address_without_its_password() -> None:
    source = f"postgresql://{READER}:{quote(PASSWORD, safe='')}@host/x"
    definitions = build_definitions(source, "store")
    snapshot = dg.serialize_value(definitions.resolve_job_def("month").get_job_snapshot())
    assert not found([("snapshot", snapshot.encode())], [PASSWORD])
    assert f"{READER}:***@host" in snapshot
    opened = SourceResource.of(source).open()
    assert isinstance(opened, SqlSource)
    assert opened._url.password == PASSWORD


def test_a_home_on_postgres_holds_no_password(
    tmp_path: Path, postgres_server: Any, database: Database, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    postgres_server.psql("CREATE DATABASE casa_con_clave")
    place = make_url(postgres_server.get_uri("casa_con_clave")).set(drivername="postgresql+psycopg2")
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dagster.yaml").write_bytes((PROJECT / "pipelines/deploy/production/dagster.yaml").read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    monkeypatch.setenv(
        "GUATECOMPRAS_DAGSTER_POSTGRES", place.set(password=PASSWORD).render_as_string(hide_password=False)
    )
    status, told = command("publish", MONTHS[0], "--source", database.uri(), "--store", str(tmp_path / "store"))
    assert status == 0, told
    kept = list(in_postgres(postgres_server.get_uri("casa_con_clave")))
    assert found(kept, [f"{READER}:***@"])
    assert not found([("output", told.encode()), *in_folders(tmp_path), *kept], [PASSWORD])
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        assert not found([("what the UI shows of the home", instance.info_str().encode())], [PASSWORD])


@pytest.mark.parametrize("debug", [pytest.param((), marks=pytest.mark.slow), ("--debug",)], ids=["plain", "debug"])
def test_a_home_on_postgres_that_refuses_does_not_tell_its_password(
    tmp_path: Path,
    database: Database,
    demo_source: str,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
    debug: tuple[str, ...],
) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dagster.yaml").write_bytes((PROJECT / "pipelines/deploy/production/dagster.yaml").read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    monkeypatch.setenv("GUATECOMPRAS_DAGSTER_POSTGRES", database.uri(WRONG))
    status, told = command(*debug, "publish", MONTHS[0], "--source", demo_source, "--store", str(tmp_path / "store"))
    assert status != 0
    assert not found([("output", told.encode()), *in_folders(tmp_path)], [WRONG, PASSWORD])


@pytest.fixture
def demo_source() -> str:
    return "demo:?size=20&seed=1"


def _of_storage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("GUATECOMPRAS_WORK", str(tmp_path / "machine"))


def test_a_bucket_and_its_publisher_hold_no_credentials(
    tmp_path: Path, home: Path, demo_source: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from guatecompras.stores.s3 import Address, Bucket
    from tests.stores.conftest import make_bucket, s3_server

    _of_storage(monkeypatch, tmp_path)
    with s3_server() as endpoint:
        store = f"s3://{make_bucket(endpoint)}/p?endpoint={endpoint}"
        status, told = command("publish", MONTHS[0], "--source", demo_source, "--store", store)
        assert status == 0, told
        bucket = Bucket(Address.parse(store))
        objects = bucket.listing("publication")
        assert len(objects) > 10
        for name, one in objects.items():
            target = tmp_path / "fetched" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            bucket.download(f"publication/{name}", one, target)
    assert not found([("output", told.encode()), *in_folders(tmp_path)], [ACCESS, SECRET])


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
def test_storage_that_refuses_and_repeats_what_it_heard_is_not_quoted(
    tmp_path: Path,
    home: Path,
    demo_source: str,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    gossip: Gossip,
    debug: tuple[str, ...],
) -> None:
    _of_storage(monkeypatch, tmp_path)
    store = f"s3://cubeta/p?endpoint={gossip.url}"
    status, told = command(*debug, "publish", MONTHS[0], "--source", demo_source, "--store", store)
    assert status != 0
    assert any(ACCESS in heard for heard in gossip.heard)
    assert not found([("output", told.encode()), *in_folders(tmp_path)], [ACCESS, SECRET])


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
@pytest.mark.parametrize("status", [403, 409])
def test_an_open_data_portal_that_repeats_the_token_is_not_quoted(
    three_versions: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    gossip: Gossip,
    status: int,
    debug: tuple[str, ...],
) -> None:
    gossip.status = status
    monkeypatch.setenv("GUATECOMPRAS_CKAN_URL", gossip.url)
    monkeypatch.setenv("GUATECOMPRAS_CKAN_TOKEN", TOKEN)
    ended, told = command(*debug, "ckan", "--store", str(three_versions))
    assert ended != 0
    assert any(TOKEN in heard for heard in gossip.heard)
    assert str(status) in told or "does not allow" in told
    assert not found([("output", told.encode())], [TOKEN])


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
def test_a_webhook_that_refuses_is_told_without_its_address(
    three_versions: Path,
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    gossip: Gossip,
    debug: tuple[str, ...],
) -> None:
    monkeypatch.setenv("GANCHO", f"{gossip.url}/{HOOK}")
    monkeypatch.setenv("FIRMA", SIGNED)
    queries, state = tmp_path / "queries.toml", tmp_path / "state.json"
    queries.write_text(
        '[[query]]\nname = "todo"\nsearch = "abiertos=false"\nwebhook_env = "GANCHO"\nsecret_env = "FIRMA"\n'
    )
    words = ("--queries", str(queries), "--state", str(state), "--store", str(three_versions), "--existing")
    ended, told = command(*debug, "alerts", *words)
    assert ended != 0
    assert any(HOOK in heard for heard in gossip.heard)
    assert "HTTP 403" in told
    assert not found([("output", told.encode()), *in_folders(tmp_path)], [HOOK, SIGNED])


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
@pytest.mark.parametrize("content", ["-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", "{}"])
def test_a_signing_key_that_is_none_is_not_shown(
    tmp_path: Path,
    home: Path,
    demo_source: str,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    debug: tuple[str, ...],
) -> None:
    key = tmp_path / "keys" / "private.pem"
    key.parent.mkdir()
    key.write_text(content.format(SECRET))
    for given in (str(key), content.format(SECRET)):
        monkeypatch.setenv("GUATECOMPRAS_SIGNING_KEY", given)
        store = str(tmp_path / "out" / "store")
        status, told = command(*debug, "publish", MONTHS[0], "--source", demo_source, "--store", store)
        assert status != 0
        texts: list[Text] = [("output", told.encode()), *in_folders(home), *in_folders(tmp_path / "out")]
        assert not found(texts, [SECRET])


def test_a_publication_is_signed_without_its_key(
    tmp_path: Path, home: Path, demo_source: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    path = tmp_path / "keys" / "private.pem"
    path.parent.mkdir()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    monkeypatch.setenv("GUATECOMPRAS_SIGNING_KEY", str(path))
    store = tmp_path / "out" / "store"
    status, told = command("publish", MONTHS[0], "--source", demo_source, "--store", str(store))
    assert status == 0, told
    texts = [("output", told.encode()), *in_folders(home), *in_folders(tmp_path / "out")]
    assert found(texts, ["Ed25519"])
    body = path.read_text().splitlines()[1]
    raw = key.private_bytes_raw().hex()
    assert not found(texts, [body, raw])
    assert not [where for where, text in texts if key.private_bytes_raw() in text]


@pytest.mark.parametrize("form", forms(PASSWORD))
def test_every_form_is_hidden(form: str) -> None:
    assert hiding(PASSWORD, None, "")(f"said {form}.") == "said ***."


def test_nothing_is_hidden_where_nothing_is_secret() -> None:
    assert hiding(None, "")("as it was") == "as it was"
