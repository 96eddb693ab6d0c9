"""The tables layer: the month's compiled records, flat. What the tables are is `guatecompras/tables.py`'s business."""

from collections.abc import Iterator

import dagster as dg

from assets.reporting import LINEAGE, one_line, reported, spec, table_lineage, table_schema
from guatecompras import tables
from pipelines.partitions import MONTHS
from resources.settings import StoreResource


@dg.multi_asset(
    name="tables",
    specs=[
        spec(
            ("tables", name),
            f"{described.description}.",
            {"parquet", "polars"},
            [("ocds", "releases" if name == "releases" else "records")],
            metadata={"dagster/column_schema": table_schema(name), LINEAGE: table_lineage(name)},
        )
        for name, described in tables.SPECS.items()
    ],
    partitions_def=MONTHS,
)
def flat_tables(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Flatten the compiled records into typed Parquet files."""
    with one_line():
        stage = store.work(context.partition_key, context.run.run_id).tables()
    for name in tables.NAMES:
        yield reported(("tables", name), stage, name, **{LINEAGE: table_lineage(name)})
