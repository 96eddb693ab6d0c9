"""What lib-cove-ocds finds, and what we find in the same documents: `python -m benchmarks.findings`.

One fault after another goes into some compiled releases of the demo month that `benchmarks.run` works on; both look at
them, and at the clean ones. Everything that it reports has to be reported by us, or explained here.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks import machine
from benchmarks.data import MONTH, write_package
from benchmarks.measure import cost_of
from benchmarks.run import BENCH, environment
from benchmarks.sides import SIDES
from guatecompras import quality, tables
from guatecompras.contract import REJECTS_SCHEMA
from guatecompras.ocds.validation import Validator

SIZE, DOCUMENTS = 17_426, 200
Json = dict[str, Any]

# What it reports on clean documents, and why that is no fault.
EXPLAINED = {
    "additional_fields": "fields of our extensions, whose addresses it cannot fetch here; our profile knows each of them",
    "all_additional_fields": "the same, one by one",
    "additional_open_codelist_values": "purchaseRequest, a document type of Guatemala's own, in an open codelist; documented",
}
# What it tells that is no finding.
_NEUTRAL = {"file_type", "version_used", "schema_url", "extensions", "count", "unique_ocids_count"}


def _at(document: Json, path: str) -> Any:
    for step in path.split("/"):
        document = document[int(step)] if step.isdigit() else document[step]
    return document


def _set(path: str, name: str, value: Any) -> Callable[[Json], None]:
    return lambda document: _at(document, path).update({name: value}) if path else document.update({name: value})


def _drop(path: str, name: str) -> Callable[[Json], None]:
    return lambda document: (_at(document, path) if path else document).pop(name)


def _double(path: str) -> Callable[[Json], None]:
    return lambda document: _at(document, path).append(dict(_at(document, path)[0]))


# What is broken -> how, in one document.
FAULTS: dict[str, Callable[[Json], None]] = {
    "a date that is none": _set("", "date", "ayer"),
    "an amount that is text": _set("awards/0/value", "amount", "mucho"),
    "a release without ocid's prefix": _set("", "ocid", "30714915"),
    "no ocid": _drop("", "ocid"),
    "a tender without id": _drop("tender", "id"),
    "a status outside its closed codelist": _set("tender", "status", "vigente"),
    "a currency that is none": _set("awards/0/value", "currency", "QTZ"),
    "a method outside its closed codelist": _set("tender", "procurementMethod", "directa"),
    "a role outside its open codelist": _set("parties/0", "roles", ["comprador"]),
    "a field that nobody knows": _set("tender", "nog", 1),
    "an empty title": _set("tender", "title", ""),
    "an empty list": _set("tender", "items", []),
    "an address of a document that is none": _set("tender/documents/0", "url", "no es una dirección"),
    "a buyer that is no party": _set("buyer", "id", "GT-CISP-99999999"),
    "a supplier that is no party": _set("awards/0/suppliers/0", "id", "GT-NIT-99999999"),
    "two items of one id": _double("tender/items"),
    "two awards of one id": _double("awards"),
    "two documents of one id": _double("tender/documents"),
    "a negative number of tenderers": _set("tender", "numberOfTenderers", -1),
}


def main() -> int:
    """Compare and write `results/findings.*`; 1 when it finds something that we neither find nor explain."""
    folder, home = BENCH / str(SIZE), BENCH / "findings"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    clean = _documents(folder)
    tool = environment(next(side for side in SIDES if side.name == "libcoveocds")) / "libcoveocds"
    rows = [_compared("nothing", clean, clean, folder, home, tool)]
    for what, inject in FAULTS.items():
        broken = [json.loads(json.dumps(document)) for document in clean]
        inject(broken[0])
        rows.append(_compared(what, broken, clean, folder, home, tool))
    _write(rows)
    return 0 if all(row["holds"] for row in rows) else 1


def _documents(folder: Path) -> list[Json]:
    """Compiled releases of the month; the first has an award, documents and items to break."""
    with open(folder / "inputs" / "compiled.jsonl", "rb") as lines:
        found = [json.loads(line) for line in islice(lines, DOCUMENTS)]
    whole = next(document for document in found if document.get("awards") and document["tender"].get("documents"))
    return [whole, *(document for document in found if document is not whole)]


def _compared(what: str, documents: list[Json], clean: list[Json], folder: Path, home: Path, tool: Path) -> Json:
    theirs, its_seconds = _theirs(documents, folder, home, tool)
    known, _ = (theirs, 0.0) if documents is clean else _theirs(clean, folder, home, tool)
    started = time.perf_counter()
    ours = _ours(documents, folder, home)
    seconds = time.perf_counter() - started
    if documents is clean:
        new = {name for name in theirs if name not in EXPLAINED}
    else:
        new = {name for name, told in theirs.items() if told != known.get(name)}
        ours -= _ours(clean, folder, home)
    found = f"{what:45} it: {', '.join(sorted(new)) or '-':50} we: {', '.join(sorted(ours)) or '-'}"
    print(found, flush=True)
    return {
        "fault": what,
        "theirs": sorted(new),
        "ours": sorted(ours),
        "holds": not new if documents is clean else bool(ours),
        "seconds": {"libcoveocds": its_seconds, "ours": seconds},
    }


_told: dict[bytes, tuple[Json, float]] = {}


def _theirs(documents: list[Json], folder: Path, home: Path, tool: Path) -> tuple[Json, float]:
    """What lib-cove-ocds reports of documents: kind of finding -> what it says."""
    lines = [json.dumps(document).encode() for document in documents]
    key = b"".join(lines)
    if key not in _told:
        package, log = home / "package.json", home / "log.json"
        write_package(package, lines)
        cost = cost_of([str(tool), str(package), "--standard-zip", str(folder / "schemas" / "standard.zip")], log)
        told = json.loads(log.read_bytes())
        _told[key] = {name: found for name, found in told.items() if found and name not in _NEUTRAL}, cost.seconds
    return _told[key]


def _ours(documents: list[Json], folder: Path, home: Path) -> set[str]:
    """The checks in which something fails. A document that breaks the profile is not published: the check `schema` says it."""
    validator = Validator("compiled")
    valid = [document for document in documents if validator.clear(json.dumps(document).encode())]
    found = {"schema"} if len(valid) < len(documents) else set()
    lines = [json.dumps(document, ensure_ascii=False).encode() for document in valid]
    flat = tables.flatten(tables.read_documents(lines))
    place = home / "tables"
    with tables.TableSet(place) as writing:
        writing.write(flat)
        store = next((folder / "store-tables" / "work").glob("*/*/tables/releases.parquet"))
        writing.write({"releases": pl.read_parquet(store).join(flat["records"].select("nog"), on="nog", how="semi")})
    rejects = place / "rechazos.parquet"
    pl.DataFrame(schema=REJECTS_SCHEMA).write_parquet(rejects)
    counts = {"concursos": len(valid), "records": len(valid), "rejected": 0, "releases": writing.rows["releases"]}
    month = quality.Month(MONTH, writing.files, place / "none", rejects, counts, quality.rules.load())
    return found | {outcome.check.id for outcome in quality.run(month) if outcome.failed}


def _write(rows: list[Json]) -> None:
    out = Path(__file__).parent / "results"
    out.mkdir(exist_ok=True)
    about = machine.describe()
    document = {"machine": about, "documents": DOCUMENTS, "rows": rows, "explained": EXPLAINED}
    (out / "findings.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (out / "findings.md").write_text("\n".join(_markdown(about, rows)), encoding="utf-8")


def _markdown(about: dict[str, str], rows: list[Json]) -> Iterator[str]:
    yield f"# What lib-cove-ocds finds, and what we find, in {DOCUMENTS} compiled releases\n\n{machine.sentence(about)}.\n"
    yield "| broken in one document | lib-cove-ocds reports | our checks that fail | we report all it does |\n|---|---|---|---|"
    for row in rows:
        theirs, ours = (", ".join(row[side]) or "–" for side in ("theirs", "ours"))
        yield f"| {row['fault']} | {theirs} | {ours} | {'yes' if row['holds'] else '**no**'} |"
    yield "\nOn the clean documents it reports what is no fault:\n"
    yield from (f"- `{name}`: {why}." for name, why in EXPLAINED.items())
    seconds = rows[0]["seconds"]
    yield f"\nSeconds on the clean documents: {seconds['libcoveocds']:.2f} (a process), ours {seconds['ours']:.2f} (in one).\n"


if __name__ == "__main__":
    sys.exit(main())
