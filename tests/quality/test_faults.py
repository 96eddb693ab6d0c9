"""Every fault put into a clean month makes the checks fail that must find it, and no others; the clean month fails none."""

from pathlib import Path

import pytest

from guatecompras import quality
from tests.quality.faults import FAULTS, Fault
from tests.quality.faults.workshop import Workshop


def _failing(month: quality.Month) -> set[str]:
    return {outcome.check.id for outcome in quality.run(month) if outcome.state == "fail"}


def test_the_clean_month_fails_no_check(clean: quality.Month) -> None:
    assert _failing(clean) == set()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_fault_is_caught_by_its_checks_alone(fault: Fault, clean: quality.Month, tmp_path: Path) -> None:
    bench = Workshop(clean, tmp_path)
    fault.inject(bench)
    assert _failing(bench.month) == fault.checks
