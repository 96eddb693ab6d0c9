"""What a check is: its name and meaning, what it reads, and what it says. The checks themselves are the other modules.

A check calculates, it does not judge: which failures a month may have is a rule (`rules.py`), and whether the month may
be published is the gate's business (`gate.py`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import polars as pl

from guatecompras.personal import Policy, load
from guatecompras.quality.coverage import Coverage
from guatecompras.quality.rules import Parameter, Rule, Rules

Level = Literal["field", "record", "month", "version"]
Dimension = Literal[
    "completitud",
    "validez",
    "coherencia",
    "consistencia",
    "referencias",
    "unicidad",
    "plausibilidad",
    "legalidad",
    "distribución",
    "estabilidad",
]
State = Literal["pass", "fail", "not_applicable"]

# A failure: which NOG (null: of the month as a whole), where in the document, what is there.
FAILURES_SCHEMA: dict[str, pl.DataType] = {"nog": pl.Int64(), "path": pl.String(), "value": pl.String()}
EXAMPLES = 5
# Processes that a check of single processes sees at once: with all of a large month, memory would grow with it.
AT_ONCE = 25_000
_LAST_NOG = 2**63 - 1
# What a month is like: name of a distribution -> category -> number (see `distributions.py`).
Distributions = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Previous:
    """The version of the same month that is public now. `releases`: its JSON Lines, gzipped; `version`: its name;
    `same_code`: whether it was made by the code that runs now, so that what differs comes from the source; `personal`: what its
    manifest says of the policy on natural persons."""

    version: str
    tables: Mapping[str, Path]
    releases: Path
    distributions: Distributions
    same_code: bool = True
    personal: dict[str, Any] | None = field(default_factory=lambda: load().told)

    def scan(self, table: str) -> pl.LazyFrame:
        return pl.scan_parquet(self.tables[table])


@dataclass(frozen=True)
class Month:
    """What the checks read: the month's flat tables (Parquet), releases (JSON Lines, gzipped) and rejects, its counts.

    `coverage`: how often each path is there (see `coverage.py`); `history`: the distributions of up to twelve earlier
    months by their name, those that are public; `elsewhere`: of those months' current versions the tables of what has an
    id of its own; `previous`: the public version of this month, if there is one. These three come from `compared.py`.
    `personal`: what is published of natural persons.
    """

    month: str
    tables: Mapping[str, Path]
    releases: Path
    rejects: Path
    counts: Mapping[str, int]
    rules: Rules
    coverage: Coverage = field(default_factory=dict)
    history: Mapping[str, Distributions] = field(default_factory=dict)
    elsewhere: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    previous: Previous | None = None
    personal: Policy = field(default_factory=load)
    # The first and the last NOG of a part of the month; None: all of it.
    within: tuple[int, int] | None = None

    def scan(self, table: str) -> pl.LazyFrame:
        rows = pl.scan_parquet(self.tables[table])
        return rows if self.within is None else rows.filter(pl.col("nog").is_between(*self.within))

    def parts(self, size: int | None = None) -> list["Month"]:
        """The month in parts of at most `size` processes, whole ones: what a check of single processes holds at once."""
        size = size or AT_ONCE
        nogs = self.scan("records").select("nog").collect().to_series().sort()
        if len(nogs) <= size:
            return [self]
        # Of rows whose NOG has no record each belongs to a part too.
        ends = [nogs[place - 1] for place in range(size, len(nogs), size)]
        return [replace(self, within=(after + 1, end)) for after, end in pairwise([-1, *ends, _LAST_NOG])]

    def parameters(self, check: str) -> Mapping[str, Parameter]:
        return self.rules[check].parameters

    @cached_property
    def distributions(self) -> Distributions:
        """What this month is like."""
        from guatecompras.quality.distributions import measure  # noqa: PLC0415  # it reads months

        return measure(self)


@dataclass(frozen=True)
class Finding:
    """What a calculation found. `applicable`: how many things it could judge (0: the check does not apply to this month);
    `failed`: how many of them fail; `failures`: FAILURES_SCHEMA, all of them (one thing may have several)."""

    applicable: int
    failed: int
    failures: pl.DataFrame

    @classmethod
    def of(cls, applicable: int, failures: pl.DataFrame) -> "Finding":
        """One failure for each thing that fails."""
        return cls(applicable, failures.height, failures)


def judge(
    rows: pl.LazyFrame, fails: pl.Expr, path: str, value: pl.Expr | str, applies: pl.Expr | None = None
) -> Finding:
    """Judge each of `rows` (with a column `nog`) where `applies` (null: not), and collect those where `fails`.

    Where `fails` is null the row passes. `value`: what is shown of a failure, an expression or a column.
    """
    shown = pl.col(value) if isinstance(value, str) else value
    within = rows if applies is None else rows.filter(applies)
    failing = within.filter(fails).select("nog", path=pl.lit(path), value=shown.cast(pl.String))
    count, failures = pl.collect_all([within.select(pl.len()), failing])
    return Finding.of(count.item(), failures)


def joined(findings: Iterable[Finding]) -> Finding:
    """Several calculations as one."""
    found = list(findings)
    return Finding(
        sum(finding.applicable for finding in found),
        sum(finding.failed for finding in found),
        pl.concat([pl.DataFrame(schema=FAILURES_SCHEMA), *(conformed(finding.failures) for finding in found)]),
    )


def conformed(failures: pl.DataFrame) -> pl.DataFrame:
    """Failures in their schema's columns and types."""
    return failures.select(pl.col(name).cast(dtype) for name, dtype in FAILURES_SCHEMA.items())


