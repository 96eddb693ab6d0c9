"""The OCDS source: official record and release packages, from a folder, a file or an API with the official contract.

Here: finding, fetching, unpacking and indexing the files, a month at a time. How a record becomes rows of the contract
is `guatecompras/ocds/invert.py`; what is wrong with the rows is the arrival checks' business.
"""

import base64
import gzip
import http.client
import json
import mmap
import random
import re
import ssl
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

import msgspec
import polars as pl
import pyarrow as pa
from ocdskit.upgrade import upgrade_10_11
from ocdskit.util import (
    is_compiled_release,
    is_linked_release,
    is_package,
    is_record,
    is_record_package,
    is_release,
    is_release_package,
)

from guatecompras.errors import MonthError, SourceError, StoreError
from guatecompras.formats.atomic import disk_fault
from guatecompras.months import FIRST_MONTH, Month
from guatecompras.ocds.invert import gather, invert, last_change, local_time, month_of, nog_of, text, usable
from resources.sources.bounds import most_bytes

BATCH_NOGS = 2_000

# A record beyond is not read: official ones have 5 kB, the largest less than 1 MB.
MAX_UNIT = 32 * 2**20
MAX_DOWNLOAD = 2 * 2**30

ATTEMPTS = 4
BACKOFF_SECONDS = 1.0  # doubled after each attempt, with as much again at random
TIMEOUT_SECONDS = 60.0  # for connecting, and for each read
DOWNLOAD_SECONDS = 3600.0  # for a whole file
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"  # others are refused with 403
NOTHING_THERE = (204, 400, 404)

SUFFIXES = (".json", ".jsonl", ".ndjson", ".gz", ".zip")
_JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
_CHUNK = 2**20
_BLANK = b" \t\r\n"
_LONG_NUMBER = 1_000  # digits; Python refuses to read more than 4,300
# What stands before a member's value in an object: its key and nothing else.
_BEFORE_VALUE = re.compile(rb'\s*[{,]\s*"(?:[^"\\]|\\.)*"\s*:\s*', re.DOTALL)
_OCID = re.compile(rb'"ocid"\s*:\s*"([^"\\]{1,200})"')
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_NAMED = re.compile(r"(\d{4})-(\d{2})_Guatecompras", re.IGNORECASE)

_INDEX_SCHEMA: dict[str, Any] = {
    "key": pl.String,  # the NOG, or the ocid as it came; null for what has neither
    "nog": pl.Int64,
    "record": pl.Boolean,  # a record or compiled release: the whole state, the latest one wins
    "month": pl.String,  # by tender.datePublished
    "first": pl.String,  # the earliest usable date of a release
    "updated": pl.String,  # the latest
    "stamp": pl.String,  # publishedDate: which of two versions is the later
    "member": pl.Int32,  # which document of an archive
    "offset": pl.Int64,
    "length": pl.Int64,
    "old": pl.Boolean,  # OCDS 1.0
}


# What the index needs of a unit, decoded without building the rest.


class _Tender(msgspec.Struct, rename="camel"):
    id: Any = None
    date_published: Any = None


class _Release(msgspec.Struct, rename="camel"):
    date: Any = None
    published_date: Any = None
    ocid: Any = None
    tender: _Tender | None = None
    tag: Any = None


class _Unit(_Release, rename="camel"):
    releases: list[_Release] | None = None
    compiled_release: _Release | None = None


class _OldOrganisation(msgspec.Struct):
    """Keys that organisations have in place of a reference, in OCDS 1.0."""

    identifier: Any = None
    address: Any = None


class _OldRelease(msgspec.Struct):
    parties: msgspec.Raw | None = None
    buyer: _OldOrganisation | None = None


_DECODE_UNIT = msgspec.json.Decoder(_Unit)
_DECODE_OLD = msgspec.json.Decoder(_OldRelease)
# Numbers with a point stay text, digit by digit.
_DECODE = msgspec.json.Decoder(float_hook=str)
_DECODE_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_DECODE_MAP = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class Volume:
    """One file of a source, wherever it lies.

    `version` changes when its content does (None: not known, so nothing about it is remembered); `month`: the month
    that it is named for. `fetch(folder)` gives a local path, None when there is nothing. `spreads`: its records may be
    of any month; if not, it answers itself for those that are not of its own month or one beside it.
    """

    label: str
    version: Hashable
    month: Month | None
    fetch: Callable[[Path], Path | None]
    spreads: bool = True


