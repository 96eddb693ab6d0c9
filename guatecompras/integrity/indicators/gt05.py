"""GT05: bids of different bidders that are all but the same."""

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money


def _calculate(base: Base, told: Parameters) -> Judged:
    priced = base.bids_now.filter((pl.col("amount") > 0) & (pl.col("rivals") > 1)).sort("nog", "amount", "bid")
    above = pl.col("amount").shift(-1).over("nog")
    other = pl.col("supplier").shift(-1).over("nog")
    next_to = priced.with_columns(above=above, other=other).with_columns(
        gap=pl.when((pl.col("other") != pl.col("supplier")) & (pl.col("above") > pl.col("amount"))).then(
            (pl.col("above") - pl.col("amount")) / pl.col("amount")
        )
    )
    rows = (
        next_to.sort("nog", "gap", "amount", "bid", nulls_last=True)
        .group_by("nog", maintain_order=True)
        .agg(pl.col("gap", "amount", "above", "bid").first(), bids=pl.len())
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=(pl.col("gap") <= told["diferencia"]).fill_null(False),
        value=pl.col("gap"),
        threshold=pl.lit(told["diferencia"]),
        evidence=at(pl.col("nog"), "bids/details/value/amount={}, {}", money(pl.col("amount")), money(pl.col("above"))),
        population="las ofertas del mismo concurso",
        size=pl.col("bids"),
        needs={"bids/details/value/amount": pl.when(pl.col("bids") > 1).then(1)},
        lacking=base.without_bids(2),
        nog=pl.col("nog"),
    )


INDICATOR = Indicator(
    id="GT05",
    version=1,
    name="Ofertas casi idénticas",
    name_en="Near-identical bids",
    definition="Las ofertas de dos oferentes del mismo concurso difieren en una parte mínima, sin ser iguales.",
    definition_en="The bids of two bidders of the same process differ by a minimal share, without being equal.",
    level="concurso",
    topic="precios",
    unit="proporción",
    fields=("bids/status", "bids/tenderers_id", "bids/value_amount", "bids/value_currency"),
    calculate=_calculate,
)
