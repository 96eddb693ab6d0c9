"""R050: a supplier with a high share of what the whole country awards of a family of goods."""

import polars as pl

from guatecompras.integrity.base import YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, joint, money, pieces
from guatecompras.integrity.statistics import share_of


def _calculate(base: Base, told: Parameters) -> Judged:
    known = base.awarded.filter(pl.col("amount") > 0).drop_nulls("family")
    totals = known.group_by("family").agg(
        total=pl.col("amount").sum(),
        awards=pl.len().cast(pl.Int64),
        buyers=pl.col("buyer_id").n_unique().cast(pl.Int64),
    )
    rows = (
        known.group_by("supplier", "family", maintain_order=True)
        .agg(
            part=pl.col("amount").sum(),
            seen=(pl.col("ago") == 0).any(),
            nogs=pl.col("nog").filter(pl.col("ago") == 0).unique(maintain_order=True),
            told=at(pl.col("nog"), "awards/value/amount={}", money(pl.col("amount"))),
        )
        .filter("seen")
        .join(totals, on="family")
        .with_columns(share=share_of("part", "total"))
    )
    return Judged(
        rows,
        subject=joint(pl.col("supplier"), pl.col("family")),
        raised=pl.col("share") >= told["proporcion"],
        value=pl.col("share"),
        threshold=pl.lit(told["proporcion"]),
        evidence=pieces(pl.col("told")),
        population="lo adjudicado en quetzales de la familia UNSPSC en todo el país, en doce meses",
        size=pl.col("awards"),
        enough=(pl.col("awards") >= told.whole("adjudicaciones")) & (pl.col("buyers") >= told.whole("compradores")),
        nogs=pl.col("nogs"),
        supplier=pl.col("supplier"),
        amount=pl.col("part"),
    )


INDICATOR = Indicator(
    id="R050",
    version=1,
    name="Cuota alta del mercado",
    name_en="High market share",
    definition="El proveedor recibió en doce meses una proporción alta de todo lo adjudicado de una familia UNSPSC.",
    definition_en="The supplier received a high share of all that was awarded of a UNSPSC family over twelve months.",
    level="proveedor",
    topic="proveedores",
    unit="proporción",
    fields=(
        "items/classification_id",
        "records/buyer_id",
        "awards/status",
        "awards/value_amount",
        "award_suppliers/id",
    ),
    calculate=_calculate,
    history=YEAR,
)
