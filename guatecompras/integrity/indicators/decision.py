"""R061 and R062: an award that came extremely soon, or extremely late, after the close of offers."""

from functools import partial

import polars as pl

from guatecompras.integrity.base import COMPETITIVE, FORMAL, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, moment


def _calculate(base: Base, told: Parameters, *, fast: bool) -> Judged:
    first = base.awards_now.filter(pl.col("modality").is_in(FORMAL) if fast else pl.col("method").is_in(COMPETITIVE))
    rows = (
        first.sort("nog", "date", "award_id", "supplier", nulls_last=True)
        .unique("nog", keep="first", maintain_order=True)
        .with_columns(days=(pl.col("date") - pl.col("closes")).dt.total_seconds() / 86_400)
        # An award before the close says that one of the two dates is wrong.
        .with_columns(days=pl.when(pl.col("days") >= 0).then("days"))
        .with_columns(known=pl.when(pl.col("closes").is_null()).then(0.0).otherwise("days"))
    )
    limit = told["dias"]
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=(pl.col("days") < limit) if fast else (pl.col("days") > limit),
        value=pl.col("days"),
        threshold=pl.lit(limit),
        evidence=at(
            pl.col("nog"),
            "tender/tenderPeriod/endDate={}; awards[{}]/date={}",
            moment(pl.col("closes")),
            pl.col("award_id"),
            moment(pl.col("date")),
        ),
        population="el plazo fijado en los parámetros",
        size=pl.lit(1),
        needs={"tender/tenderPeriod/endDate": pl.col("closes"), "awards/date": pl.col("known")},
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
        amount=pl.col("amount"),
    )


_FIELDS = (
    "records/tender_procurementMethodDetails",
    "records/tender_tenderPeriod_endDate",
    "awards/status",
    "awards/date",
)
FAST = Indicator(
    id="R061",
    version=1,
    name="Adjudicación demasiado rápida",
    name_en="Decision period extremely short",
    definition=(
        "En una licitación o cotización se adjudicó casi al cerrar la recepción de ofertas: la junta no pudo "
        "calificarlas con calma."
    ),
    definition_en="In a public tender or a quotation the award came right after the close of offers.",
    level="concurso",
    topic="plazos",
    unit="días",
    fields=_FIELDS,
    calculate=partial(_calculate, fast=True),
)
SLOW = Indicator(
    id="R062",
    version=1,
    name="Adjudicación muy tardía",
    name_en="Decision period extremely long",
    definition="Entre el cierre de recepción de ofertas y la adjudicación pasó mucho más tiempo del que la ley prevé.",
    definition_en="From the close of offers to the award far more time passed than the law provides for.",
    level="concurso",
    topic="plazos",
    unit="días",
    fields=(*_FIELDS, "records/tender_procurementMethod"),
    calculate=partial(_calculate, fast=False),
)
