"""Check: every currency is one of ISO 4217."""

from guatecompras.ocds import profile
from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields.codelists import coded, unknown_codes

_COLUMNS = coded(("currency",))


def _find(month: Month) -> Finding:
    return unknown_codes(month, _COLUMNS, profile.closed_codes())


CHECK = Check(
    id="currency_known",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/records",
    paths=tuple(coded.column.path for coded in _COLUMNS),
    meaning="Toda moneda es un código de la norma ISO 4217.",
    description="Every currency is a code of ISO 4217.",
    find=_find,
)