class _Shelf(Protocol):
    """Where volumes come from."""

    def volumes(self, month: Month | None) -> list[Volume]: ...

    def watermarks(self) -> dict[str, datetime] | None: ...

    def completed(self, unit: Any) -> Any: ...


# Indexes of volumes, kept for the life of the process.
_INDEXES: dict[tuple[str, Hashable], pl.DataFrame] = {}


class OcdsSource:
    """The nine tables from OCDS files (`ocds:PATH`) or from an API with the official contract (`ocds+https://HOST/base`)."""

    def __init__(self, uri: str, shelf: _Shelf) -> None:
        self.uri = uri
        self._shelf = shelf

    @classmethod
    def from_uri(cls, uri: str) -> "OcdsSource":
        """`ocds:DIR`, `ocds:FILE`, `ocds+http://...` or `ocds+https://...`. Raises SourceError for any other form."""
        scheme, _, rest = uri.partition(":")
        if scheme == "ocds" and rest:
            path = Path(re.sub(r"^//(?=/)", "", rest)).expanduser()
            return cls(f"ocds:{rest}", _Folder(path))
        if scheme in ("ocds+http", "ocds+https"):
            api = Api(f"{scheme.removeprefix('ocds+')}:{rest}")
            return cls(f"ocds+{api.base}", _ApiShelf(api))
        raise SourceError(
            f"'{_without_secrets(uri)}' is not an OCDS source: write ocds:FOLDER or ocds+https://HOST/base"
        )

    @contextmanager
    def open(self, month: Month) -> Iterator["OcdsReading"]:
        """The month's rows, converted once into a temporary folder.

        SourceError for a file that cannot be read, StoreError for a disk that takes no more.
        """
        with tempfile.TemporaryDirectory(prefix="guatecompras-ocds-") as name:
            folder = Path(name)
            library = _Library(folder)
            volumes = self._shelf.volumes(month)
            # Other months' files are unpacked, indexed and thrown away; the month's own stay for the second look.
            for volume in volumes:
                library.index(volume, keep=volume.month == month)
            chosen = _chosen(volumes, [library.index(volume) for volume in volumes], str(month))
            spill = folder / "rows"
            try:
                spill.mkdir()
                _convert(chosen, volumes, library, self._shelf.completed, spill)
            except OSError as error:
                raise StoreError(f"cannot write {spill}: {disk_fault(error) or error}") from error
            yield OcdsReading(spill)

    def watermarks(self) -> dict[str, datetime]:
        """Latest date of any release per month (naive, local); of an API, when it wrote each month's file."""
        known = self._shelf.watermarks()
        if known is not None:
            return known
        with tempfile.TemporaryDirectory(prefix="guatecompras-ocds-") as name:
            library = _Library(Path(name))
            volumes = self._shelf.volumes(None)
            units = _placed(volumes, [library.index(volume) for volume in volumes])
        latest = units.group_by("home").agg(pl.col("updated").max()).sort("home")
        return {month: _moment(updated) or Month.parse(month).start for month, updated in latest.iter_rows()}


class OcdsReading:
    """One month, converted: frames of text, in order of nog (unreadable NOGs last)."""

    missing: frozenset[str] = frozenset()

    def __init__(self, spill: Path) -> None:
        self._spill = spill

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        for path in sorted(self._spill.glob(f"{table}-*.arrow")):
            yield pl.read_ipc(path)


# From the index to rows.


def _placed(volumes: list[Volume], indexes: list[pl.DataFrame]) -> pl.DataFrame:
    """All units that count, with `volume`, and with `home`: the month that their process is delivered in.

    Of several records of a process the latest counts. A process without a usable publication date is charged to its
    first usable event, else its last change, else the source's first month.
    """
    frames = [pl.DataFrame(schema=_INDEX_SCHEMA | {"volume": pl.Int32})]
    for number, (volume, index) in enumerate(zip(volumes, indexes, strict=True)):
        frames.append(_homed(volume, index).with_columns(volume=pl.lit(number, pl.Int32)))
    units = pl.concat(frames).with_row_index("row").sort("stamp", "row", nulls_last=False)
    units = units.with_columns(pl.col("key").fill_null(pl.format("?{}", "row")))
    latest = pl.col("row").filter("record").last().over("key")
    units = units.filter(~pl.col("record") | (pl.col("row") == latest))
    units = units.with_columns(
        home=pl.coalesce(
            pl.col("month").drop_nulls().last().over("key"),
            pl.col("first").min().over("key").str.slice(0, 7),
            pl.col("updated").max().over("key").str.slice(0, 7),
        )
    )
    return units.with_columns(pl.col("home").fill_null(pl.col("home").min()).fill_null(FIRST_MONTH))


def _homed(volume: Volume, index: pl.DataFrame) -> pl.DataFrame:
    """An API's file answers for its records, unless their own month is near enough for that month to look here too."""
    if volume.month is None or volume.spreads:
        return index
    near = [str(month) for month in _around(volume.month)]
    own = pl.coalesce("month", pl.col("first").str.slice(0, 7), pl.col("updated").str.slice(0, 7))
    return index.with_columns(month=pl.when(own.is_in(near)).then(own).otherwise(pl.lit(str(volume.month))))


def _chosen(volumes: list[Volume], indexes: list[pl.DataFrame], month: str) -> pl.DataFrame:
    units = _placed(volumes, indexes).filter(pl.col("home") == month)
    return units.sort("nog", "key", "stamp", "row", nulls_last=True)


def _convert(
    chosen: pl.DataFrame, volumes: list[Volume], library: "_Library", completed: Callable[[Any], Any], spill: Path
) -> None:
    """Write the rows of the chosen units as one Arrow file per table and batch of whole processes."""
    wanted = chosen.select("key", "volume", "member", "offset", "length", "old")
    counts = chosen.select((pl.col("key").rle_id() // BATCH_NOGS).alias("batch"))["batch"]
    for batch, rows in groupby(zip(counts, wanted.iter_rows(), strict=True), key=lambda pair: pair[0]):
        units = (row for _, row in rows)
        processes = (
            gather(completed(library.unit(volumes[volume], *place)) for _, volume, *place in group)
            for _, group in groupby(units, key=lambda row: row[0])
        )
        for table, frame in invert(processes).items():
            if frame.height:
                frame.write_ipc(spill / f"{table}-{batch:06d}.arrow", compression="uncompressed")


class _Library:
    """Volumes fetched and unpacked into one temporary folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[str, list[mmap.mmap]] = {}
        self._indexes: dict[str, pl.DataFrame] = {}

    def index(self, volume: Volume, keep: bool = False) -> pl.DataFrame:
        """Where a volume's units lie (_INDEX_SCHEMA), remembered by its version."""
        if volume.label in self._indexes:
            return self._indexes[volume.label]
        key = (volume.label, volume.version)
        if volume.version is not None and key in _INDEXES:
            self._indexes[volume.label] = _INDEXES[key]
            return _INDEXES[key]
        if keep:
            index = _index(self._open(volume), volume.label)
        else:
            with tempfile.TemporaryDirectory(dir=self._folder) as name:
                index = _index(_texts(volume, Path(name)), volume.label)
        self._indexes[volume.label] = index
        if volume.version is not None:
            _INDEXES[key] = index
        return index

    def unit(self, volume: Volume, member: int, offset: int, length: int, old: bool) -> Any:
        """One record or release, decoded; what cannot be decoded is its text."""
        return _decoded(memoryview(self._open(volume)[member])[offset : offset + length], old)

    def _open(self, volume: Volume) -> list[mmap.mmap]:
        if volume.label not in self._texts:
            texts = _texts(volume, Path(tempfile.mkdtemp(dir=self._folder)))
            known = self._indexes.get(volume.label)
            if known is not None and not _index(texts, volume.label).equals(known):
                raise SourceError(f"{volume.label} changed while it was being read: run the month again")
            self._texts[volume.label] = texts
        return self._texts[volume.label]


# Unpacking.


def _texts(volume: Volume, folder: Path) -> list[mmap.mmap]:
    """The JSON documents of a volume, unpacked into `folder` and mapped."""
    path = volume.fetch(folder)
    if path is None:
        return []
    try:
        return [_mapped(unpacked, volume.label) for unpacked in _unpacked(path, volume.label, folder)]
    except OSError as error:
        raise SourceError(f"{volume.label} cannot be read: {error.strerror or error}") from error


def _mapped(path: Path, label: str) -> mmap.mmap:
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            raise SourceError(f"{label} is empty")
        # Private: what `_mend` changes does not reach the file.
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)


def _unpacked(path: Path, label: str, folder: Path) -> list[Path]:
    """Plain JSON files of a file that is plain, gzip or zip by its first bytes. SourceError for a bad archive."""
    with path.open("rb") as file:
        magic = file.read(4)
    try:
        if magic[:2] == b"\x1f\x8b":
            with gzip.open(path) as packed:
                return [_copy(packed, folder / "text.json", most_bytes(path.stat().st_size), label)]
        if magic in (b"PK\x03\x04", b"PK\x05\x06"):
            return _unzipped(path, label, folder)
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{label} is truncated or damaged: {error}") from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile's words for a password or an unknown method
        raise SourceError(f"{label} cannot be unpacked: {error}") from error
    return [path]


def _unzipped(path: Path, label: str, folder: Path) -> list[Path]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if member.filename.lower().endswith(_JSON_SUFFIXES)]
        if not members:
            raise SourceError(f"{label} holds no JSON file")
        # The bound is for the archive as a whole: many members may share one compressed body.
        left, found = most_bytes(path.stat().st_size), []
        for number, member in enumerate(sorted(members, key=lambda member: member.filename)):
            with archive.open(member) as packed:
                found.append(_copy(packed, folder / f"text-{number}.json", left, label))
            size = found[-1].stat().st_size
            if size != member.file_size:
                raise zipfile.BadZipFile(f"{member.filename!r} has {size} bytes, not the {member.file_size} it says")
            left -= size
        return found


def _copy(source: IO[bytes] | Any, target: Path, bound: int, label: str) -> Path:
    """Copy at most `bound` bytes into a file; raises SourceError when there are more."""
    written = 0
    with target.open("wb") as file:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > bound:
                raise SourceError(f"{label} unpacks to more than {bound} bytes: it is not an honest archive")
            file.write(chunk)
    return target


# The index.


def _index(texts: Iterable[mmap.mmap], label: str) -> pl.DataFrame:
    rows: list[tuple[Any, ...]] = []
    for member, mapped in enumerate(texts):
        base = pa.py_buffer(mapped).address
        try:
            for raw, version in _mended_units(mapped):
                offset = pa.py_buffer(raw).address - base
                rows.append((*_head(raw, version), member, offset, len(memoryview(raw))))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SourceError(f"{label} is not readable JSON: {error}") from error
        except _NotOcdsError as error:
            raise SourceError(f"{label} {error}") from error
    columns = ("key", "nog", "record", "month", "first", "updated", "stamp", "old", "member", "offset", "length")
    schema = {name: _INDEX_SCHEMA[name] for name in columns}
    return pl.DataFrame(rows, schema=schema, orient="row").select(*_INDEX_SCHEMA)


class _NotOcdsError(Exception):
    """JSON that holds no records and no releases."""


def _mended_units(mapped: mmap.mmap) -> list[tuple[msgspec.Raw, str | None]]:
    try:
        return list(_units(mapped))
    except msgspec.DecodeError:
        if not _mend(mapped):
            raise
        return list(_units(mapped))


def _mend(mapped: mmap.mmap) -> bool:
    """Replace lone halves of surrogate pairs, which no reader takes, in place; whether there were any."""
    halves, high = [], None
    for match in _ESCAPE.finditer(mapped):
        code = int(match[1], 16) if match[1] else 0
        if high is not None and high + 6 == match.start() and 0xDC00 <= code <= 0xDFFF:
            halves.pop()
        elif 0xD800 <= code <= 0xDFFF:
            halves.append(match.start())
        high = match.start() if 0xD800 <= code <= 0xDBFF else None
    for start in halves:
        mapped[start : start + 6] = b"\\ufffd"
    return bool(halves)


def _units(mapped: mmap.mmap) -> Iterator[tuple[msgspec.Raw, str | None]]:
    """The records and releases of a document, undecoded, each with the OCDS version that its package declares."""
    whole = memoryview(mapped)
    start = 3 if bytes(whole[:3]) == b"\xef\xbb\xbf" else 0
    lines = _lines(mapped, start)
    first = next(lines, None)
    if first is None:
        raise _NotOcdsError("is empty")
    if next(lines, None) is not None and _is_whole(first):
        for line in _lines(mapped, start):
            yield from _expanded(_raw(line), None)
    else:
        yield from _expanded(_raw(whole[start:]), None)


def _lines(mapped: mmap.mmap, start: int) -> Iterator[memoryview]:
    """The lines that are not blank."""
    whole = memoryview(mapped)
    while start < len(whole):
        end = mapped.find(b"\n", start)
        end = len(whole) if end < 0 else end
        if bytes(whole[start : min(end, start + 64)]).strip(_BLANK) or bytes(whole[start:end]).strip(_BLANK):
            yield whole[start:end]
        start = end + 1


def _is_whole(line: memoryview) -> bool:
    try:
        _raw(line)
    except msgspec.MsgspecError:
        return False
    return True


def _raw(data: memoryview) -> msgspec.Raw:
    return msgspec.json.decode(data, type=msgspec.Raw)


def _expanded(raw: msgspec.Raw, version: str | None) -> Iterator[tuple[msgspec.Raw, str | None]]:
    """The units of a package, of a list, or the unit itself. Raises _NotOcdsError when it is none of these."""
    kind = bytes(memoryview(raw)[:1])
    if kind == b"[":
        for item in _DECODE_LIST.decode(raw):
            yield from _expanded(item, version)
        return
    if kind != b"{":
        raise _NotOcdsError("holds a JSON value that is no OCDS package, record or release")
    top = _DECODE_MAP.decode(raw)
    if is_package(top):
        _demand_single_keys(raw, top)
        declared = text(_DECODE.decode(top["version"])) if "version" in top else version
        for name, present in (("records", is_record_package(top)), ("releases", is_release_package(top))):
            if present and top[name] != msgspec.Raw(b"null"):
                yield from ((item, declared) for item in _listed(top[name], name))
    elif is_record(top) or is_release(top) or "compiledRelease" in top or "ocid" in top:
        yield raw, version
    else:
        raise _NotOcdsError("holds no OCDS records or releases")


def _demand_single_keys(raw: msgspec.Raw, top: dict[str, msgspec.Raw]) -> None:
    """Raises _NotOcdsError when a package has a key twice: of two lists of records decoders give the last one alone."""
    whole, base, end = memoryview(raw), pa.py_buffer(raw).address, 0
    places = sorted((pa.py_buffer(value).address - base, len(memoryview(value))) for value in top.values())
    for start, length in places:
        if not _BEFORE_VALUE.fullmatch(whole[end:start]):
            raise _NotOcdsError("has a key twice in its package")
        end = start + length
    if bytes(whole[end:]).strip(_BLANK) != b"}":
        raise _NotOcdsError("has a key twice in its package")


def _listed(raw: msgspec.Raw, name: str) -> list[msgspec.Raw]:
    try:
        return _DECODE_LIST.decode(raw)
    except msgspec.ValidationError as error:
        raise _NotOcdsError(f"has {name} that are no list") from error


def _head(raw: msgspec.Raw, version: str | None) -> tuple[Any, ...]:
    """key, nog, record, month, first, updated, stamp, old."""
    try:
        unit = (
            _DECODE_UNIT.decode(raw) if len(memoryview(raw)) <= MAX_UNIT else _loose_unit(_oversized(memoryview(raw)))
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        unit = _loose_unit(_decoded(memoryview(raw), old=False))
    compiled = unit.compiled_release or unit
    whole = unit.compiled_release is not None or unit.releases is not None or _is_compiled(unit.tag)
    latest = unit.releases[-1] if unit.releases else None
    tender = compiled.tender or (latest and latest.tender) or _Tender()
    nog = nog_of(unit.ocid or compiled.ocid, tender.id)
    given = [local_time(release.date) for release in (compiled, *(unit.releases or ()))]
    dates = [date for date in given if date and usable(date)]
    updated = last_change(dates)
    stamp = local_time(compiled.published_date) or local_time(latest and latest.published_date) or updated
    month = month_of(local_time(tender.date_published))
    number = int(nog) if nog and nog.isdigit() else None
    return nog, number, whole, month, min(dates, default=None), updated, stamp, _is_old(raw, unit, version)


def _is_compiled(tag: Any) -> bool:
    return bool(is_compiled_release({"tag": tag}))


def _is_old(raw: msgspec.Raw, unit: _Unit, version: str | None) -> bool:
    """OCDS 1.0: declared so or, undeclared, by organisations in full where 1.1 has references and `parties`."""
    if version is not None:
        return version == "1.0"
    if unit.compiled_release or unit.releases:
        return False
    try:
        release = _DECODE_OLD.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    buyer = release.buyer
    return release.parties is None and buyer is not None and (buyer.identifier or buyer.address) is not None


def _loose_unit(value: Any) -> _Unit:
    """The same of a unit whose parts have wrong types: what fits is taken."""
    if not isinstance(value, dict):
        return _Unit()
    releases, compiled = value.get("releases"), value.get("compiledRelease")
    unit = _Unit(
        releases=[_loose_release(release) for release in releases] if isinstance(releases, list) else None,
        compiled_release=_loose_release(compiled) if isinstance(compiled, dict) else None,
    )
    own = _loose_release(value)
    for name in own.__struct_fields__:
        setattr(unit, name, getattr(own, name))
    return unit


def _loose_release(value: Any) -> _Release:
    if not isinstance(value, dict):
        return _Release()
    tender = value.get("tender")
    place = _Tender(tender.get("id"), tender.get("datePublished")) if isinstance(tender, dict) else None
    return _Release(value.get("date"), value.get("publishedDate"), value.get("ocid"), place, value.get("tag"))


def _decoded(data: memoryview, old: bool) -> Any:
    """One unit as Python values (numbers with a point as text); the text itself when it cannot be decoded."""
    if len(data) > MAX_UNIT:
        return _oversized(data)
    try:
        unit = _DECODE.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        unit = _patched(bytes(data))
    if old and isinstance(unit, dict):
        # With wrong types inside it is read as it stands.
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            unit = upgrade_10_11(unit, reorder=False)
    return unit


def _oversized(data: memoryview) -> dict[str, Any]:
    """What stands for a record that is too large: its ocid, and the reason in place of the date, where the rejects show it."""
    found = _OCID.search(data[:_CHUNK])
    ocid = found[1].decode("utf-8", "replace") if found else None
    reason = f"registro de {len(data)} bytes: demasiado grande"
    return {"ocid": ocid, "compiledRelease": {"ocid": ocid, "tag": ["compiled"], "tender": {"datePublished": reason}}}


def _patched(data: bytes) -> Any:
    """JSON whose text is not proper Unicode or whose numbers are too long: those characters are replaced, those numbers text."""
    broken = data.decode("utf-8", "replace")
    try:
        value = json.loads(broken, parse_float=str, parse_int=_whole_number)
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return broken


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) < _LONG_NUMBER else digits


# Folders.


