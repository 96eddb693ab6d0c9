"""GT03: a natural person with a large award."""

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money, quetzales


def _calculate(base: Base, told: Parameters) -> Judged:
    kinds = base.parties.select("nog", supplier="id", individual="individual").unique(["nog", "supplier"], keep="first")
    rows = (
        base.awards_now.join(kinds, on=["nog", "supplier"], how="left")
        # A person comes first, and what says nothing about its kind before what says that it is none.
        .sort("nog", "individual", "amount", "supplier", descending=[False, True, True, False], nulls_last=False)
        .unique("nog", keep="first", maintain_order=True)
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("individual") & (pl.col("amount") >= told.cents("monto")),
        value=quetzales(pl.col("amount")),
        threshold=quetzales(told.cents("monto")),
        evidence=at(pl.col("nog"), "awards[{}]/value/amount={}", pl.col("award_id"), money(pl.col("amount"))),
        population="el monto fijado en los parámetros",
        size=pl.lit(1),
        needs={
            "parties/details/legalEntityTypeDetail": pl.col("individual"),
            # Of a company it does not matter how much.
            "awards/value/amount": pl.when(pl.col("individual").eq_missing(pl.lit(value=False)))
            .then(0)
            .otherwise("amount"),
        },
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
        amount=pl.col("amount"),
    )


INDICATOR = Indicator(
    id="GT03",
    version=1,
    name="Persona individual con una adjudicación grande",
    name_en="Individual with a large award",
    definition="Se adjudicó un monto grande a una persona individual.",
    definition_en="A large amount was awarded to a natural person.",
    level="concurso",
    topic="proveedores",
    unit="quetzales",
    fields=(
        "parties/details_legalEntityTypeDetail_description",
        "awards/status",
        "awards/value_amount",
        "award_suppliers/id",
    ),
    calculate=_calculate,
)
