"""Check: the concursos are spread over many buyers, as Pelican asks: none has most, and not most buyers have only one."""

import polars as pl

from guatecompras.quality.check import FAILURES_SCHEMA, Check, Finding, Month
from guatecompras.quality.deviation import SHARES, number


def _find(month: Month) -> Finding:
    parameters = month.parameters("concentration")
    counted = month.scan("records").drop_nulls("buyer_id").group_by("buyer_id")
    sizes = (
        counted.agg(pl.len(), pl.col("buyer_name").min()).sort("len", "buyer_id", descending=[True, False]).collect()
    )
    total = int(sizes["len"].sum())
    if total < number(parameters, "concursos"):
        return Finding.of(0, pl.DataFrame(schema=FAILURES_SCHEMA))
    largest, single = sizes.row(0, named=True), sizes.filter(pl.col("len") == 1).height
    shares = (
        (largest["len"] / total, "largest", f"{largest['buyer_name']}: {largest['len']:,} de {total:,} concursos"),
        (single / sizes.height, "single", f"{single:,} de {sizes.height:,} compradores tienen un solo concurso"),
    )
    found = [
        (None, "buyer/id", f"{shown} ({SHARES.show(share)})")
        for share, limit, shown in shares
        if share > number(parameters, limit)
    ]
    return Finding.of(len(shares), pl.DataFrame(found, schema=FAILURES_SCHEMA, orient="row"))


CHECK = Check(
    id="concentration",
    version="1",
    level="month",
    dimension="distribución",
    asset="tables/records",
    paths=("buyer/id",),
    meaning="Los concursos se reparten entre muchos compradores: ninguno tiene casi todos, y pocos tienen uno solo.",
    description="No buyer has most concursos, and most buyers have more than one (Pelican: buyer, buyer repetition).",
    find=_find,
)
