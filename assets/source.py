"""The source layer: one month of Guatecompras' nine tables, checked on arrival and kept as a snapshot, and what was rejected.

Reading a source is `resources/sources/`; the checks are `guatecompras/arrivals.py`.
"""

from collections.abc import Iterator

import dagster as dg

from assets.reporting import one_line, reported, source_columns, spec
from guatecompras.contract import TABLES
from guatecompras.month import MonthWork
from guatecompras.months import Month
from guatecompras.settings import Settings
from pipelines.partitions import MONTHS
from resources.settings import SourceResource, StoreResource

_MEANING = {
    "concursos": "Calls for tenders of the month, one row a NOG.",
    "eventos": "The log: what happened to each NOG, when, and when it became public.",
    "partes": "Organisations and persons as they appear in each NOG.",
    "renglones": "Items of each NOG.",
    "caracteristicas": "Attributes of the items.",
    "ofertas": "Offers received, sealed until the opening.",
    "adjudicaciones": "Awards, with their state.",
    "contratos": "Contracts of the awards.",
    "documentos": "Documents of NOGs and contracts.",
    "rechazos": "Rows and values that break the contract, each with its reason: nothing disappears.",
}


@dg.multi_asset(
    name="source",
    specs=[
        spec(
            ("source", table),
            meaning,
            {"guatecompras", "parquet"},
            metadata={"dagster/column_schema": source_columns(table)} if table in TABLES else {},
        )
        for table, meaning in _MEANING.items()
    ],
    partitions_def=MONTHS,
    retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS),
)
def source_tables(
    context: dg.AssetExecutionContext, source: SourceResource, store: StoreResource
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Read one month from the source in one consistent view, whole history up to now."""
    with one_line():
        work, stage = MonthWork.extract(
            store.open(), source.open(), Month.parse(context.partition_key), Settings.from_environment()
        )
    store.remember(work, context.run.run_id)
    for table in stage.data["missing"]:
        context.log.warning("the source has no table %s: it counts as empty", table)
    for table in _MEANING:
        yield reported(
            ("source", table),
            stage,
            table,
            version=work.version,
            as_of=stage.data["as_of"],
            missing=table in stage.data["missing"],
        )
