"""Check: every release and record holds the profile; those that did not were rejected, and few may be."""

import polars as pl

from guatecompras.ocds.cohort import INVALID, UNMERGEABLE
from guatecompras.quality.check import Check, Finding, Month


def breaks_profile() -> pl.Expr:
    """Whether a reject is a NOG that was built and then dropped, with all its releases."""
    return pl.col("motivo").str.starts_with(INVALID) | pl.col("motivo").str.starts_with(UNMERGEABLE)


def _find(month: Month) -> Finding:
    rejects = pl.scan_parquet(month.rejects)
    failures = rejects.filter(breaks_profile()).select("nog", path="columna", value="motivo").collect()
    # Processes count, not what is wrong in them.
    return Finding(month.counts["concursos"], failures["nog"].n_unique(), failures)


CHECK = Check(
    id="schema",
    version="2",
    level="month",
    dimension="validez",
    asset="tables/records",
    paths=(),
    meaning="Todas las publicaciones y registros cumplen el perfil OCDS de Guatecompras; los que no, se rechazan con su motivo.",
    description="Releases and records that break the profile were rejected; the month may lose only a small share that way.",
    find=_find,
)
