"""Check: parties are identified by a scheme that is known, and their id is that scheme and number."""

import polars as pl

from guatecompras.ocds import profile
from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.fields.codelists import coded, unknown_codes

_COLUMNS = coded(("partyScheme",))


def _find(month: Month) -> Finding:
    unknown = unknown_codes(month, _COLUMNS, profile.open_codes())
    composed = pl.concat_str("identifier_scheme", pl.lit("-"), "identifier_id")
    other = judge(month.scan("parties"), pl.col("id") != composed, "parties/id", "id", composed.is_not_null())
    return joined((unknown, other))


CHECK = Check(
    id="identifier_scheme",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/parties",
    paths=("parties/id", "parties/identifier/id", *(coded.column.path for coded in _COLUMNS)),
    meaning="Cada participante se identifica con un registro conocido, y su identificador es ese registro y su número.",
    description="Identifier schemes of parties are known; a party's id is its scheme and number.",
    find=_find,
)
