"""Check: every release and record holds the profile; those that did not were rejected, and few may be."""

import polars as pl

from guatecompras.ocds.cohort import INVALID, UNMERGEABLE
from guatecompras.quality.check import Check, Month


def _find(month: Month) -> pl.DataFrame:
    rejects = pl.scan_parquet(month.rejects)
    invalid = pl.col("motivo").str.starts_with(INVALID) | pl.col("motivo").str.starts_with(UNMERGEABLE)
    return rejects.filter(invalid).select("nog", path="columna", value="motivo").collect()


def _tolerates(month: Month, failures: pl.DataFrame) -> bool:
    # What a month loses counts whole, whatever the reason of the loss.
    return month.counts["rejected"] <= month.rejected_share * month.counts["concursos"]


CHECK = Check(
    id="schema",
    version="1",
    severity="block",
    asset="tables/records",
    meaning="Todas las publicaciones y registros cumplen el perfil OCDS de Guatecompras; los que no, se rechazan con su motivo.",
    description="Releases and records that break the profile were rejected; the month may lose only a small share.",
    find=_find,
    tolerates=_tolerates,
)
