"""Check: no purchase is above what its modality may cost under the law in force on the day of its call (`umbrales`).

Ceilings only: who holds a stricter competition than the amount asks for, or gets a cheaper offer, breaks no law. Awards are
summed over the process: two under the ceiling are one purchase above it.
"""

from datetime import date

import polars as pl

from guatecompras import catalogs
from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.records.process import awards_in_force, modality

_CURRENCY = "GTQ"


def _find(month: Month) -> Finding:
    calls = month.scan("records").select(
        "nog",
        "tender_procurementMethodDetails",
        day=pl.col("tender_datePublished").dt.date(),
        modalidad=modality(),
        estimated=pl.when(pl.col("tender_value_currency") == _CURRENCY).then("tender_value_amount"),
    )
    awards = awards_in_force(month).filter(pl.col("value_currency") == _CURRENCY).group_by("nog")
    rows = calls.join(_ceilings(), on="modalidad").filter(pl.col("day").is_between("desde", "hasta"))
    rows = rows.join(awards.agg(awarded=pl.col("value_amount").sum()), on="nog", how="left").collect().lazy()
    return joined(
        judge(
            rows,
            pl.col(amount) > pl.col("maximo"),
            path,
            pl.format("{} > {}: {}", amount, "maximo", "tender_procurementMethodDetails"),
            pl.col(amount).is_not_null(),
        )
        for path, amount in (("tender/value/amount", "estimated"), ("awards/value/amount", "awarded"))
    )


def _ceilings() -> pl.LazyFrame:
    return (
        catalogs.table("umbrales")
        .lazy()
        .select(
            "modalidad",
            pl.col("maximo").cast(pl.Decimal(18, 2)),
            pl.col("desde").str.to_date(),
            pl.col("hasta").str.to_date().fill_null(date.max),
        )
    )


CHECK = Check(
    id="legal_threshold",
    version="1",
    level="record",
    dimension="legalidad",
    asset="tables/awards",
    paths=("tender/value/amount", "awards/value/amount", "tender/procurementMethodDetails", "tender/datePublished"),
    meaning="El monto estimado y lo adjudicado no pasan del máximo que la ley fija para la modalidad.",
    description="Estimated value and sum of active awards are not above the legal ceiling of the modality on the day of the call.",
    find=_find,
)
