"""The publication layer: the version of a month put in place and made current, and the index over all months.

What a version and the index are is `guatecompras/publication.py`; where they are kept `guatecompras/stores.py`.
"""

from typing import Any

import dagster as dg
import polars as pl

from assets.quality import REPORT, accepted, bar
from assets.reporting import as_markdown, one_line, spec
from guatecompras import tables
from guatecompras.quality.report.document import score_in
from guatecompras.verification import verify_chain, verify_version
from pipelines.partitions import MONTHS
from resources.settings import StoreResource

_MONTH, _INDEX = ("publication", "month"), ("publication", "index")
_FILES = [("downloads", name) for name in ("json", "csv", "excel", "parquet")]
_PARTS = [("ocds", "releases"), ("ocds", "records"), ("ocds", "rechazos"), *(("tables", name) for name in tables.NAMES)]


@dg.multi_asset(
    name="publication_month",
    specs=[
        spec(
            _MONTH,
            "The month's version, public: every check passed again on these very files, then the index switched to it at once.",
            {"guatecompras"},
            [*_FILES, *_PARTS, REPORT],
        )
    ],
    partitions_def=MONTHS,
)
def publication_month(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Judge the month again, write its manifest, put the version in place and switch the index."""
    with one_line():
        work = store.work(context.partition_key, context.run.run_id)
        let_pass = accepted(context)
        entry = work.publish(let_pass)
    store.forget(work, context.run.run_id)
    files = pl.DataFrame(
        [{key: file[key] for key in ("path", "format", "bytes", "rows", "sha256")} for file in entry["files"]]
    )
    metadata: dict[str, Any] = {
        "version": entry["version"],
        "published": entry["published"],
        "bytes": sum(file["bytes"] for file in entry["files"]),
        "dagster/row_count": entry["counts"]["records"],
        "dagster/partition_row_count": entry["counts"]["records"],
        "files": dg.MetadataValue.md(as_markdown(files)),
        "watermark": work.snapshot().as_of,
    }
    if let_pass:
        metadata["accepted"] = dg.MetadataValue.json(let_pass)
    return dg.MaterializeResult(asset_key=dg.AssetKey(list(_MONTH)), metadata=metadata | entry["counts"])


@dg.multi_asset(
    name="publication_index",
    specs=[
        spec(
            _INDEX,
            "What is public: every month with its current version, re-read and compared with its manifest.",
            {"json"},
            [_MONTH],
        )
    ],
)
def publication_index(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Read the index again, the chain of manifests and every current file; fails when one is not what it should be."""
    with one_line():
        place = store.open()
        index = place.index()
    faults = verify_chain(index, place.version_folder)
    rows = []
    for month, entry in index["months"].items():
        faults += verify_version(place.version_folder(month, entry["version"]), entry["files"], month, counted=False)
        score = score_in(place.version_folder(month, entry["version"]))
        rows.append(
            {
                "month": month,
                "version": entry["version"],
                "versions": 1 + len(entry["versions"]),
                "score": score,
                "": bar(score) if score is not None else "",
                **entry["counts"],
            }
        )
    if faults:
        raise dg.Failure(
            f"{len(faults)} faults: what is published is not what the index says: {faults[0]}",
            metadata={"faults": faults},
        )
    return dg.MaterializeResult(
        asset_key=dg.AssetKey(list(_INDEX)),
        metadata={
            "months": len(rows),
            "records": sum(row["records"] for row in rows),
            "table": dg.MetadataValue.md(as_markdown(pl.DataFrame(rows))),
        },
    )
