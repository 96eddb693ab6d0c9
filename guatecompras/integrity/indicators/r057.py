"""R057: two bidders who meet again and again and win in turn. A ring of more than two shows in each of its pairs."""

import polars as pl

from guatecompras.integrity.base import MOST_BIDDERS, YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, joint, pieces


def _calculate(base: Base, told: Parameters) -> Judged:
    decided = base.pairs.filter(pl.col("a_won") != pl.col("b_won")).join(
        base.concursos.select("nog", "published"), on="nog"
    )
    turns = pl.col("a_won") != pl.col("a_won").shift(1)
    rows = (
        decided.sort("a", "b", "published", "nog")
        .group_by("a", "b", maintain_order=True)
        .agg(
            met=pl.len().cast(pl.Int64),
            turns=turns.sum().cast(pl.Int64),
            seen=(pl.col("ago") == 0).any(),
            nogs=pl.col("nog").filter(pl.col("ago") == 0),
            told=at(pl.col("nog"), "awards/suppliers/id={}", pl.when("a_won").then("a").otherwise("b")),
        )
        .filter("seen")
        .with_columns(share=pl.when(pl.col("met") > 1).then(pl.col("turns") / (pl.col("met") - 1)))
    )
    return Judged(
        rows,
        subject=joint(pl.col("a"), pl.col("b")),
        raised=pl.col("share") >= told["proporcion"],
        value=pl.col("share"),
        threshold=pl.lit(told["proporcion"]),
        evidence=pieces(pl.col("told")),
        population=(
            f"los concursos de hasta {MOST_BIDDERS} oferentes en que ambos ofertaron"
            " y ganó uno de los dos, en doce meses y en orden de convocatoria"
        ),
        size=pl.col("met"),
        enough=pl.col("met") >= told.whole("encuentros"),
        nogs=pl.col("nogs"),
    )


INDICATOR = Indicator(
    id="R057",
    version=1,
    name="Se turnan para ganar",
    name_en="Bid rotation",
    definition="Dos oferentes coinciden en muchos concursos y, cuando gana uno de los dos, lo hacen por turnos casi exactos.",
    definition_en="Two bidders meet in many processes and, when one of the two wins, they do so in nearly exact turns.",
    level="grupo",
    topic="competencia",
    unit="proporción",
    fields=(
        "bids/status",
        "bids/tenderers_id",
        "records/tender_datePublished",
        "awards/status",
        "award_suppliers/id",
    ),
    calculate=_calculate,
    history=YEAR,
)
