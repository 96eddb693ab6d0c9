"""Addresses of sources and stores as they may be shown: without what they must not tell. What they name is others' business."""

import re
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

_USER_PASSWORD = re.compile(r"(://[^:/?#]*:).*@", re.DOTALL)
_SECRET_OPTION = re.compile(
    r"([?&;](?:\w*password|passwd|pwd|\w*token|\w*secret\w*|\w*key(?:_?id)?)=)[^&;#]*", re.IGNORECASE
)


def redact(uri: str) -> str:
    """The URI with passwords and tokens replaced by `***`; works on misspelt URIs too, and rather hides too much."""
    return _SECRET_OPTION.sub(r"\1***", _USER_PASSWORD.sub(r"\1***@", uri))


def forms(secret: str) -> tuple[str, ...]:
    """How a secret may be written where it is quoted: as it is, escaped for an address or a connection string, as Base64."""
    plain = secret.encode()
    found = (secret, quote(secret, safe=""), quote_plus(secret), quote(secret), repr(secret)[1:-1], _escaped(secret))
    return tuple(dict.fromkeys((*found, b64encode(plain).decode(), plain.hex())))


def _escaped(secret: str) -> str:
    """As it stands between quotes in libpq's connection strings."""
    return secret.replace("\\", "\\\\").replace("'", "\\'")


def hiding(*secrets: str | None) -> Callable[[str], str]:
    """What puts `***` in place of the secrets, in any of their forms, in a text that somebody else wrote."""
    known = sorted({form for secret in secrets if secret for form in forms(secret)}, key=len, reverse=True)
    if not known:
        return str
    pattern = re.compile("|".join(map(re.escape, known)))
    return lambda text: pattern.sub("***", text)
