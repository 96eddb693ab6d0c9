"""What the checks of a process find in a real municipality's 28 months: eleven processes, and nothing that is not so."""

from collections import defaultdict

import pytest

from guatecompras.quality import records
from tests.real.conftest import ANTIGUA, Built

pytestmark = pytest.mark.skipif(not ANTIGUA.is_dir(), reason="the shared data are not here")

# Dropped (prescindir) after an award that stays enabled.
DROPPED = {23171456, 23576332, 23577517, 23803576, 23840277, 26728788, 26746409, 27356248}
# Direct purchases of at most Q90,000 with two awards of nearly as much each.
ABOVE_CEILING = {23225440, 23298359, 29367522}


def test_what_is_found_is_real(antigua: list[Built]) -> None:
    found = defaultdict(set)
    for month in antigua:
        for check in records.CHECKS:
            outcome = check.evaluate(month.judged)
            assert outcome.passed or outcome.rule.severity != "block", check.id
            found[check.id] |= set(outcome.failures["nog"])
    assert {check: nogs for check, nogs in found.items() if nogs} == {
        "award_against_status": DROPPED,
        "legal_threshold": ABOVE_CEILING,
    }
