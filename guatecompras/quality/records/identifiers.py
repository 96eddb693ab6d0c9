"""Check: no OCID, release id or award, contract or item id within a process stands twice."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month

_KEYS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("records", ("ocid",)),
    ("releases", ("id",)),
    ("parties", ("ocid", "id")),
    ("items", ("ocid", "id")),
    ("documents", ("ocid", "id")),
    ("bids", ("ocid", "id")),
    ("awards", ("ocid", "id")),
    ("contracts", ("ocid", "id")),
)


def _find(month: Month) -> Finding:
    found = [
        month.scan(table)
        .group_by(*keys)
        # Within a NOG; that a release id carries its own NOG is another check's.
        .agg(pl.col("nog").min(), times=pl.len())
        .filter(pl.col("times") > 1)
        .select("nog", path=pl.lit(f"{table}/{keys[-1]}"), value=pl.col(keys[-1]))
        .collect(engine="streaming")
        for table, keys in _KEYS
    ]
    judged = pl.concat([month.scan(table).select(pl.len()) for table, _ in _KEYS]).sum().collect().item()
    return Finding.of(judged, pl.concat(found))


CHECK = Check(
    id="identifiers",
    version="1",
    level="record",
    dimension="unicidad",
    asset="tables/records",
    paths=(
        "ocid",
        "id",
        "parties/id",
        "tender/items/id",
        "tender/documents/id",
        "bids/details/id",
        "awards/id",
        "contracts/id",
    ),
    meaning="Ningún identificador (OCID, publicación, parte, renglón, documento, oferta, adjudicación, contrato) se repite.",
    description="OCIDs and release ids are unique in the month, and the ids of arrays within their process.",
    find=_find,
)
