"""Check: OCID, record, tender and release ids are formed as announced, of the very NOG they stand at."""

from guatecompras.ocds.profile import DATE_TIME_PATTERN, OCID_PREFIX
from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields.cells import Column, judged
from guatecompras.quality.fields.identifiers import is_not_of_nog

# Column, what stands before and after the NOG, and the form of what follows.
_FORMS: tuple[tuple[Column, str, str], ...] = (
    (Column("records", "ocid", "ocid"), f"{OCID_PREFIX}-{{}}", "^$"),
    (Column("records", "id", "id"), f"{OCID_PREFIX}-{{}}-", DATE_TIME_PATTERN),
    (Column("records", "tender_id", "tender/id"), "GT-NOG-{}", "^$"),
    (Column("releases", "ocid", "ocid"), f"{OCID_PREFIX}-{{}}", "^$"),
    (Column("releases", "id", "id"), "GT-NOG-{}-T", "^[0-9]{18}$"),
)


def _find(month: Month) -> Finding:
    return judged(month, ((column, is_not_of_nog(column.name, form, rest)) for column, form, rest in _FORMS))


CHECK = Check(
    id="process_identifier",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/records",
    paths=("ocid", "id", "tender/id"),
    meaning="El OCID y los identificadores del proceso y de sus publicaciones tienen la forma anunciada y su propio NOG.",
    description="OCID, record, tender and release ids have their prefix, the process' own NOG and the announced form.",
    find=_find,
)
