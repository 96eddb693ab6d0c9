"""R053: two bidders who meet again and again, and always the same of the two wins."""

import polars as pl

from guatecompras.integrity.base import MOST_BIDDERS, YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, joint, pieces
from guatecompras.integrity.statistics import at_least


def _calculate(base: Base, told: Parameters) -> Judged:
    decided = base.pairs.filter(pl.col("a_won") != pl.col("b_won"))
    rows = (
        decided.group_by("a", "b", maintain_order=True)
        .agg(
            met=pl.len().cast(pl.Int64),
            a_wins=pl.col("a_won").sum().cast(pl.Int64),
            seen=(pl.col("ago") == 0).any(),
            nogs=pl.col("nog").filter(pl.col("ago") == 0),
            told=at(pl.col("nog"), "awards/suppliers/id={}", pl.when("a_won").then("a").otherwise("b")),
        )
        .filter("seen")
        .with_columns(wins=pl.max_horizontal("a_wins", pl.col("met") - pl.col("a_wins")))
    )
    return Judged(
        rows,
        subject=joint(pl.col("a"), pl.col("b")),
        raised=at_least(pl.col("wins"), pl.col("met"), told["desviaciones"]) > told["proporcion"],
        value=pl.col("wins") / pl.col("met"),
        threshold=pl.lit(told["proporcion"]),
        evidence=pieces(pl.col("told")),
        population=(
            f"los concursos de hasta {MOST_BIDDERS} oferentes en que ambos ofertaron"
            " y ganó uno de los dos, en doce meses; se compara el límite "
            "inferior de la proporción"
        ),
        size=pl.col("met"),
        enough=pl.col("met") >= told.whole("encuentros"),
        nogs=pl.col("nogs"),
        supplier=pl.when(pl.col("a_wins") * 2 >= pl.col("met")).then("a").otherwise("b"),
    )


INDICATOR = Indicator(
    id="R053",
    version=1,
    name="Coinciden siempre y gana el mismo",
    name_en="Co-bidding pair with a recurrent winner",
    definition="Dos oferentes coinciden en muchos concursos y, cuando gana uno de los dos, gana siempre o casi siempre el mismo.",
    definition_en="Two bidders meet in many processes and, when one of the two wins, it is always or nearly always the same.",
    level="grupo",
    topic="competencia",
    unit="proporción",
    fields=("bids/status", "bids/tenderers_id", "awards/status", "award_suppliers/id"),
    calculate=_calculate,
    history=YEAR,
)
