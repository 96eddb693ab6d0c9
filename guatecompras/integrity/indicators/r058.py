"""R058: the bid that won is far below the second one, as OCP's Cardinal defines it."""

import polars as pl

from guatecompras.integrity.base import PRICE_FIELDS, YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters
from guatecompras.integrity.indicators.r024 import two_lowest
from guatecompras.integrity.statistics import above


def _calculate(base: Base, told: Parameters) -> Judged:
    fenced = above(base.prices["gap"], told.whole("concursos"))
    limit = pl.lit(fenced.upper if fenced else None, pl.Float64)
    return Judged(
        base.prices.filter(pl.col("ago") == 0),
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("gap") >= limit,
        value=pl.col("gap"),
        threshold=limit,
        evidence=two_lowest(),
        population="la distancia entre la oferta ganadora y la segunda válida más baja, en los concursos de doce meses",
        size=pl.lit(fenced.size if fenced else 0),
        enough=limit.is_not_null(),
        lacking=base.without_bids(2),
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
        amount=pl.col("lowest"),
    )


INDICATOR = Indicator(
    id="R058",
    version=1,
    name="Oferta ganadora muy por debajo de la segunda",
    name_en="Heavily discounted bid",
    definition="La distancia entre la oferta ganadora y la segunda válida más baja es un valor atípico alto.",
    definition_en="The distance from the winning bid to the second lowest valid one is a high outlier.",
    level="concurso",
    topic="precios",
    unit="proporción",
    fields=PRICE_FIELDS,
    calculate=_calculate,
    history=YEAR,
    cardinal=True,
    differences="Se calla cuando hay pocos concursos o la dispersión es cero.",
)
