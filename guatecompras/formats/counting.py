"""What a published file really holds, found by reading it again: rows by table, digest. What it should is the caller's.

Every count reads all bytes, so a file that is cut short or damaged is found out. Memory is bounded by one record, row
group or chunk.
"""

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from guatecompras.errors import GuatecomprasError
from guatecompras.formats.archive import CHUNK, read_chunks
from guatecompras.formats.excel import ABOUT_TITLE

_LARGEST_RECORD = 256 << 20  # bytes; more between two records means that the document is not one of ours
_LARGEST_HEAD = 16 << 20
_DESCRIPTION = "datapackage.json"  # of the other members, no table itself


def count_rows(path: Path, format: str) -> dict[str, int]:
    """Rows of a published file, by table; raises GuatecomprasError when it is cut short, damaged or of another format.

    | format | result |
    |---|---|
    | `json` (ZIP of record packages, compact) | `{"records": n}` |
    | `jsonl.gz` | `{"lines": n}` |
    | `csv.zip`, `parquet.zip` | one entry a member, without its suffix; `datapackage.json` left out |
    | `xlsx` | one entry a sheet, without its header; "Acerca de" left out, "<title> (2)" … added to "<title>" |
    | `csv`, `parquet` | `{"rows": n}` |
    """
    if format not in _COUNTERS:
        raise ValueError(f"'{format}' is not a published format: {', '.join(_COUNTERS)}")
    try:
        return _COUNTERS[format](path)
    except _BrokenError as error:
        raise GuatecomprasError(f"{path} is damaged: {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, pa.ArrowException, struct.error) as error:
        raise GuatecomprasError(f"{path} is damaged: {str(error).partition(chr(10))[0]}") from error
    except OSError as error:
        raise GuatecomprasError(f"{path} cannot be read: {str(error).partition(chr(10))[0]}") from error


def digest(path: Path) -> tuple[str, int]:
    """SHA-256 (hexadecimal) and size in bytes of a file."""
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return sha256, file.tell()


class _BrokenError(Exception):
    """What is wrong with the content; count_rows adds the file's name."""


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _members(path: Path, suffix: str, count: Callable[[Iterable[bytes]], int]) -> dict[str, int]:
    """What `count` finds in each member of a ZIP. Reading a member to its end also checks its CRC."""
    with zipfile.ZipFile(path) as archive:
        found = {}
        for name in archive.namelist():
            if name == _DESCRIPTION:
                archive.read(name)
                continue
            if not name.endswith(suffix):
                raise _BrokenError(f"its member {name} is not a {suffix} file")
            with archive.open(name) as stream:
                try:
                    found[name.removesuffix(suffix)] = count(_chunks(stream))
                except _BrokenError as error:
                    raise _BrokenError(f"{name}: {error}") from error
    if not found:
        raise _BrokenError("it has no members")
    return found


# CSV.


def _csv_records(chunks: Iterable[bytes]) -> int:
    """Records under the header: line feeds outside quotes. Every record must have as many commas as the header has."""
    header: bytes | None = b""
    lines = commas = columns = 0
    quoted, last = False, b""
    for chunk in chunks:
        last = chunk[-1:]
        # Between quotes lies quoted text, outside them the structure; a doubled quote leaves and enters again.
        pieces = chunk.split(b'"')
        outside = b'""'.join(pieces[quoted::2])
        quoted ^= len(pieces) % 2 == 0
        if header is not None:
            header += outside
            if b"\n" in header:
                columns, header = header.partition(b"\n")[0].count(b",") + 1, None
        lines += outside.count(b"\n")
        commas += outside.count(b",")
    if quoted or last != b"\n":
        raise _BrokenError("it ends in the middle of a record")
    if commas != lines * (columns - 1):
        raise _BrokenError("its records do not all have the columns of the header")
    return lines - 1


def _count_csv(path: Path) -> dict[str, int]:
    with open(path, "rb") as file:
        return {"rows": _csv_records(_chunks(file))}


def _count_csv_zip(path: Path) -> dict[str, int]:
    return _members(path, ".csv", _csv_records)


# JSON.


class _Record(msgspec.Struct):
    ocid: str


class _Package(msgspec.Struct):
    records: list[_Record]


_decode_record = msgspec.json.Decoder(_Record).decode
_HEAD_END = re.compile(rb'(?P<head>"records":\[)(?:(?P<key>\{"[^"]*":)|\]\})')


def _json_records(chunks: Iterable[bytes]) -> int:
    """Records of a compact record package whose head comes first, each of them parsed.

    The document is cut where one object of an array follows another and starts with the same key as the first record:
    those bytes cannot stand inside a string, where quotes are escaped. A piece that is not whole JSON was cut between
    inner objects, and goes on with the next piece.
    """
    source = iter(chunks)
    text, key = _after_head(source)
    boundary = b"}," + key
    count = scanned = 0
    for chunk in chain([b""], source):
        text += chunk
        start = 0
        while key and (end := text.find(boundary, scanned)) >= 0:
            scanned = end + 1
            if _is_record(text[start:scanned]):
                count, start = count + 1, end + 2
        text = text[start:]
        scanned = max(0, len(text) - len(boundary) + 1)
        if len(text) > _LARGEST_RECORD:
            raise _BrokenError("it has no record ends where a compact record package has them")
    text = text.rstrip()
    if not text.endswith(b"]}") or (len(text) > 2) != bool(key) or (key and not _is_record(text[:-2])):
        raise _BrokenError("it ends in the middle of a record")
    return count + bool(key)


def _after_head(source: Iterator[bytes]) -> tuple[bytes, bytes]:
    """What follows the head, `{…"records":[`, as far as it is read, and how a record begins (empty: there are none)."""
    text = b""
    for chunk in source:
        text += chunk
        match = _HEAD_END.search(text)
        if match:
            try:
                package = msgspec.json.decode(text[: match.end("head")] + b"]}", type=_Package)
            except msgspec.DecodeError as error:
                raise _BrokenError(f"its head is not JSON: {error}") from error
            if not package.records:
                return text[match.end("head") :], match["key"] or b""
        if len(text) > _LARGEST_HEAD:
            break
    raise _BrokenError("it is not a compact record package")


def _is_record(text: bytes) -> bool:
    try:
        _decode_record(text)
    except msgspec.ValidationError as error:
        raise _BrokenError(f"one of its records is not a record: {error}") from error
    except msgspec.DecodeError:
        return False
    return True


def _count_json(path: Path) -> dict[str, int]:
    return {"records": sum(_members(path, ".json", _json_records).values())}


def _count_lines(path: Path) -> dict[str, int]:
    lines, last = 0, b"\n"
    for chunk in read_chunks(path):
        lines += chunk.count(b"\n")
        last = chunk[-1:]
    if last != b"\n":
        raise _BrokenError("its last line does not end")
    return {"lines": lines}


# Excel.

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def _count_xlsx(path: Path) -> dict[str, int]:
    with zipfile.ZipFile(path) as archive:
        try:
            workbook = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 # nosec B314 # our own file
            relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 # nosec B314
            targets = {relation.attrib["Id"]: f"xl/{relation.attrib['Target']}" for relation in relations}
            sheets = {sheet.attrib["name"]: targets[sheet.attrib[_ID]] for sheet in workbook.iter(f"{_MAIN}sheet")}
            counts = {}
            for title, member in sheets.items():
                with archive.open(member) as stream:
                    counts[title] = _sheet_rows(title, _chunks(stream))
        except (KeyError, ElementTree.ParseError) as error:
            raise _BrokenError(f"it is not a workbook: {error}") from error
    found: dict[str, int] = {}
    for title, rows in counts.items():
        first = _first_part(title, found)
        if title != ABOUT_TITLE:
            found[first] = found.get(first, 0) + rows
    return found


def _first_part(title: str, earlier: Iterable[str]) -> str:
    """The sheet that "<title> (2)" goes on from, if there is one (its title may have been shortened for the number)."""
    match = re.fullmatch(r"(.+) \(\d+\)", title)
    if match is None:
        return title
    shortened = len(title) == 31
    parts = [name for name in earlier if name == match[1] or (shortened and name.startswith(match[1]))]
    return parts[-1] if parts else title


def _sheet_rows(title: str, chunks: Iterable[bytes]) -> int:
    rows, tail = 0, b""
    for chunk in chunks:
        text = tail + chunk
        # What a cell says cannot be mistaken for a row: its < is escaped.
        rows += text.count(b"<row ")
        # Too short to hold a row that is counted already.
        tail = text[-4:]
        last = text[-32:]
    if not rows or not last.rstrip().endswith(b"</worksheet>"):
        raise _BrokenError(f"its sheet {title} is not whole")
    return rows - 1


# Parquet.


def _parquet_rows(source: Path | pa.NativeFile) -> int:
    """Rows decoded, page checksums verified; they must be as many as the footer says."""
    with pq.ParquetFile(source, page_checksum_verification=True) as file:
        rows: int = sum(
            batch.num_rows for group in range(file.num_row_groups) for batch in file.iter_batches(row_groups=[group])
        )
        if rows != file.metadata.num_rows:
            raise _BrokenError(f"it holds {rows} rows, not the {file.metadata.num_rows} it declares")
    return rows


def _count_parquet(path: Path) -> dict[str, int]:
    return {"rows": _parquet_rows(path)}


def _count_parquet_zip(path: Path) -> dict[str, int]:
    # Parquet is read from its end: a stored member is a stretch of the file, so it is mapped, not unpacked.
    sizes = _members(path, ".parquet", lambda chunks: sum(map(len, chunks)))
    with zipfile.ZipFile(path) as archive, pa.memory_map(str(path)) as mapped:
        found = {}
        for name, size in sizes.items():
            info = archive.getinfo(f"{name}.parquet")
            if info.compress_type != zipfile.ZIP_STORED:
                raise _BrokenError(f"its member {info.filename} is not stored as it is")
            mapped.seek(info.header_offset + 26)
            mapped.seek(info.header_offset + 30 + sum(struct.unpack("<2H", mapped.read(4))))
            found[name] = _parquet_rows(pa.BufferReader(mapped.read_buffer(size)))
    return found


_COUNTERS: dict[str, Callable[[Path], dict[str, int]]] = {
    "json": _count_json,
    "jsonl.gz": _count_lines,
    "csv.zip": _count_csv_zip,
    "xlsx": _count_xlsx,
    "parquet": _count_parquet,
    "parquet.zip": _count_parquet_zip,
    "csv": _count_csv,
}
