"""The list of barred suppliers that an operator may provide: a CSV with the columns `proveedor` (NIT or party id), `desde`,
`hasta` (empty: without an end) and `fuente`. None is shipped: Guatecompras publishes no list to download.
"""

import io

import polars as pl

from guatecompras.errors import GuatecomprasError

_COLUMNS = ("proveedor", "desde", "hasta", "fuente")
_NIT = "GT-NIT-"


def read(text: str) -> pl.DataFrame | None:
    """`supplier` (party id), `since`, `until` (null: without an end), `source`; None of an empty text. Raises GuatecomprasError
    that names the line of what cannot be read."""
    if not text.strip():
        return None
    try:
        rows = pl.read_csv(io.StringIO(text), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise GuatecomprasError(f"the list of sanctions is no CSV: {str(error).splitlines()[0]}") from error
    missing = [name for name in _COLUMNS if name not in rows.columns]
    if missing:
        raise GuatecomprasError(f"the list of sanctions has no column {', '.join(missing)}")
    plain = rows.select(pl.col(_COLUMNS).str.strip_chars().replace("", None))
    number = pl.col("proveedor").str.replace_all("[- ]", "").str.to_uppercase()
    listed = plain.select(
        supplier=pl.when(pl.col("proveedor").str.starts_with("GT-")).then("proveedor").otherwise(_NIT + number),
        since=pl.col("desde").str.to_date("%Y-%m-%d", strict=False),
        until=pl.col("hasta").str.to_date("%Y-%m-%d", strict=False),
        source=pl.col("fuente").fill_null("lista de inhabilitaciones"),
        bad=pl.col("hasta").is_not_null() & pl.col("hasta").str.to_date("%Y-%m-%d", strict=False).is_null(),
    )
    wrong = listed.select(
        (pl.col("bad") | pl.col("supplier").is_null() | pl.col("since").is_null()).arg_true()
    ).to_series()
    if len(wrong):
        raise GuatecomprasError(
            f"the list of sanctions, line {wrong[0] + 2}: a supplier and dates as 2026-01-31 are needed"
        )
    return listed.drop("bad").sort("supplier", "since")
