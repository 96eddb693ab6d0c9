"""Check: no process that is public disappears without a reject that says why."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, Previous, judge
from guatecompras.quality.loss import with_previous


def _find(month: Month, previous: Previous) -> Finding:
    rejects = pl.scan_parquet(month.rejects).filter((pl.col("tabla") == "concursos") & (pl.col("nivel") == "fila"))
    known = pl.concat([month.scan("records").select("nog"), rejects.select("nog")]).drop_nulls().unique()
    before = previous.scan("records").select("nog", "ocid")
    rows = before.join(known.with_columns(known=pl.lit(True)), on="nog", how="left")
    return judge(rows, pl.col("known").is_null(), "ocid", "ocid")


CHECK = Check(
    id="concursos_lost",
    version="1",
    level="version",
    dimension="estabilidad",
    asset="tables/records",
    paths=("ocid",),
    meaning="Ningún proceso ya público desaparece sin un rechazo que diga por qué.",
    description="Every process of the public version is in this one, or rejected with its reason (Pelican: OCID persists).",
    find=with_previous(_find),
)
