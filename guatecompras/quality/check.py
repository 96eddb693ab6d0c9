"""What a check is: its name and meaning, what it reads, and what it says. The checks themselves are the other modules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

Severity = Literal["block", "warn"]

# A failure: which NOG, where in the document, what is there.
FAILURES_SCHEMA: dict[str, pl.DataType] = {"nog": pl.Int64(), "path": pl.String(), "value": pl.String()}
EXAMPLES = 5


@dataclass(frozen=True)
class Month:
    """What the checks read: the month's flat tables (Parquet) and rejects, its counts, and how many rejects it may have."""

    month: str
    tables: Mapping[str, Path]
    rejects: Path
    counts: Mapping[str, int]
    rejected_share: float

    def scan(self, table: str) -> pl.LazyFrame:
        return pl.scan_parquet(self.tables[table])


@dataclass(frozen=True)
class Outcome:
    """What a check found. `failures`: FAILURES_SCHEMA, all of them."""

    check: "Check"
    passed: bool
    failures: pl.DataFrame
    note: str = ""

    def summary(self) -> dict[str, Any]:
        """As manifests and reports carry it: the count of failures and the first few."""
        return {
            "id": self.check.id,
            "version": self.check.version,
            "severity": self.check.severity,
            "passed": self.passed,
            "failures": self.failures.height,
            "note": self.note,
            "examples": self.failures.head(EXAMPLES).to_dicts(),
        }


@dataclass(frozen=True)
class Check:
    """One check. `asset`: the asset whose content it judges; `meaning`: in Spanish, for the public; `find`: the failures."""

    id: str
    version: str
    severity: Severity
    asset: str
    meaning: str
    description: str
    find: Callable[[Month], pl.DataFrame]
    # Judges the failures; by default any failure fails.
    tolerates: Callable[[Month, pl.DataFrame], bool] = lambda month, failures: False

    def evaluate(self, month: Month) -> Outcome:
        failures = self.find(month).select(pl.col(name).cast(dtype) for name, dtype in FAILURES_SCHEMA.items())
        failures = failures.sort("nog", "path", "value", nulls_last=True)
        if failures.is_empty():
            return Outcome(self, True, failures)
        tolerated = self.tolerates(month, failures)
        return Outcome(self, tolerated, failures, "within the tolerated share" if tolerated else "")
