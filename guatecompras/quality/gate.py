"""The gate: whether a month may be published. Evaluated when the checks run, and again when publishing.

It reads what checks say as manifests and reports carry it (`Outcome.summary`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from guatecompras.errors import GateError, GuatecomprasError
from guatecompras.quality.rules import Rules

Json = dict[str, Any]


def require(judged: Sequence[Mapping[str, Any]], month: str, accepted: Mapping[str, str] | None = None) -> None:
    """Raise GateError naming every blocking check that failed, with its first failure.

    `accepted`: checks that an operator lets pass, and why.
    """
    stopping = [told for told in failing(judged) if told["id"] not in (accepted or {})]
    if not stopping:
        return
    reasons = "; ".join(f"{told['id']} ({told['failed']}: {_first(told)})" for told in stopping)
    raise GateError(
        f"{month} is not published, these checks failed: {reasons} (to let one pass: --accept CHECK --why TEXT)"
    )


def failing(judged: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of what was judged that which stops a month."""
    return [told for told in judged if not told["passed"] and told["severity"] == "block"]


def _first(told: Mapping[str, Any]) -> str:
    first = told["examples"][0] if told["examples"] else {}
    nog = f"NOG {first['nog']}" if first.get("nog") else ""
    return " ".join(str(word) for word in (nog, first.get("path"), first.get("value")) if word)[:200]


def overrides(pairs: Iterable[tuple[str, str]], rules: Rules) -> dict[str, str]:
    """Check -> why an operator accepts that it fails. Raises GuatecomprasError for one that there is no use in accepting."""
    found: dict[str, str] = {}
    for check, why in pairs:
        if check not in rules:
            raise GuatecomprasError(f"there is no check '{check}' to accept")
        if rules[check].severity != "block":
            raise GuatecomprasError(f"check '{check}' blocks nothing: there is nothing to accept")
        if not why.strip():
            raise GuatecomprasError(f"say why '{check}' is accepted: it stands in the manifest")
        found[check] = " ".join(why.split())
    return found


def overrides_told(text: str, rules: Rules) -> dict[str, str]:
    """The same from JSON, `{"check": "why"}`, as a run's tag holds them; none in an empty text."""
    try:
        told = orjson.loads(text or b"{}")
        pairs = [(str(check), str(why)) for check, why in told.items()]
    except (ValueError, AttributeError) as error:
        raise GuatecomprasError(f'overrides are a JSON object {{"check": "why"}}, not {text[:100]!r}') from error
    return overrides(pairs, rules)
