"""Check: a contract is signed after its call and its award, and its term does not end before it starts. By days.

Whether a term starts before the signature is no contradiction: contracts state it, and red flags are not made here.
"""

from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.records.process import DAY, beside, in_order

_ORDERS = (
    ("contracts/dateSigned", "called", "dateSigned"),
    ("contracts/dateSigned", "awarded", "dateSigned"),
    ("contracts/period/endDate", "period_startDate", "period_endDate"),
)


def _find(month: Month) -> Finding:
    awards = month.scan("awards").select("nog", awardID="id", awarded="date")
    columns = ("awardID", "dateSigned", "period_startDate", "period_endDate")
    rows = beside(month, "contracts", columns, called="tender_datePublished")
    # Contracts often have days only, at midnight.
    return in_order(rows.join(awards, on=["nog", "awardID"], how="left"), _ORDERS, DAY)


CHECK = Check(
    id="contract_dates",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/contracts",
    paths=(
        "contracts/dateSigned",
        "contracts/period/startDate",
        "contracts/period/endDate",
        "awards/date",
        "tender/datePublished",
    ),
    meaning="Ningún contrato se firmó antes de la convocatoria o de su adjudicación, ni termina antes de empezar.",
    description="Contracts are not signed before the call or their award, and their period does not end before it starts.",
    find=_find,
)
