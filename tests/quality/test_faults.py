"""Every fault put into a clean month makes the checks fail that must find it, and no others; the clean month fails none."""

from pathlib import Path

import pytest

from guatecompras import quality
from guatecompras.quality import check
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


def test_a_month_judged_in_parts_is_judged_as_a_whole(
    clean: quality.Month, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large month is held in parts of whole processes; what is found must not show it."""
    bench = Workshop(clean, tmp_path)
    for row in FAULTS[::7]:
        row.inject(bench)
    whole = [(outcome.applicable, outcome.failed, outcome.failures) for outcome in quality.run(bench.month)]
    monkeypatch.setattr(check, "AT_ONCE", 77)
    assert len(bench.month.parts()) == 8
    for outcome, (applicable, failed, failures) in zip(quality.run(bench.month), whole, strict=True):
        assert (outcome.applicable, outcome.failed) == (applicable, failed), outcome.check.id
        assert outcome.failures.equals(failures), outcome.check.id
