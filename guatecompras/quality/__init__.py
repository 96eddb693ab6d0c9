"""Checks of a month: one a file, each with its id, version, severity and meaning, and a pure calculation.

`CHECKS` lists them; `run` evaluates them on what was built. What happens when one fails is the gate's business (`gate.py`).
"""

from guatecompras.quality import counts, dates, gate, identifiers, references, schema, segmentation
from guatecompras.quality.check import Check, Month, Outcome

CHECKS: tuple[Check, ...] = tuple(
    module.CHECK for module in (schema, identifiers, references, dates, segmentation, counts)
)

__all__ = ["CHECKS", "Check", "Month", "Outcome", "gate", "run"]


def run(month: Month) -> list[Outcome]:
    """Evaluate every check on a month."""
    return [check.evaluate(month) for check in CHECKS]
