"""R049: an award just under the ceiling of its modality by the law that was in force."""

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money, pieces, quetzales


def _calculate(base: Base, told: Parameters) -> Judged:
    rows = (
        base.awards_now.filter(pl.col("top").is_not_null())
        .unique(["nog", "award_id"], keep="first", maintain_order=True)
        .group_by("nog", maintain_order=True)
        .agg(
            pl.col("top", "law").first(),
            amount=pl.col("whole").sum(),
            unknown=pl.col("whole").is_null().any(),
            supplier=pl.col("supplier").first(),
            told=at(pl.col("nog"), "awards[{}]/value/amount={} ({})", pl.col("award_id"), money(pl.col("whole")), pl.col("law")),
        )
        .with_columns(amount=pl.when(~pl.col("unknown")).then("amount"))
    )  # fmt: skip
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=(pl.col("amount") <= pl.col("top")) & (pl.col("amount") > pl.col("top") * told["desde"]),
        value=quetzales(pl.col("amount")),
        threshold=quetzales(pl.col("top")),
        evidence=pieces(pl.col("told")),
        population="el monto máximo de la modalidad según la ley vigente en la fecha de la convocatoria",
        size=pl.lit(1),
        needs={"awards/value/amount": pl.col("amount")},
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
        amount=pl.col("amount"),
    )


INDICATOR = Indicator(
    id="R049",
    version=1,
    name="Adjudicado justo bajo el máximo de la modalidad",
    name_en="Award just under the threshold",
    definition="Lo adjudicado en el concurso queda apenas por debajo del monto máximo que la ley fija para su modalidad.",
    definition_en="What was awarded is just under the ceiling that the law sets for the modality.",
    level="concurso",
    topic="umbrales",
    unit="quetzales",
    fields=(
        "records/tender_procurementMethodDetails",
        "records/tender_datePublished",
        "awards/status",
        "awards/value_amount",
        "awards/value_currency",
    ),
    calculate=_calculate,
)
