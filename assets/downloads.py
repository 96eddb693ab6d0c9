"""The downloads layer: the month in every format people take it in. How each is written is `guatecompras/formats/`'s business."""

from collections.abc import Iterator

import dagster as dg

from assets.quality import REPORT
from assets.reporting import one_line, reported, spec
from guatecompras import tables
from pipelines.partitions import MONTHS
from resources.settings import StoreResource

_TABLES = [("tables", name) for name in tables.NAMES]
_DOCUMENTS = [("ocds", "records"), ("tables", "releases")]


@dg.multi_asset(
    name="downloads",
    specs=[
        spec(("downloads", name), description, {kind}, [*deps, REPORT], skippable=True)
        for name, kind, description, deps in (
            ("json", "json", "Record package of the month, with linked releases, zipped.", _DOCUMENTS),
            ("csv", "csv", "All tables as CSV in one ZIP: UTF-8, RFC 4180, safe in a spreadsheet.", _TABLES),
            ("excel", "excel", "All tables in one workbook, one sheet each, the first one says what it is.", _TABLES),
            ("parquet", "parquet", "All tables as Parquet in one ZIP.", _TABLES),
        )
    ],
    partitions_def=MONTHS,
    can_subset=True,
)
def downloads(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Write what is asked for, side by side."""
    names = [key.path[-1] for key in context.selected_asset_keys]
    with one_line():
        stages = store.work(context.partition_key, context.run.run_id).downloads(names)
    for name, stage in stages.items():
        yield reported(("downloads", name), stage, next(iter(stage.files)))
