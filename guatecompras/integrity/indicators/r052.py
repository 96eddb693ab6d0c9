"""R052: a small first purchase of a supplier, then a very large one by the same buyer."""

import polars as pl

from guatecompras.integrity.base import YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money, quetzales


def _calculate(base: Base, told: Parameters) -> Judged:
    sold = (
        base.awarded.filter(pl.col("amount") > 0)
        .drop_nulls("buyer_id")
        .sort("date", "nog", "supplier", nulls_last=True)
    )
    first = sold.unique(["buyer_id", "supplier"], keep="first", maintain_order=True).select(
        "buyer_id", "supplier", first_nog="nog", first="amount", first_date="date"
    )
    rows = (
        sold.filter(pl.col("ago") == 0)
        .join(first, on=["buyer_id", "supplier"])
        .filter((pl.col("nog") != pl.col("first_nog")) & (pl.col("date") > pl.col("first_date")))
        .sort("amount", "nog", "supplier", descending=[True, False, False])
        .unique("nog", keep="first", maintain_order=True)
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=(pl.col("first") <= told.cents("primera")) & (pl.col("amount") >= told.cents("despues")),
        value=quetzales(pl.col("amount")),
        threshold=quetzales(told.cents("despues")),
        evidence=pl.concat_str(
            at(
                pl.col("first_nog"),
                "awards/value/amount={} ({})",
                money(pl.col("first")),
                pl.col("first_date").dt.date(),
            ),
            at(pl.col("nog"), "awards/value/amount={} ({})", money(pl.col("amount")), pl.col("date").dt.date()),
            separator="; ",
        ),
        population="la primera adjudicación del comprador a ese proveedor en doce meses",
        size=pl.lit(1),
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
        buyer=pl.col("buyer_id"),
        amount=pl.col("amount"),
    )


INDICATOR = Indicator(
    id="R052",
    version=1,
    name="Compra pequeña y después una muy grande",
    name_en="Small initial purchase, then a much larger one",
    definition="La primera adjudicación del comprador a este proveedor en doce meses fue pequeña; esta es muy grande.",
    definition_en="The buyer's first award to this supplier over twelve months was small; this one is very large.",
    level="concurso",
    topic="proveedores",
    unit="quetzales",
    fields=("records/buyer_id", "awards/status", "awards/date", "awards/value_amount", "award_suppliers/id"),
    calculate=_calculate,
    history=YEAR,
)
