"""Check: every UNSPSC code has eight digits. Whether they mean something is `unspsc_segment`'s business."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge


def _find(month: Month) -> Finding:
    code = pl.col("classification_id")
    applies = (pl.col("classification_scheme") == "UNSPSC") & code.is_not_null()
    wrong = ~code.str.contains("^[0-9]{8}$")
    return judge(month.scan("items"), wrong, "tender/items/classification/id", code, applies)


CHECK = Check(
    id="unspsc_code",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/items",
    paths=("tender/items/classification/id",),
    meaning="El código UNSPSC de cada renglón tiene ocho cifras.",
    description="The UNSPSC code of each item has eight digits.",
    find=_find,
)
