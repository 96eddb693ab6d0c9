"""The layers `reports` and `datasets`: the predefined reports of a month without filters, and the datasets of the open-data portal,
made of what is published. What they are is `guatecompras/reports/`'s and `guatecompras/datasets/`'s business.
"""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from assets.reporting import one_line, spec
from guatecompras import dcat
from guatecompras.datasets import monthly as datasets
from guatecompras.datasets.families import FAMILIES
from guatecompras.gathered.collect import Collected, Plan, bring
from guatecompras.gathered.parts import Part
from guatecompras.reports import monthly as reports
from guatecompras.reports.registry import REPORTS
from guatecompras.reports.report import NEEDED, Report
from guatecompras.settings import Settings
from guatecompras.stores import Store
from pipelines.partitions import MONTHS
from resources.settings import StoreResource

_MADE_OF = [("publication", "month"), *(("tables", table) for table in NEEDED)]


def _specs(layer: str, known: Mapping[str, Report], kinds: set[str]) -> list[dg.AssetSpec]:
    return [
        spec(
            (layer, report.id),
            f"{report.title}. {report.description}",
            kinds,
            _MADE_OF,
            metadata={
                "dagster/column_schema": dg.TableSchema(
                    columns=[dg.TableColumn(one.name, one.kind, description=one.meaning) for one in report.columns]
                )
            },
        )
        for report in known.values()
    ]


def _brought(store: StoreResource, month: str, plan: Callable[[Store, Part], Plan]) -> Collected:
    """The month's collection, brought up to date with the version that is public; what is of it already stays."""
    with one_line():
        place = store.open()
        if month not in place.index()["months"]:
            raise dg.Failure(f"{month} is not published: there is nothing to make of it", allow_retries=False)
        (found,) = bring(place, lambda parts: [plan(place, part) for part in parts if part.month == month])
        dcat.publish(place, Settings.from_environment())
    return found


def _made(layer: str, known: Mapping[str, Report], found: Collected) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    metadata = {
        "version": found.entry["version"],
        "made now": found.made,
        "files": [file["path"] for file in found.entry["files"]],
        "bytes": sum(file["bytes"] for file in found.entry["files"]),
    }
    for name in known:
        yield dg.MaterializeResult(asset_key=dg.AssetKey([layer, name]), metadata=metadata)


@dg.multi_asset(
    name="monthly_reports", specs=_specs("reports", REPORTS, {"excel", "csv", "xml", "json"}), partitions_def=MONTHS
)
def monthly_reports(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """The month's predefined reports, without filters."""
    yield from _made("reports", REPORTS, _brought(store, context.partition_key, reports.plan))


@dg.multi_asset(
    name="monthly_datasets",
    specs=_specs("datasets", FAMILIES, {"excel", "csv", "parquet", "json"}),
    partitions_def=MONTHS,
)
def monthly_datasets(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """The month's datasets, in the columns of the open-data portal."""
    yield from _made("datasets", FAMILIES, _brought(store, context.partition_key, datasets.plan))
