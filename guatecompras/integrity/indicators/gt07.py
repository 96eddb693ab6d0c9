"""GT07: an award to a supplier who was barred on that day, by the list of sanctions that the operator provides."""

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.indicator import Indicator, Judged, Parameters, at


def _calculate(base: Base, told: Parameters) -> Judged:
    awards = base.awards_now.with_columns(day=pl.col("date").dt.date())
    listed = base.sanctions
    given = pl.lit(1 if listed is not None else None, pl.Int64)
    barred = (
        pl.DataFrame(schema={"nog": pl.Int64, "supplier": pl.String, "source": pl.String, "since": pl.Date, "until": pl.Date})
        if listed is None
        else awards.join(listed, on="supplier")
        .filter((pl.col("day") >= pl.col("since")) & (pl.col("until").is_null() | (pl.col("day") <= pl.col("until"))))
        .unique(["nog", "supplier"], keep="first", maintain_order=True)
        .select("nog", "supplier", "source", "since", "until")
    )  # fmt: skip
    rows = (
        awards.join(barred, on=["nog", "supplier"], how="left")
        .sort("nog", pl.col("source").is_null(), "supplier")
        .unique("nog", keep="first", maintain_order=True)
    )
    return Judged(
        rows,
        subject=pl.col("nog").cast(pl.String),
        raised=pl.col("source").is_not_null(),
        value=pl.lit(1),
        threshold=pl.lit(1),
        evidence=pl.concat_str(
            at(pl.col("nog"), "awards[{}]/date={}", pl.col("award_id"), pl.col("day")),
            pl.format("{} ({} a {})", "source", "since", pl.col("until").cast(pl.String).fill_null("sin fecha de fin")),
            separator="; ",
        ),
        population="la lista de inhabilitaciones que el operador provee",
        size=pl.lit(0 if listed is None else listed.height),
        needs={"lista de inhabilitaciones": given, "awards/date": pl.col("day")},
        nog=pl.col("nog"),
        supplier=pl.col("supplier"),
        amount=pl.col("amount"),
    )


INDICATOR = Indicator(
    id="GT07",
    version=1,
    name="Adjudicado a un proveedor inhabilitado",
    name_en="Award to a supplier on a sanctions list",
    definition="El proveedor figuraba como inhabilitado el día de la adjudicación, según la lista que el operador provee.",
    definition_en="The supplier was barred on the day of the award, by the list that the operator provides.",
    level="concurso",
    topic="proveedores",
    unit="cuenta",
    fields=("awards/status", "awards/date", "award_suppliers/id"),
    calculate=_calculate,
)
