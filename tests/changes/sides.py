"""Versions of a month as small as can be: what the tests of changes write and read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from guatecompras.changes.diff import ABSENT, applied
from guatecompras.changes.table import Side
from guatecompras.formats.archive import gzip_lines_writer
from guatecompras.formats.parquets import TableWriter
from guatecompras.tables import arrow_schema

Json = Any
Version = Mapping[int, Json]  # nog -> its record


def ocid(nog: int) -> str:
    return f"ocds-xqjsxa-{nog}"


def record(nog: int, *releases: int, **more: Json) -> Json:
    """A record of so many releases, by their numbers."""
    return {"ocid": ocid(nog), "id": f"{ocid(nog)}-{max(releases)}", "numbers": sorted(releases), **more}


def write_side(folder: Path, version: Version) -> Side:
    """Records and table of releases, as a version of a month holds them."""
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    side = Side(folder / "records.jsonl.gz", folder / "tables" / "releases.parquet")
    with gzip_lines_writer(side.records) as lines:
        for nog in sorted(version):
            lines.write(orjson.dumps(version[nog]) + b"\n")
    rows = [
        {"ocid": ocid(nog), "nog": nog, "id": f"{ocid(nog)}-{number}"}
        for nog in sorted(version)
        for number in version[nog]["numbers"]
    ]
    schema = arrow_schema("releases")
    kinds = {"ocid": pl.String, "nog": pl.Int64, "id": pl.String}
    others = [pl.lit(None).alias(name) for name in schema.names if name not in kinds]
    with TableWriter(side.releases, schema) as table:
        table.write(pl.DataFrame(rows, schema=kinds).with_columns(others).select(schema.names))
    return side


def replay(version: Version, rows: Iterable[Mapping[str, Json]], first: Version | None = None) -> dict[int, Json]:
    """A version with rows of changes applied, in their order; `first`: the records that rows only name."""
    found = dict(version)
    for row in rows:
        nog = row["nog"]
        if row["change"] == "added" and row["after"] is None:
            found[nog] = (first or {})[nog]
            continue
        after = applied(found.get(nog, ABSENT), [(row["path"], row["before"], row["after"])])
        if after is ABSENT:
            del found[nog]
        else:
            found[nog] = after
    return found
