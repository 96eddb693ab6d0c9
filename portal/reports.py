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


def _answer(request: Request, id: str, form: str) -> Response:
    report = report_of(id)
    made, name = result(request, report, given(request))
    path = written(request, made, name, form)
    size = path.stat().st_size
    headers = {
        "Content-Disposition": f'attachment; filename="{report.id}.{form}"',
        "X-Total-Count": str(made.rows),
        "Cache-Control": FOLLOWS,
        "ETag": quoted(f"{name}-{form}"),
    }
    return Streamed(lambda: _pieces(path), size, writing.MEDIA[form], 200, headers)


def _pieces(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _described(report: Report) -> dict[str, Any]:
    """What the OpenAPI document says of a report's parameters."""
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "description": filters.FILTERS[name].meaning,
                "schema": {"type": "string", "maxLength": filters.LONGEST},
            }
            for name in report.filters
        ]
    }


def _add(report: Report, form: str) -> None:
    def answer(request: Request) -> Response:
        return _answer(request, report.id, form)

    router.add_api_route(
        f"/reportes/{report.id}.{form}",
        answer,
        operation_id=f"{report.id}_{form}".replace("-", "_"),
        summary=f"{report.title} ({form.upper()})",
        description=report.description,
        responses={
            200: {"description": "El reporte", "content": {writing.MEDIA[form].partition(";")[0]: {}}},
            **{
                status: {"description": told, "content": {"application/problem+json": {"schema": {"type": "object"}}}}
                for status, told in (
                    (400, "Un filtro no es válido: `detail` dice cuál y por qué"),
                    (414, "La dirección es demasiado larga"),
                    (429, "Demasiadas solicitudes"),
                    (503, "Demasiados reportes a la vez"),
                )
            },
        },
        response_class=Response,
        openapi_extra=_described(report),
    )


for _report in REPORTS.values():
    for _form in writing.MEDIA:
        _add(_report, _form)


@router.get("/reportes/{id}.xsd", include_in_schema=False)
def schema(request: Request, id: str) -> Response:
    """The schema that the report's XML validates against."""
    return respond(request, writing.schema_of(report_of(id)), "application/xml; charset=utf-8")
