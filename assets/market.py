"""The layer `market`: what the state buys by UNSPSC family, counted over all months that are public. What it holds is
`guatecompras/market/`'s business.
"""

import dagster as dg

from assets.reporting import one_line, spec
from guatecompras import dcat
from guatecompras.gathered.collect import bring
from guatecompras.market import collection, lots
from guatecompras.market.columns import TABLES
from guatecompras.settings import Settings
from resources.settings import StoreResource

_FAMILIES = ("market", "families")


@dg.multi_asset(
    name="market_families",
    specs=[
        spec(
            _FAMILIES,
            "Every UNSPSC family over all months: size, buyers, suppliers, competition, what similar concursos were awarded for,"
            " terms and seasons.",
            {"polars", "parquet", "csv", "json"},
            [("publication", "month"), *(("tables", table) for table in lots.TABLES)],
            metadata={
                "dagster/column_schema": dg.TableSchema(
                    columns=[
                        dg.TableColumn(one.name, str(one.kind), description=one.meaning)
                        for one in TABLES["familias"].columns
                    ]
                )
            },
        )
    ],
)
def market_families(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Count the market anew where a month changed, and switch the index to it."""
    with one_line():
        place = store.open()
        (found,) = bring(place, lambda parts: [collection.plan(place, parts)])
        dcat.publish(place, Settings.from_environment())
    rows = {file["path"].rpartition("/")[2]: file["rows"] for file in found.entry["files"]}
    return dg.MaterializeResult(
        asset_key=dg.AssetKey(list(_FAMILIES)),
        metadata={
            "dagster/row_count": rows[collection.file_name("familias", "parquet")],
            "version": found.entry["version"],
            "made now": found.made,
            "months": found.entry["counts"]["months"],
            "rows": rows,
        },
    )
