"""R011: purchases of the same goods from the same supplier that together pass the ceiling that each stays under (Art. 81)."""

import polars as pl

from guatecompras.integrity.base import DIRECT, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at, money, pieces, quetzales

_GROUP = ("unit", "supplier", "family")


def _calculate(base: Base, told: Parameters) -> Judged:
    rows = (
        base.awarded.filter(pl.col("modality").is_in(DIRECT) & pl.col("top").is_not_null() & (pl.col("ago") <= 1))
        .group_by("nog", "supplier", maintain_order=True)
        .agg(
            pl.col("unit", "family", "top", "law", "ago", "published", "buyer_id").first(),
            amount=pl.col("amount").sum(),
            # A sum knows nothing of amounts that are not there.
            unknown=pl.col("amount").is_null().any(),
        )
        .with_columns(
            amount=pl.when(~pl.col("unknown")).then("amount"), day=pl.col("published").dt.date()
        )
    )  # fmt: skip
    each = rows.drop_nulls(["amount", "family", "unit"]).filter(pl.col("amount") <= pl.col("top"))
    windows = (
        each.sort(*_GROUP, "day", "nog")
        .rolling("day", period=f"{told.whole('dias')}d", group_by=_GROUP)
        .agg(
            nogs=pl.col("nog"),
            sum=pl.col("amount").sum(),
            least=pl.col("top").max(),
            told=at(pl.col("nog"), "awards/value/amount={} ({})", money(pl.col("amount")), pl.col("day")),
        )
        .filter((pl.col("nogs").list.len() >= told.whole("compras")) & (pl.col("sum") > pl.col("least")))
    )
    # Of the windows that a purchase is in, the one that says most.
    found = (
        windows.with_columns(nog=pl.col("nogs"))
        .explode("nog")
        .sort("nog", "supplier", "sum", descending=[False, False, True], maintain_order=True)
        .unique(["nog", "supplier"], keep="first", maintain_order=True)
        .select("nog", "supplier", "nogs", "sum", "least", "told")
    )
    rows = (
        rows.filter(pl.col("ago") == 0)
        .join(found, on=["nog", "supplier"], how="left")
        .sort("nog", "sum", "supplier", descending=[False, True, False], nulls_last=True)
        .unique("nog", keep="first", maintain_order=True)
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("sum").is_not_null(),
        value=quetzales(pl.col("sum")),
        threshold=quetzales(pl.col("least")),
        evidence=pieces(pl.col("told")),
        population="las compras directas de la misma unidad, al mismo proveedor y de la misma familia UNSPSC en el periodo",
        size=pl.col("nogs").list.len(),
        needs={
            "awards/value/amount": pl.col("amount"),
            "tender/items/classification/id": pl.col("family"),
            "tender/procuringEntity/id": pl.col("unit"),
        },
        nog=pl.col("nog"),
        nogs=pl.col("nogs"),
        supplier=pl.col("supplier"),
        amount=pl.col("sum"),
    )


INDICATOR = Indicator(
    id="R011",
    version=1,
    name="Posible fraccionamiento",
    name_en="Possible splitting of purchases",
    definition=(
        "La misma unidad compró en pocos días lo mismo (familia UNSPSC) al mismo proveedor en varias compras "
        "directas que caben bajo el monto máximo de su modalidad una por una, pero no juntas."
    ),
    definition_en=(
        "The same unit bought the same goods (UNSPSC family) of the same supplier within days in several direct "
        "purchases, each under the ceiling of its modality, together above it."
    ),
    level="concurso",
    topic="umbrales",
    unit="quetzales",
    fields=(
        "records/tender_procurementMethodDetails",
        "records/tender_procuringEntity_id",
        "records/tender_datePublished",
        "items/classification_id",
        "awards/status",
        "awards/value_amount",
        "award_suppliers/id",
    ),
    calculate=_calculate,
    history=1,
)
