"""Check: no file is listed twice in a process, among the documents of its call or of its contracts."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month


def _find(month: Month) -> Finding:
    rows = pl.concat(
        month.scan(table).select("nog", "url", path=pl.lit(path)).drop_nulls("url")
        for table, path in (("documents", "tender/documents/url"), ("contract_documents", "contracts/documents/url"))
    )
    repeated = rows.group_by("nog", "path", "url").agg(times=pl.len()).filter(pl.col("times") > 1)
    count, found = pl.collect_all([rows.select(pl.len()), repeated])
    failures = found.select("nog", "path", value="url")
    return Finding(count.item(), int((found["times"] - 1).sum()), failures)


CHECK = Check(
    id="duplicate_documents",
    version="1",
    level="record",
    dimension="unicidad",
    asset="tables/documents",
    paths=("tender/documents/url", "contracts/documents/url"),
    meaning="Ningún archivo está dos veces entre los documentos de un proceso.",
    description="No URL is listed twice among the documents of a call or of its contracts.",
    find=_find,
)
