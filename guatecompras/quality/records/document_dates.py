"""Check: no document is younger than what is published of its process, and none of a contract older than its award.

Documents of a call may be older than the call: projects of its terms and opinions on them are published first.
"""

from guatecompras.quality.check import Check, Finding, Month, joined
from guatecompras.quality.records.process import DAY, beside, in_order

_CALL = (("tender/documents/datePublished", "datePublished", "published"),)
_CONTRACT = (("contracts/documents/datePublished", "datePublished", "published"),)
_AWARD = (("contracts/documents/datePublished", "awarded", "datePublished"),)


def _find(month: Month) -> Finding:
    call = beside(month, "documents", ("datePublished",), published="publishedDate")
    signed = beside(month, "contract_documents", ("contract_id", "datePublished"), published="publishedDate")
    contracts = month.scan("contracts").select("nog", "awardID", contract_id="id")
    awards = month.scan("awards").select("nog", awardID="id", awarded="date")
    signed = signed.join(contracts, on=["nog", "contract_id"], how="left")
    signed = signed.join(awards, on=["nog", "awardID"], how="left").collect().lazy()
    return joined((in_order(call, _CALL), in_order(signed, _CONTRACT), in_order(signed, _AWARD, DAY)))


CHECK = Check(
    id="document_dates",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/documents",
    paths=("tender/documents/datePublished", "contracts/documents/datePublished", "awards/date", "publishedDate"),
    meaning="Ningún documento es posterior a la publicación de su proceso; ninguno de un contrato es anterior a su adjudicación.",
    description="Documents are not dated after the record's published date; contract documents not before the award.",
    find=_find,
)
