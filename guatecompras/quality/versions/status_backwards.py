"""Check: no process goes back to a stage that it had left, as Pelican asks (phase stable)."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, Previous, judge
from guatecompras.quality.loss import with_previous

# Furthest first. A process stays where it got, though its award or contract be cancelled later: those stay listed.
_STAGES = ("contrato", "adjudicación", "cierre", "convocatoria")
_OPEN = ("planned", "active")


def _find(month: Month, previous: Previous) -> Finding:
    rows = _stages(month).join(_stages(previous).select("nog", before="stage"), on="nog")
    names = dict(enumerate(_STAGES))
    shown = pl.format("{} -> {}", *(pl.col(column).replace_strict(names) for column in ("before", "stage")))
    return judge(rows, pl.col("stage") > pl.col("before"), "tender/status", shown)


def _stages(version: Month | Previous) -> pl.LazyFrame:
    """How far each process of a version got: a place in _STAGES."""
    rows = version.scan("records").select("nog", "tender_status")
    for table in ("contracts", "awards"):
        has = version.scan(table).select("nog").unique().with_columns(pl.lit(True).alias(table))
        rows = rows.join(has, on="nog", how="left")
    over = pl.col("tender_status").is_in(_OPEN).not_()
    return rows.select("nog", stage=pl.when("contracts").then(0).when("awards").then(1).when(over).then(2).otherwise(3))


CHECK = Check(
    id="status_backwards",
    version="1",
    level="version",
    dimension="estabilidad",
    asset="tables/records",
    paths=("tender/status", "awards/id", "contracts/id"),
    meaning="Ningún proceso retrocede a una etapa que ya había dejado (convocatoria, cierre, adjudicación, contrato).",
    description="No process is at an earlier stage than in the public version (Pelican: phase stable).",
    find=with_previous(_find),
)
