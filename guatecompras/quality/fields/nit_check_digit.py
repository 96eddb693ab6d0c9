"""Check: every NIT ends in the check digit that its other digits give."""

import polars as pl

from guatecompras import nit
from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.tables import LIST_SEPARATOR

_SCHEME = "GT-NIT"


def _find(month: Month) -> Finding:
    parties, number = month.scan("parties"), pl.col("identifier_id")
    own = judge(
        parties,
        ~nit.is_valid(number),
        "parties/identifier/id",
        number,
        (pl.col("identifier_scheme") == _SCHEME) & number.is_not_null(),
    )
    # Among the other identifiers, each its scheme and number.
    others = parties.select("nog", other=pl.col("additionalIdentifiers").str.split(LIST_SEPARATOR))
    others = others.drop_nulls("other").explode("other", empty_as_null=False, keep_nulls=False)
    others = others.filter(pl.col("other").str.starts_with(f"{_SCHEME} "))
    others = others.with_columns(pl.col("other").str.strip_prefix(f"{_SCHEME} "))
    return joined((own, judge(others, ~nit.is_valid(pl.col("other")), "parties/additionalIdentifiers/id", "other")))


CHECK = Check(
    id="nit_check_digit",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/parties",
    paths=("parties/identifier/id", "parties/additionalIdentifiers/id"),
    meaning="Todo NIT termina en el dígito verificador que le corresponde.",
    description="Every NIT ends in its check digit (modulo 11, K for 10).",
    find=_find,
)
