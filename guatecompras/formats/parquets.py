"""Parquet: the flat tables as the pipeline keeps them and as the public downloads them. Their columns are `tables`'."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from guatecompras.errors import GuatecomprasError
from guatecompras.formats.archive import CHUNK, ZipWriter
from guatecompras.formats.atomic import replacing

ROW_GROUP = 1 << 15
BATCH = 1 << 14  # rows a reader holds at once


class TableWriter:
    """Writes one Parquet file batch by batch, atomically; use it in a `with` statement.

    Row groups hold exactly `group` rows whatever the batches were, so the bytes depend on the rows alone. The schema's
    metadata, the fields' included (descriptions), goes into the file. `rows`: how many were written so far.
    """

    def __init__(self, path: Path, schema: pa.Schema, group: int = ROW_GROUP) -> None:
        self._path, self._schema, self._group = path, schema, group
        self._stack = ExitStack()
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self.rows = 0

    def __enter__(self) -> "TableWriter":
        with ExitStack() as stack:  # undone when opening the file fails
            part = stack.enter_context(replacing(self._path))
            self._writer = stack.enter_context(
                pq.ParquetWriter(
                    part,
                    self._schema,
                    compression="zstd",
                    compression_level=3,
                    write_statistics=True,
                    write_page_index=True,
                    write_page_checksum=True,
                )
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        with self._stack as stack:
            if error is None:
                self._flush(final=True)
                return None
            return stack.__exit__(kind, error, trace)

    def write(self, batch: pl.DataFrame | pa.Table) -> None:
        """Append rows: the schema's columns, in any order, in types that cast to it without loss.

        Raises KeyError for a missing column and pyarrow.ArrowInvalid for a value that does not fit.
        """
        table = batch.to_arrow(compat_level=pl.CompatLevel.oldest()) if isinstance(batch, pl.DataFrame) else batch
        table = table.select(self._schema.names).cast(self._schema)
        self._waiting.append(table)
        self._waiting_rows += table.num_rows
        self.rows += table.num_rows
        if self._waiting_rows >= self._group:
            self._flush(final=False)

    def _flush(self, final: bool) -> None:
        if not self._waiting_rows:
            return
        # One chunk a column: how the rows were cut into batches must not show in the pages.
        table = pa.concat_tables(self._waiting).combine_chunks()
        end = table.num_rows if final else table.num_rows // self._group * self._group
        self._writer.write_table(table.slice(0, end), row_group_size=self._group)
        self._waiting = [table.slice(end)]
        self._waiting_rows = table.num_rows - end


def batches(path: Path, rows: int = BATCH) -> Iterator[pl.DataFrame]:
    """The rows of a Parquet file, at most `rows` at a time; raises GuatecomprasError when it cannot be read."""
    try:
        with pq.ParquetFile(path) as file:
            # Group by group: asked for all at once, Arrow may read ahead through the whole file.
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(rows, row_groups=[group]):
                    if batch.num_rows:
                        frame = pl.from_arrow(batch)
                        assert isinstance(frame, pl.DataFrame)
                        yield frame
    except (pa.ArrowException, OSError) as error:
        raise GuatecomprasError(f"{path} is not a readable Parquet file: {first_line(error)}") from error


def schema_of(path: Path) -> tuple[pl.Schema, int]:
    """Columns with their types, and number of rows, of a Parquet file; GuatecomprasError when it cannot be read."""
    try:
        with pq.ParquetFile(path) as file:
            empty = pl.from_arrow(file.schema_arrow.empty_table())
            assert isinstance(empty, pl.DataFrame)
            return empty.schema, file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise GuatecomprasError(f"{path} is not a readable Parquet file: {first_line(error)}") from error


def write_parquet_zip(tables: Mapping[str, Path], out: Path) -> dict[str, int]:
    """Put the tables' Parquet files, as they are, into one ZIP as `<table>.parquet`; returns the rows of each."""
    rows = {}
    with ZipWriter(out) as archive:
        for name, path in tables.items():
            rows[name] = schema_of(path)[1]
            with open(path, "rb") as source, archive.entry(f"{name}.parquet", stored=True) as stream:
                shutil.copyfileobj(source, stream, CHUNK)
    return rows


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
