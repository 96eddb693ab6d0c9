"""Check: every reference resolves: buyer, procuring entity, tenderers and suppliers to parties, contracts to awards."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge

# table, column, table referred to, its column, the path said in a failure.
_REFERENCES: tuple[tuple[str, str, str, str, str], ...] = (
    ("records", "buyer_id", "parties", "id", "buyer/id"),
    ("records", "tender_procuringEntity_id", "parties", "id", "tender/procuringEntity/id"),
    ("bids", "tenderers_id", "parties", "id", "bids/details/tenderers/id"),
    ("award_suppliers", "id", "parties", "id", "awards/suppliers/id"),
    ("contracts", "awardID", "awards", "id", "contracts/awardID"),
)


def _find(month: Month) -> Finding:
    found = []
    for table, column, target, key, path in _REFERENCES:
        known = month.scan(target).select("ocid", reference=key).unique().with_columns(known=pl.lit(True))
        # What is absent refers to nothing; whether it may be absent is the profile's business.
        rows = month.scan(table).select("nog", "ocid", reference=column).drop_nulls("reference")
        rows = rows.join(known, on=["ocid", "reference"], how="left")
        found.append(judge(rows, pl.col("known").is_null(), path, "reference"))
    return joined(found)


CHECK = Check(
    id="references",
    version="1",
    level="record",
    dimension="referencias",
    asset="tables/parties",
    paths=tuple(path for *_, path in _REFERENCES),
    meaning="Toda referencia (comprador, unidad compradora, oferente, proveedor, adjudicación) existe en el mismo proceso.",
    description="Buyer, procuring entity, tenderers and suppliers are parties of the process; awardID is one of its awards.",
    find=_find,
)
