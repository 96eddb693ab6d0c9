"""GT08: a contract signed before the term to object to the award had passed."""

import polars as pl

from guatecompras.integrity.base import FORMAL, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at


def _calculate(base: Base, told: Parameters) -> Judged:
    awards = base.awards_now.filter(pl.col("modality").is_in(FORMAL)).select(
        "nog", "award_id", "supplier", "amount", awarded=pl.col("date").dt.date()
    )
    rows = (
        base.contracts.join(awards, on=["nog", "award_id"])
        .with_columns(days=(pl.col("signed").dt.date() - pl.col("awarded")).dt.total_days())
        .sort("nog", "days", "contract", "supplier", nulls_last=True)
        .unique("nog", keep="first", maintain_order=True)
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("days") < told.whole("dias"),
        value=pl.col("days"),
        threshold=pl.lit(told.whole("dias")),
        evidence=at(
            pl.col("nog"),
            "awards/date={}; contracts[{}]/dateSigned={}",
            pl.col("awarded"),
            pl.col("contract"),
            pl.col("signed").dt.date(),
        ),
        population="el plazo de la ley para inconformidades",
        size=pl.lit(1),
        needs={"contracts/dateSigned": pl.col("signed"), "awards/date": pl.col("awarded")},
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
        amount=pl.col("amount"),
    )


INDICATOR = Indicator(
    id="GT08",
    version=1,
    name="Contrato firmado antes del plazo de inconformidades",
    name_en="Contract signed within the term for complaints",
    definition=(
        "El contrato de una licitación o cotización se suscribió antes de que venciera el plazo para inconformarse "
        "con la adjudicación."
    ),
    definition_en=(
        "The contract of a public tender or quotation was signed before the term for complaints about the award "
        "had passed."
    ),
    level="concurso",
    topic="plazos",
    unit="días",
    fields=("records/tender_procurementMethodDetails", "awards/date", "contracts/dateSigned", "contracts/awardID"),
    calculate=_calculate,
)
