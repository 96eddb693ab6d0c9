"""GT04: a bidder whose NIT is not one: its check character is wrong."""

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, pieces
from guatecompras.nit import is_valid

_SCHEME = "GT-NIT-"


def _calculate(base: Base, told: Parameters) -> Judged:
    named = base.bids_now.filter(pl.col("supplier").str.starts_with(_SCHEME)).unique(
        ["nog", "supplier"], keep="first", maintain_order=True
    )
    bad = ~is_valid(pl.col("supplier").str.strip_prefix(_SCHEME))
    rows = named.group_by("nog", maintain_order=True).agg(
        bidders=pl.len().cast(pl.Int64),
        wrong=bad.sum().cast(pl.Int64),
        supplier=pl.col("supplier").filter(bad).first(),
        told=at(pl.col("nog"), "bids/details[{}]/tenderers/id={}", pl.col("bid"), pl.col("supplier")).filter(bad),
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("wrong") > 0,
        value=pl.col("wrong"),
        threshold=pl.lit(1),
        evidence=pieces(pl.col("told")),
        population="los oferentes del concurso con NIT",
        size=pl.col("bidders"),
        lacking=base.without_bids(1),
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
    )


INDICATOR = Indicator(
    id="GT04",
    version=1,
    name="NIT inválido entre los oferentes",
    name_en="Invalid NIT among the bidders",
    definition="El dígito verificador del NIT de algún oferente no corresponde a su número.",
    definition_en="The check character of some bidder's tax number does not match its number.",
    level="concurso",
    topic="proveedores",
    unit="oferentes",
    fields=("bids/tenderers_id",),
    calculate=_calculate,
)
