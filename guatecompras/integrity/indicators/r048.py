"""R048: a supplier who was awarded goods of very many kinds, by Cardinal's definition with its configurable threshold."""

import polars as pl

from guatecompras.integrity.base import YEAR, Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters


def _calculate(base: Base, told: Parameters) -> Judged:
    alone = base.awards.filter(pl.col("several") == 1).select("nog", "supplier", "ago").unique(maintain_order=True)
    kinds = alone.join(base.segments, on="nog")
    rows = kinds.group_by("supplier", maintain_order=True).agg(
        variety=pl.col("segment").n_unique().cast(pl.Int64),
        awards=pl.col("nog").n_unique().cast(pl.Int64),
        seen=(pl.col("ago") == 0).any(),
        nogs=pl.col("nog").filter(pl.col("ago") == 0).unique(maintain_order=True),
        segments=pl.col("segment").unique().sort(),
    )
    return Judged(
        rows.filter("seen"),
        subject=pl.col("supplier"),
        raised=pl.col("variety") >= told.whole("segmentos"),
        value=pl.col("variety"),
        threshold=pl.lit(told.whole("segmentos")),
        evidence=pl.format("items/classification/id, segmentos: {}", pl.col("segments").list.join(", ")),
        population="los segmentos UNSPSC (dos dígitos) de lo que se le adjudicó en doce meses",
        size=pl.col("awards"),
        nogs=pl.col("nogs"),
        supplier=pl.col("supplier"),
    )


INDICATOR = Indicator(
    id="R048",
    version=1,
    name="Proveedor de todo",
    name_en="Heterogeneous supplier",
    definition="Al proveedor se le adjudicaron en doce meses productos de muchos segmentos UNSPSC distintos.",
    definition_en="The supplier was awarded goods of very many UNSPSC segments over twelve months.",
    level="proveedor",
    topic="proveedores",
    unit="cuenta",
    fields=("items/classification_id", "awards/status", "award_suppliers/id"),
    calculate=_calculate,
    history=YEAR,
    cardinal=True,
    differences=(
        "Se usa el umbral fijo que Cardinal deja configurar: la mayoría de proveedores vende de un solo segmento "
        "y la cerca no tiene dispersión. Los renglones no se publican por adjudicación: cuentan los del "
        "concurso. Las adjudicaciones compartidas se excluyen, como en Cardinal."
    ),
)
