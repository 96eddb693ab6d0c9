"""R023: bids that are a fixed step apart, in amount or in proportion."""

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money


def _calculate(base: Base, told: Parameters) -> Judged:
    rows = base.spread.filter(pl.col("ago") == 0)
    steps = pl.col("amounts").list.diff(null_behavior="drop")
    ratios = pl.col("amounts").list.eval((pl.element() / pl.element().shift(1)).drop_nulls())
    uneven = [
        (steps.list.max() - steps.list.min()) / pl.col("lowest"),
        ratios.list.max() - ratios.list.min(),
    ]
    rows = rows.with_columns(uneven=pl.min_horizontal(uneven), least=steps.list.min())
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=(pl.col("uneven") <= told["tolerancia"]) & (pl.col("least") > 0),
        value=pl.col("uneven"),
        threshold=pl.lit(told["tolerancia"]),
        evidence=at(
            pl.col("nog"),
            "bids/details/value/amount={}",
            pl.col("amounts").list.eval(money(pl.element())).list.join(", "),
        ),
        population="las ofertas del mismo concurso, tres o más",
        size=pl.col("bids"),
        lacking=base.without_bids(3),
        nog=pl.col("nog"),
    )


INDICATOR = Indicator(
    id="R023",
    version=1,
    name="Ofertas a distancias fijas",
    name_en="Bids a fixed step apart",
    definition="Tres ofertas o más del concurso guardan entre sí la misma distancia, en monto o en proporción.",
    definition_en="Three bids or more of the process are the same distance apart, in amount or in proportion.",
    level="concurso",
    topic="precios",
    unit="proporción",
    fields=("bids/status", "bids/value_amount", "bids/value_currency"),
    calculate=_calculate,
)
