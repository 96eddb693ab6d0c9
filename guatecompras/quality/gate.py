"""The gate: whether a month may be published. Evaluated when the checks run, and again when publishing."""

from collections.abc import Mapping, Sequence

from guatecompras.errors import GateError
from guatecompras.quality.check import Outcome


def require(outcomes: Sequence[Outcome], month: str, accepted: Mapping[str, str] | None = None) -> None:
    """Raise GateError naming every blocking check that failed, with its first failure.

    `accepted`: checks that an operator lets pass, and why.
    """
    blocking = [outcome for outcome in failing(outcomes) if outcome.check.id not in (accepted or {})]
    if not blocking:
        return
    reasons = "; ".join(f"{outcome.check.id} ({outcome.failed}: {_first(outcome)})" for outcome in blocking)
    raise GateError(f"{month} is not published, these checks failed: {reasons}")


def failing(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes that stop a month."""
    return [outcome for outcome in outcomes if not outcome.passed and outcome.rule.severity == "block"]


def _first(outcome: Outcome) -> str:
    nog, path, value = outcome.failures.row(0)
    return " ".join(str(word) for word in (f"NOG {nog}" if nog else "", path, value) if word)[:200]
