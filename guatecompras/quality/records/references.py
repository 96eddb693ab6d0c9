"""Check: every reference resolves: organisations to parties, contracts to awards, and rows of the tables to their parents."""

from itertools import groupby
from operator import itemgetter

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined

# table, column, table referred to, its column, the path said in a failure; those with one target together.
_REFERENCES: tuple[tuple[str, str, str, str, str], ...] = (
    ("records", "buyer_id", "parties", "id", "buyer/id"),
    ("records", "tender_procuringEntity_id", "parties", "id", "tender/procuringEntity/id"),
    ("bids", "tenderers_id", "parties", "id", "bids/details/tenderers/id"),
    ("award_suppliers", "id", "parties", "id", "awards/suppliers/id"),
    ("parties", "memberOf_id", "parties", "id", "parties/memberOf/id"),
    ("party_roles", "party_id", "parties", "id", "parties/roles"),
    ("contracts", "awardID", "awards", "id", "contracts/awardID"),
    ("award_suppliers", "award_id", "awards", "id", "awards/suppliers"),
    ("item_attributes", "item_id", "items", "id", "tender/items/attributes"),
    ("contract_documents", "contract_id", "contracts", "id", "contracts/documents"),
)


def _find(month: Month) -> Finding:
    found = []
    for (target, key), references in groupby(_REFERENCES, key=itemgetter(2, 3)):
        # What is absent refers to nothing; whether it may be absent is the profile's business.
        rows = pl.concat(
            month.scan(table)
            .select("nog", path=pl.lit(path), reference=pl.col(column))
            .drop_nulls("reference")
            .unique()
            for table, column, _, _, path in references
        )
        known = month.scan(target).select("nog", reference=key).unique().with_columns(known=pl.lit(True))
        rows = rows.join(known, on=["nog", "reference"], how="left")
        broken = rows.filter(pl.col("known").is_null()).select("nog", "path", value="reference")
        count, failures = pl.collect_all([rows.select(pl.len()), broken])
        found.append(Finding.of(count.item(), failures))
    return joined(found)


CHECK = Check(
    id="references",
    version="2",
    level="record",
    dimension="referencias",
    asset="tables/parties",
    paths=tuple(path for *_, path in _REFERENCES),
    meaning="Toda referencia (comprador, unidad, oferente, proveedor, adjudicación, renglón, contrato) existe en su proceso.",
    description="References to parties, awards, items and contracts are to those of the same process.",
    find=_find,
)
