"""Looks for planted secrets in everything that was written: inside archives, compressed streams, databases and columns, too."""

import gzip
import io
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import polars as pl
import psycopg2

from guatecompras.addresses import forms

Text = tuple[str, bytes]  # where, and what stands there


def found(texts: Iterable[Text], secrets: Iterable[str]) -> list[str]:
    """Each place where a secret stands, in whatever form, with the form."""
    sought = {form.encode() for secret in secrets for form in forms(secret)}
    return [f"{where}: {form.decode()}" for where, text in texts for form in sought if form in text]


def in_folders(*folders: Path) -> Iterator[Text]:
    """What all files below the folders hold, and how they are called."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            yield str(path), path.name.encode()
            if path.is_file():
                yield from _opened(str(path), path.read_bytes())
                if path.suffix == ".db":
                    yield from _rows(path)


def _opened(where: str, content: bytes) -> Iterator[Text]:
    yield where, content
    if content[:2] == b"\x1f\x8b":
        yield f"{where}, unpacked", gzip.decompress(content)
    elif content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _opened(f"{where}/{name}", archive.read(name))
    elif content[:4] == b"PAR1":
        yield f"{where}, as rows", pl.read_parquet(io.BytesIO(content)).write_ndjson().encode()


def _rows(path: Path) -> Iterator[Text]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f'SELECT * FROM "{table}"'):
                yield from _values(f"{path} {table}", row)


def in_postgres(uri: str) -> Iterator[Text]:
    """What all tables of a database hold."""
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                yield from _values(table, row)


def _values(where: str, row: tuple[Any, ...]) -> Iterator[Text]:
    for value in row:
        content = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        yield where, content
        with suppress(zlib.error):  # as Dagster keeps its snapshots
            yield f"{where}, unpacked", zlib.decompress(content)
