"""Check: who is referred to in a part has the role of that part, and who has a role is referred to in it."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.records.process import pair

# Role, and the table and column where its parts are referred to.
_ROLES = (
    ("buyer", "records", "buyer_id"),
    ("procuringEntity", "records", "tender_procuringEntity_id"),
    ("tenderer", "bids", "tenderers_id"),
    ("supplier", "award_suppliers", "id"),
)


def _find(month: Month) -> Finding:
    known = pl.col("role").is_in([role for role, *_ in _ROLES])
    held = month.scan("party_roles").select("nog", "role", id="party_id", held=pl.lit(True)).filter(known)
    played = pl.concat(
        month.scan(table).select("nog", role=pl.lit(role), id=pl.col(column), played=pl.lit(True))
        for role, table, column in _ROLES
    )
    played = played.drop_nulls("id").unique(["nog", "role", "id"])
    rows = held.join(played, on=["nog", "role", "id"], how="full", coalesce=True).collect().lazy()
    missing = judge(rows, pl.col("held").is_null(), "parties/roles", pair("id", "role"), pl.col("played"))
    idle = judge(rows, pl.col("played").is_null(), "parties/roles", pair("role", "id"), pl.col("held"))
    return joined((missing, idle))


CHECK = Check(
    id="party_roles",
    version="1",
    level="record",
    dimension="consistencia",
    asset="tables/party_roles",
    paths=(
        "parties/roles",
        "buyer/id",
        "tender/procuringEntity/id",
        "bids/details/tenderers/id",
        "awards/suppliers/id",
    ),
    meaning="Quien compra, convoca, oferta o provee tiene ese papel entre los participantes, y nadie tiene un papel sin ejercerlo.",
    description="Buyer, procuring entity, tenderers and suppliers have their roles, and roles have their references.",
    find=_find,
)
