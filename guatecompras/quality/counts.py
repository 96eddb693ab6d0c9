"""Check: nothing is lost: concursos in = records out + rejected, and every record and release of the documents is in the tables."""

import polars as pl

from guatecompras.quality.check import FAILURES_SCHEMA, Check, Month


def _find(month: Month) -> pl.DataFrame:
    counts = month.counts
    rows = {table: month.scan(table).select(pl.len()).collect().item() for table in ("records", "releases")}
    equations = (
        ("concursos = records + rejected", counts["concursos"], counts["records"] + counts["rejected"]),
        ("records = rows of the table records", counts["records"], rows["records"]),
        ("releases = rows of the table releases", counts["releases"], rows["releases"]),
    )
    wrong = [(None, name, f"{left} / {right}") for name, left, right in equations if left != right]
    # A rejected concurso without a reject that names it would be a silent loss.
    rejects = pl.scan_parquet(month.rejects).filter((pl.col("tabla") == "concursos") & (pl.col("nivel") == "fila"))
    named = rejects.select(pl.struct("nog", "clave").n_unique()).collect().item()
    if counts["rejected"] > 0 and named == 0:
        wrong.append((None, "rejected concursos have a reason", f"{counts['rejected']} / {named}"))
    return pl.DataFrame(wrong, schema=FAILURES_SCHEMA, orient="row")


CHECK = Check(
    id="counts",
    version="1",
    severity="block",
    asset="tables/records",
    meaning="No se pierde nada: concursos recibidos = registros publicados + rechazados con su motivo.",
    description="Concursos in = records out + rejected; the tables hold every record and release of the documents.",
    find=_find,
)
