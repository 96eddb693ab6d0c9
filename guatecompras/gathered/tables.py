"""Small tables of a collection, each in every format that people ask for. What a table holds is its collection's business."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pyarrow as pa

from guatecompras import settings
from guatecompras.formats import excel
from guatecompras.formats.atomic import replacing
from guatecompras.formats.csvs import as_csv
from guatecompras.formats.parquets import TableWriter, batches
from guatecompras.publication import PublishedFile, describe
from guatecompras.reports.writing import objects

# Format -> as the manifest names it.
FORMS: Mapping[str, str] = {
    "parquet": "parquet",
    "csv": "csv",
    "xlsx": "dataset.xlsx",
    "json": "dataset.json",
}
_SEPARATOR = "; "  # between the values of a list, where a format has no lists


class Meant(Protocol):
    """A column, and what it means."""

    @property
    def name(self) -> str: ...
    @property
    def meaning(self) -> str: ...


class Shown(Protocol):
    """A table as it is published: titles and meanings are Spanish."""

    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def columns(self) -> Sequence[Meant]: ...
    @property
    def arrow(self) -> pa.Schema: ...


def write(
    table: Shown,
    rows: pl.DataFrame,
    folder: Path,
    stem: str,
    about: Sequence[tuple[str, str | int]] = (),
    forms: Sequence[str] = tuple(FORMS),
) -> Iterator[PublishedFile]:
    """Write `<stem>.<form>` for each of the forms, atomically; `about`: what the workbook says of itself beside its columns."""
    kept = folder / f".{stem}.parquet"
    flattened = flat(rows)
    with TableWriter(kept, flattened.to_arrow(compat_level=pl.CompatLevel.oldest()).schema) as writer:
        writer.write(flattened)
    for form in forms:
        path = folder / f"{stem}.{form}"
        if form == "parquet":
            with TableWriter(path, table.arrow) as writer:
                writer.write(rows)
        elif form == "xlsx":
            _workbook(table, kept, path, stem, about)
        else:
            _text(form, kept, flattened.schema, path)
        yield describe(path, path.name, FORMS[form], rows.height)
    kept.unlink()


def texts(kept: Path, schema: Mapping[str, Any], rows: int) -> Iterator[PublishedFile]:
    """Write a table that stands as Parquet, without lists, as CSV and JSON beside it, in batches."""
    for form in _TEXTS:
        path = kept.with_suffix(f".{form}")
        _text(form, kept, schema, path)
        yield describe(path, path.name, FORMS[form], rows)


def described(schema: Mapping[str, Any], columns: Iterable[Meant]) -> pa.Schema:
    """The Arrow schema of a table whose columns say what they mean."""
    plain = pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return pa.schema([plain.field(one.name).with_metadata({"description": one.meaning}) for one in columns])


def flat(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with lists as texts."""
    lists = [name for name, kind in rows.schema.items() if isinstance(kind, pl.List)]
    return rows.with_columns(pl.col(name).cast(pl.List(pl.String)).list.join(_SEPARATOR) for name in lists)


def _workbook(table: Shown, kept: Path, path: Path, stem: str, about: Sequence[tuple[str, str | int]]) -> None:
    told: list[tuple[str, str | int]] = [
        ("Tabla", table.title),
        ("Qué contiene", table.description),
        *about,
        ("Fuente", f"{settings.SOURCE_NAME} ({settings.SOURCE_URL})"),
        ("Licencia", f"Creative Commons Atribución 4.0 ({settings.LICENSE})"),
        *((f"Columna {one.name}", one.meaning) for one in table.columns),
    ]
    excel.write_workbook({stem: kept}, path, told, {stem: excel.SheetInfo(table.title, table.description)})


def _text(form: str, kept: Path, schema: Mapping[str, Any], path: Path) -> None:
    with replacing(path) as part, open(part, "xb") as stream:
        stream.writelines(_TEXTS[form](kept, schema))


def _csv(kept: Path, schema: Mapping[str, Any]) -> Iterator[bytes]:
    yield as_csv(pl.DataFrame(schema=schema))
    for batch in batches(kept):
        yield as_csv(batch, header=False)


def _json(kept: Path, schema: Mapping[str, Any]) -> Iterator[bytes]:
    """An array of rows, as the datasets are."""
    opening = b"["
    for batch in batches(kept):
        yield opening + b",\n".join(objects(batch))
        opening = b",\n"
    yield b"]\n" if opening != b"[" else b"[]\n"


_TEXTS = {"csv": _csv, "json": _json}
