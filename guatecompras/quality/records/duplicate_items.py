"""Check: items are not repeated: same description, product, quantity, unit and price.

Some are in earnest (one for each place of delivery, told apart by their attributes), so a share of them is honest.
"""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month

_SAME = ("description", "classification_id", "quantity", "unit_name", "unit_value_amount")


def _find(month: Month) -> Finding:
    # Long texts need no more than a number to be told apart.
    rows = month.scan("items").select("nog", "id", "description", same=pl.struct(_SAME).hash())
    again = rows.filter(pl.col("description").is_not_null()).filter(pl.struct("nog", "same").is_duplicated())
    failures = (
        again.group_by("nog", "same")
        .agg(pl.col("description").first().str.head(80), ids=pl.col("id").sort())
        .select("nog", "ids", value=pl.concat_str(pl.col("ids").list.len(), pl.lit(" × "), "description"))
    )
    count, found = pl.collect_all([rows.select(pl.len()), failures])
    # Of items that are the same one is right.
    repeated = int(found["ids"].list.len().sum()) - found.height
    return Finding(count.item(), repeated, found.select("nog", path=pl.lit("tender/items/id"), value="value"))


CHECK = Check(
    id="duplicate_items",
    version="1",
    level="record",
    dimension="unicidad",
    asset="tables/items",
    paths=(
        "tender/items/id",
        "tender/items/description",
        "tender/items/classification/id",
        "tender/items/quantity",
        "tender/items/unit/name",
    ),
    meaning="Los renglones de un proceso no se repiten: misma descripción, producto, cantidad, unidad y precio.",
    description="Few items of a process have the same description, classification, quantity, unit and unit price as another one.",
    find=_find,
)
