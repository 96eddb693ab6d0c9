"""Check: awards that need a written contract have one published."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, judge
from guatecompras.quality.deviation import number


def _find(month: Month) -> Finding:
    parameters = month.parameters("contract_coverage")
    contracts = month.scan("contracts").select("ocid", id="awardID").unique().with_columns(contracted=pl.lit(True))
    awards = month.scan("awards").select("ocid", "nog", "id", "status", "value_amount", "value_currency", "date")
    rows = awards.join(contracts, on=["ocid", "id"], how="left")
    # Signing and publishing take their time after the award.
    newest = month.scan("releases").select(newest=pl.max_horizontal("date", "publishedDate").max())
    old = pl.col("date") < pl.col("newest").dt.offset_by(f"-{number(parameters, 'days'):.0f}d")
    large = (pl.col("value_amount") > number(parameters, "amount")) & (pl.col("value_currency") == "GTQ")
    return judge(
        rows.join(newest, how="cross"),
        pl.col("contracted").is_null(),
        "contracts",
        pl.format("{}: Q{}", "id", "value_amount"),
        large & old & (pl.col("status") == "active"),
    )


CHECK = Check(
    id="contract_coverage",
    version="1",
    level="month",
    dimension="completitud",
    asset="tables/contracts",
    paths=("contracts/awardID", "awards/value/amount", "awards/status"),
    meaning="Las adjudicaciones que por su monto requieren contrato escrito tienen su contrato publicado.",
    description="Awards whose amount requires a written contract (LCE, articles 47 and 50) have a contract published.",
    find=_find,
)
