"""Check: nothing is lost: concursos in = records out + rejected, each with its reason, and the tables hold all documents."""

import polars as pl

from guatecompras.quality.check import FAILURES_SCHEMA, Check, Finding, Month
from guatecompras.quality.months.schema import breaks_profile


def _find(month: Month) -> Finding:
    counts = month.counts
    rows = {table: month.scan(table).select(pl.len()).collect().item() for table in ("records", "releases")}
    equations = (
        ("concursos = records + rejected", counts["concursos"], counts["records"] + counts["rejected"]),
        ("records = rows of the table records", counts["records"], rows["records"]),
        ("releases = rows of the table releases", counts["releases"], rows["releases"]),
    )
    wrong = [(None, name, f"{left} / {right}") for name, left, right in equations if left != right]
    named = _named(month)
    if named < counts["rejected"]:
        wrong.append((None, "rejected concursos have a reason", f"{counts['rejected']} / {named}"))
    if not counts["records"]:
        wrong.append((None, "records", "0"))
    # What is judged are the equations, the last two among them.
    return Finding.of(len(equations) + 2, pl.DataFrame(wrong, schema=FAILURES_SCHEMA, orient="row"))


def _named(month: Month) -> int:
    """Rejected concursos that a reject names: without one, the loss would be silent."""
    rejects = pl.scan_parquet(month.rejects).filter((pl.col("tabla") == "concursos") & (pl.col("nivel") == "fila"))
    # Dropped after it was built: several rejects for one NOG. On arrival: one a row, but for a row without a usable NOG,
    # where other columns may be faulty too.
    dropped = pl.col("nog").filter(breaks_profile()).n_unique()
    refused = (~breaks_profile() & (pl.col("nog").is_not_null() | (pl.col("columna") == "nog"))).sum()
    named: int = rejects.select(dropped + refused).collect().item()
    return named


CHECK = Check(
    id="counts",
    version="1",
    level="month",
    dimension="completitud",
    asset="tables/records",
    paths=(),
    meaning="No se pierde nada: concursos recibidos = registros publicados + rechazados con su motivo.",
    description="Concursos in = records out + rejected; the tables hold every record and release of the documents.",
    find=_find,
)
