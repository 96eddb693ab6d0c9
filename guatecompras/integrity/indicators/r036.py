"""R036: the lowest bid was disqualified, as OCP's Cardinal defines it."""

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money, quetzales


def _calculate(base: Base, told: Parameters) -> Judged:
    awarded = base.awards.filter(pl.col("ago") == 0).group_by("nog").agg(
        won_at=pl.col("amount").min(), winner=pl.col("supplier").first()
    )  # fmt: skip
    rows = (
        base.bids_now.filter(pl.col("rivals") > 1)
        .join(awarded, on="nog", how="inner")
        # Of bids that ask the same, one that was not disqualified stands for the lowest.
        .sort("nog", "amount", pl.col("status") == "disqualified", "bid", nulls_last=True)
        .group_by("nog", maintain_order=True)
        .agg(pl.col("amount", "status", "bid", "won_at", "winner").first(), bids=pl.len())
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("status") == "disqualified",
        value=quetzales(pl.col("amount")),
        threshold=quetzales(pl.col("won_at")),
        evidence=at(
            pl.col("nog"),
            "bids/details[{}]/status=disqualified, value/amount={}; awards/value/amount={}",
            pl.col("bid"),
            money(pl.col("amount")),
            money(pl.col("won_at")).fill_null("?"),
        ),
        population="las ofertas del mismo concurso",
        size=pl.col("bids"),
        needs={"bids/details/value/amount": pl.col("amount")},
        lacking=base.without_bids(2),
        nog=pl.col("nog"),
        supplier=pl.col("winner"),
        amount=pl.col("won_at"),
    )


INDICATOR = Indicator(
    id="R036",
    version=1,
    name="Oferta más baja descalificada",
    name_en="Lowest bid disqualified",
    definition="La oferta más baja del concurso fue descalificada y se adjudicó a otra.",
    definition_en="The lowest bid of the process was disqualified and another one was awarded.",
    level="concurso",
    topic="precios",
    unit="quetzales",
    fields=("bids/status", "bids/value_amount", "bids/value_currency", "awards/status", "awards/value_amount"),
    calculate=_calculate,
    cardinal=True,
    differences=(
        "Como en Cardinal se supone que se adjudica por precio: los criterios de evaluación no se publican. Solo "
        "concursos con dos oferentes o más."
    ),
)
