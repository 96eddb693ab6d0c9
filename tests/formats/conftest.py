"""Small tables as Parquet files, for the writers to read."""
# ruff: noqa: DTZ001  # the contract's times are local and naive until Polars gives them their zone

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from guatecompras.formats.parquets import TableWriter

Store = Callable[[str, pl.DataFrame], Path]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Writes a frame to `<name>.parquet` and gives the path."""

    def write(name: str, frame: pl.DataFrame) -> Path:
        path = tmp_path / f"{name}.parquet"
        schema = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).schema
        with TableWriter(path, schema) as writer:
            writer.write(frame)
        return path

    return write


@pytest.fixture
def parties() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "nit": ["0012345K", None, "=1+1"],
            "nombre": ['Ñandú, "S.A."', "", "dos\nlíneas"],
            "nog": [30714915, 1, None],
            "monto": [Decimal("1234.50"), None, Decimal("-5.00")],
            "fecha": [datetime(2026, 5, 1, 12, 3, 11), None, datetime(2026, 5, 1, 12, 3, 11, 500_000)],
            "valido": [True, False, None],
        },
        schema_overrides={"monto": pl.Decimal(18, 2), "fecha": pl.Datetime("us")},
    ).with_columns(pl.col("fecha").dt.replace_time_zone("America/Guatemala"))
