"""Check: codes of closed codelists are theirs. Currencies are judged by `currency_known`."""

from guatecompras.ocds import profile
from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields.codelists import coded, unknown_codes

_CODELISTS = {name: codes for name, codes in profile.closed_codes().items() if name != "currency"}
_COLUMNS = coded(_CODELISTS)


def _find(month: Month) -> Finding:
    return unknown_codes(month, _COLUMNS, _CODELISTS)


CHECK = Check(
    id="codelist_closed",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/records",
    paths=tuple(coded.column.path for coded in _COLUMNS),
    meaning="Los códigos de listas cerradas del estándar (estados, método, objeto, etiquetas) son de esas listas.",
    description="Codes of closed codelists are in them.",
    find=_find,
)
