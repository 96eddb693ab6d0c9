"""R029: bid amounts whose first digits are unlike those of other buyers' bids (Benford)."""

import math

import polars as pl

from guatecompras.integrity.base import YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters
from guatecompras.integrity.statistics import above

_BENFORD = {digit: math.log10(1 + 1 / digit) for digit in range(1, 10)}


def _calculate(base: Base, told: Parameters) -> Judged:
    digit = pl.col("amount").cast(pl.String).str.head(1).cast(pl.Int64)
    priced = base.bids.filter(pl.col("amount") > 0).join(base.concursos.select("nog", "buyer_id"), on="nog")
    away = pl.sum_horizontal(
        ((pl.col("digit") == one).sum() / pl.len() - expected).abs() for one, expected in _BENFORD.items()
    ) / len(_BENFORD)  # fmt: skip
    counted = (
        priced.drop_nulls("buyer_id").with_columns(digit=digit)
        .group_by("buyer_id", maintain_order=True)
        .agg(
            bids=pl.len().cast(pl.Int64),
            away=away,
            seen=(pl.col("ago") == 0).any(),
            nogs=pl.col("nog").filter(pl.col("ago") == 0).unique(maintain_order=True),
            **{f"d{one}": (pl.col("digit") == one).sum().cast(pl.Int64) for one in _BENFORD},
        )
    )  # fmt: skip
    enough = pl.col("bids") >= told.whole("ofertas")
    fenced = above(counted.filter(enough)["away"], told.whole("compradores"))
    limit = max(fenced.upper, told["desviacion"]) if fenced else None
    rows = counted.filter("seen").with_columns(limit=pl.lit(limit, pl.Float64))
    return Judged(
        rows,
        subject=pl.col("buyer_id"),
        raised=pl.col("away") > pl.col("limit"),
        value=pl.col("away"),
        threshold=pl.col("limit"),
        evidence=pl.format(
            "ofertas por primer dígito: {}", pl.concat_str([f"d{one}" for one in _BENFORD], separator=", ")
        ),
        population="la desviación de los compradores con suficientes ofertas en doce meses",
        size=pl.lit(fenced.size if fenced else 0),
        enough=enough & pl.col("limit").is_not_null(),
        nogs=pl.col("nogs"),
        buyer=pl.col("buyer_id"),
    )


INDICATOR = Indicator(
    id="R029",
    version=1,
    name="Primeros dígitos inusuales en las ofertas",
    name_en="Bid prices deviate from Benford's law",
    definition=(
        "Los primeros dígitos de las ofertas que recibió el comprador en doce meses se apartan de la ley de "
        "Benford mucho más que los de otros compradores."
    ),
    definition_en=(
        "The first digits of the bids a buyer received over twelve months deviate from Benford's law far more than "
        "others' do."
    ),
    level="comprador",
    topic="precios",
    unit="proporción",
    fields=("bids/status", "bids/value_amount", "bids/value_currency", "records/buyer_id"),
    calculate=_calculate,
    history=YEAR,
)
