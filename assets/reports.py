"""The reports layer: the predefined reports of a month without filters, made of what is published. What they are is
`guatecompras/reports/`'s business.
"""

from collections.abc import Iterator

import dagster as dg

from assets.reporting import one_line, spec
from guatecompras import dcat
from guatecompras.gathered.collect import bring
from guatecompras.reports import monthly
from guatecompras.reports.registry import REPORTS
from guatecompras.reports.report import NEEDED
from guatecompras.settings import Settings
from pipelines.partitions import MONTHS
from resources.settings import StoreResource

_MONTH = ("publication", "month")


def _columns(report_id: str) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[dg.TableColumn(one.name, one.kind, description=one.meaning) for one in REPORTS[report_id].columns]
    )


@dg.multi_asset(
    name="monthly_reports",
    specs=[
        spec(
            ("reports", report.id),
            f"{report.title}. {report.description}",
            {"excel", "csv", "xml", "json"},
            [_MONTH, *(("tables", table) for table in NEEDED)],
            metadata={"dagster/column_schema": _columns(report.id)},
        )
        for report in REPORTS.values()
    ],
    partitions_def=MONTHS,
)
def monthly_reports(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Bring the month's reports up to date with the version that is public; what is of it already stays."""
    month = context.partition_key
    with one_line():
        place = store.open()
        if month not in place.index()["months"]:
            raise dg.Failure(f"{month} is not published: there is nothing to report on", allow_retries=False)
        (found,) = bring(place, lambda parts: [monthly.plan(place, part) for part in parts if part.month == month])
        dcat.publish(place, Settings.from_environment())
    for report in REPORTS.values():
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey(["reports", report.id]),
            metadata={
                "version": found.entry["version"],
                "made now": found.made,
                "files": [file["path"] for file in found.entry["files"]],
                "bytes": sum(file["bytes"] for file in found.entry["files"]),
            },
        )
