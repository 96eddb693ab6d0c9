"""Predefined reports of what is public: run once for what is asked, kept on this machine for a while, and sent in every format.

What a report is, is `guatecompras/reports/`'s business; the forms and previews are `pages/reports.py`'s.
"""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow.parquet as pq
from fastapi import APIRouter, Request, Response

from guatecompras.formats.archive import CHUNK
from guatecompras.publication import code_digest
from guatecompras.reports import filters, running, writing
from guatecompras.reports.registry import REPORTS
from guatecompras.reports.report import Report
from portal.http.answers import Streamed, respond
from portal.http.conditional import FOLLOWS, quoted
from portal.http.errors import RefusedError, absent, bad_parameter
from portal.http.requests import edition
from portal.publication import Edition

router = APIRouter(tags=["Reportes"])

# What one request may read: a month of 25,000 takes a tenth of a second.
MOST_MONTHS = 24
# Reports that are made at once: more would share the same cores; who comes then waits, though not for long.
_AT_ONCE, _PATIENCE = threading.BoundedSemaphore(2), 15.0
# Files of results that are kept: the last ones that were asked for.
_KEPT = 60


def report_of(name: str) -> Report:
    """A report by its id. Raises 404."""
    found = REPORTS.get(name)
    if found is None:
        raise absent("No hay un reporte con ese nombre.")
    return found


def given(request: Request, *others: str) -> dict[str, str]:
    """What is asked of a report: each filter once. Raises 400."""
    told: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in others:
            continue
        if name in told:
            raise bad_parameter(name[:40], "se dio más de una vez")
        told[name] = value
    return told


def result(request: Request, report: Report, asked: Mapping[str, str]) -> tuple[running.Result, str]:
    """The report's result and its name, made if it is not kept. Raises 400, and 503 where too many are being made."""
    found, folder = edition(request), _folder(request)
    try:
        told = filters.read(report.filters, asked)
        months = filters.months_of(told, found.months)
        name = _name(report, told, {month: found.month(month)["version"] for month in months})
        kept = folder / f"{name}.parquet"
        with suppress(FileNotFoundError), pq.ParquetFile(kept) as file:
            return running.Result(report, told, months, kept, file.metadata.num_rows), name
        with _turn():
            part = folder / f".{name}-{threading.get_ident()}.parquet"
            made = running.run(report, asked, found.months, _folder_of(found), part, MOST_MONTHS)
            part.replace(kept)
        _tidy(folder)
        return running.Result(report, told, months, kept, made.rows), name
    except filters.FilterError as error:
        raise bad_parameter(error.name[:40], error.reason) from None


def _folder(request: Request) -> Path:
    folder: Path = request.app.state.publication.cache / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _folder_of(found: Edition) -> running.FolderOf:
    return lambda month, names: {found.local(month, name).parent.parent for name in names}.pop()


def _name(report: Report, told: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """Of all that decides a result's bytes."""
    seal = orjson.dumps(
        [report.id, {key: str(value) for key, value in told.items()}, versions, code_digest()],
        option=orjson.OPT_SORT_KEYS,
    )
    return f"{report.id}-{hashlib.sha256(seal).hexdigest()[:20]}"


@contextmanager
def _turn() -> Iterator[None]:
    if not _AT_ONCE.acquire(timeout=_PATIENCE):
        raise RefusedError(503, "Se están haciendo demasiados reportes a la vez. Vuelva a intentarlo en unos segundos.")
    try:
        yield
    finally:
        _AT_ONCE.release()


def _tidy(folder: Path) -> None:
    """Keep the last results; who has one open reads on."""
    with suppress(OSError):
        files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[_KEPT:]:
            path.unlink(missing_ok=True)


def page_of(kept: Path, first: int, count: int) -> pl.DataFrame:
    """Some rows of a result that was kept."""
    return pl.scan_parquet(kept).slice(first, count).collect()


def written(request: Request, made: running.Result, name: str, form: str) -> Path:
    """A result's file in a format, made if it is not kept."""
    folder = _folder(request)
    path = folder / f"{name}.{form}"
    if not path.exists():
        with _turn():
            made.write(form, path)
        _tidy(folder)
    return path


def _answer(request: Request, report: Report, form: str) -> Response:
    if form not in writing.MEDIA:
        raise absent(f"Un reporte se da como {', '.join(writing.MEDIA)}.")
    made, name = result(request, report, given(request))
    path = written(request, made, name, form)
    headers = {
        "Content-Disposition": f'attachment; filename="{report.id}.{form}"',
        "X-Total-Count": str(made.rows),
        "Cache-Control": FOLLOWS,
        "ETag": quoted(f"{name}-{form}"),
    }
    return Streamed(lambda: _pieces(path), path.stat().st_size, writing.MEDIA[form], 200, headers)


def _pieces(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _parameters(report: Report) -> list[dict[str, Any]]:
    """What the OpenAPI document says of a report's parameters."""
    form = {"name": "form", "in": "path", "required": True, "schema": {"type": "string", "enum": list(writing.MEDIA)}}
    asked = [
        {
            "name": name,
            "in": "query",
            "description": filters.FILTERS[name].meaning,
            "schema": filters.FILTERS[name].schema(),
        }
        for name in report.filters
    ]
    return [form, *asked]


_ERRORS = {
    400: "Un filtro no es válido: `detail` dice cuál y por qué",
    404: "No hay tal reporte, o no en ese formato",
    414: "La dirección es demasiado larga",
    429: "Demasiadas solicitudes",
    503: "Demasiados reportes a la vez",
}


def _add(report: Report) -> None:
    def answer(request: Request) -> Response:
        return _answer(request, report, request.path_params["form"])

    problem = {"application/problem+json": {"schema": {"type": "object"}}}
    forms: dict[str, Any] = {media.partition(";")[0]: {} for media in writing.MEDIA.values()}
    responses: dict[int | str, dict[str, Any]] = {200: {"description": "El reporte", "content": forms}}
    responses |= {status: {"description": told, "content": problem} for status, told in _ERRORS.items()}
    # Nobody's program asks for what ends like no format: a person reads that.
    responses[404]["content"] = problem | {"text/html": {}}
    router.add_api_route(
        f"/reportes/{report.id}.{{form}}",
        answer,
        operation_id=report.id.replace("-", "_"),
        summary=report.title,
        description=report.description,
        responses=responses,
        response_class=Response,
        openapi_extra={"parameters": _parameters(report)},
    )


@router.get("/reportes/{id}.xsd", include_in_schema=False)
def schema(request: Request, id: str) -> Response:
    """The schema that the report's XML validates against."""
    return respond(request, writing.schema_of(report_of(id)), "application/xml; charset=utf-8")


for _report in REPORTS.values():
    _add(_report)
