"""Check: nothing stands there without use: parties that nothing refers to, awards without suppliers."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge

# Where parties are referred to: table and column.
_PARTS = (
    ("records", "buyer_id"),
    ("records", "tender_procuringEntity_id"),
    ("bids", "tenderers_id"),
    ("award_suppliers", "id"),
    ("parties", "memberOf_id"),
)


def _find(month: Month) -> Finding:
    parts = pl.concat(month.scan(table).select("nog", id=column) for table, column in _PARTS)
    supplied = month.scan("award_suppliers").select("nog", id="award_id")
    return joined(
        judge(_used(month.scan(table), users), pl.col("used").is_null(), path, "id")
        for path, table, users in (("parties/id", "parties", parts), ("awards/suppliers", "awards", supplied))
    )


def _used(rows: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    users = users.unique().with_columns(used=pl.lit(True))
    return rows.select("nog", "id").join(users, on=["nog", "id"], how="left")


CHECK = Check(
    id="orphans",
    version="1",
    level="record",
    dimension="referencias",
    asset="tables/parties",
    paths=("parties/id", "awards/id", "awards/suppliers/id"),
    meaning="Ningún participante está sin mención y ninguna adjudicación sin proveedor.",
    description="Every party is referred to somewhere in its process, and every award has suppliers.",
    find=_find,
)
