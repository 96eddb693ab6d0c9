"""A report's result in every format. The rows are kept as Parquet first, and each format is written from that in batches: none
holds them all, and all say the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow.parquet as pq

from guatecompras import settings
from guatecompras.formats import csvs, excel, xmls
from guatecompras.formats.atomic import replacing
from guatecompras.formats.parquets import batches
from guatecompras.reports.filters import said
from guatecompras.reports.report import Base, Report

MEDIA: Mapping[str, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "json": "application/json",
}


def keep(report: Report, base: Base, path: Path) -> int:
    """Write the rows as Parquet; returns how many there are."""
    report.rows(base).sink_parquet(path, compression="lz4", row_group_size=1 << 14, maintain_order=True)
    with pq.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def about(report: Report, told: Mapping[str, Any], months: Sequence[str], rows: int) -> list[tuple[str, str | int]]:
    """What a result says of itself: labels and values, in Spanish."""
    return [
        ("Reporte", report.title),
        ("Qué contiene", report.description),
        *said(told, months),
        ("Filas", rows),
        ("Fuente", f"{settings.SOURCE_NAME} ({settings.SOURCE_URL})"),
        ("Licencia", f"Creative Commons Atribución 4.0 ({settings.LICENSE})"),
    ]


def write(report: Report, kept: Path, form: str, out: Path, told: Sequence[tuple[str, str | int]]) -> None:
    """Write a result that was kept in a format (MEDIA), atomically. `told`: what it says of itself, of `about`."""
    _WRITERS[form](report, kept, out, told)


def _xlsx(report: Report, kept: Path, out: Path, told: Sequence[tuple[str, str | int]]) -> None:
    columns: list[tuple[str, str | int]] = [(f"Columna {one.name}", one.meaning) for one in report.columns]
    title = report.title.partition(":")[0][:31].rstrip()
    excel.write_workbook(
        {report.id: kept}, out, [*told, *columns], {report.id: excel.SheetInfo(title, report.description)}
    )


def _pieces(out: Path, pieces: Iterator[bytes]) -> None:
    with replacing(out) as part, open(part, "xb") as stream:
        stream.writelines(pieces)


def _csv(report: Report, kept: Path, out: Path, _: Sequence[tuple[str, str | int]]) -> None:
    def pieces() -> Iterator[bytes]:
        yield csvs.as_csv(pl.DataFrame(schema=report.schema))
        for batch in batches(kept):
            yield csvs.as_csv(batch, header=False)

    _pieces(out, pieces())


def _json(report: Report, kept: Path, out: Path, told: Sequence[tuple[str, str | int]]) -> None:
    def pieces() -> Iterator[bytes]:
        columns = [{"name": one.name, "type": one.kind, "meaning": one.meaning} for one in report.columns]
        head = {"report": report.id, "about": dict(told), "columns": columns}
        yield orjson.dumps(head).removesuffix(b"}") + b',"rows":['
        comma = b""
        for batch in batches(kept):
            yield comma + b",".join(objects(batch))
            comma = b"," if batch.height else comma
        yield b"]}\n"

    _pieces(out, pieces())


def objects(batch: pl.DataFrame) -> list[bytes]:
    """Rows as JSON objects: amounts as numbers with their decimals, times with their offset."""
    return [line for line in xmls.plain(batch, decimals=False).write_ndjson().encode().splitlines() if line]


def _xml(report: Report, kept: Path, out: Path, told: Sequence[tuple[str, str | int]]) -> None:
    head = {"reporte": report.id, "titulo": report.title}
    _pieces(out, xmls.document(batches(kept), head, [(label, str(value)) for label, value in told]))


_WRITERS: Mapping[str, Callable[[Report, Path, Path, Sequence[tuple[str, str | int]]], None]] = {
    "xlsx": _xlsx,
    "csv": _csv,
    "xml": _xml,
    "json": _json,
}


def schema_of(report: Report) -> bytes:
    """The XSD that the report's XML validates against."""
    return xmls.schema({one.name: (one.kind, one.meaning) for one in report.columns})
