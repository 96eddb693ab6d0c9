"""R040: one supplier has a high share of what a buyer awards."""

import polars as pl

from guatecompras.integrity.base import YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money, pieces
from guatecompras.integrity.statistics import share_of


def _calculate(base: Base, told: Parameters) -> Judged:
    known = base.awarded.filter(pl.col("amount") > 0).drop_nulls("buyer_id")
    by_supplier = known.group_by("buyer_id", "supplier").agg(
        part=pl.col("amount").sum(), sold=pl.col("nog").n_unique().cast(pl.Int64)
    )
    top = by_supplier.sort("buyer_id", "part", "supplier", descending=[False, True, False]).unique(
        "buyer_id", keep="first", maintain_order=True
    )
    totals = known.group_by("buyer_id").agg(
        total=pl.col("amount").sum(), awards=pl.len().cast(pl.Int64), seen=(pl.col("ago") == 0).any()
    )
    mine = known.join(top.select("buyer_id", "supplier"), on=["buyer_id", "supplier"], how="semi")
    told_of = mine.group_by("buyer_id").agg(
        nogs=pl.col("nog").filter(pl.col("ago") == 0).unique(maintain_order=True),
        told=at(pl.col("nog"), "awards/value/amount={}", money(pl.col("amount"))),
    )
    rows = (
        top.join(totals.filter("seen"), on="buyer_id")
        .join(told_of, on="buyer_id")
        .with_columns(share=share_of("part", "total"))
    )
    return Judged(
        rows,
        subject=pl.col("buyer_id"),
        raised=pl.col("share") >= told["proporcion"],
        value=pl.col("share"),
        threshold=pl.lit(told["proporcion"]),
        evidence=pieces(pl.col("told")),
        population="lo que el comprador adjudicó en quetzales en doce meses",
        size=pl.col("awards"),
        enough=(pl.col("awards") >= told.whole("adjudicaciones")) & (pl.col("sold") > 1),
        nogs=pl.col("nogs"),
        buyer=pl.col("buyer_id"),
        supplier=pl.col("supplier"),
        amount=pl.col("part"),
    )


INDICATOR = Indicator(
    id="R040",
    version=1,
    name="Un proveedor concentra lo que adjudica el comprador",
    name_en="High share of the buyer's awards by one supplier",
    definition="Un solo proveedor recibió en doce meses una proporción alta del monto que el comprador adjudicó.",
    definition_en="One supplier received a high share of the amount the buyer awarded over twelve months.",
    level="comprador",
    topic="compradores",
    unit="proporción",
    fields=("records/buyer_id", "awards/status", "awards/value_amount", "awards/value_currency", "award_suppliers/id"),
    calculate=_calculate,
    history=YEAR,
)
