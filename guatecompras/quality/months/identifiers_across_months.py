"""Check: no OCID, release or contract id is in another month too: whoever adds months up would count it twice."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined

# table, its column, the path said in a failure. Other ids are unique within their process only.
_KEYS: tuple[tuple[str, str, str], ...] = (
    ("records", "ocid", "ocid"),
    ("releases", "id", "id"),
    ("contracts", "id", "contracts/id"),
)


def _find(month: Month) -> Finding:
    return joined(_shared(month, *key) for key in _KEYS)


def _shared(month: Month, table: str, column: str, path: str) -> Finding:
    others = [
        pl.scan_parquet(tables[table]).select(id=column, month=pl.lit(name))
        for name, tables in sorted(month.elsewhere.items())
        if table in tables
    ]
    if not others:
        return joined(())
    here = month.scan(table).select("nog", id=column)
    # The other months pass by this one's ids, not the other way round: those are twelve times as many.
    there = pl.concat(others).join(here, on="id", how="semi")
    # One failure an id, however many months have it. Two rows under one id in this month are another check's business.
    months = there.group_by("id").agg(pl.col("month").unique().sort().str.join(", "))
    named = months.join(here.unique("id"), on="id")
    value = pl.format("{} ({})", "id", "month")
    failing = named.select("nog", path=pl.lit(path), value=value)
    count, failures = pl.collect_all([here.select(pl.col("id").n_unique()), failing])
    return Finding.of(count.item(), failures)


CHECK = Check(
    id="identifiers_across_months",
    version="1",
    level="month",
    dimension="unicidad",
    asset="tables/records",
    paths=tuple(path for *_, path in _KEYS),
    meaning="Ningún proceso, publicación o contrato está también en otro de los meses publicados.",
    description="No OCID, release id or contract id of this month is in one of the trailing months too.",
    find=_find,
)
