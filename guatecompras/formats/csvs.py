"""CSV: the flat tables as one archive of RFC 4180 files that a spreadsheet can open without harm.

UTF-8 without a byte order mark, CRLF, comma, quotes where needed, a header row. Nothing is an empty cell, an empty text
is `""`. Times are local with their offset, `2026-05-01T12:03:11-06:00`, with a fraction only where there is one.

A spreadsheet runs a cell that begins with `= + - @` as a formula. Such texts get an apostrophe in front, the mark for
text; so do those with white space or control characters before the sign (some programs trim a cell before they look at
it), the full-width forms of the signs (Asian locales read them alike), and texts that begin with a tab or a line end.
Numbers are not touched: -5.00 stays a number.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from guatecompras.formats.archive import ZipWriter
from guatecompras.formats.deflating import Blocks
from guatecompras.formats.parquets import batches, schema_of

NOTHING: Mapping[str, bytes] = {}

_DANGEROUS = r"^(?:[\t\r\n]|[\s\p{Cc}\p{Cf}]*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])"
_TIME = "%Y-%m-%dT%H:%M:%S%.f%:z"


def write_csv_zip(
    tables: Mapping[str, Path], out: Path, blocks: Blocks | None = None, beside: Mapping[str, bytes] = NOTHING
) -> dict[str, int]:
    """Write one `<table>.csv` for each Parquet file into one ZIP, atomically, after the members `beside`; returns the rows of
    each table.

    Raises GuatecomprasError when a table cannot be read, StoreError when the archive cannot be written.
    """
    rows = dict.fromkeys(tables, 0)
    with ZipWriter(out, blocks=blocks) as archive:
        for name, content in beside.items():
            with archive.entry(name) as stream:
                stream.write(content)
        for name, path in tables.items():
            header = pl.DataFrame(schema=dict.fromkeys(schema_of(path)[0], pl.String))
            with archive.entry(f"{name}.csv") as stream:
                stream.write(_csv(header, header=True))
                for batch in batches(path):
                    stream.write(_csv(batch.with_columns(_published(batch))))
                    rows[name] += batch.height
    return rows


def as_csv(frame: pl.DataFrame, header: bool = True) -> bytes:
    """A frame of plain columns as such a file."""
    head = _csv(pl.DataFrame(schema=dict.fromkeys(frame.columns, pl.String)), header=True) if header else b""
    return head + _csv(frame.with_columns(_published(frame)))


def _csv(frame: pl.DataFrame, header: bool = False) -> bytes:
    return frame.write_csv(include_header=header, line_terminator="\r\n", quote_char='"').encode()


def _published(batch: pl.DataFrame) -> list[pl.Series]:
    """The columns that are written otherwise than they are."""
    changed = []
    for column in batch:
        if isinstance(column.dtype, pl.Datetime):
            changed.append(column.dt.strftime(_TIME))
        elif column.dtype == pl.String:
            dangerous = column.str.contains(_DANGEROUS)
            if dangerous.any():
                changed.append(_with_apostrophe(column, dangerous))
    return changed


def _with_apostrophe(column: pl.Series, dangerous: pl.Series) -> pl.Series:
    marked = pl.when("dangerous").then(pl.concat_str(pl.lit("'"), "value")).otherwise("value")
    return pl.DataFrame({"value": column, "dangerous": dangerous}).select(marked.alias(column.name)).to_series()
