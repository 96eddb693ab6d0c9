"""The signature of the index: Ed25519, over all else that the index says. What the index says is `publication.py`'s business.

The index names every current manifest by its digest, and every manifest the one before it, so a signature of the index
vouches for each file that was ever published.
"""

import base64
import binascii
from collections.abc import Callable
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from guatecompras.errors import GuatecomprasError, StoreError
from guatecompras.variables import Variable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Json = dict[str, Any]
Seal = Callable[[Json], Json]

VARIABLE, OFF = "GUATECOMPRAS_SIGNING_KEY", "off"
ALGORITHM = "Ed25519"
VARIABLES = (
    Variable(VARIABLE, "file with the private key (Ed25519, PEM) that signs the index; `off` gives a signature up"),
)
_SIGNATURE = "signature"


def unsigned(index: Json) -> Json:
    """The index as it is. Raises StoreError when it carries a signature, which would not hold any more or would be lost."""
    if _SIGNATURE in index:
        raise StoreError(f"the index is signed: set {VARIABLE} to its key, or to '{OFF}' to give the signature up")
    return index


def without_signature(index: Json) -> Json:
    """The index without its signature, if it has one."""
    return {key: value for key, value in index.items() if key != _SIGNATURE}


def signed_by(key: "Ed25519PrivateKey") -> Seal:
    """What signs an index with a key; the same index and key give the same signature."""
    public = _encoded(key.public_key())

    def seal(index: Json) -> Json:
        value = base64.b64encode(key.sign(canonical(index))).decode()
        return without_signature(index) | {_SIGNATURE: {"algorithm": ALGORITHM, "key": public, "value": value}}

    return seal


def from_environment() -> Seal:
    """How GUATECOMPRAS_SIGNING_KEY says that an index is sealed: a path of a private key (PEM), `off`, or not set.

    Raises GuatecomprasError when there is no such key. The message says nothing of what the variable or the file holds.
    """
    named = environ.get(VARIABLE, "")
    if not named:
        return unsigned
    if named == OFF:
        return without_signature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(Path(named).read_bytes(), password=None)
    except Exception:  # noqa: BLE001  # whatever it is, it may show the key
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise GuatecomprasError(
            f"{VARIABLE} does not name a file with an Ed25519 private key (PEM, no password)"
        ) from None
    return signed_by(key)


def public_key(path: Path) -> "Ed25519PublicKey":
    """A public key from a PEM file. Raises GuatecomprasError when the file holds none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        key = load_pem_public_key(path.read_bytes())
    except Exception:  # noqa: BLE001  # a private key by mistake must not be shown
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise GuatecomprasError(f"{path} is not a file with an Ed25519 public key (PEM)") from None
    return key


def fault(index: Json, key: "Ed25519PublicKey") -> str:
    """What is wrong with the signature of an index, by who holds the public key; empty when it is sound."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    signature = index.get(_SIGNATURE)
    if not isinstance(signature, dict):
        return "index.json: it is not signed"
    if signature.get("algorithm") != ALGORITHM or signature.get("key") != _encoded(key):
        return "index.json: it is signed with another key"
    try:
        key.verify(base64.b64decode(signature["value"], validate=True), canonical(index))
    except (InvalidSignature, KeyError, TypeError, ValueError, binascii.Error):
        return "index.json: its signature does not fit what it says"
    return ""


def canonical(index: Json) -> bytes:
    """What is signed: the index without its signature as compact JSON in UTF-8, keys in order."""
    return orjson.dumps(without_signature(index), option=orjson.OPT_SORT_KEYS)


def _encoded(key: "Ed25519PublicKey") -> str:
    return base64.b64encode(key.public_bytes_raw()).decode()
