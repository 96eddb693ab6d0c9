"""R035: every bid but the winner's was disqualified, as OCP's Cardinal defines it."""

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, pieces


def _calculate(base: Base, told: Parameters) -> Judged:
    bids = base.bids_now
    valid, out = pl.col("status") == "valid", pl.col("status") == "disqualified"
    # Who has a bid disqualified and another one that is valid was not kept out.
    kept_out = out & ~pl.col("supplier").is_in(pl.col("supplier").filter(valid).implode())
    rows = (
        bids.group_by("nog", maintain_order=True)
        .agg(
            kept=pl.col("supplier").filter(valid).n_unique().cast(pl.Int64),
            stranger=(valid & ~pl.col("won")).any(),
            supplier=pl.col("supplier").filter(valid).first(),
            put_out=pl.col("supplier").filter(kept_out).n_unique().cast(pl.Int64),
            told=at(pl.col("nog"), "bids/details[{}]/status={}", pl.col("bid"), pl.col("status")),
        )
        .join(base.awards.filter(pl.col("ago") == 0).group_by("nog").agg(winners=pl.col("supplier").n_unique()), on="nog")
    )  # fmt: skip
    only_one = (pl.col("kept") == 1) & ~pl.col("stranger") & (pl.col("winners") == 1)
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=only_one & (pl.col("put_out") >= told.whole("descalificados")),
        value=pl.col("put_out"),
        threshold=pl.lit(told.whole("descalificados")),
        evidence=pieces(pl.col("told")),
        population="las ofertas del mismo concurso",
        size=pl.col("told").list.len(),
        lacking=base.without_bids(2),
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
    )


INDICATOR = Indicator(
    id="R035",
    version=1,
    name="Descalificados todos menos quien ganó",
    name_en="All except the winning bid disqualified",
    definition="Un solo oferente quedó con ofertas válidas, ganó, y las de los demás fueron descalificadas.",
    definition_en="One bidder only kept valid bids and won; those of the others were disqualified.",
    level="concurso",
    topic="competencia",
    unit="oferentes",
    fields=("bids/status", "bids/tenderers_id", "awards/status", "award_suppliers/id"),
    calculate=_calculate,
    cardinal=True,
    differences="Ninguna.",
)
