"""What the tests on real data share: months made from a source as the pipeline makes them, a municipality's 28 months once."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl
import pytest

from guatecompras import quality, snapshot, tables
from guatecompras.formats.archive import read_lines
from guatecompras.months import Month, parse_months
from guatecompras.ocds import cohort
from guatecompras.quality import coverage
from guatecompras.settings import Settings
from resources.sources.uri import open_source

SHARED = Path(os.environ.get("GUATECOMPRAS_SHARED") or Path(__file__).parents[2].parent / "shared")
ANTIGUA = SHARED / "data" / "antigua"


@dataclass(frozen=True)
class Built:
    """A month from its rows to its flat tables. `judged`: as the checks take it."""

    month: Month
    made: cohort.Cohort
    judged: quality.Month

    @cached_property
    def frames(self) -> dict[str, pl.DataFrame]:
        return {name: pl.read_parquet(path) for name, path in self.judged.tables.items()}


def built(uri: str, months: str, folder: Path) -> Iterator[Built]:
    """Months of a source, made in a folder."""
    source = open_source(uri)
    for month in parse_months([months]):
        home = folder / str(month)
        with source.open(month) as reading:
            taken = snapshot.take(reading, month, home / "source")
        made = cohort.build(taken, home / "ocds", Settings())
        documents = tables.read_documents(list(read_lines(made.records)))
        with tables.TableSet(home, [name for name in tables.NAMES if name != "releases"]) as writing:
            writing.write(tables.flatten(documents))
        rejects = home / "rechazos.parquet"
        made.rejects.write_parquet(rejects)
        files = {**writing.files, "releases": made.releases_table}
        rules, covered = quality.rules.load(), coverage.count(documents)
        yield Built(month, made, quality.Month(str(month), files, made.releases, rejects, made.counts, rules, covered))


@pytest.fixture(scope="session")
def antigua(tmp_path_factory: pytest.TempPathFactory) -> list[Built]:
    """Of a municipality that had no items, documents and contacts in its source."""
    return list(built(f"csv:{ANTIGUA}", "2024-01..2026-04", tmp_path_factory.mktemp("antigua")))
