"""Check: every reference resolves: buyer, procuring entity, tenderers and suppliers to parties, contracts to awards."""

import polars as pl

from guatecompras.quality.check import Check, Month

# table, column, table referred to, its column, the path said in a failure.
_REFERENCES: tuple[tuple[str, str, str, str, str], ...] = (
    ("records", "buyer_id", "parties", "id", "buyer/id"),
    ("records", "tender_procuringEntity_id", "parties", "id", "tender/procuringEntity/id"),
    ("bids", "tenderers_id", "parties", "id", "bids/details/tenderers/id"),
    ("award_suppliers", "id", "parties", "id", "awards/suppliers/id"),
    ("contracts", "awardID", "awards", "id", "contracts/awardID"),
)


def _find(month: Month) -> pl.DataFrame:
    found = []
    for table, column, target, key, path in _REFERENCES:
        known = month.scan(target).select("ocid", pl.col(key).alias("reference"))
        # What is absent refers to nothing; whether it may be absent is the profile's business.
        rows = month.scan(table).select("nog", "ocid", reference=column).drop_nulls("reference")
        lost = rows.join(known, on=["ocid", "reference"], how="anti")
        found.append(lost.select("nog", path=pl.lit(path), value="reference").collect(engine="streaming"))
    return pl.concat(found)


CHECK = Check(
    id="references",
    version="1",
    severity="block",
    asset="tables/parties",
    meaning="Toda referencia (comprador, unidad compradora, oferente, proveedor, adjudicación) existe en el mismo proceso.",
    description="Buyer, procuring entity, tenderers and suppliers are parties of the process; awardID is one of its awards.",
    find=_find,
)
