"""What the public version of a month has and this one has not: ids that are gone. Which ids, each check in `versions/` says."""

from collections.abc import Callable

import polars as pl

from guatecompras.quality.check import FAILURES_SCHEMA, Check, Finding, Month, Previous

NOTHING = Finding(0, 0, pl.DataFrame(schema=FAILURES_SCHEMA))  # there is no version to compare with

Comparison = Callable[[Month, Previous], Finding]


def with_previous(compare: Comparison) -> Callable[[Month], Finding]:
    """A calculation that needs a public version; without one, or without its tables, it does not apply."""
    return lambda month: compare(month, month.previous) if month.previous else NOTHING


def ids_lost(table: str, path: str, label: str = "id") -> Callable[[Month], Finding]:
    """Rows of a table whose id is gone, of processes that are still there: the loss of those is `concursos_lost`."""

    def compare(month: Month, previous: Previous) -> Finding:
        here = month.scan("records").select("nog")
        before = previous.scan(table).select("nog", "id").join(here, on="nog", how="semi")
        lost = before.join(month.scan(table).select("nog", "id"), on=["nog", "id"], how="anti")
        failing = lost.select("nog", path=pl.lit(path), value="id")
        count, failures = pl.collect_all([before.select(pl.len()), failing])
        return Finding.of(count.item(), failures)

    return with_previous(compare)


def lost(table: str, path: str, meaning: str, description: str) -> Check:
    """The check `<table>_lost`."""
    return Check(
        id=f"{table}_lost",
        version="1",
        level="version",
        dimension="estabilidad",
        asset=f"tables/{table}",
        paths=(path,),
        meaning=meaning,
        description=description,
        find=ids_lost(table, path),
    )
