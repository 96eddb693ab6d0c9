"""The downloads layer: the month in every format people take it in. How each is written is `guatecompras/formats/`'s business."""

import dagster as dg

from assets.reporting import one_line, reported, spec
from guatecompras import tables
from pipelines.partitions import MONTHS
from resources.settings import StoreResource

_TABLES = [("tables", name) for name in tables.NAMES]
_DOCUMENTS = [("ocds", "records"), ("tables", "releases")]


def _download(name: str, kind: str, description: str, deps: list[tuple[str, str]]) -> dg.AssetsDefinition:
    key = ("downloads", name)

    @dg.multi_asset(name=f"downloads_{name}", specs=[spec(key, description, {kind}, deps)], partitions_def=MONTHS)
    def download(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        with one_line():
            stage = store.work(context.partition_key, context.run.run_id).download(name)
        return reported(key, stage, next(iter(stage.files)))

    return download


DOWNLOADS = [
    _download("json", "json", "Record package of the month, with linked releases, zipped.", _DOCUMENTS),
    _download("csv", "csv", "All tables as CSV in one ZIP: UTF-8, RFC 4180, safe in a spreadsheet.", _TABLES),
    _download("excel", "excel", "All tables in one workbook, one sheet each, the first one says what it is.", _TABLES),
    _download("parquet", "parquet", "All tables as Parquet in one ZIP.", _TABLES),
]
