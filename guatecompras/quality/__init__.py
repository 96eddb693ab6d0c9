"""Checks of a month: one a file, each with its id, version, level and meaning, and a pure calculation.

`CHECKS` lists them; `run` evaluates them on what was built. How much a failure weighs is in `data/quality.toml` (`rules.py`),
what happens when one fails is the gate's business (`gate.py`), and how it is told the report's (`report.py`).
"""

from collections.abc import Sequence

from guatecompras.quality import fields, gate, months, records, rules, versions
from guatecompras.quality.check import Check, Finding, Month, Outcome, Previous

CHECKS: tuple[Check, ...] = (*fields.CHECKS, *records.CHECKS, *months.CHECKS, *versions.CHECKS)

__all__ = ["CHECKS", "Check", "Finding", "Month", "Outcome", "Previous", "gate", "rules", "run"]


def run(month: Month, checks: Sequence[Check] = CHECKS) -> list[Outcome]:
    """Evaluate checks on a month."""
    return [check.evaluate(month) for check in checks]
