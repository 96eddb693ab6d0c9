"""What an environment variable is to who sets it. Each is declared beside the code that reads it, in `VARIABLES` of its module;
`pipelines/variables.py` gathers them all, for the table in the operators' guide.
"""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Variable:
    """`default`: as it is written, empty for none; `secret`: its value is shown nowhere."""

    name: str
    meaning: str
    default: str = ""
    secret: bool = False


def of_settings(settings: type[Any]) -> tuple[Variable, ...]:
    """Those of a dataclass whose fields carry `variable` and `meaning` in their metadata."""
    return tuple(
        Variable(item.metadata["variable"], item.metadata["meaning"], _written(item.default))
        for item in fields(settings)
    )


def _written(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return "" if default in ("", ()) else str(default)
