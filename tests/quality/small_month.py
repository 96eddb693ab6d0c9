"""A month of two processes, its tables made by hand: to be broken in one place, and what a check then finds."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from guatecompras import quality, tables
from guatecompras.contract import REJECTS_SCHEMA
from guatecompras.quality import CHECKS
from guatecompras.quality.check import FAILURES_SCHEMA

MONTH = "2026-01"
Rows = dict[str, list[dict[str, Any]]]

at = datetime.fromisoformat
CALLED = at("2026-01-31 23:59:59")  # in UTC it is February already
BY_ID = {check.id: check for check in CHECKS}


def concurso(nog: int) -> Rows:
    """The rows of one NOG: called for, one offer, one award, one contract."""
    key = {"ocid": f"ocds-xqjsxa-{nog}", "nog": nog}
    supplier, award = "GT-NIT-7894880", f"GT-ADJ-{nog}-7894880"
    roles = (
        ("GT-CISP-342", "buyer"),
        ("GT-GCUC-342-2", "procuringEntity"),
        (supplier, "tenderer"),
        (supplier, "supplier"),
    )
    return {
        "records": [
            {
                **key,
                "buyer_id": "GT-CISP-342",
                "tender_procuringEntity_id": "GT-GCUC-342-2",
                "tender_datePublished": CALLED,
                "dataSegmentation_id": MONTH,
            }
        ],
        "parties": [{**key, "id": name} for name in ("GT-CISP-342", "GT-GCUC-342-2", supplier)],
        "party_roles": [{**key, "party_id": name, "role": role} for name, role in roles],
        "items": [{**key, "id": "1"}, {**key, "id": "2"}],
        "documents": [{**key, "id": "1", "documentType": "tenderNotice"}],
        "bids": [{**key, "id": "1", "tenderers_id": supplier}],
        "awards": [{**key, "id": award}],
        "award_suppliers": [{**key, "award_id": award, "id": supplier}],
        "contracts": [{**key, "id": f"NOG-{nog}-CON-1", "awardID": award}],
        "releases": [
            {**key, "id": f"GT-NOG-{nog}-T{1:018}", "date": CALLED, "publishedDate": CALLED},
            {
                **key,
                "id": f"GT-NOG-{nog}-T{2:018}",
                "date": at("2026-03-01 00:00:00"),
                "publishedDate": at("2026-03-02 00:00:00"),
            },
        ],
    }


def clean() -> Rows:
    """Two NOGs that share their ids of items, documents and bids, as they may."""
    first, second = concurso(11), concurso(22)
    return {table: first[table] + second[table] for table in first}


def month(folder: Path, rows: Rows, rejects: list[tuple[Any, ...]] = [], **counts: int) -> quality.Month:  # noqa: B006
    """The month as the pipeline would hand it over: Parquet files with the pipeline's own schemas."""
    files = {}
    for name in tables.NAMES:
        empty = pl.from_arrow(tables.arrow_schema(name).empty_table())
        assert isinstance(empty, pl.DataFrame)
        found = rows.get(name, [])
        data = {
            column: pl.Series(
                column, [row.get(column) for row in found], dtype=None if isinstance(kind, pl.Datetime) else kind
            )
            for column, kind in empty.schema.items()
        }
        frame = pl.DataFrame(data).with_columns(
            pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone(kind.time_zone)
            for column, kind in empty.schema.items()
            if isinstance(kind, pl.Datetime)
        )
        assert frame.schema == empty.schema
        files[name] = folder / f"{name}.parquet"
        frame.write_parquet(files[name])
    path = folder / "rechazos.parquet"
    pl.DataFrame(rejects, schema=REJECTS_SCHEMA, orient="row").write_parquet(path)
    sizes = {name: len(rows.get(name, [])) for name in ("records", "releases")}
    given = {"concursos": sizes["records"], "rejected": 0, **sizes, **counts}
    return quality.Month(MONTH, files, folder / "releases.jsonl.gz", path, given, quality.rules.load())


def found(check: str, month: quality.Month) -> list[tuple[Any, ...]]:
    """The failures of one check, whether its rule tolerates them or not."""
    outcome = BY_ID[check].evaluate(month)
    assert outcome.failures.schema == pl.Schema(FAILURES_SCHEMA)
    assert (outcome.failed == 0) == outcome.failures.is_empty()
    return outcome.failures.rows()


def put(table: str, row: int, **values: Any) -> Callable[[Rows], None]:
    """Other values in one row of a table."""
    return lambda rows: rows[table][row].update(values)


def repeat(table: str) -> Callable[[Rows], None]:
    """The last row of a table a second time."""
    return lambda rows: rows[table].append(dict(rows[table][-1]))
