"""Check: no award stands twice: same supplier, day and hour, amount and status."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month


def _find(month: Month) -> Finding:
    suppliers = month.scan("award_suppliers").group_by("nog", "award_id").agg(suppliers=pl.col("id").sort())
    awards = month.scan("awards").select("nog", "date", "value_amount", "value_currency", "status", award_id="id")
    rows = awards.join(suppliers, on=["nog", "award_id"]).with_columns(pl.col("suppliers").list.join(" / "))
    same = rows.group_by("nog", "suppliers", "date", "value_amount", "value_currency", "status")
    failures = (
        same.agg(ids=pl.col("award_id").unique().sort())
        .filter(pl.col("ids").list.len() > 1)
        .select("nog", path=pl.lit("awards/id"), value=pl.col("ids").list.join(" / "))
    )
    count, found = pl.collect_all([rows.select(pl.len()), failures])
    return Finding.of(count.item(), found)


CHECK = Check(
    id="duplicate_awards",
    version="1",
    level="record",
    dimension="unicidad",
    asset="tables/awards",
    paths=("awards/id", "awards/date", "awards/value/amount", "awards/suppliers/id"),
    meaning="Ninguna adjudicación está dos veces: mismo proveedor, fecha y monto.",
    description="No two awards of a process have the same supplier, date, amount and status.",
    find=_find,
)
