"""The dictionary as files: CSV with one row a field, and an Excel workbook with the codelists beside it.

What is in them is `dictionary.py` and `codelists.py`; the workbook is written by `formats/excel.py`.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from guatecompras import settings
from guatecompras.formats.excel import SheetInfo, write_workbook
from guatecompras.months import Month
from guatecompras.policy.codelists import Codelist
from guatecompras.policy.dictionary import Entry
from guatecompras.policy.document import Policy

_SEPARATOR = "; "
_SHEETS = {
    "dictionary": SheetInfo("Diccionario", "Un campo por fila: significado, tipo, origen, columnas y presencia"),
    "codes": SheetInfo("Códigos", "Un código por fila, de todas las listas"),
    "tables": SheetInfo("Tablas", "Una tabla por fila: qué es cada fila de los archivos CSV, Excel y Parquet"),
}
_FIELDS: dict[str, type[pl.DataType]] = {
    "campo": pl.String,
    "titulo": pl.String,
    "significado": pl.String,
    "tipo": pl.String,
    "formato_ocds": pl.String,
    "obligatorio": pl.String,
    "lista_de_codigos": pl.String,
    "columnas": pl.String,
    "origen": pl.String,
    "extension": pl.String,
    "conviene_saber": pl.String,
    "presentes": pl.Int64,
    "posibles": pl.Int64,
    "presencia": pl.Float64,
}


def dictionary_csv(entries: Iterable[Entry]) -> bytes:
    """UTF-8 without a byte order mark, comma, quotes where needed, LF. `presencia` is a share from 0 to 1."""
    return _dictionary(entries).write_csv().encode()


def dictionary_xlsx(policy: Policy) -> bytes:
    """The dictionary, all codes and the tables as sheets, after one that says what it is. Always the same bytes for a policy."""
    frames = {
        "dictionary": _dictionary(policy.dictionary),
        "codes": _codes(policy.codelists),
        "tables": pl.DataFrame(policy.flat_tables, schema=["tabla", "contenido"], orient="row"),
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder, f"{name}.parquet") for name in frames}
        for name, frame in frames.items():
            frame.write_parquet(paths[name])
        book = Path(folder, "dictionary.xlsx")
        write_workbook(paths, book, _about(policy), _SHEETS)
        return book.read_bytes()


def _dictionary(entries: Iterable[Entry]) -> pl.DataFrame:
    return pl.DataFrame([_row(entry) for entry in entries], schema=_FIELDS, orient="row")


def _row(entry: Entry) -> tuple[str | int | float | None, ...]:
    field = entry.field
    return (
        field.path,
        field.title,
        field.description,
        entry.kind,
        field.format or field.type,
        "sí" if field.required else "no",
        field.codelist or None,
        _SEPARATOR.join(entry.column_words) or None,
        entry.origin,
        entry.extension.title if entry.extension else None,
        entry.note or None,
        entry.present,
        entry.possible,
        None if entry.share is None else round(entry.share, 4),
    )


def _codes(codelists: Iterable[Codelist]) -> pl.DataFrame:
    rows = [
        (codelist.name, codelist.title, row[0], _SEPARATOR.join(_said(codelist, row)) or None)
        for codelist in codelists
        for row in codelist.rows
    ]
    return pl.DataFrame(rows, schema=["lista", "nombre_de_la_lista", "codigo", "significado"], orient="row")


def _said(codelist: Codelist, row: tuple[str, ...]) -> list[str]:
    """What a row says of its code, each with its heading."""
    return [f"{heading}: {text}" for heading, text in zip(codelist.headings[1:], row[1:], strict=True)]


def _about(policy: Policy) -> list[tuple[str, str | int]]:
    facts = policy.facts
    told: list[tuple[str, str | int]] = [
        ("Qué es", "Diccionario de datos de las compras públicas de Guatemala (Guatecompras, OCDS 1.1)"),
        ("Publica", facts.publisher),
        ("Política", f"Versión {policy.version}, {facts.base_url.rstrip('/')}/politica"),
        ("Licencia", f"Creative Commons Atribución 4.0 Internacional, {settings.LICENSE}"),
    ]
    if facts.latest:
        words = f"{Month.parse(facts.latest.month).in_spanish}, versión {facts.latest.version}"
        told.append(("Presencia medida en", words))
    return told
