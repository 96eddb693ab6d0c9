"""Check: every release and record holds the profile; those that did not were rejected, and few may be."""

import polars as pl

from guatecompras.ocds.cohort import INVALID, UNMERGEABLE
from guatecompras.quality.check import Check, Month


def breaks_profile() -> pl.Expr:
    """Whether a reject is a NOG that was built and then dropped, with all its releases."""
    return pl.col("motivo").str.starts_with(INVALID) | pl.col("motivo").str.starts_with(UNMERGEABLE)


def _find(month: Month) -> pl.DataFrame:
    rejects = pl.scan_parquet(month.rejects)
    return rejects.filter(breaks_profile()).select("nog", path="columna", value="motivo").collect()


def _tolerates(month: Month, failures: pl.DataFrame) -> bool:
    # Divided, not multiplied: 29 of 100 is the very number that "0.29" is, while 100 * 0.29 is below 29.
    return failures["nog"].n_unique() / month.counts["concursos"] <= month.rejected_share


CHECK = Check(
    id="schema",
    version="1",
    severity="block",
    asset="tables/records",
    meaning="Todas las publicaciones y registros cumplen el perfil OCDS de Guatecompras; los que no, se rechazan con su motivo.",
    description="Releases and records that break the profile were rejected; the month may lose only a small share that way.",
    find=_find,
    tolerates=_tolerates,
)
