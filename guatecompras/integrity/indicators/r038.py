"""R038: a buyer that disqualifies, or a bidder that has disqualified, an excessive share of bids. By Cardinal's definition with
its configurable threshold; two indicators, one a level."""

from functools import partial

import polars as pl

from guatecompras.integrity.base import YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, pieces
from guatecompras.integrity.statistics import share_of

_DIFFERENCES = (
    "Se usa el umbral fijo que Cardinal deja configurar: en estos datos casi nadie tiene ofertas descalificadas, "
    "la cerca no tiene dispersión y callaría. El mínimo de ofertas es mayor que el de Cardinal (2)."
)


def _calculate(base: Base, told: Parameters, *, by: str) -> Judged:
    bids = base.bids.join(base.concursos.select("nog", "buyer_id"), on="nog")
    out = pl.col("status") == "disqualified"
    rows = (
        bids.drop_nulls(by)
        .group_by(by, maintain_order=True)
        .agg(
            total=pl.len().cast(pl.Int64),
            put_out=out.sum().cast(pl.Int64),
            seen=(pl.col("ago") == 0).any(),
            nogs=pl.col("nog").filter(out & (pl.col("ago") == 0)).unique(maintain_order=True),
            told=at(pl.col("nog"), "bids/details[{}]/status=disqualified", pl.col("bid")).filter(out),
        )
        .filter("seen")
        .with_columns(share=share_of("put_out", "total"))
    )
    return Judged(
        rows,
        subject=pl.col(by),
        raised=pl.col("share") >= told["proporcion"],
        value=pl.col("share"),
        threshold=pl.lit(told["proporcion"]),
        evidence=pieces(pl.col("told")),
        population="las ofertas de doce meses",
        size=pl.col("total"),
        enough=pl.col("total") >= told.whole("ofertas"),
        nogs=pl.col("nogs"),
        buyer=pl.col(by) if by == "buyer_id" else None,
        supplier=pl.col(by) if by == "supplier" else None,
    )


OF_BUYERS = Indicator(
    id="R038",
    version=1,
    name="Comprador que descalifica mucho",
    name_en="Excessive disqualified bids by a buyer",
    definition="El comprador descalificó una proporción alta de las ofertas que recibió en doce meses.",
    definition_en="The buyer disqualified a high share of the bids it received over twelve months.",
    level="comprador",
    topic="compradores",
    unit="proporción",
    fields=("bids/status", "bids/tenderers_id", "records/buyer_id"),
    calculate=partial(_calculate, by="buyer_id"),
    history=YEAR,
    cardinal=True,
    differences=_DIFFERENCES,
)
OF_BIDDERS = Indicator(
    id="R038-P",
    version=1,
    name="Oferente con muchas ofertas descalificadas",
    name_en="Excessive disqualified bids of a bidder",
    definition="Una proporción alta de las ofertas del oferente en doce meses fue descalificada.",
    definition_en="A high share of the bidder's bids over twelve months was disqualified.",
    level="proveedor",
    topic="competencia",
    unit="proporción",
    fields=("bids/status", "bids/tenderers_id"),
    calculate=partial(_calculate, by="supplier"),
    history=YEAR,
    cardinal=True,
    differences=_DIFFERENCES,
)
