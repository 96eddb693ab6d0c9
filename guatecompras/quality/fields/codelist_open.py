"""Check: codes of open codelists are those that this publication knows. Schemes of parties and formats of documents have
checks of their own."""

from guatecompras.ocds import profile
from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields.codelists import coded, unknown_codes

_CODELISTS = {name: codes for name, codes in profile.open_codes().items() if name not in ("partyScheme", "mediaType")}
_COLUMNS = coded(_CODELISTS)


def _find(month: Month) -> Finding:
    return unknown_codes(month, _COLUMNS, _CODELISTS)


CHECK = Check(
    id="codelist_open",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/records",
    paths=tuple(coded.column.path for coded in _COLUMNS),
    meaning="Los códigos de listas abiertas (modalidad, estatus, tipo de documento, papel y otros) son los conocidos.",
    description="Codes of open codelists are those that this publication uses and documents.",
    find=_find,
)
