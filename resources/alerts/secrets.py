"""A secret of a channel: from its variable, or from the file that the variable's name with _FILE names. It is in no message."""

import os
from pathlib import Path

from guatecompras.errors import GuatecomprasError


def secret(variable: str) -> str:
    """Empty where neither is set. Raises GuatecomprasError when the file cannot be read."""
    named = os.environ.get(f"{variable}_FILE")
    if not named:
        return os.environ.get(variable, "")
    try:
        return Path(named).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise GuatecomprasError(f"{variable}_FILE: cannot read {named}: {reason}") from None
