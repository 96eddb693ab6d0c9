"""Check: a process that ended without award, or whose offers are still sealed, has no award and no contract in force.

In life some are left standing when a process is dropped after its award (prescindir, Art. 37 of the law).
"""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.records.process import awarded, awards_in_force, contracts_in_force, pair


def _find(month: Month) -> Finding:
    without = month.scan("records").filter(awarded() == 0).select("nog", "tender_statusDetails")
    standing = pl.concat(
        rows.select("nog", "id", path=pl.lit(path))
        for path, rows in (("awards/status", awards_in_force(month)), ("contracts/status", contracts_in_force(month)))
    )
    failures = without.join(standing, on="nog").select("nog", "path", value=pair("tender_statusDetails", "id"))
    count, found = pl.collect_all([without.select(pl.len()), failures])
    # Processes count, not the awards in them.
    return Finding(count.item(), found["nog"].n_unique(), found)


CHECK = Check(
    id="award_against_status",
    version="1",
    level="record",
    dimension="coherencia",
    asset="tables/awards",
    paths=("tender/statusDetails", "awards/status", "contracts/status"),
    meaning="Ningún proceso desierto, prescindido, anulado o aún abierto tiene adjudicaciones o contratos en pie.",
    description="No active award or contract in a process that is deserted, dropped, annulled or still open.",
    find=_find,
)
