"""Files as they are downloaded: whatever is public under /publication/, and /files and /file of the official contract.

Which files there are the index and the manifests say; pages that list them for people are `pages/`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import RedirectResponse, Response

from guatecompras.months import SPANISH, Month
from portal.held import Held
from portal.http.answers import Streamed, respond
from portal.http.compression import is_text
from portal.http.conditional import FOLLOWS, FOREVER, http_date, is_fresh, quoted, range_holds
from portal.http.errors import RefusedError, absent, gone
from portal.http.ranges import UnsatisfiableError, part_of
from portal.http.requests import edition, settings
from portal.http.security import policy_of_report
from portal.http.wrapping import Wrapped, wrapped
from portal.publication import CATALOG, CHANGING, Edition, File

router = APIRouter()

_ZIP = "application/zip"
_MEDIA = {
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".html": "text/html; charset=utf-8",
    ".gz": "application/gzip",
    ".zip": _ZIP,
    ".parquet": "application/vnd.apache.parquet",
    ".arrow": "application/vnd.apache.arrow.file",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# What a browser shows; all else it saves.
_SHOWN = frozenset({".json", ".jsonld", ".html"})
# Up to here a file of text is held, so that it can be compressed.
_LARGEST_WHOLE = 1 << 20

_ARCHIVES: Held[Wrapped] = Held(256)
_SUMS: Held[str] = Held(1024)


@dataclass(frozen=True)
class Content:
    """What can be sent in parts. `name`: what it is saved as; `pieces(start, end)`: a part of it, little held at a time."""

    name: str
    media: str
    length: int
    etag: str
    modified: datetime
    cache: str
    pieces: Callable[[int, int], Iterator[bytes]]


# Everything that is public.


@router.get("/publication/{path:path}", include_in_schema=False)
def published(request: Request, path: str) -> Response:
    found = edition(request)
    if path in CHANGING:
        return _changing(request, found, path)
    settled = found.settled(path)
    if settled:
        return RedirectResponse(f"/publication/{settled}", 302, {"Cache-Control": FOLLOWS})
    try:
        file = found.file(path)
    except KeyError:
        raise absent("No hay ningún archivo publicado en esta dirección.") from None
    if found.is_withdrawn(path):
        raise gone("Los archivos de esta versión ya no se guardan; su manifiesto y sus cambios, sí.")
    suffix = _suffix(file.name)
    if file.bytes <= _LARGEST_WHOLE and is_text(_MEDIA.get(suffix, "")) and "range" not in request.headers:
        return _text(request, found, file)
    return sent(request, _content(found, file))


def _changing(request: Request, found: Edition, path: str) -> Response:
    stat = found.stat(path)
    if stat is None:
        raise absent("Todavía no se ha publicado ningún mes.")
    body = found.read(path)
    etag = "" if path == CATALOG else stat.etag
    return respond(request, body, _MEDIA[_suffix(path)], etag=etag, modified=stat.modified)


def _text(request: Request, found: Edition, file: File) -> Response:
    """A small file of text, whole: the middleware compresses it."""
    body = found.read(file.path)
    policy = policy_of_report(body) if file.name.endswith(".html") else None
    shown = policy is not None or not file.name.endswith(".html")
    headers = {"Content-Disposition": _disposition(_saved_as(file), shown), "Accept-Ranges": "bytes"}
    if policy:
        headers["Content-Security-Policy"] = policy
    media = _MEDIA[_suffix(file.name)]
    return respond(request, body, media, etag=file.sha256, modified=file.published, cache=FOREVER, headers=headers)


def _content(found: Edition, file: File) -> Content:
    media = _MEDIA.get(_suffix(file.name), "application/octet-stream")
    return Content(
        _saved_as(file),
        media,
        file.bytes,
        file.sha256,
        file.published,
        FOREVER,
        lambda start, end: found.stream(file.path, start, end),
    )


def sent(request: Request, content: Content) -> Response:
    """The file, or the part of it that is asked for, or 304."""
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": content.cache,
        "Content-Disposition": _disposition(content.name, _suffix(content.name) in _SHOWN),
        "ETag": quoted(content.etag),
        "Last-Modified": http_date(content.modified),
    }
    if is_fresh(request.headers, content.etag, content.modified):
        return Response(status_code=304, headers=headers)
    start, end, status = 0, content.length, 200
    try:
        part = part_of(request.headers.get("range"), content.length)
    except UnsatisfiableError:
        part = None
        if range_holds(request.headers, content.etag, content.modified):
            raise RefusedError(416, headers={"Content-Range": f"bytes */{content.length}"}) from None
    if part and range_holds(request.headers, content.etag, content.modified):
        start, end = part
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.length}"
    return Streamed(lambda: content.pieces(start, end), end - start, content.media, status, headers)


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2]}" if "." in name else ""


def _disposition(name: str, shown: bool) -> str:
    """Names of published files are of letters, digits and `._-=`."""
    return f'{"inline" if shown else "attachment"}; filename="{name}"'


_DATED = re.compile(r"\d{4}(-\d\d)?_")


def _saved_as(file: File) -> str:
    """A name that says which month or year the file is of, also beside others: `2026-05_awards.parquet`."""
    if _DATED.match(file.name):
        return file.name
    parts = file.path.split("/")
    month = next((part.removeprefix("month=") for part in parts if part.startswith("month=")), "")
    if month:  # history/<version>/<table>/month=2026-05/data.parquet
        return f"{month}_{parts[-3]}.{file.name.rpartition('.')[2]}"
    return f"{parts[0] if parts[0] == 'history' else parts[1]}_{file.name}"


# The official contract.


class Kind(StrEnum):
    """`TipoArchivo` of the contract, and the sums of the three."""

    JSON = "json"
    XLSX = "xlsx"
    CSV = "csv"
    SHA = "sha"


# Kind -> how the published file's name ends, and what is downloaded is called after the month.
_OFFICIAL = {
    Kind.JSON: ("_Guatecompras.json.zip", "_Guatecompras.json.zip"),
    # Official clients open a ZIP and look for the workbook in it.
    Kind.XLSX: ("_Guatecompras.xlsx", "_Guatecompras.xlsx.zip"),
    Kind.CSV: ("_csv.zip", "_Guatecompras_csv.zip"),
}
_WRAPPED = frozenset({Kind.XLSX})

# An official client that leaves a field of its form empty sends `month=`.
_Empty = BeforeValidator(lambda value: None if value == "" else value)
Year = Annotated[int, Path(ge=1, le=9999, description="Año del archivo", examples=[2026])]
MonthNumber = Annotated[int, Path(ge=1, le=12, description="Mes del archivo, con cero o sin él")]
YearAsked = Annotated[Annotated[int, Field(ge=1, le=9999)] | None, _Empty, Query(description="Año del archivo")]
MonthAsked = Annotated[Annotated[int, Field(ge=1, le=12)] | None, _Empty, Query(description="Mes del archivo")]
_ANSWERED = {
    200: {"description": "Los meses publicados, el más reciente primero", "content": {"application/json": {}}},
    400: {"description": "Un parámetro no es válido: el mensaje dice cuál y por qué"},
}
_SENT = {
    200: {"description": "El archivo, un ZIP; o las sumas, como texto", "content": {_ZIP: {}, "text/plain": {}}},
    204: {"description": "No hay datos de ese mes"},
    400: {"description": "Un parámetro no es válido: el mensaje dice cuál y por qué"},
}


@router.get(
    "/files",
    tags=["File"],
    summary="Obtiene una lista de archivos de descargas masivas",
    responses=_ANSWERED,  # type: ignore[arg-type]
)
def files(request: Request, year: YearAsked = None, month: MonthAsked = None) -> Response:
    found = edition(request)
    months = [Month.parse(name) for name in found.months]
    wanted = [one for one in months if year in {None, one.year} and month in {None, one.number}]
    base = settings(request).base_url.rstrip("/")
    listed = [_listed(one, found.month(str(one)), base) for one in wanted]
    return respond(request, orjson.dumps({"result": listed}), "application/json", modified=found.modified)


def _listed(month: Month, entry: dict[str, Any], base: str) -> dict[str, Any]:
    """`ResultFilePkgRecord` of the contract. `sha`: where the sha256 of the other three are, as `sha256sum -c` reads them."""
    place = f"{month.year:04d}/{month.number:02d}"
    return {
        "id": f"gc-{month}",
        "files": {
            kind.value: f"{base}/file/{kind.value}/{place}" for kind in (Kind.CSV, Kind.XLSX, Kind.JSON, Kind.SHA)
        },
        "year": month.year,
        "month": month.number,
        "monthName": SPANISH[month.number - 1],
        "source": "Guatecompras",
        "timestamp": entry["published"],
    }


@router.get(
    "/file/{type}/{year}/{month}",
    tags=["File"],
    summary="Obtiene un archivo de descarga masiva",
    description="Un ZIP: el paquete de registros OCDS, el libro de Excel o las tablas en CSV. `sha`: sus sumas sha256.",
    responses=_SENT,  # type: ignore[arg-type]
    response_class=Response,
)
def file(request: Request, type: Kind, year: Year, month: MonthNumber) -> Response:
    found, name = edition(request), f"{year:04d}-{month:02d}"
    if name not in found.months:
        return Response(status_code=204, headers={"Cache-Control": FOLLOWS})
    if type is Kind.SHA:
        return _sums(request, found, name)
    return sent(request, _official(found, name, type))


def _official(found: Edition, month: str, kind: Kind) -> Content:
    end, saved = _OFFICIAL[kind]
    source = found.named(month, f"{month}{end}")
    if kind in _WRAPPED:
        return _archive(found, source, f"{month}{saved}")
    pieces = _content(found, source).pieces
    return Content(f"{month}{saved}", _ZIP, source.bytes, source.sha256, source.published, FOLLOWS, pieces)


def _archive(found: Edition, source: File, saved: str) -> Content:
    frame = _ARCHIVES.get(
        source.sha256, lambda: wrapped(source.name, source.bytes, found.stream(source.path, 0, source.bytes))
    )

    def pieces(start: int, end: int) -> Iterator[bytes]:
        return frame.around(start, end, found.stream(source.path, *frame.inner(start, end)))

    return Content(saved, _ZIP, frame.length, f"{source.sha256}-zip", source.published, FOLLOWS, pieces)


def _sums(request: Request, found: Edition, month: str) -> Response:
    contents = [_official(found, month, kind) for kind in _OFFICIAL]
    lines = "".join(f"{_sum(content)}  {content.name}\n" for content in contents)
    return respond(request, lines.encode(), "text/plain; charset=utf-8", modified=contents[0].modified)


def _sum(content: Content) -> str:
    """A published file's sha256 is its ETag; what is wrapped is read once."""

    def read() -> str:
        seal = sha256()
        for piece in content.pieces(0, content.length):
            seal.update(piece)
        return seal.hexdigest()

    return _SUMS.get(content.etag, read) if content.etag.endswith("-zip") else content.etag
