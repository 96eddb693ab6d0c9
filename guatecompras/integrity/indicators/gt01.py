"""GT01: what was deserted is bought soon after without competition, of one bidder."""

import polars as pl

from guatecompras.integrity.base import ABSENCE, DIRECT, FORMAL, YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money


def _calculate(base: Base, told: Parameters) -> Judged:
    deserted = (
        base.concursos.filter((pl.col("status") == "unsuccessful") & pl.col("modality").is_in(FORMAL))
        .drop_nulls(["unit", "family"])
        .select("unit", "family", failed="nog", failed_on="published")
        .sort("failed_on", "failed")
    )
    direct = (
        base.awards_now.filter(pl.col("modality").is_in((*DIRECT, *ABSENCE)))
        .group_by("nog", maintain_order=True)
        .agg(
            pl.col("unit", "family", "published", "tenderers", "modality").first(),
            amount=pl.col("amount").sum(),
            supplier=pl.col("supplier").first(),
        )
        .sort("published", "nog")
    )
    near = direct.drop_nulls(["unit", "family"]).join_asof(
        deserted,
        left_on="published",
        right_on="failed_on",
        by=["unit", "family"],
        strategy="backward",
        check_sortedness=False,
    )
    rows = direct.join(near.select("nog", "failed", "failed_on"), on="nog", how="left").with_columns(
        days=(pl.col("published") - pl.col("failed_on")).dt.total_days()
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=(pl.col("days") <= told.whole("dias")).fill_null(False) & (pl.col("tenderers") <= 1),
        value=pl.col("days"),
        threshold=pl.lit(told.whole("dias")),
        evidence=pl.concat_str(
            at(pl.col("failed"), "tender/status=unsuccessful ({})", pl.col("failed_on").dt.date()),
            at(pl.col("nog"), "awards/value/amount={} ({})", money(pl.col("amount")), pl.col("published").dt.date()),
            separator="; ",
        ),
        population="los concursos desiertos de la misma unidad y familia UNSPSC en los doce meses anteriores",
        size=pl.lit(1),
        needs={
            "tender/items/classification/id": pl.col("family"),
            "tender/numberOfTenderers": pl.col("tenderers"),
            "tender/procuringEntity/id": pl.col("unit"),
        },
        nog=pl.col("nog"),
        nogs=pl.concat_list("nog", "failed"),
        supplier=pl.col("supplier"),
        amount=pl.col("amount"),
    )


INDICATOR = Indicator(
    id="GT01",
    version=1,
    name="Compra directa tras un concurso desierto",
    name_en="Direct award after a deserted process",
    definition=(
        "La misma unidad declaró desierta una licitación o cotización de la misma familia UNSPSC y poco después "
        "compró directamente a un único oferente."
    ),
    definition_en=(
        "The same unit had a public tender or quotation of the same UNSPSC family without result and soon after "
        "bought directly of a single bidder."
    ),
    level="concurso",
    topic="competencia",
    unit="días",
    fields=(
        "records/tender_status",
        "records/tender_procurementMethodDetails",
        "records/tender_procuringEntity_id",
        "records/tender_datePublished",
        "records/tender_numberOfTenderers",
        "items/classification_id",
        "awards/value_amount",
    ),
    calculate=_calculate,
    history=YEAR,
)
