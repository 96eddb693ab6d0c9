"""A clean month as the pipeline makes it: a demo month through the real stages."""

import polars as pl
import pytest

from guatecompras import quality, snapshot, tables
from guatecompras.demo import month_tables
from guatecompras.formats.archive import read_lines
from guatecompras.months import Month
from guatecompras.ocds import cohort
from guatecompras.quality import coverage
from guatecompras.settings import Settings
from tests.ocds.sample_rows import Reading

DEMO = Month(2026, 1)


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> quality.Month:
    """January 2026 with 600 concursos of the demo."""
    folder = tmp_path_factory.mktemp("clean")
    rows = next(month_tables(DEMO, 600, 1))
    taken = snapshot.take(Reading(rows, frozenset()), DEMO, folder / "source")
    made = cohort.build(taken, folder, Settings())
    with tables.TableSet(folder / "tables", [name for name in tables.NAMES if name != "releases"]) as writing:
        documents = tables.read_documents(list(read_lines(made.records)))
        writing.write(tables.flatten(documents))
    rejects = folder / "rechazos.parquet"
    made.rejects.write_parquet(rejects)
    files = {**writing.files, "releases": made.releases_table}
    assert pl.read_parquet(files["records"]).height == 600
    return quality.Month(
        str(DEMO), files, made.releases, rejects, made.counts, quality.rules.load(), coverage.count(documents)
    )
