"""The month's checks, as Dagster sees them: blocking ones stop what would publish. The checks are `guatecompras/quality/`'s."""

import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.reporting import as_markdown, one_line
from guatecompras.quality import CHECKS, Check, gate, rules
from guatecompras.quality.check import EXAMPLES
from pipelines.partitions import MONTHS
from resources.settings import StoreResource


def _key(asset: str) -> dg.AssetKey:
    return dg.AssetKey(asset.split("/"))


def _specs() -> list[dg.AssetCheckSpec]:
    # Partitions of checks are a preview in this Dagster version; it works and is tested, so the warning says nothing new.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [_spec(check) for check in CHECKS]


def _spec(check: Check) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check.id,
        asset=_key(check.asset),
        description=f"{check.description} ({check.meaning})",
        blocking=rules.load()[check.id].severity == "block",
        # All of them read all the tables.
        additional_deps=[key for key in (_key("tables/records"), _key("ocds/rechazos")) if key != _key(check.asset)],
        partitions_def=MONTHS,
    )


@dg.multi_asset_check(name="checks", specs=_specs())
def month_checks(context: dg.AssetCheckExecutionContext, store: StoreResource) -> Iterator[dg.AssetCheckResult]:
    """Evaluate every check of the month; the first failures are in the metadata, all of them in a file."""
    with one_line():
        work = store.work(context.partition_key, context.run.run_id)
        outcomes = work.check()
    for outcome in outcomes:
        metadata: dict[str, Any] = {
            "state": outcome.state,
            "applicable": outcome.applicable,
            "failed": outcome.failed,
            "version": outcome.check.version,
        }
        if outcome.note:
            metadata["note"] = outcome.note
        if outcome.failures.height:
            metadata["examples"] = dg.MetadataValue.md(as_markdown(outcome.failures.head(EXAMPLES)))
            metadata["all failures"] = dg.MetadataValue.path(work.write_failures(outcome))
        severity = dg.AssetCheckSeverity.ERROR if outcome.rule.severity == "block" else dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckResult(
            check_name=outcome.check.id,
            asset_key=_key(outcome.check.asset),
            passed=outcome.passed,
            severity=severity,
            metadata=metadata,
        )
    with one_line():
        gate.require(outcomes, context.partition_key)
