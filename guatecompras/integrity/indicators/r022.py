"""R022: bids for one concurso that lie unusually far apart."""

import polars as pl

from guatecompras.integrity.base import YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money
from guatecompras.integrity.statistics import above


def _calculate(base: Base, told: Parameters) -> Judged:
    fenced = above(base.spread["width"], told.whole("concursos"))
    limit = pl.lit(fenced.upper if fenced else None, pl.Float64)
    return Judged(
        base.spread.filter(pl.col("ago") == 0),
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("width") > limit,
        value=pl.col("width"),
        threshold=limit,
        evidence=at(
            pl.col("nog"), "bids/details/value/amount={} a {}", money(pl.col("lowest")), money(pl.col("highest"))
        ),
        population="la distancia entre la oferta más alta y la más baja en los concursos con tres ofertas o más, en doce meses",
        size=pl.lit(fenced.size if fenced else 0),
        enough=limit.is_not_null(),
        lacking=base.without_bids(3),
        nog=pl.col("nog"),
    )


INDICATOR = Indicator(
    id="R022",
    version=1,
    name="Ofertas muy dispersas",
    name_en="Wide disparity in bid prices",
    definition=(
        "La distancia entre la oferta más alta y la más baja del concurso, como parte de la más baja, es un valor "
        "atípico alto."
    ),
    definition_en="The distance from the lowest bid to the highest, as a share of the lowest, is a high outlier.",
    level="concurso",
    topic="precios",
    unit="proporción",
    fields=("bids/status", "bids/value_amount", "bids/value_currency"),
    calculate=_calculate,
    history=YEAR,
)
