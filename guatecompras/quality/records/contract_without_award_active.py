"""Check: no contract is in force on an award that is not."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.records.process import contracts_in_force, pair


def _find(month: Month) -> Finding:
    awards = month.scan("awards").select("nog", awardID="id", award_status="status")
    # An award that is not there is a broken reference.
    rows = contracts_in_force(month).select("nog", "awardID").join(awards, on=["nog", "awardID"])
    return judge(rows, pl.col("award_status") != "active", "contracts/awardID", pair("awardID", "award_status"))


CHECK = Check(
    id="contract_without_award_active",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/contracts",
    paths=("contracts/awardID", "contracts/status", "awards/status"),
    meaning="Ningún contrato en pie nace de una adjudicación anulada.",
    description="No contract is in force on an award that is not active.",
    find=_find,
)
