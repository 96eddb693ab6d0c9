"""The publication layer: the version of a month put in place and made current, and the index over all months.

What a version and the index are is `guatecompras/publication.py`; where they are kept `guatecompras/stores.py`.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
import polars as pl

from assets.quality import REPORT, accepted, bar
from assets.reporting import LINEAGE, as_markdown, changes_lineage, columns_of, one_line, reported, spec
from guatecompras import dcat, tables
from guatecompras.changes import table as changelog
from guatecompras.gathered.collect import Collected, collect
from guatecompras.gathered.history import NAME as WHOLE
from guatecompras.quality.report.document import score_in
from guatecompras.search import build as searching
from guatecompras.settings import Settings
from guatecompras.verification import verify_chain, verify_version
from pipelines.partitions import MONTHS
from resources.settings import StoreResource

# The running month is published every night: by noon of the next day that has not happened. Dagster looks at the newest
# materialization of any month.
REFRESHED_WITHIN = timedelta(hours=36)
_FRESH = dg.FreshnessPolicy.time_window(fail_window=REFRESHED_WITHIN, warn_window=timedelta(hours=26))

_MONTH, _INDEX, _CHANGES = ("publication", "month"), ("publication", "index"), ("publication", "changes")
_SEARCH = ("publication", "search")
_YEARS, _HISTORY = ("publication", "years"), ("publication", "history")
_FILES = [("downloads", name) for name in ("json", "csv", "excel", "parquet")]
_PARTS = [("ocds", "releases"), ("ocds", "records"), ("ocds", "rechazos"), *(("tables", name) for name in tables.NAMES)]


@dg.multi_asset(
    name="publication_changes",
    specs=[
        spec(
            _CHANGES,
            "What changed in the month's records since the version that is public: path, before, after and why.",
            {"parquet", "polars"},
            [("ocds", "records"), ("ocds", "releases")],
            metadata={"dagster/column_schema": columns_of(changelog.SCHEMA), LINEAGE: changes_lineage()},
        )
    ],
    partitions_def=MONTHS,
)
def publication_changes(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Compare the month's records with those of the version that this one will replace."""
    with one_line():
        stage = store.work(context.partition_key, context.run.run_id).changes()
    told = {"against": stage.data["base"] or "(nothing: the first version)", **stage.data["counts"]}
    return reported(_CHANGES, stage, changelog.PARQUET, **told, **{LINEAGE: changes_lineage()})


@dg.multi_asset(
    name="publication_search",
    specs=[
        spec(
            _SEARCH,
            "What the portal searches the month by: columns, words, suppliers, and where each document is in its file.",
            {"arrow", "polars"},
            [("ocds", "records"), ("ocds", "releases"), *(("tables", name) for name in searching.TABLES)],
        )
    ],
    partitions_def=MONTHS,
)
def publication_search(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Write the month's search files."""
    with one_line():
        stage = store.work(context.partition_key, context.run.run_id).search()
    rows = {name: entry["rows"] for name, entry in stage.files.items()}
    return reported(_SEARCH, stage, "concursos", rows=rows, total_bytes=sum(e["bytes"] for e in stage.files.values()))


@dg.multi_asset(
    name="publication_month",
    specs=[
        spec(
            _MONTH,
            "The month's version, public: every check passed again on these very files, then the index switched to it at once.",
            {"guatecompras"},
            [*_FILES, *_PARTS, _CHANGES, _SEARCH, REPORT],
            freshness=_FRESH,
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
        # Every switch writes it; a run that died may have left it behind.
        dcat.publish(place, Settings.from_environment())
    faults = verify_chain(index, place.version_folder)
    rows = []
    for month, entry in index["months"].items():
        folder = place.version_folder(month, entry["version"])
        faults += verify_version(folder, entry["files"], month, counted=False)
        score = score_in(folder)
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


@dg.multi_asset(
    name="publication_collections",
    specs=[
        spec(
            _YEARS,
            "Each year in one file of each kind: records and releases as JSON Lines, every table as Parquet.",
            {"json", "parquet"},
            [_MONTH],
            skippable=True,
        ),
        spec(
            _HISTORY,
            "The tables of all months as one data set, partitioned by month as Hive lays it out.",
            {"parquet"},
            [_MONTH],
            skippable=True,
        ),
    ],
    can_subset=True,
)
def publication_collections(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Make anew what is of other months than before, and switch the index to all of it at once."""
    wanted = {tuple(key.path) for key in context.selected_asset_keys}
    with one_line():
        place = store.open()
        found = collect(place, yearly=_YEARS in wanted, whole=_HISTORY in wanted)
        dcat.publish(place, Settings.from_environment())
    for key in (_YEARS, _HISTORY):
        if key in wanted:
            yield _gathered(key, [one for one in found if (one.name == WHOLE) == (key == _HISTORY)])


def _gathered(key: tuple[str, str], found: list[Collected]) -> dg.MaterializeResult:  # type: ignore[type-arg]
    rows = [
        {"collection": one.name, "version": one.entry["version"], "made now": one.made, **one.entry["counts"]}
        for one in found
    ]
    return dg.MaterializeResult(
        asset_key=dg.AssetKey(list(key)),
        metadata={
            "dagster/row_count": sum(row["records"] for row in rows),
            "made": sum(one.made for one in found),
            "table": dg.MetadataValue.md(as_markdown(pl.DataFrame(rows))),
        },
    )
