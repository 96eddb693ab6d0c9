"""A report run on what is published: which months are read, the rows kept, the formats written. Where files are, others say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guatecompras.reports import filters, writing
from guatecompras.reports.report import NEEDED, Base, Report, scan

# Where the files of a month are: month, names -> the folder of its version.
FolderOf = Callable[[str, Sequence[str]], Path]


@dataclass(frozen=True)
class Result:
    """What a report gave: the rows, kept as Parquet, how many, and what was asked."""

    report: Report
    told: Mapping[str, Any]
    months: list[str]
    kept: Path
    rows: int

    def about(self) -> list[tuple[str, str | int]]:
        return writing.about(self.report, self.told, self.months, self.rows)

    def write(self, form: str, out: Path) -> None:
        """Write a format, atomically."""
        writing.write(self.report, self.kept, form, out, self.about())


def run(
    report: Report,
    given: Mapping[str, str],
    published: Sequence[str],
    folder_of: FolderOf,
    kept: Path,
    most_months: int | None = None,
) -> Result:
    """Run a report on the months that are asked for, and keep its rows in `kept`. Raises FilterError, also where they are more than
    `most_months`, and GuatecomprasError where files cannot be read."""
    told = filters.read(report.filters, given)
    months = filters.months_of(told, published)
    if most_months is not None and len(months) > most_months:
        name = next((name for name in ("mes", "anio", "desde", "hasta", "nog") if name in told), "mes")
        raise filters.FilterError(
            name,
            f"abarca {len(months)} meses y aquí se leen {most_months} como máximo; elija menos, o use las descargas",
        )
    names = [f"tables/{table}.parquet" for table in NEEDED]
    base = Base(scan(folder_of(month, names) for month in months), filters.narrowing(told), told)
    rows = writing.keep(report, base, kept)
    return Result(report, told, months, kept, rows)
