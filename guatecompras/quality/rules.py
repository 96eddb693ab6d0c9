"""The rules: for each check how much a failure weighs and how many a month may have. Read from one file, checked on load.

What a check calculates is its own module's business; what happens to a month that breaks a rule is the gate's.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from guatecompras.errors import GuatecomprasError

FILE = Path(__file__).parents[1] / "data" / "quality.toml"

# block: the month is not published; warn: who runs the month is told; note: it stands in the report.
Severity = Literal["block", "warn", "note"]
Parameter = float | int | str | list[Any] | dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """How a check's failures weigh. A month keeps the rule while at most `max_count` or at most the share `max_share` of
    what was judged fails. `parameters`: numbers that the check itself needs."""

    severity: Severity
    max_share: float = 0.0
    max_count: int = 0
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def tolerates(self, failed: int, applicable: int) -> bool:
        # Divided, not multiplied: 29 of 100 is the very number that "0.29" is, while 100 * 0.29 is below 29.
        return failed <= self.max_count or failed / applicable <= self.max_share


Rules = Mapping[str, Rule]


@cache
def load(replacing: str = "") -> Rules:
    """The rules of FILE, with those of `replacing` (TOML: a table for each check) in place of the same checks' ones.

    Raises GuatecomprasError naming what is wrong in them.
    """
    rules = _parsed(FILE.read_text(encoding="utf-8"), FILE.name)
    replaced = _parsed(replacing, "the rules given")
    unknown = replaced.keys() - rules.keys()
    if unknown:
        raise GuatecomprasError(f"the rules given: there is no check '{min(unknown)}'")
    return rules | {
        check: replace(rule, parameters=_replaced(f"rule of {check}", rules[check].parameters, rule.parameters))
        for check, rule in replaced.items()
    }


def _replaced(where: str, own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with those given in their place; what is not named keeps what its check needs, in tables too."""
    found = dict(own)
    for name, value in given.items():
        if name not in own:
            raise GuatecomprasError(f"the rules given: {where}: there is no parameter '{name}'")
        if _kind(value) != _kind(own[name]):
            raise GuatecomprasError(f"the rules given: {where}: parameter '{name}' must be {_kind(own[name])}")
        found[name] = {**own[name], **value} if isinstance(value, dict) else value
    return found


def _kind(value: object) -> str:
    kinds = (("true or false", bool), ("a number", (int, float)), ("a text", str), ("a list", list), ("a table", dict))
    return next((name for name, types in kinds if isinstance(value, types)), "something else")


def _parsed(text: str, origin: str) -> dict[str, Rule]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise GuatecomprasError(f"{origin}: {error}") from error
    return {check: _rule(origin, check, given) for check, given in found.items()}


def _rule(origin: str, check: str, given: Any) -> Rule:
    def wrong(what: str) -> GuatecomprasError:
        return GuatecomprasError(f"{origin}: rule of {check}: {what}")

    if not isinstance(given, dict):
        raise wrong("it is no table")
    unknown = given.keys() - {"severity", "max_share", "max_count", "parameters"}
    if unknown:
        raise wrong(f"'{min(unknown)}' is no word of a rule")
    if given.get("severity") not in get_args(Severity):
        raise wrong(f"severity must be one of {', '.join(get_args(Severity))}")
    share, count, parameters = given.get("max_share", 0.0), given.get("max_count", 0), given.get("parameters", {})
    if not isinstance(share, float | int) or isinstance(share, bool) or not 0 <= share <= 1:
        raise wrong("max_share must be a number from 0 to 1")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise wrong("max_count must be a whole number, not negative")
    if not isinstance(parameters, dict):
        raise wrong("parameters must be a table")
    return Rule(given["severity"], float(share), count, parameters)
