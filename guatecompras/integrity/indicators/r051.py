"""R051: concentration (Herfindahl-Hirschman index) of what is awarded, by UNSPSC family and by buyer: two indicators."""

from functools import partial

import polars as pl

from guatecompras.integrity.base import YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money, pieces


def _calculate(base: Base, told: Parameters, *, by: str) -> Judged:
    known = base.awarded.filter(pl.col("amount") > 0).drop_nulls(by)
    parts = known.group_by(by, "supplier").agg(part=pl.col("amount").sum())
    shares = pl.col("part") / pl.col("part").sum().over(by)
    index = parts.with_columns(square=shares * shares).group_by(by).agg(
        # In the order of the shares: sums of fractions differ with the order.
        index=pl.col("square").sort().sum(),
        suppliers=pl.len().cast(pl.Int64),
    )  # fmt: skip
    rows = (
        known.group_by(by, maintain_order=True)
        .agg(
            awards=pl.len().cast(pl.Int64),
            amount=pl.col("amount").sum(),
            seen=(pl.col("ago") == 0).any(),
            nogs=pl.col("nog").filter(pl.col("ago") == 0).unique(maintain_order=True),
            told=at(pl.col("nog"), "awards/value/amount={}", money(pl.col("amount"))),
        )
        .filter("seen")
        .join(index, on=by)
    )
    return Judged(
        rows,
        subject=pl.col(by),
        raised=pl.col("index") >= told["indice"],
        value=pl.col("index"),
        threshold=pl.lit(told["indice"]),
        evidence=pl.format("{} proveedores; {}", "suppliers", pieces(pl.col("told"))),
        population="las cuotas de los proveedores en lo adjudicado en quetzales, en doce meses",
        size=pl.col("awards"),
        enough=pl.col("awards") >= told.whole("adjudicaciones"),
        nogs=pl.col("nogs"),
        buyer=pl.col(by) if by == "buyer_id" else None,
        amount=pl.col("amount"),
    )


_FIELDS = ("awards/status", "awards/value_amount", "awards/value_currency", "award_suppliers/id")
OF_FAMILIES = Indicator(
    id="R051",
    version=1,
    name="Mercado concentrado",
    name_en="High market concentration",
    definition=(
        "El índice de Herfindahl-Hirschman de lo adjudicado de una familia UNSPSC en doce meses es alto: pocos "
        "proveedores se lo reparten."
    ),
    definition_en="The Herfindahl-Hirschman index of what was awarded of a UNSPSC family over twelve months is high.",
    level="mercado",
    topic="proveedores",
    unit="índice",
    fields=("items/classification_id", *_FIELDS),
    calculate=partial(_calculate, by="family"),
    history=YEAR,
)
OF_BUYERS = Indicator(
    id="GT06",
    version=1,
    name="Comprador con pocos proveedores",
    name_en="Concentration of a buyer's suppliers",
    definition=(
        "El índice de Herfindahl-Hirschman de lo que el comprador adjudicó en doce meses es alto: pocos "
        "proveedores se lo reparten."
    ),
    definition_en="The Herfindahl-Hirschman index of what the buyer awarded over twelve months is high.",
    level="comprador",
    topic="compradores",
    unit="índice",
    fields=("records/buyer_id", *_FIELDS),
    calculate=partial(_calculate, by="buyer_id"),
    history=YEAR,
)
