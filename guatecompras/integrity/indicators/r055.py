"""R055: a buyer that gives one supplier many direct purchases, which together pass what a direct purchase may cost."""

import polars as pl

from guatecompras.integrity.base import DIRECT, YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, joint, money, pieces, quetzales


def _calculate(base: Base, told: Parameters) -> Judged:
    direct = base.awarded.filter(
        pl.col("modality").is_in(DIRECT) & pl.col("top").is_not_null() & (pl.col("amount") > 0)
    ).drop_nulls("buyer_id")
    rows = (
        direct.group_by("buyer_id", "supplier", maintain_order=True)
        .agg(
            bought=pl.col("nog").n_unique().cast(pl.Int64),
            sum=pl.col("amount").sum(),
            top=pl.col("top").max(),
            seen=(pl.col("ago") == 0).any(),
            nogs=pl.col("nog").filter(pl.col("ago") == 0).unique(maintain_order=True),
            told=at(pl.col("nog"), "awards/value/amount={}", money(pl.col("amount"))),
        )
        .filter("seen")
    )
    return Judged(
        rows,
        subject=joint(pl.col("buyer_id"), pl.col("supplier")),
        raised=(pl.col("bought") >= told.whole("compras")) & (pl.col("sum") > pl.col("top") * told["veces"]),
        value=quetzales(pl.col("sum")),
        threshold=quetzales(pl.col("top") * told["veces"]),
        evidence=pieces(pl.col("told")),
        population="las compras directas del comprador al mismo proveedor en doce meses",
        size=pl.col("bought"),
        nogs=pl.col("nogs"),
        buyer=pl.col("buyer_id"),
        supplier=pl.col("supplier"),
        amount=pl.col("sum"),
    )


INDICATOR = Indicator(
    id="R055",
    version=1,
    name="Muchas compras directas al mismo proveedor",
    name_en="Multiple direct awards above the competitive threshold",
    definition=(
        "El comprador hizo en doce meses muchas compras directas al mismo proveedor, que juntas pasan del monto "
        "máximo de una."
    ),
    definition_en=(
        "Over twelve months the buyer made many direct purchases of one supplier that together pass the ceiling of one."
    ),
    level="comprador",
    topic="umbrales",
    unit="quetzales",
    fields=(
        "records/buyer_id",
        "records/tender_procurementMethodDetails",
        "records/tender_datePublished",
        "awards/status",
        "awards/value_amount",
        "award_suppliers/id",
    ),
    calculate=_calculate,
    history=YEAR,
)
