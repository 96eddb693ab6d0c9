"""Check: no release is dated before its process was published, nor made public before it happened."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge


def _find(month: Month) -> Finding:
    published = month.scan("records").select("ocid", published=pl.col("tender_datePublished"))
    releases = month.scan("releases").join(published, on="ocid", how="left")
    early = judge(releases, pl.col("date") < pl.col("published"), "date", _shown("date"))
    hasty = judge(releases, pl.col("publishedDate") < pl.col("date"), "publishedDate", _shown("publishedDate"))
    return joined((early, hasty))


def _shown(column: str) -> pl.Expr:
    return pl.concat_str("id", pl.lit(" "), pl.col(column).dt.to_string("%Y-%m-%dT%H:%M:%S%:z"))


CHECK = Check(
    id="release_dates",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/releases",
    paths=("date", "publishedDate", "tender/datePublished"),
    meaning="Ninguna publicación es anterior a la convocatoria de su proceso ni se hizo pública antes de ocurrir.",
    description="Release dates are not before the call's publication, nor after their own publishedDate.",
    find=_find,
)
