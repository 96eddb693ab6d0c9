"""Check: no release is dated before its process was published, nor made public before it happened."""

import polars as pl

from guatecompras.quality.check import Check, Month


def _find(month: Month) -> pl.DataFrame:
    published = month.scan("records").select("ocid", published=pl.col("tender_datePublished"))
    releases = month.scan("releases").join(published, on="ocid", how="left")
    early = releases.filter(pl.col("date") < pl.col("published"))
    hasty = releases.filter(pl.col("publishedDate") < pl.col("date"))
    found = [
        rows.select(
            "nog",
            path=pl.lit(path),
            value=pl.concat_str("id", pl.lit(" "), pl.col(column).dt.to_string("%Y-%m-%dT%H:%M:%S%:z")),
        )
        for rows, path, column in ((early, "date", "date"), (hasty, "publishedDate", "publishedDate"))
    ]
    return pl.concat(found).collect(engine="streaming")


CHECK = Check(
    id="release_dates",
    version="1",
    severity="warn",
    asset="tables/releases",
    meaning="Ninguna publicación es anterior a la convocatoria de su proceso ni se hizo pública antes de ocurrir.",
    description="Release dates are not before the call's publication, nor after their own publishedDate.",
    find=_find,
)
