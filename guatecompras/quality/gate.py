"""The gate: whether a month may be published. Evaluated when the checks run, and again when publishing."""

from collections.abc import Sequence

from guatecompras.errors import GateError
from guatecompras.quality.check import Outcome


def require(outcomes: Sequence[Outcome], month: str) -> None:
    """Raise GateError naming every blocking check that failed, with its first failure."""
    blocking = [outcome for outcome in outcomes if not outcome.passed and outcome.check.severity == "block"]
    if not blocking:
        return
    reasons = "; ".join(f"{outcome.check.id} ({outcome.failures.height}: {_first(outcome)})" for outcome in blocking)
    raise GateError(f"{month} is not published, these checks failed: {reasons}")


def _first(outcome: Outcome) -> str:
    nog, path, value = outcome.failures.row(0)
    return " ".join(str(word) for word in (f"NOG {nog}" if nog else "", path, value) if word)[:200]
