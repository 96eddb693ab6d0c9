"""Check: every UNSPSC code begins with a segment (two digits) that the classification has, and a family (four) that is known.

No list of families may be shipped with the code; who has one gives it in the rules (`families`), and then it counts.
"""

import polars as pl

from guatecompras import catalogs
from guatecompras.quality.check import Check, Finding, Month, judge


def _find(month: Month) -> Finding:
    code = pl.col("classification_id")
    applies = (pl.col("classification_scheme") == "UNSPSC") & code.str.contains("^[0-9]{8}$")
    unknown = ~code.str.head(2).is_in(catalogs.table("unspsc_segmentos")["code"].implode())
    families = month.parameters("unspsc_segment")["families"]
    assert isinstance(families, list)
    if families:
        unknown |= ~code.str.head(4).is_in(families)
    return judge(month.scan("items"), unknown, "tender/items/classification/id", code, applies)


CHECK = Check(
    id="unspsc_segment",
    version="2",
    level="field",
    dimension="validez",
    asset="tables/items",
    paths=("tender/items/classification/id",),
    meaning="El código UNSPSC de cada renglón pertenece a un segmento que existe, y a una familia conocida si se dio su lista.",
    description="The UNSPSC code of each item begins with a segment that exists, and a known family where the rules list them.",
    find=_find,
)
