"""R028: different bidders who ask exactly the same, as OCP's Cardinal defines it."""

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money, pieces


def _calculate(base: Base, told: Parameters) -> Judged:
    priced = base.bids_now.filter((pl.col("rivals") > 1) & (pl.col("amount").is_null() | (pl.col("amount") > 0)))
    same = (
        priced.drop_nulls("amount")
        .group_by("nog", "amount")
        .agg(bidders=pl.col("supplier").n_unique().cast(pl.Int64), who=pl.col("supplier").unique().sort())
        .filter(pl.col("bidders") >= told.whole("oferentes"))
        .sort("nog", "amount")
        .group_by("nog", maintain_order=True)
        .agg(
            most=pl.col("bidders").max(),
            told=at(pl.col("nog"), "bids/details/value/amount={} ({})", money(pl.col("amount")), pl.col("who").list.join(", ")),
            amount=pl.col("amount").first(),
        )
    )  # fmt: skip
    rows = (
        priced.group_by("nog", maintain_order=True)
        .agg(bids=pl.len(), known=pl.col("amount").count())
        .join(same, on="nog", how="left")
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("most").is_not_null(),
        value=pl.col("most"),
        threshold=pl.lit(told.whole("oferentes")),
        evidence=pieces(pl.col("told")),
        population="las ofertas del mismo concurso",
        size=pl.col("bids"),
        needs={"bids/details/value/amount": pl.when(pl.col("known") > 1).then(1)},
        lacking=base.without_bids(2),
        nog=pl.col("nog"),
        amount=pl.col("amount"),
    )


INDICATOR = Indicator(
    id="R028",
    version=1,
    name="Ofertas idénticas",
    name_en="Identical bid prices",
    definition="Oferentes distintos del mismo concurso ofrecieron exactamente el mismo monto.",
    definition_en="Different bidders of the same process asked for exactly the same amount.",
    level="concurso",
    topic="precios",
    unit="oferentes",
    fields=("bids/status", "bids/tenderers_id", "bids/value_amount", "bids/value_currency"),
    calculate=_calculate,
    cardinal=True,
    differences=(
        "Los oferentes se nombran en la evidencia y no reciben una señal propia. No se publica qué precios fija "
        "el comprador: ninguna modalidad se excluye por eso."
    ),
)
