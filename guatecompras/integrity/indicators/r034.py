"""R034: two bidders who, whenever they meet, hand in their bids in the same order."""

import polars as pl

from guatecompras.integrity.base import MOST_BIDDERS, YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, joint, moment, pieces
from guatecompras.integrity.statistics import at_least


def _calculate(base: Base, told: Parameters) -> Judged:
    timed = base.pairs.filter(pl.col("a_date") != pl.col("b_date"))
    rows = (
        timed.group_by("a", "b", maintain_order=True)
        .agg(
            met=pl.len().cast(pl.Int64),
            a_first=(pl.col("a_date") < pl.col("b_date")).sum().cast(pl.Int64),
            seen=(pl.col("ago") == 0).any(),
            nogs=pl.col("nog").filter(pl.col("ago") == 0),
            told=at(pl.col("nog"), "bids/details/date={}, {}", moment(pl.col("a_date")), moment(pl.col("b_date"))),
        )
        .filter("seen")
        .with_columns(same=pl.max_horizontal("a_first", pl.col("met") - pl.col("a_first")))
    )
    return Judged(
        rows,
        subject=joint(pl.col("a"), pl.col("b")),
        raised=at_least(pl.col("same"), pl.col("met"), told["desviaciones"]) > told["proporcion"],
        value=pl.col("same") / pl.col("met"),
        threshold=pl.lit(told["proporcion"]),
        evidence=pieces(pl.col("told")),
        population=(
            f"los concursos de hasta {MOST_BIDDERS} oferentes en que ambos ofertaron"
            ", en doce meses; se compara el límite inferior de la proporción"
        ),
        size=pl.col("met"),
        enough=pl.col("met") >= told.whole("encuentros"),
        nogs=pl.col("nogs"),
    )


INDICATOR = Indicator(
    id="R034",
    version=1,
    name="Ofertan siempre en el mismo orden",
    name_en="Bids submitted in the same order",
    definition=(
        "Dos oferentes que coinciden a menudo entregan sus ofertas siempre, o casi, en el mismo orden: más de lo "
        "que el azar explica."
    ),
    definition_en=(
        "Two bidders who often meet hand in their bids in the same order always or nearly so: more than chance "
        "explains."
    ),
    level="grupo",
    topic="competencia",
    unit="proporción",
    fields=("bids/date", "bids/status", "bids/tenderers_id"),
    calculate=_calculate,
    history=YEAR,
)
