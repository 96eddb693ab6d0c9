"""The quality layer: the report on a month, and its checks as Dagster sees them: blocking ones stop what would publish.

The checks, the report and the gate are `guatecompras/quality/`'s.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import polars as pl

from assets.reporting import as_markdown, one_line, reported, spec
from guatecompras import tables
from guatecompras.month import QUALITY_JSON, QUALITY_PAGE, MonthWork, Stage
from guatecompras.quality import CHECKS, Check, gate, rules
from guatecompras.settings import Settings
from pipelines.partitions import MONTHS
from resources.settings import StoreResource

REPORT = ("quality", "report")
# A run's tag: JSON, {"check": "why it may fail in this run"}. The command's --accept and --why write it.
ACCEPT_TAG = "guatecompras/accept"
_BAR = 20  # characters

_BLOCKING = tuple(check for check in CHECKS if rules.load()[check.id].severity == "block")
# Level -> its checks that do not block.
_OTHERS: dict[str, tuple[Check, ...]] = {
    level: tuple(check for check in CHECKS if check.level == level and check not in _BLOCKING)
    for level in dict.fromkeys(check.level for check in CHECKS)
}


def accepted(context: dg.AssetExecutionContext) -> dict[str, str]:
    """The overrides that a run was started with."""
    judged_by = rules.load(Settings.from_environment().quality_rules)
    return gate.overrides_told(context.run.tags.get(ACCEPT_TAG, ""), judged_by)


def _specs() -> list[dg.AssetCheckSpec]:
    # Partitions of checks are a preview in this Dagster version; it works and is tested, so the warning says nothing new.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [*map(_spec, _BLOCKING), *(_level_spec(level) for level in _OTHERS)]


def _spec(check: Check) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check.id,
        asset=dg.AssetKey(REPORT),
        description=f"{check.description} ({check.meaning})",
        blocking=True,
        partitions_def=MONTHS,
        metadata={"judges": check.asset, "level": check.level, "paths": list(check.paths)},
    )


def _level_spec(level: str) -> dg.AssetCheckSpec:
    ids = [check.id for check in _OTHERS[level]]
    return dg.AssetCheckSpec(
        f"{level}_level",
        asset=dg.AssetKey(REPORT),
        description=f"All checks of the {level} level that do not block: {', '.join(ids)}. What each found is in the report.",
        partitions_def=MONTHS,
        metadata={"checks": ids},
    )


# The checks are the report's, not each its table's: they are evaluated together, once, and what they found is reported even
# when it stops the month. Those that block are asset checks each; the others one a level, for an asset check costs Dagster
# 25 to 50 ms in SQLite, and there are some eighty.
@dg.multi_asset(
    name="quality_report",
    specs=[
        spec(
            REPORT,
            "How good the month is: every check with its failures, coverage of every path, scores and trend. JSON, and a page.",
            {"json"},
            [*(("tables", name) for name in tables.NAMES), ("ocds", "rechazos")],
        )
    ],
    check_specs=_specs(),
    partitions_def=MONTHS,
)
def quality_report(
    context: dg.AssetExecutionContext, store: StoreResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]
    """Evaluate every check, write the report and say what each check found; fail when the month may not be published."""
    with one_line():
        work = store.work(context.partition_key, context.run.run_id)
        let_pass = accepted(context)
        stage = work.report(let_pass)
    yield _reported(stage)
    judged = {told["id"]: told for told in stage.data["judged"]}
    for check in _BLOCKING:
        yield _result(judged[check.id], work, let_pass)
    for level, checks in _OTHERS.items():
        yield _level_result(level, [judged[check.id] for check in checks], work)
    with one_line():
        gate.require(list(judged.values()), context.partition_key, let_pass)


def _reported(stage: Stage) -> dg.MaterializeResult:  # type: ignore[type-arg]
    told = stage.data["told"]
    failing = [outcome for outcome in stage.data["judged"] if not outcome["passed"]]
    more: dict[str, Any] = {
        "score": told["score"],
        "page": dg.MetadataValue.path(stage.path(QUALITY_PAGE)),
        "failing checks": dg.MetadataValue.md(as_markdown(_as_frame(failing)) if failing else "none"),
        "scores": dg.MetadataValue.md(_bars("dimension", told["dimensions"])),
        "trend": dg.MetadataValue.md(_bars("month", told["trend"])),
        "compared with": dg.MetadataValue.json(told["compared"]),
    }
    if told["accepted"]:
        more["accepted"] = dg.MetadataValue.json(told["accepted"])
    return reported(REPORT, stage, QUALITY_JSON, **more)


def _bars(what: str, scores: Mapping[str, float]) -> str:
    return as_markdown(pl.DataFrame([{what: name, "score": score, "": bar(score)} for name, score in scores.items()]))


def bar(score: float) -> str:
    """A score from 0 to 100 as a bar of characters: the UI shows no pictures in its tables."""
    full = round(score / 100 * _BAR)
    return "█" * full + "░" * (_BAR - full)


def _as_frame(judged: list[dict[str, Any]]) -> pl.DataFrame:
    rows = [{name: told[name] for name in ("id", "severity", "failed", "applicable")} for told in judged]
    return pl.DataFrame(rows)


def _result(told: Mapping[str, Any], work: MonthWork, let_pass: Mapping[str, str]) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {name: told[name] for name in ("state", "applicable", "failed", "version")}
    if told["note"]:
        metadata["note"] = told["note"]
    if told["examples"]:
        examples = pl.DataFrame(told["examples"], infer_schema_length=None)
        metadata["examples"] = dg.MetadataValue.md(as_markdown(examples))
    if told["failures_file"]:
        metadata["all failures"] = dg.MetadataValue.path(work.folder / told["failures_file"])
    if not told["passed"] and told["id"] in let_pass:
        metadata["accepted"] = let_pass[told["id"]]
    # By the rules in force: a file of the operator's may have made it less.
    stops = told["severity"] == "block" and told["id"] not in let_pass
    return _check_result(told["id"], told["passed"], stops, metadata)


def _level_result(level: str, judged: list[dict[str, Any]], work: MonthWork) -> dg.AssetCheckResult:
    failing = [told for told in judged if not told["passed"]]
    metadata: dict[str, Any] = {"checks": len(judged), "failing": len(failing)}
    if failing:
        metadata["failing checks"] = dg.MetadataValue.md(as_markdown(_as_frame(failing)))
        metadata["all failures"] = dg.MetadataValue.path(work.folder / "checks")
    # A note is told, and no more.
    return _check_result(f"{level}_level", all(told["severity"] == "note" for told in failing), False, metadata)


def _check_result(name: str, passed: bool, stops: bool, metadata: dict[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=dg.AssetKey(REPORT),
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )
