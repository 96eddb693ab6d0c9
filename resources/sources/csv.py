"""The `csv` source: the nine tables as `<table>.csv`, `.csv.gz` or `.parquet` in a folder, one month at a time.

Also how frames of the contract's types are written as plain columns (`plain`) and as such a folder. Whether the values
are sound is `arrivals.py`'s business.
"""

# Local times are naive by contract.
# ruff: noqa: DTZ001

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import IO, Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from guatecompras import values
from guatecompras.contract import PLAUSIBLE_YEARS, TABLES
from guatecompras.errors import SourceError
from guatecompras.formats.atomic import replacing
from guatecompras.months import FIRST_MONTH, TIME_ZONE, Month
from resources.sources.bounds import most_bytes, most_rows

_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_BATCH_ROWS = 50_000
_CHUNK = 2**20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

# Size and time of change: a file that another program rewrites meanwhile must not give half of each version.
Stamp = tuple[int, int]


@dataclass(frozen=True)
class File:
    """A table's file: `columns` maps the contract's names to the file's own headings."""

    table: str
    path: Path
    columns: dict[str, str]
    stamp: Stamp

    def scan(self) -> pl.LazyFrame:
        """Contract columns as found, and `_fila`, the row's place in the file. Blank lines are left out."""
        frame = _scan(self.path).with_row_index("_fila")
        named = frame.select("_fila", *(pl.col(own).alias(name) for name, own in self.columns.items()))
        return named.filter(~pl.all_horizontal(pl.col(*self.columns).is_null()))


@dataclass(frozen=True)
class Homes:
    """Where each NOG belongs: `nogs` in order, `months` beside them, counted (see `_count`); the source's first month."""

    nogs: pl.Series
    months: pl.Series
    first: int

    def look_up(self, nogs: pl.Series) -> pl.Series:
        """The months of these NOGs, null for those that no concurso has.

        Not a join: Polars' left join gathers all rows of the larger side in memory.
        """
        if self.nogs.is_empty():
            return pl.repeat(None, len(nogs), dtype=pl.Int32, eager=True)
        places = self.nogs.search_sorted(nogs.fill_null(-1)).clip(upper_bound=len(self.nogs) - 1)
        found = (self.nogs.gather(places) == nogs).fill_null(False)
        return self.months.gather(places).set(~found, None)