SUMMARY = (
    "id",
    "version",
    "severity",
    "state",
    "passed",
    "applicable",
    "failed",
    "failures",
    "note",
    "examples",
)


@dataclass(frozen=True)
class Outcome:
    """What a check says of a month, judged by its rule. `failures`: FAILURES_SCHEMA, in order."""

    check: "Check"
    rule: Rule
    applicable: int
    failed: int
    failures: pl.DataFrame

    @property
    def state(self) -> State:
        if not self.applicable:
            return "not_applicable"
        return "pass" if self.rule.tolerates(self.failed, self.applicable) else "fail"

    @property
    def passed(self) -> bool:
        return self.state != "fail"

    @property
    def note(self) -> str:
        return "within what its rule tolerates" if self.failed and self.passed else ""

    def summary(self) -> dict[str, Any]:
        """As manifests and reports carry it (SUMMARY): the counts and the first few failures."""
        return {
            "id": self.check.id,
            "version": self.check.version,
            "severity": self.rule.severity,
            "state": self.state,
            "passed": self.passed,
            "applicable": self.applicable,
            "failed": self.failed,
            "failures": self.failures.height,
            "note": self.note,
            "examples": self.failures.head(EXAMPLES).to_dicts(),
        }


@dataclass(frozen=True)
class Check:
    """One check.

    `asset`: the asset whose content it judges; `paths`: the OCDS paths it reads; `meaning`: Spanish, for the public;
    `description`: English; `find`: the calculation, a pure function of the month; `whole`: that it has to see all of the
    month at once, even though it judges single values or processes.
    """

    id: str
    version: str
    level: Level
    dimension: Dimension
    asset: str
    paths: Sequence[str]
    meaning: str
    description: str
    find: Callable[[Month], Finding]
    whole: bool = False

    def evaluate(self, month: Month) -> Outcome:
        single = self.level in {"field", "record"} and not self.whole
        found = joined(self.find(part) for part in month.parts()) if single else self.find(month)
        failures = conformed(found.failures).sort("nog", "path", "value", nulls_last=True)
        return Outcome(self, month.rules[self.id], found.applicable, found.failed, failures)
