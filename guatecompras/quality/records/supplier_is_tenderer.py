"""Check: who wins has offered, where the offers of the process are known."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge


def _find(month: Month) -> Finding:
    bids = month.scan("bids").select("nog", id="tenderers_id").drop_nulls().unique()
    offered = bids.with_columns(offered=pl.lit(True))
    rows = month.scan("award_suppliers").select("nog", "id").join(bids.select("nog").unique(), on="nog", how="semi")
    rows = rows.join(offered, on=["nog", "id"], how="left")
    return judge(rows, pl.col("offered").is_null(), "awards/suppliers/id", "id")


CHECK = Check(
    id="supplier_is_tenderer",
    version="1",
    level="record",
    dimension="consistencia",
    asset="tables/award_suppliers",
    paths=("awards/suppliers/id", "bids/details/tenderers/id"),
    meaning="Todo proveedor adjudicado presentó oferta, en los procesos cuyas ofertas se conocen.",
    description="Suppliers of awards are tenderers of bids, in processes whose bids are known.",
    find=_find,
)
