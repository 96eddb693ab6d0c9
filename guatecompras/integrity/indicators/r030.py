"""R030: the bid that won came after the close of offers, as OCP's Cardinal defines it."""

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, moment


def _calculate(base: Base, told: Parameters) -> Judged:
    winning = base.bids_now.filter(pl.col("won") & (pl.col("status") == "valid"))
    rows = (
        winning.join(base.now.select("nog", "closes"), on="nog")
        .sort("nog", "date", "bid", descending=[False, True, False], nulls_last=True)
        .unique("nog", keep="first", maintain_order=True)
        .with_columns(late=(pl.col("date") - pl.col("closes")).dt.total_seconds() / 86_400)
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("late") > told["dias"],
        value=pl.col("late"),
        threshold=pl.lit(told["dias"]),
        evidence=at(
            pl.col("nog"),
            "bids/details[{}]/date={}; tender/tenderPeriod/endDate={}",
            pl.col("bid"),
            moment(pl.col("date")),
            moment(pl.col("closes")),
        ),
        population="el cierre del mismo concurso",
        size=pl.lit(1),
        needs={"tender/tenderPeriod/endDate": pl.col("closes"), "bids/details/date": pl.col("date")},
        lacking=base.without_bids(1),
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
        amount=pl.col("amount"),
    )


INDICATOR = Indicator(
    id="R030",
    version=1,
    name="Ganó una oferta tardía",
    name_en="Late bid won",
    definition="La oferta válida de quien ganó lleva una fecha posterior al cierre de recepción de ofertas.",
    definition_en="The valid bid of who won is dated after the close of offers.",
    level="concurso",
    topic="plazos",
    unit="días",
    fields=(
        "bids/date",
        "bids/status",
        "bids/tenderers_id",
        "records/tender_tenderPeriod_endDate",
        "award_suppliers/id",
    ),
    calculate=_calculate,
    cardinal=True,
    differences="Ninguna.",
)