@dataclass(frozen=True)
class _Folder:
    path: Path

    def volumes(self, month: Month | None) -> list[Volume]:
        """Every file, in order of name: any of them may hold records of any month."""
        try:
            if self.path.is_dir():
                paths = [path for path in sorted(self.path.rglob("*")) if self._counts(path)]
                if not paths:
                    raise SourceError(f"{self.path} holds no OCDS files ({', '.join(SUFFIXES)})")
            elif self.path.exists():
                paths = [self.path]
            else:
                raise SourceError(f"{self.path} does not exist")
            return [_volume(path) for path in paths]
        except OSError as error:
            raise SourceError(f"{self.path} cannot be read: {error.strerror or error}") from error

    def _counts(self, path: Path) -> bool:
        hidden = any(part.startswith(".") for part in path.relative_to(self.path).parts)
        return not hidden and path.name.lower().endswith(SUFFIXES) and path.is_file() and not _other_format(path)

    def watermarks(self) -> None:
        return None

    def completed(self, unit: Any) -> Any:
        return unit


def _volume(path: Path) -> Volume:
    state = path.stat()
    match = _NAMED.search(path.name)
    named = Month(int(match[1]), int(match[2])) if match and 1 <= int(match[2]) <= 12 else None
    # A plain file is read where it lies.
    return Volume(str(path.resolve()), (state.st_size, state.st_mtime_ns), named, lambda folder: path)


def _other_format(path: Path) -> bool:
    """A readable zip without JSON: the publisher's CSV and Excel downloads, say."""
    if not path.name.lower().endswith(".zip"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.lower() for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError):
        return False  # it is named when it is read
    return bool(names) and not any(name.endswith(_JSON_SUFFIXES) for name in names)


# The API.


class _TruncatedError(Exception):
    """A response that ended early."""


# Failures that may pass.
_PASSING = (URLError, TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException, _TruncatedError)


class Api:
    """A client of the official API: time-outs, retries; 204, 400 and 404 mean that nothing is there."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        # A password with a bare / ? or # would be taken for the host's name and the path, and shown.
        misread = "@" in f"{parts.path}{parts.query}{parts.fragment}" and "@" not in parts.netloc
        if parts.scheme not in ("http", "https") or not parts.hostname or misread:
            raise SourceError(f"'{_without_secrets(url)}' is not the address of an API: write ocds+https://HOST/base")
        host = parts.netloc.rpartition("@")[2]
        self.base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None

    def files(self) -> list[dict[str, Any]]:
        """The monthly files that the API lists: year, month, timestamp, files; empty when it has no list."""
        answer = self._json("/files")
        listed = answer.get("result") if isinstance(answer, dict) else None
        return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []

    def month_file(self, month: Month, target: Path) -> Path | None:
        """Download a month's JSON file (usually zipped) to `target`; None when there is none."""
        for number in dict.fromkeys((str(month.number), f"{month.number:02d}")):
            if self._download(f"/file/json/{month.year}/{number}", target):
                return target
        return None

    def release(self, release_id: str) -> Any:
        """The package of a release, decoded; None when there is none."""
        return self._json(f"/release/{quote(release_id, safe='')}")

    def record(self, ocid: str) -> Any:
        """The package of a record, decoded; None when there is none."""
        return self._json(f"/record/{quote(ocid, safe='')}")

    def _json(self, path: str) -> Any:
        with tempfile.TemporaryDirectory(prefix="guatecompras-ocds-") as name:
            found = self._download(path, Path(name) / "answer")
            if not found:
                return None
            data = found.read_bytes()
        try:
            return _DECODE.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SourceError(f"{self.base}{path} did not answer JSON: {error}") from error

    def _download(self, path: str, target: Path) -> Path | None:
        """Stream a response into a file; connection errors, early ends and 5xx are tried again, refusals are not."""
        url = f"{self.base}{path}"
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(BACKOFF_SECONDS * 2 ** (attempt - 1) * (1 + random.random()))  # noqa: S311 # nosec B311
            try:
                return self._try(url, target)
            except HTTPError as error:
                if error.code in NOTHING_THERE:
                    return None
                failure = f"answered {error.code} {error.reason}"
                if error.code < 500:
                    break
            except _PASSING as error:
                failure = f"cannot be reached: {getattr(error, 'reason', None) or error or type(error).__name__}"
        raise SourceError(f"{url} {failure}")

    def _try(self, url: str, target: Path) -> Path | None:
        deadline = time.monotonic() + DOWNLOAD_SECONDS
        request = Request(url, headers={"User-Agent": USER_AGENT, "Accept": "application/json, application/zip, */*"})  # noqa: S310
        if self._login:
            # Not for a host that it redirects to.
            login = base64.b64encode(self._login.encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {login}")
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 # nosec B310
            if response.status == 204:
                return None
            expected, written = response.headers.get("Content-Length"), 0
            with target.open("wb") as file:
                while chunk := response.read(_CHUNK):
                    written += len(chunk)
                    if written > MAX_DOWNLOAD:
                        raise SourceError(f"{url} is larger than {MAX_DOWNLOAD} bytes")
                    if time.monotonic() > deadline:
                        raise SourceError(f"{url} did not arrive within {DOWNLOAD_SECONDS:.0f} seconds")
                    file.write(chunk)
        if expected and expected.isdigit() and written < int(expected):
            raise _TruncatedError(f"it ended after {written} of {expected} bytes")
        return target if written else None


@dataclass(frozen=True)
class _ApiShelf:
    api: Api

    def volumes(self, month: Month | None) -> list[Volume]:
        """The month's file and its neighbours', where records may lie that count to it in local time."""
        if month is None:
            return []
        versions = dict(self._listed())
        return [self._volume(named, versions.get(named)) for named in _around(month)]

    def _volume(self, month: Month, listed: dict[str, Any] | None) -> Volume:
        def fetch(folder: Path) -> Path | None:
            return self.api.month_file(month, folder / "download")

        version = text([listed.get("timestamp"), _sha(listed)]) if listed else None
        return Volume(f"{self.api.base}/file/json/{month.year}/{month.number}", version, month, fetch, spreads=False)

    def _listed(self) -> Iterator[tuple[Month, dict[str, Any]]]:
        for item in self.api.files():
            try:
                yield Month.parse(f"{int(item.get('year') or 0):04d}-{int(item.get('month') or 0):02d}"), item
            except (MonthError, TypeError, ValueError):
                continue

    def watermarks(self) -> dict[str, datetime]:
        written = {
            str(month): _moment(local_time(item.get("timestamp"))) or month.start for month, item in self._listed()
        }
        return dict(sorted(written.items()))

    def completed(self, unit: Any) -> Any:
        """A record that only links is asked for: as a record, else release by release."""
        if not isinstance(unit, dict) or isinstance(unit.get("compiledRelease"), dict) or not is_record(unit):
            return unit
        releases = unit["releases"] if isinstance(unit["releases"], list) else []
        if any(isinstance(release, dict) and not is_linked_release(release, 4) for release in releases):
            return unit
        package = self.api.record(text(unit["ocid"]) or "")
        for record in _within(package, "records"):
            if isinstance(record.get("compiledRelease"), dict):
                return record
        return unit | {"releases": [self._release(release) for release in releases]}

    def _release(self, release: Any) -> Any:
        address = text(release.get("url")) if isinstance(release, dict) else None
        found = _within(self.api.release(address.rstrip("/").rsplit("/", 1)[-1]), "releases") if address else []
        return found[0] if found else release


def _within(package: Any, name: str) -> list[dict[str, Any]]:
    listed = package.get(name) if isinstance(package, dict) else None
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _sha(listed: dict[str, Any]) -> Any:
    files = listed.get("files")
    return files.get("sha") if isinstance(files, dict) else None


def _around(month: Month) -> list[Month]:
    """The month before, the month, the month after."""
    return [Month(month.year - (month.number == 1), (month.number - 2) % 12 + 1), month, month.next()]


def _moment(local: str | None) -> datetime | None:
    return datetime.fromisoformat(local.strip()).replace(tzinfo=None) if local and usable(local) else None


def _without_secrets(uri: str) -> str:
    """Without who logs in: a name alone may be a token."""
    return re.sub(r"//.*@", "//", uri, flags=re.DOTALL).partition("?")[0]
