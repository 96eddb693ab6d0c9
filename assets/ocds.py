"""The OCDS layer: releases from events, records from releases, both validated. How is `guatecompras/ocds/`'s business."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.reporting import (
    LINEAGE,
    document_columns,
    one_line,
    preview,
    records_lineage,
    releases_lineage,
    reported,
    spec,
)
from guatecompras.contract import TABLES
from pipelines.partitions import MONTHS
from resources.settings import StoreResource

_SOURCES = [("source", table) for table in (*TABLES, "rechazos")]


@dg.multi_asset(
    name="ocds",
    specs=[
        spec(
            ("ocds", "releases"),
            "One release per event: everything that was public right after it. JSON Lines.",
            {"ocds", "json"},
            _SOURCES,
            metadata={"dagster/column_schema": document_columns(), LINEAGE: releases_lineage()},
        ),
        spec(
            ("ocds", "records"),
            "One compiled release per NOG, merged from its releases by the OCDS rules. JSON Lines.",
            {"ocds", "json"},
            [("ocds", "releases")],
            metadata={"dagster/column_schema": document_columns(), LINEAGE: records_lineage()},
        ),
        spec(
            ("ocds", "rechazos"),
            "All rejects of the month: those of the arrival and the NOGs whose releases or record break the profile.",
            {"parquet"},
            _SOURCES,
        ),
    ],
    partitions_def=MONTHS,
)
def ocds_documents(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Build, validate and compile in one pass over the snapshot."""
    with one_line():
        stage = store.work(context.partition_key, context.run.run_id).ocds()
    counts = stage.data["counts"]
    told: dict[str, Any] = {f"seconds_{name}": round(value, 2) for name, value in stage.data["seconds"].items()}
    # What was edited in the source without an event, which is what an engineer will be asked about.
    told |= {"corrections": counts["corrections"], "edits": stage.files["edits"]["rows"]}
    if told["edits"]:
        told["edits without an event"] = dg.MetadataValue.md(preview(stage.path("edits")))
    yield reported(("ocds", "releases"), stage, "releases", **told, **{LINEAGE: releases_lineage()})
    numbers = {name: counts[name] for name in ("concursos", "rejected")}
    yield reported(("ocds", "records"), stage, "records", **numbers, **{LINEAGE: records_lineage()})
    yield reported(("ocds", "rechazos"), stage, "rechazos")
