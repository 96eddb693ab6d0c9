"""The indicators find everything that is planted and raise no decoy."""

from pathlib import Path

import polars as pl
import pytest

from benchmarks.integrity import measure


@pytest.mark.slow
@pytest.mark.parametrize(("months", "seed"), [(7, 3), (12, 4)])
def test_what_is_planted_is_found_and_no_decoy_is_raised(tmp_path: Path, months: int, seed: int) -> None:
    found = measure(tmp_path, months, 40, seed)
    planted = found.filter(pl.col("planted") > 0)
    assert planted.height == 31
    missed = planted.filter((pl.col("found") < pl.col("planted")) | (pl.col("decoys_raised") > 0))
    assert missed.is_empty(), missed