class FolderSource:
    """A folder with the contract's tables, one file each."""

    def __init__(self, folder: Path, uri: str) -> None:
        self._folder = folder
        self.uri = uri
        self._homes: tuple[list[Stamp], Homes] | None = None

    @classmethod
    def from_uri(cls, uri: str) -> "FolderSource":
        """`csv:DIR`. Raises SourceError when there is no such folder."""
        folder = Path(uri.partition(":")[2].removeprefix("//"))
        if not uri.partition(":")[2] or not folder.is_dir():
            raise SourceError(f"{uri}: there is no such folder")
        return cls(folder, uri)

    @contextmanager
    def open(self, month: Month) -> Iterator["FolderReading"]:
        """The month's rows. Raises SourceError when a needed table or required column is absent, a file unreadable."""
        files = _files(self._folder, self.uri)
        yield FolderReading(files, self._homes_of(files), month)

    def watermarks(self) -> dict[str, datetime]:
        """Month -> latest plausible `fecha_actualizacion` of its concursos (else its start), in order of months."""
        files = _files(self._folder, self.uri)
        homes = self._homes_of(files)
        with _clear_errors(files["concursos"]):
            latest = (
                _charged(files["concursos"], homes)
                .group_by("_hogar")
                .agg(_moments("fecha_actualizacion").max().alias("latest"))
                .sort("_hogar")
                .collect(engine="streaming")
            )
        months = ((key, Month(key // 12, key % 12 + 1), moment) for key, moment in latest.rows())
        return {str(month): moment or month.start for _, month, moment in months}

    def _homes_of(self, files: dict[str, File]) -> Homes:
        stamps = [files[name].stamp for name in ("concursos", "eventos") if name in files]
        if self._homes is None or self._homes[0] != stamps:
            self._homes = stamps, _find_homes(files["concursos"], files.get("eventos"))
        return self._homes[1]


class FolderReading:
    """The `Reading` of a folder: memory holds the NOGs of the whole folder and one table's rows of the month."""

    def __init__(self, files: dict[str, File], homes: Homes, month: Month) -> None:
        self._files = files
        self._homes = homes
        self._month = _count(month)
        self.missing = frozenset(TABLES) - frozenset(files)

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        """Frames of `table`, ordered by nog (nulls first); nothing when the table is missing. Raises SourceError."""
        if table in self.missing:
            return
        file = self._files[table]
        with _clear_errors(file):
            rows = (
                _charged(file, self._homes)
                .filter(pl.col("_hogar") == self._month)
                .sort("_nog", "_fila")
                .select(*file.columns)
                .collect(engine="streaming")
            )
            if _stamp(file.path) != file.stamp:
                raise SourceError(f"{file.path}: the file changed while it was read")
        yield from rows.iter_slices(_BATCH_ROWS)


# Which rows are a month's. Months are counted (year * 12 + month - 1), so that they compare as numbers.


def _count(month: Month) -> int:
    return month.year * 12 + month.number - 1


def _charged(file: File, homes: Homes) -> pl.LazyFrame:
    """The file's rows with `_nog` and `_hogar`: the home of their NOG, else (orphans) the month of their own date."""
    own = ("fecha_publicacion", "fecha_actualizacion") if file.table == "concursos" else (TABLES[file.table].dated,)
    home = pl.col("_nog").map_batches(homes.look_up, return_dtype=pl.Int32, is_elementwise=True)
    rows = file.scan().with_columns(_nog().alias("_nog")).with_columns(home.alias("_hogar"))
    # Only where there is no home are the dates read: nearly nowhere.
    lost = [_months(pl.when(pl.col("_hogar").is_null()).then(pl.col(date))) for date in own if date]
    return rows.with_columns(pl.coalesce("_hogar", *lost, pl.lit(homes.first, pl.Int32)).alias("_hogar"))


def _find_homes(concursos: File, eventos: File | None) -> Homes:
    """A NOG's home: the first usable month of `fecha_publicacion` among its concursos; a stray's, of its first event,
    else of its `fecha_actualizacion`, else the first month of the source.
    """
    with _clear_errors(concursos):
        dates = (
            concursos.scan()
            .select(
                _nog().alias("nog"),
                _months(pl.col("fecha_publicacion")).alias("published"),
                _months(pl.col("fecha_actualizacion")).alias("changed"),
            )
            .collect(engine="streaming")
        )
    nogs = dates.filter(pl.col("nog").is_not_null()).group_by("nog").min()
    strays = nogs.filter(pl.col("published").is_null())
    first: Any = dates["published"].min()
    happened = pl.DataFrame(schema={"nog": pl.Int64, "happened": pl.Int32})
    if eventos and (strays.height or first is None):
        with _clear_errors(eventos):
            happened = (
                eventos.scan()
                .select(_nog().alias("nog"), _months(pl.col("fecha_evento")).alias("happened"))
                .group_by("nog")
                .min()
                .collect(engine="streaming")
            )
    if first is None:
        later = (happened["happened"].min(), dates["changed"].min(), _count(Month.parse(FIRST_MONTH)))
        first = next(month for month in later if month is not None)
    first = max(first, _count(Month.parse(FIRST_MONTH)))  # older months are never asked for
    known = nogs.join(happened, on="nog", how="left").sort("nog")
    months = known.select(pl.coalesce("published", "happened", "changed", pl.lit(first, pl.Int32))).to_series()
    return Homes(known["nog"], months, first)


def _nog() -> pl.Expr:
    """The nog as a number, null where it is none."""
    return pl.col("nog").map_batches(values.parse_int, return_dtype=pl.Int64, is_elementwise=True)


def _months(date: pl.Expr) -> pl.Expr:
    """The counted month of usable times, else null."""
    return date.map_batches(lambda raw: _counted(_usable(raw)), return_dtype=pl.Int32, is_elementwise=True)


def _moments(column: str) -> pl.Expr:
    return pl.col(column).map_batches(_usable, return_dtype=pl.Datetime("us"), is_elementwise=True)


def _counted(moments: pl.Series) -> pl.Series:
    return moments.dt.year() * 12 + moments.dt.month().cast(pl.Int32) - 1


def _usable(raw: pl.Series) -> pl.Series:
    """Naive local times, null where they are unreadable or implausible: read as `values` reads them."""
    moments = values.wall_clock(raw, "us")
    first, last = PLAUSIBLE_YEARS
    within = moments.is_between(datetime(first, 1, 1), datetime(last + 1, 1, 1), closed="left")
    return moments.set(~within.fill_null(True), None)


# Files.


def _files(folder: Path, shown: str) -> dict[str, File]:
    files = {}
    for name in TABLES:
        paths = [path for suffix in _SUFFIXES if (path := folder / f"{name}{suffix}").is_file()]
        if len(paths) > 1:
            raise SourceError(
                f"{shown}: table {name} is there more than once: {', '.join(path.name for path in paths)}"
            )
        if paths:
            files[name] = _file(name, paths[0])
    lacking = [name for name, table in TABLES.items() if table.needed and name not in files]
    if lacking:
        raise SourceError(
            f"{shown}: the file{'s'[: len(lacking) > 1]} {', '.join(f'{n}.csv' for n in lacking)} must be there"
        )
    return files


def _file(name: str, path: Path) -> File:
    file = File(name, path, {}, _stamp(path))
    with _clear_errors(file):
        if _grows_too_much(path, file.stamp):
            raise SourceError(f"{path}: the file unpacks to far more than its size: it is not an honest archive")
        with path.open("rb") as opened:
            if opened.read(2) in _UTF16:
                raise SourceError(f"{path}: the file is in UTF-16, it must be in UTF-8")
        headings = _scan(path).collect_schema().names()
    found: dict[str, str] = {}
    for heading in headings:
        found.setdefault(heading.strip(" \t\r\n\ufeff\"'").lower(), heading)
    absent = [column for column in TABLES[name].required if column not in found]
    if absent:
        raise SourceError(f"{path}: table {name} lacks the column{'s'[: len(absent) > 1]} {', '.join(absent)}")
    return File(name, path, {c.name: found[c.name] for c in TABLES[name].columns if c.name in found}, file.stamp)


def _scan(path: Path) -> pl.LazyFrame:
    if path.suffix == ".parquet":
        return pl.scan_parquet(path, glob=False)
    # All text: what a value is, is decided once, by the arrival checks. A row with too few fields is filled with nulls,
    # one with too many loses those beyond the header; either way it is kept; its misplaced values are rejected later.
    return pl.scan_csv(path, infer_schema=False, encoding="utf8-lossy", truncate_ragged_lines=True, glob=False)


@cache
def _grows_too_much(path: Path, stamp: Stamp) -> bool:
    """Whether a packed file goes beyond `bounds.py`; Polars would unpack it into memory whole."""
    size, _ = stamp
    if path.suffix == ".parquet":
        return bool(pq.read_metadata(path).num_rows > most_rows(size))
    if path.suffix != ".gz":
        return False
    left = most_bytes(size)
    with suppress(EOFError, gzip.BadGzipFile, zlib.error), gzip.open(path) as packed:  # damage is named when it is read
        while left >= 0 and (chunk := packed.read(_CHUNK)):
            left -= len(chunk)
    return left < 0


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


@contextmanager
def _clear_errors(file: File) -> Iterator[None]:
    try:
        yield
    except pl.exceptions.NoDataError:
        raise SourceError(f"{file.path}: the file is empty, without even a header") from None
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        text = str(error)
        # What Polars could not read tells the line better than the offset it gives, which is the chunk's.
        culprit = re.search(r"could not parse `(.*?)`? as dtype", text, re.DOTALL)
        if culprit and file.path.suffix == ".csv":
            lines = culprit[1].splitlines() or [""]
            place = _line_of(file.path, lines[0])
            raise SourceError(f"{file.path}, {place}: a quote is not closed or not doubled: {lines[0][:80]}") from None
        raise SourceError(f"{file.path}: the file cannot be read: {(text.splitlines() or [''])[0]}") from None


def _line_of(path: Path, start: str) -> str:
    wanted = start.encode()
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if wanted in line:
                return f"line {number}"
    return "unknown line"


# Writing.


def complete(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with all columns of table `name`, in the contract's order and types; absent ones are null."""
    schema = TABLES[name].schema
    absent = [pl.lit(None, dtype).alias(column) for column, dtype in schema.items() if column not in frame.columns]
    return frame.with_columns(absent).select(pl.col(column).cast(dtype) for column, dtype in schema.items())


def plain(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as a text file or a database without such types holds it: integers and text.

    Times as local wall-clock text `YYYY-MM-DD HH:MM:SS[.fffffff]`, lists of numbers separated by commas, contacts as
    JSON.
    """
    ways = {"time": _time_text, "instant": _time_text, "ints": _ints_text, "contacts": _contacts_text}
    columns = []
    for column in TABLES[name].columns:
        way = ways.get(column.kind)
        whole = pl.col(column.name)
        columns.append(way(whole) if way else whole if column.kind == "int" else whole.cast(pl.String))
    return complete(name, frame).select(columns)


def _time_text(times: pl.Expr) -> pl.Expr:
    text = times.dt.convert_time_zone(TIME_ZONE).dt.replace_time_zone(None).dt.to_string("%Y-%m-%d %H:%M:%S%.9f")
    return text.str.replace(r"\.0{9}$", "").str.replace(r"(\.\d*?[1-9])0+$", "$1")


def _ints_text(numbers: pl.Expr) -> pl.Expr:
    return numbers.cast(pl.List(pl.String)).list.join(",")


def _contacts_text(contacts: pl.Expr) -> pl.Expr:
    objects = contacts.list.eval(pl.element().struct.json_encode()).list.join(",")
    return pl.format("[{}]", objects)


def write_folder(
    folder: Path, chunks: Iterable[tuple[str, pl.DataFrame]], format: Literal["csv", "parquet"] = "csv"
) -> None:
    """Write frames of the contract's types as a folder that FolderSource reads; a table's chunks are appended.

    All nine files appear, empty ones with their header, and only when all chunks are written. Raises StoreError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        parts = {name: stack.enter_context(replacing(folder / f"{name}.{format}")) for name in TABLES}
        with ExitStack() as open_files:
            # All are begun, so that a table without rows is a file with its header.
            if format == "csv":
                texts: dict[str, IO[bytes]] = {
                    name: open_files.enter_context(part.open("wb")) for name, part in parts.items()
                }
                for name, text in texts.items():
                    plain(name, pl.DataFrame(schema=TABLES[name].schema)).write_csv(text)
                for name, frame in chunks:
                    plain(name, frame).write_csv(texts[name], include_header=False)
            else:
                tables = {name: open_files.enter_context(_parquet(name, part)) for name, part in parts.items()}
                for name, frame in chunks:
                    tables[name].write_table(complete(name, frame).to_arrow(compat_level=pl.CompatLevel.oldest()))


def _parquet(name: str, path: Path) -> pq.ParquetWriter:
    empty = pl.DataFrame(schema=TABLES[name].schema).to_arrow(compat_level=pl.CompatLevel.oldest())
    return pq.ParquetWriter(path, empty.schema, compression="zstd")
