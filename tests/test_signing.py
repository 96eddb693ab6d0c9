"""The signature of the index: made with it, by nobody else, and never showing the key."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from guatecompras import signing
from guatecompras.errors import GuatecomprasError, StoreError
from guatecompras.stores import LocalStore, open_store
from tests.switching import switch

MONTH = "2026-01"
Json = dict[str, Any]


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """A private key, not in any file of the project, and its public one."""
    key = Ed25519PrivateKey.generate()
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def signed(keys: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    """A store whose index is signed, with one month."""
    monkeypatch.setenv(signing.VARIABLE, str(keys[0]))
    store = open_store(str(tmp_path / "store"))
    assert isinstance(store, LocalStore)
    switch(store, MONTH, "a")
    return store


def test_an_index_is_not_signed_unless_somebody_says_so(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    store = open_store(str(tmp_path / "store"))
    switch(store, MONTH, "a")
    assert "signature" not in store.index()
    assert signing.fault(store.index(), signing.public_key(keys[1])) == "index.json: it is not signed"


def test_every_update_signs_what_it_writes(signed: LocalStore, keys: tuple[Path, Path]) -> None:
    public = signing.public_key(keys[1])
    for version in ("a", "b", "c"):
        switch(signed, MONTH, version)
        assert signing.fault(signed.index(), public) == ""
        assert set(signed.index()["signature"]) == {"algorithm", "key", "value"}
    path = signed.root / "publication" / "index.json"
    before = path.stat().st_mtime_ns, path.stat().st_ino
    switch(signed, MONTH, "c")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_openssl_verifies_it_too(signed: LocalStore, keys: tuple[Path, Path], tmp_path: Path) -> None:
    """By what the README says: the index without its signature as compact JSON, keys in order."""
    import base64

    index = json.loads((signed.root / "publication" / "index.json").read_bytes())
    signature = index.pop("signature")
    (tmp_path / "said").write_text(json.dumps(index, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    (tmp_path / "value").write_bytes(base64.b64decode(signature["value"]))
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        keys[1],
        "-rawin",
        "-in",
        "said",
        "-sigfile",
        "value",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.update(sequence=2),
        lambda index: index["months"].clear(),
        lambda index: index["months"][MONTH].update(published="2026-02-01T00:00:01-06:00"),
        lambda index: index["months"][MONTH]["manifest"].update(sha256="1" * 64),
        lambda index: index["signature"].update(value=index["signature"]["value"][::-1]),
        lambda index: index["signature"].update(value="AAAA"),
        lambda index: index["signature"].update(value="no base64"),
        lambda index: index["signature"].update(value=None),
        lambda index: index["signature"].pop("value"),
    ],
)
def test_whatever_is_edited_breaks_it(signed: LocalStore, keys: tuple[Path, Path], change: Any) -> None:
    index = signed.index()
    change(index)
    assert signing.fault(index, signing.public_key(keys[1])) == "index.json: its signature does not fit what it says"


def test_another_key_is_another_signature(signed: LocalStore, keys: tuple[Path, Path]) -> None:
    other = Ed25519PrivateKey.generate()
    index = signing.signed_by(other)(signed.index())
    assert signing.fault(index, signing.public_key(keys[1])) == "index.json: it is signed with another key"
    index["signature"]["key"] = signed.index()["signature"]["key"]
    assert signing.fault(index, signing.public_key(keys[1])) == "index.json: its signature does not fit what it says"
    # A new key in the store's place signs anew, although nothing else changed.
    renewed = LocalStore(signed.root, signing.signed_by(other))
    switch(renewed, MONTH, "a")
    assert signing.fault(renewed.index(), other.public_key()) == ""


def test_a_signature_is_not_lost_by_forgetting_the_key(signed: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signed.index()
    monkeypatch.delenv(signing.VARIABLE)
    with pytest.raises(StoreError, match="the index is signed: set GUATECOMPRAS_SIGNING_KEY to its key, or to 'off'"):
        switch(open_store(str(signed.root)), MONTH, "b")
    assert signed.index() == before
    monkeypatch.setenv(signing.VARIABLE, "off")
    switch(open_store(str(signed.root)), MONTH, "b")
    assert "signature" not in signed.index()
    monkeypatch.delenv(signing.VARIABLE)
    switch(open_store(str(signed.root)), MONTH, "c")


def test_the_same_index_has_the_same_signature(signed: LocalStore, keys: tuple[Path, Path]) -> None:
    seal = signing.from_environment()
    assert seal(signed.index()) == seal(signing.without_signature(signed.index())) == signed.index()


def test_no_message_shows_a_key(tmp_path: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    secret = keys[0].read_text()
    wrong = {
        "absent": str(tmp_path / "absent.pem"),
        "the key itself": secret,
        "a public key": str(keys[1]),
        "a folder": str(tmp_path),
        "broken": str(tmp_path / "broken.pem"),
        "with a password": str(tmp_path / "password.pem"),
        "another kind": str(tmp_path / "ec.pem"),
    }
    Path(wrong["broken"]).write_text(secret.replace("PRIVATE", "PRIVAT"))
    locked = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    )
    Path(wrong["with a password"]).write_bytes(locked)
    curve = ec.generate_private_key(ec.SECP256R1())
    Path(wrong["another kind"]).write_bytes(curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name, value in wrong.items():
        monkeypatch.setenv(signing.VARIABLE, value)
        with pytest.raises(GuatecomprasError, match="does not name a file with an Ed25519 private key") as raised:
            open_store(str(tmp_path / "store"))
        assert raised.value.__cause__ is None, name
        assert "BEGIN" not in str(raised.value), name
        assert value not in str(raised.value), name
    # The private key where the public one is asked for.
    with pytest.raises(GuatecomprasError, match="is not a file with an Ed25519 public key") as raised:
        signing.public_key(keys[0])
    assert secret.splitlines()[1] not in str(raised.value)
    assert os.environ[signing.VARIABLE] not in repr(signing.signed_by(Ed25519PrivateKey.generate()))
