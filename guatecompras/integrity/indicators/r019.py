"""R019: a buyer whose concursos of one family of goods draw far fewer bidders than the same goods do elsewhere."""

import polars as pl

from guatecompras.integrity.base import COMPETITIVE, YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, joint, pieces


def _calculate(base: Base, told: Parameters) -> Judged:
    held = base.concursos.filter(
        pl.col("method").is_in(COMPETITIVE) & (pl.col("status") != "active") & (pl.col("tenderers") > 0)
    ).drop_nulls(["family", "buyer_id"])
    of_buyer = held.group_by("buyer_id", "family", maintain_order=True).agg(
        own=pl.len().cast(pl.Int64),
        typical=pl.col("tenderers").median(),
        seen=(pl.col("ago") == 0).any(),
        nogs=pl.col("nog").filter(pl.col("ago") == 0),
        told=at(pl.col("nog"), "tender/numberOfTenderers={}", pl.col("tenderers")).filter(pl.col("ago") == 0),
    )
    of_all = held.group_by("family").agg(total=pl.len().cast(pl.Int64), usual=pl.col("tenderers").median())
    rows = of_buyer.filter("seen").join(of_all, on="family").with_columns(
        others=pl.col("total") - pl.col("own"), limit=pl.col("usual") * told["parte"]
    )  # fmt: skip
    return Judged(
        rows,
        subject=joint(pl.col("buyer_id"), pl.col("family")),
        raised=(pl.col("typical") <= pl.col("limit")) & (pl.col("typical") < pl.col("usual")),
        value=pl.col("typical"),
        threshold=pl.col("limit"),
        evidence=pieces(pl.col("told")),
        population="los concursos competitivos de la misma familia UNSPSC en doce meses, de todos los compradores",
        size=pl.col("total"),
        enough=(pl.col("own") >= told.whole("concursos")) & (pl.col("others") >= told.whole("concursos_de_otros")),
        nogs=pl.col("nogs"),
        buyer=pl.col("buyer_id"),
    )


INDICATOR = Indicator(
    id="R019",
    version=1,
    name="Pocos oferentes para lo que se compra",
    name_en="Low number of bidders for the item and the buyer",
    definition=(
        "En los concursos de este comprador para una familia de productos la mediana de oferentes es la mitad o "
        "menos de la que esa familia tiene en todo el país."
    ),
    definition_en=(
        "The median number of bidders in this buyer's processes for a family of goods is half of the country's or less."
    ),
    level="comprador",
    topic="competencia",
    unit="oferentes",
    fields=(
        "records/buyer_id",
        "records/tender_procurementMethod",
        "records/tender_numberOfTenderers",
        "items/classification_id",
    ),
    calculate=_calculate,
    history=YEAR,
)
