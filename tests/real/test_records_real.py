"""What the checks of a process find in a real municipality's 28 months: eleven processes, and nothing that is not so."""

from collections import defaultdict
from pathlib import Path

import pytest

from guatecompras import quality
from guatecompras.quality import records
from tests.real.test_antigua import FOLDER, published

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared data are not here")

# Dropped (prescindir) after an award that stays enabled.
DROPPED = {23171456, 23576332, 23577517, 23803576, 23840277, 26728788, 26746409, 27356248}
# Direct purchases of at most Q90,000 with two awards of nearly as much each.
ABOVE_CEILING = {23225440, 23298359, 29367522}


def test_what_is_found_is_real(tmp_path: Path) -> None:
    found = defaultdict(set)
    for month, made, frames in published(tmp_path):
        folder = tmp_path / str(month) / "tables"
        folder.mkdir()
        for name, frame in frames.items():
            frame.write_parquet(folder / f"{name}.parquet")
        files = {name: folder / f"{name}.parquet" for name in frames}
        rejects = folder / "rechazos.parquet"
        made.rejects.write_parquet(rejects)
        judged = quality.Month(str(month), files, made.releases, rejects, made.counts, quality.rules.load())
        for check in records.CHECKS:
            outcome = check.evaluate(judged)
            assert outcome.passed or outcome.rule.severity != "block", check.id
            found[check.id] |= set(outcome.failures["nog"])
    assert {check: nogs for check, nogs in found.items() if nogs} == {
        "award_against_status": DROPPED,
        "legal_threshold": ABOVE_CEILING,
    }
