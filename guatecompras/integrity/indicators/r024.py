"""R024: the second lowest bid is hardly above the one that won, by Cardinal's definition with its configurable threshold."""

import polars as pl

from guatecompras.integrity.base import PRICE_FIELDS, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money

_CLOSE = "bids/details[{}]/value/amount={}, [{}]={}"


def _calculate(base: Base, told: Parameters) -> Judged:
    rows = base.prices.filter(pl.col("ago") == 0)
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("gap") <= told["diferencia"],
        value=pl.col("gap"),
        threshold=pl.lit(told["diferencia"]),
        evidence=two_lowest(),
        population="las dos ofertas más bajas del mismo concurso",
        size=pl.lit(2),
        lacking=base.without_bids(2),
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
        amount=pl.col("lowest"),
    )


def two_lowest() -> pl.Expr:
    """The lowest bids as evidence."""
    return at(
        pl.col("nog"),
        _CLOSE,
        pl.col("lowest_bid"),
        money(pl.col("lowest")),
        pl.col("second_bid"),
        money(pl.col("second")),
    )


INDICATOR = Indicator(
    id="R024",
    version=1,
    name="Segunda oferta muy cercana a la ganadora",
    name_en="Price close to winning bid",
    definition="La segunda oferta válida más baja supera a la ganadora en muy poco.",
    definition_en="The second lowest valid bid is hardly above the winning one.",
    level="concurso",
    topic="precios",
    unit="proporción",
    fields=PRICE_FIELDS,
    calculate=_calculate,
    cardinal=True,
    differences=(
        "Se usa el umbral fijo que Cardinal deja configurar, y no su cerca inferior: en estos datos la cerca es "
        "negativa y no puede alcanzarse. Las exclusiones son las de Cardinal."
    ),
)
