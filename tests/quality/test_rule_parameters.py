"""Parameters that an operator gives in place of the shipped ones: named and of their kind, and the rest stays."""

import pytest

from guatecompras.errors import GuatecomprasError
from guatecompras.quality import rules


def test_what_is_not_given_stays() -> None:
    own = rules.load()["coverage"]
    given = rules.load(
        """
        [coverage]
        severity = "note"
        [coverage.parameters]
        deviations = 2.5
        [coverage.parameters.minimum]
        "bids" = 0.6
        "tender/value" = 0.2
        """
    )["coverage"]
    assert given.severity == "note"
    assert given.parameters["deviations"] == 2.5
    assert given.parameters["minimum"] == {**own.parameters["minimum"], "bids": 0.6, "tender/value": 0.2}  # type: ignore[dict-item]
    assert rules.load()["coverage"] == own


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("enough = 3", "rule of coverage: there is no parameter 'enough'"),
        ("deviations = 'three'", "rule of coverage: parameter 'deviations' must be a number"),
        ("deviations = true", "rule of coverage: parameter 'deviations' must be a number"),
        ("minimum = 0.9", "rule of coverage: parameter 'minimum' must be a table"),
        ("minimum = [0.9]", "rule of coverage: parameter 'minimum' must be a table"),
    ],
)
def test_what_a_check_does_not_know_is_refused(given: str, reason: str) -> None:
    with pytest.raises(GuatecomprasError, match=reason):
        rules.load(f"[coverage]\nseverity = 'warn'\n[coverage.parameters]\n{given}")
