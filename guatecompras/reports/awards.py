"""What reports on suppliers share: the awards that are asked for. `Rango` is of each award, as the law's regimes are."""

import polars as pl

from guatecompras.reports import filters
from guatecompras.reports.report import Base

FILTERS = (*filters.PERIOD, "rango", "tipo_proveedor", "organizacion", *filters.BUYERS, "categoria", "modalidad")


def wanted(base: Base) -> pl.LazyFrame:
    """The awards that are asked for."""
    told, rows = base.told, base.awarded.filter(filters.in_range(base.told, pl.col("monto")))
    if "tipo_proveedor" in told:
        with_nit = pl.col("proveedor").str.starts_with("GT-NIT-")
        rows = rows.filter(with_nit if told["tipo_proveedor"] == "0" else ~with_nit)
    if "organizacion" in told:
        rows = rows.filter(pl.col("organizacion").str.to_uppercase() == told["organizacion"])
    return rows
