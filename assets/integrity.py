"""The layer `integrity`: the flags of a month that is published, what to review first, and all months together. What an indicator
is, and which there are, is `guatecompras/integrity/`'s business.
"""

from collections.abc import Iterator

import dagster as dg

from assets.reporting import LINEAGE, OWNERS, columns_of, one_line, spec
from guatecompras import __version__, dcat
from guatecompras.gathered.collect import Collected, bring
from guatecompras.integrity import history, monthly
from guatecompras.integrity.base import COLUMNS
from guatecompras.integrity.columns import FLAGS, REVIEW, STATES, SUMMARY, Table
from guatecompras.integrity.registry import HISTORY, INDICATORS
from guatecompras.settings import Settings
from pipelines.partitions import MONTHS
from resources.settings import StoreResource

_TABLES = (FLAGS, REVIEW, SUMMARY, STATES)
_KINDS = {"polars", "parquet", "csv", "excel", "json"}
# A month's flags look at the months before it too.
_WINDOW = dg.TimeWindowPartitionMapping(start_offset=-HISTORY)


def _lineage(table: Table) -> dg.TableColumnLineage:
    """Every column comes from the fields that some indicator looks at: which one does, the rules tell."""
    read = sorted({field for one in INDICATORS.values() for field in one.fields})
    deps = [
        dg.TableColumnDep(asset_key=dg.AssetKey(["tables", name.partition("/")[0]]), column_name=name.partition("/")[2])
        for name in read
    ]
    return dg.TableColumnLineage(deps_by_column=dict.fromkeys(table.names, deps))


def _spec(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        dg.AssetKey(["integrity", table.id]),
        description=f"{table.title}. {table.description}",
        kinds=_KINDS,
        deps=[
            dg.AssetDep(dg.AssetKey(["publication", "month"])),
            *(dg.AssetDep(dg.AssetKey(["tables", name]), partition_mapping=_WINDOW) for name in COLUMNS),
        ],
        group_name="integrity",
        owners=OWNERS,
        code_version=__version__,
        metadata={"dagster/column_schema": columns_of(table.arrow), LINEAGE: _lineage(table)},
    )


@dg.multi_asset(name="monthly_integrity", specs=[_spec(table) for table in _TABLES], partitions_def=MONTHS)
def monthly_integrity(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """The flags of the month, by the rules as they are now."""
    month = context.partition_key
    with one_line():
        place, settings = store.open(), Settings.from_environment()
        if month not in place.index()["months"]:
            raise dg.Failure(f"{month} is not published: there is nothing to look at", allow_retries=False)
        rules = monthly.Rules(settings.sanctions)
        (found,) = bring(
            place, lambda parts: [monthly.plan(place, part, parts, rules) for part in parts if part.month == month]
        )
        dcat.publish(place, settings)
        rows = monthly.rows_of(place, month, found.entry["version"])
    for table in _TABLES:
        yield _result(("integrity", table.id), found, rows[table.id])


def _result(key: tuple[str, str], found: Collected, rows: int) -> dg.MaterializeResult:  # type: ignore[type-arg]
    return dg.MaterializeResult(
        asset_key=dg.AssetKey(list(key)),
        metadata={
            "dagster/row_count": rows,
            "dagster/partition_row_count": rows,
            "version": found.entry["version"],
            "made now": found.made,
            "months looked at": found.entry["counts"]["months"],
        },
    )


@dg.multi_asset(
    name="integrity_history",
    specs=[
        spec(
            ("integrity", "history"),
            "The flags and priorities of all months, and counts of them by indicator and by buyer.",
            _KINDS,
            [("integrity", table.id) for table in _TABLES],
            metadata={"dagster/column_schema": columns_of(FLAGS.arrow)},
            skippable=True,
        )
    ],
)
def integrity_history(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Gather the flags of all months anew where one changed, and switch the index to it; nothing where no month has any yet."""
    with one_line():
        place = store.open()
        found = bring(place, lambda parts: history.plan(place, parts))
        if not found:
            context.log.info("no month has flags yet: the job `integrity` makes them")
            return
        dcat.publish(place, Settings.from_environment())
    rows = next(file["rows"] for file in found[0].entry["files"] if file["path"].endswith(f"/{FLAGS.id}.parquet"))
    yield _result(("integrity", "history"), found[0], rows)
