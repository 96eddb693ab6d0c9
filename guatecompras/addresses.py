"""Addresses of sources and stores as they may be shown: without what they must not tell. What they name is others' business."""

import re

_USER_PASSWORD = re.compile(r"(://[^:/?#]*:).*@", re.DOTALL)
_SECRET_OPTION = re.compile(
    r"([?&;](?:\w*password|passwd|pwd|\w*token|\w*secret\w*|\w*key(?:_?id)?)=)[^&;#]*", re.IGNORECASE
)


def redact(uri: str) -> str:
    """The URI with passwords and tokens replaced by `***`; works on misspelt URIs too, and rather hides too much."""
    return _SECRET_OPTION.sub(r"\1***", _USER_PASSWORD.sub(r"\1***@", uri))
