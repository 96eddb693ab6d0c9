"""Check: an organisation has one name in its process: references call it as the list of parties does."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.records.process import pair

# Path, table, columns of the id and of the name.
_REFERENCES = (
    ("buyer/name", "records", "buyer_id", "buyer_name"),
    ("tender/procuringEntity/name", "records", "tender_procuringEntity_id", "tender_procuringEntity_name"),
    ("bids/details/tenderers/name", "bids", "tenderers_id", "tenderers_name"),
    ("awards/suppliers/name", "award_suppliers", "id", "name"),
    ("parties/memberOf/name", "parties", "memberOf_id", "memberOf_name"),
)


def _find(month: Month) -> Finding:
    parties = month.scan("parties").select("nog", id="id", party="name").collect().lazy()
    found = []
    for path, table, key, name in _REFERENCES:
        rows = month.scan(table).select("nog", id=key, name=name).join(parties, on=["nog", "id"])
        there = pl.col("name").is_not_null() & pl.col("party").is_not_null()
        found.append(judge(rows, pl.col("name") != pl.col("party"), path, pair("name", "party"), there))
    return joined(found)


CHECK = Check(
    id="party_names",
    version="1",
    level="record",
    dimension="consistencia",
    asset="tables/parties",
    paths=(
        "parties/name",
        "buyer/name",
        "tender/procuringEntity/name",
        "bids/details/tenderers/name",
        "awards/suppliers/name",
        "parties/memberOf/name",
    ),
    meaning="Cada participante se llama igual en la lista de participantes y donde se le menciona.",
    description="The names in references (buyer, procuring entity, tenderers, suppliers, memberOf) are those of the parties.",
    find=_find,
)
