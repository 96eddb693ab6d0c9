"""Whether the sides did the same: compiled releases, rows and faults of what they left, as far as they ran.

`python -m benchmarks.checks FOLDER` prints them as JSON: what was compared, whether it holds, the numbers.
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from guatecompras.formats.archive import read_chunks
from guatecompras.formats.counting import count_rows
from guatecompras.snapshot import REJECTS

Check = dict[str, Any]

# Our tables, and what flatterer and flatten-tool call them.
_FLAT = {
    "records": ("main", "releases"),
    "parties": ("parties", "parties"),
    "items": ("tender_items", "ten_items"),
    "item_attributes": ("tender_items_attributes", "ten_ite_attributes"),
    "documents": ("tender_documents", "ten_documents"),
    "bids": ("bids_details", "bid_details"),
    "awards": ("awards", "awards"),
    "award_suppliers": ("awards_suppliers", "awa_suppliers"),
    "contracts": ("contracts", "contracts"),
    "contract_documents": ("contracts_documents", "con_documents"),
}


def checks(folder: Path) -> Iterator[Check]:
    """Every comparison whose sides have run in `folder`."""
    out = folder / "out"
    told = json.loads((folder / "data.json").read_bytes())
    yield from _extracted(out, told["source_rows"])
    yield from _released(folder, out)
    yield from _compiled(folder / "inputs" / "compiled.jsonl", out)
    yield from _faults(out)
    yield from _flattened(out, told["rows"])
    yield from _packed(out, told["size"])
    yield from _published(folder, out)


def _check(what: str, holds: bool, found: str) -> Check:
    return {"what": what, "holds": holds, "found": found}


def _extracted(out: Path, expected: dict[str, int]) -> Iterator[Check]:
    rows = {name: count for name, count in expected.items() if name != REJECTS}
    for key in ("extract-postgres", "extract-sqlite"):
        told = out / f"{key}-ours" / "rows.json"
        if told.exists():
            found = json.loads(told.read_bytes())
            yield _check(f"{key}: our rows are the source's", found == expected, f"{sum(found.values()):,} rows")
        for peer in ("COPY", "sqlite3-+-csv"):
            folder = out / f"{key}-{peer}"
            if folder.is_dir():
                found = {path.stem: _csv_rows(path) for path in folder.glob("*.csv")}
                yield _check(f"{key}: {peer} gave the same rows", found == rows, f"{sum(found.values()):,} rows")


def _csv_rows(path: Path, header: bool = False) -> int:
    with open(path, encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - header


def _released(folder: Path, out: Path) -> Iterator[Check]:
    ours = out / "releases-ours" / "releases.jsonl"
    if ours.exists():
        same = ours.read_bytes() == (folder / "inputs" / "releases.jsonl").read_bytes()
        yield _check("releases: stage by stage as in the pipeline's pass, byte for byte", same, "")
    for path in (out / "releases-Nightingale").glob("output/*.json"):
        found = len(orjson.loads(path.read_bytes())["releases"])
        yield _check("releases: Nightingale gave some (one a NOG)", found > 0, f"{found:,} releases")


def _compiled(pipeline: Path, out: Path) -> Iterator[Check]:
    for side in ("ours", "ocdsmerge", "ocdskit-compile"):  # ours: the merge alone, without the pipeline's short cuts
        path = out / f"compile-{side}" / "compiled.jsonl"
        if path.exists():
            with open(pipeline, "rb") as expected, open(path, "rb") as found:
                pairs = [orjson.loads(a) == orjson.loads(b) for a, b in zip(expected, found, strict=True)]
            yield _check(
                f"compile: the pipeline's are equal to those of {side}", all(pairs), f"{sum(pairs):,} of {len(pairs):,}"
            )


def _faults(out: Path) -> Iterator[Check]:
    for side in ("ours", "jsonschema"):
        path = out / f"validate-{side}" / "faults.json"
        if path.exists():
            found = json.loads(path.read_bytes())
            yield _check(f"validate: {side} finds nothing wrong", found == 0, f"{found:,} faults")
    path = out / "validate-libcoveocds.log"
    if path.exists():
        found = len(json.loads(path.read_bytes())["validation_errors"])
        yield _check("validate: libcoveocds finds no validation errors", found == 0, f"{found:,} kinds of errors")


def _flattened(out: Path, rows: dict[str, int]) -> Iterator[Check]:
    month = next((out / "csv-ours").glob("store/*/*/*/*_csv.zip"), None)
    if month:
        yield _check("csv: rows of our archive", count_rows(month, "csv.zip") == rows, f"{sum(rows.values()):,} rows")
    book = next((out / "excel-ours").glob("store/*/*/*/*.xlsx"), None)
    if book:
        yield _check("excel: rows of our workbook", count_rows(book, "xlsx") == rows, f"{sum(rows.values()):,} rows")
    flat = out / "csv-flatterer" / "flat" / "csv"
    if flat.is_dir():
        found = {name: _csv_rows(flat / f"{peer}.csv", header=True) for name, (peer, _) in _FLAT.items()}
        yield _same("csv: flatterer's rows are ours", found, rows)
    flat = out / "csv-flatten-tool" / "flat"
    if flat.is_dir() and _csv_rows(flat / "releases.csv", header=True) == rows["records"]:  # no sample
        found = {name: _csv_rows(flat / f"{peer}.csv", header=True) for name, (_, peer) in _FLAT.items()}
        yield _same("csv: flatten-tool's rows are ours", found, rows)
    flat = out / "tables-flatterer" / "flat" / "parquet"
    if flat.is_dir():
        found = {n: count_rows(flat / f"{p.lower()}.parquet", "parquet")["rows"] for n, (p, _) in _FLAT.items()}
        yield _same("tables: flatterer's rows are ours", found, rows)


def _same(what: str, found: dict[str, int], rows: dict[str, int]) -> Check:
    wrong = [f"{name} {count:,} for {rows[name]:,}" for name, count in found.items() if rows[name] != count]
    return _check(what, not wrong, ", ".join(wrong) or f"{len(found)} tables, {sum(found.values()):,} rows")


def _packed(out: Path, size: int) -> Iterator[Check]:
    ours = next((out / "json-ours").glob("store/*/*/*/*_Guatecompras.json.zip"), None)
    if ours:
        found = count_rows(ours, "json")["records"]
        yield _check("json: records of our package", found == size, f"{found:,} records")
    peer = out / "json-json-+-zipfile" / "package.zip"
    if ours and peer.exists():
        times = ours.stat().st_size / peer.stat().st_size
        sizes = f"{ours.stat().st_size / 1e6:.2f} MB for {peer.stat().st_size / 1e6:.2f} MB, {times:.3f}"
        yield _check("json: our archive is at most 5 % larger than json + zipfile's", times <= 1.05, sizes)


def _published(folder: Path, out: Path) -> Iterator[Check]:
    """What came out of Dagster is what the plain files were made from."""
    records = next((out / "all-ours").glob("store/publication/months/*/*/*_records.jsonl.gz"), None)
    if records:
        same = b"".join(read_chunks(records)) == (folder / "inputs" / "compiled.jsonl").read_bytes()
        yield _check("all: what was published are the compiled releases compared above", same, "")


if __name__ == "__main__":
    print(json.dumps(list(checks(Path(sys.argv[1])))))
