"""`guatecompras verify` as a reader of the publication calls it: all of it, one month, one downloaded file."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from guatecompras.publication import MANIFEST, versions_of
from guatecompras.signing import signed_by
from guatecompras.stores import LocalStore
from pipelines.cli import main
from resources.settings import PROJECT
from tests.publications import MONTH


@pytest.fixture
def store(three_versions: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(three_versions, tmp_path / "store")
    return LocalStore(tmp_path / "store")


def _verify(store: LocalStore, *words: str | Path) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, words)], env={"GUATECOMPRAS_STORE": str(store.root)})


def test_downloaded_files_are_known_whatever_they_are_called(store: LocalStore, tmp_path: Path) -> None:
    newest, before, _ = versions_of(store.index(), MONTH)
    mine = tmp_path / "my download (1)"
    shutil.copy(store.version_folder(MONTH, newest["version"]) / f"{MONTH}_csv.zip", mine)
    old = tmp_path / "old.xlsx"
    shutil.copy(store.version_folder(MONTH, before["version"]) / f"{MONTH}_Guatecompras.xlsx", old)
    done = _verify(store, mine, old)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{mine}: months/{MONTH}/{newest['version']}/{MONTH}_csv.zip, current ({MONTH}, version {newest['version']})",
        f"{old}: months/{MONTH}/{before['version']}/{MONTH}_Guatecompras.xlsx, superseded"
        f" ({MONTH}, version {before['version']})",
    ]
    mine.write_bytes(mine.read_bytes()[:-1])
    done = _verify(store, mine, old, store.root)
    assert done.exit_code == 1
    assert done.stderr.strip() == f"guatecompras: {mine}: not a file of this publication"
    assert "superseded" in done.stdout


def test_a_history_that_was_tampered_with_vouches_for_no_file(store: LocalStore, tmp_path: Path) -> None:
    newest, before, _ = versions_of(store.index(), MONTH)
    mine = tmp_path / "mine"
    shutil.copy(store.version_folder(MONTH, newest["version"]) / f"{MONTH}_csv.zip", mine)
    path = store.version_folder(MONTH, before["version"]) / MANIFEST
    path.write_bytes(path.read_bytes() + b"\n")
    done = _verify(store, mine)
    assert done.exit_code == 1
    assert f"{before['manifest']['path']}: {path.stat().st_size} bytes instead of" in done.stderr


def test_months_rows_and_signature_are_options(store: LocalStore, tmp_path: Path) -> None:
    done = _verify(store, "--month", "2026-02", "--quick")
    files = len(store.index()["months"]["2026-02"]["files"])
    assert (done.exit_code, done.stdout.strip()) == (0, f"1 months, 1 versions, {files} files: 0 faults")
    key, public = Ed25519PrivateKey.generate(), tmp_path / "public.pem"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    unsigned = _verify(store, "--quick", "--key", public)
    assert (unsigned.exit_code, unsigned.stderr.strip()) == (1, "guatecompras: index.json: it is not signed")
    LocalStore(store.root, signed_by(key)).update_index(lambda index: index)
    assert _verify(store, "--quick", "--key", public).exit_code == 0


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--month", "2026-03"], 1, "2026-03 is not in the publication"),
        (["--month", "mayo"], 1, "'mayo' is not a month"),
        (["--key", "absent.pem"], 1, "absent.pem is not a file with an Ed25519 public key"),
        (["absent"], 1, "there is no publication in absent"),
        (["absent", "missing.csv"], 2, "missing.csv is neither a file nor the store, which is absent"),
    ],
)
def test_mistakes_are_named(store: LocalStore, words: list[str], status: int, said: str) -> None:
    done = _verify(store, *words)
    assert done.exit_code == status
    assert said in " ".join(done.stderr.replace("│", " ").split())


def test_the_catalog_is_printed_as_it_is_published(store: LocalStore) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "catalog", str(store.root)]
    done = subprocess.run(command, capture_output=True, check=True, cwd=PROJECT)
    assert done.stdout == (store.root / "publication" / "catalog.jsonld").read_bytes()
