"""The layer `audit`: what entities and places bought, year by year, made of all months that are public.

What is in its tables is `guatecompras/audit/`'s business.
"""

from collections.abc import Iterator

import dagster as dg

from assets.reporting import one_line, spec
from guatecompras import dcat
from guatecompras.audit import build, concursos
from guatecompras.audit.tables import TABLES
from guatecompras.gathered.collect import bring
from guatecompras.settings import Settings
from resources.settings import StoreResource

LAYER = "audit"


@dg.multi_asset(
    name="social_audit",
    specs=[
        spec(
            (LAYER, name),
            f"{table.title}. {table.description}.",
            {"parquet", "csv", "json"},
            [("publication", "month"), *(("tables", needed) for needed in concursos.TABLES)],
            metadata={
                "dagster/column_schema": dg.TableSchema(
                    columns=[dg.TableColumn(one.name, one.kind, description=one.meaning) for one in table.all_columns]
                )
            },
        )
        for name, table in TABLES.items()
    ],
)
def social_audit(context: dg.AssetExecutionContext, store: StoreResource) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """The collection of all months, brought up to date; what is of the same months already stays."""
    with one_line():
        place, settings = store.open(), Settings.from_environment()
        (found,) = bring(place, lambda parts: [build.plan(place, parts, settings)])
        dcat.publish(place, settings)
    files = {file["path"].rpartition("/")[2]: file for file in found.entry["files"]}
    for name in TABLES:
        file = files[f"{name}.parquet"]
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey([LAYER, name]),
            metadata={
                "dagster/row_count": file["rows"],
                "version": found.entry["version"],
                "made now": found.made,
                "path": file["path"],
                "bytes": file["bytes"],
            },
        )
