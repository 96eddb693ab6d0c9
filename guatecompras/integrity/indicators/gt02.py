"""GT02: a supplier never seen in the months before, whose first award is large."""

import polars as pl

from guatecompras.integrity.base import YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money, quetzales


def _calculate(base: Base, told: Parameters) -> Judged:
    before = pl.concat(
        [frame.filter(pl.col("ago") > 0).select("supplier") for frame in (base.bids, base.awards)]
    ).unique()  # fmt: skip
    rows = (
        base.awards_now.join(before, on="supplier", how="anti")
        .sort("amount", "nog", "supplier", descending=[True, False, False], nulls_last=True)
        .unique("nog", keep="first", maintain_order=True)
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("amount") >= told.cents("monto"),
        value=quetzales(pl.col("amount")),
        threshold=quetzales(told.cents("monto")),
        evidence=at(pl.col("nog"), "awards[{}]/value/amount={}", pl.col("award_id"), money(pl.col("amount"))),
        population="las ofertas y adjudicaciones de los meses anteriores, en que este proveedor no aparece",
        size=pl.lit(base.depth),
        needs={"awards/value/amount": pl.col("amount")},
        enough=pl.lit(base.depth >= told.whole("meses")),
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
        amount=pl.col("amount"),
    )


INDICATOR = Indicator(
    id="GT02",
    version=1,
    name="Proveedor nuevo con una adjudicación grande",
    name_en="New supplier with a large first award",
    definition="El proveedor no ofertó ni ganó nada en los meses anteriores y lo primero que se le adjudica es grande.",
    definition_en="The supplier neither bid nor won in the months before, and what it is awarded first is large.",
    level="concurso",
    topic="proveedores",
    unit="quetzales",
    fields=("bids/tenderers_id", "awards/status", "awards/value_amount", "award_suppliers/id"),
    calculate=_calculate,
    history=YEAR,
)
