"""R013: a buyer that uses non-competitive procedures far more than others do."""

import polars as pl

from guatecompras.integrity.base import COMPETITIVE, YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, pieces
from guatecompras.integrity.statistics import above, share_of


def _calculate(base: Base, told: Parameters) -> Judged:
    other = ~pl.col("method").is_in(COMPETITIVE)
    counted = base.concursos.filter(pl.col("buyer_id").is_not_null()).group_by("buyer_id", maintain_order=True).agg(
        total=pl.len().cast(pl.Int64),
        others=other.sum().cast(pl.Int64),
        seen=(pl.col("ago") == 0).any(),
        unknown=pl.col("method").is_null().all(),
        nogs=pl.col("nog").filter(other & (pl.col("ago") == 0)),
        told=at(pl.col("nog"), "tender/procurementMethod={}", pl.col("method")).filter(other & (pl.col("ago") == 0)),
    )  # fmt: skip
    counted = counted.with_columns(share=share_of("others", "total"))
    enough = pl.col("total") >= told.whole("concursos")
    fenced = above(counted.filter(enough)["share"], told.whole("compradores"))
    rows = counted.filter("seen").with_columns(limit=pl.lit(fenced.upper if fenced else None, pl.Float64))
    return Judged(
        rows,
        subject=pl.col("buyer_id"),
        raised=pl.col("share") > pl.col("limit"),
        value=pl.col("share"),
        threshold=pl.col("limit"),
        evidence=pieces(pl.col("told")),
        population="la proporción de cada comprador con suficientes concursos en los últimos doce meses",
        size=pl.lit(fenced.size if fenced else 0),
        needs={"tender/procurementMethod": pl.when(~pl.col("unknown")).then(1)},
        enough=enough & pl.col("limit").is_not_null(),
        nogs=pl.col("nogs"),
        buyer=pl.col("buyer_id"),
    )


INDICATOR = Indicator(
    id="R013",
    version=1,
    name="Uso alto de procedimientos sin competencia",
    name_en="High use of non-competitive methods",
    definition=(
        "La proporción de concursos del comprador por modalidades sin competencia (directas o limitadas) en doce "
        "meses es un valor atípico alto entre los compradores."
    ),
    definition_en=(
        "The share of the buyer's processes by non-competitive methods over twelve months is a high outlier among "
        "buyers."
    ),
    level="comprador",
    topic="compradores",
    unit="proporción",
    fields=("records/buyer_id", "records/tender_procurementMethod"),
    calculate=_calculate,
    history=YEAR,
)
