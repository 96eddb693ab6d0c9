"""R025: a supplier that bids often and hardly ever wins, by Cardinal's definition with its configurable threshold."""

import polars as pl

from guatecompras.integrity.base import YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, pieces
from guatecompras.integrity.statistics import share_of


def _calculate(base: Base, told: Parameters) -> Judged:
    settled = base.awards.group_by("nog").agg(pl.len()).filter(pl.col("len") == 1).select("nog")
    valid = base.bids.filter(pl.col("status") == "valid").join(settled, on="nog", how="semi")
    counted = (
        valid.group_by("supplier", maintain_order=True)
        .agg(
            bids=pl.col("nog").n_unique().cast(pl.Int64),
            wins=pl.col("nog").filter("won").n_unique().cast(pl.Int64),
            seen=(pl.col("ago") == 0).any(),
            nogs=pl.col("nog").filter(pl.col("ago") == 0).unique(maintain_order=True),
        )
        .with_columns(share=share_of("wins", "bids"))
    )
    busy = counted["bids"].quantile(told["percentil"] / 100, "linear") or 0
    least = max(busy, told["ofertas"])
    return Judged(
        counted.filter("seen"),
        subject=pl.col("supplier"),
        raised=pl.col("share") <= told["proporcion"],
        value=pl.col("share"),
        threshold=pl.lit(told["proporcion"]),
        evidence=pl.format(
            "{} ofertas, {} adjudicadas; {}",
            "bids",
            "wins",
            pieces(pl.col("nogs").list.eval(at(pl.element(), "bids/details"))),
        ),
        population="los oferentes de los concursos con una adjudicación vigente, en doce meses",
        size=pl.lit(counted.height),
        enough=pl.col("bids") >= least,
        nogs=pl.col("nogs"),
        supplier=pl.col("supplier"),
    )


INDICATOR = Indicator(
    id="R025",
    version=1,
    name="Oferta mucho y casi nunca gana",
    name_en="Excessive unsuccessful bids",
    definition="Un oferente con muchas ofertas válidas en doce meses ganó una parte mínima de ellas.",
    definition_en="A bidder with many valid bids over twelve months won hardly any of them.",
    level="proveedor",
    topic="competencia",
    unit="proporción",
    fields=("bids/status", "bids/tenderers_id", "awards/status", "award_suppliers/id"),
    calculate=_calculate,
    history=YEAR,
    cardinal=True,
    differences=(
        "Como en Cardinal, solo oferentes en el percentil alto de ofertas y sin concursos con varias "
        "adjudicaciones vigentes; se usa el umbral fijo que Cardinal deja configurar, porque su cerca inferior "
        "es negativa en estos datos, se pide además un mínimo de ofertas y no cuentan los concursos sin "
        "adjudicación."
    ),
)
