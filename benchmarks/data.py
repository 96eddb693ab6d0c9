"""What the benchmarks work on, made once for a size and kept: a demo month in SQLite, our stages' results as points to
start from, and the same documents as plain files for the peers. Run as a process of its own: its memory is not measured.
"""

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from json_merge_patch import merge  # type: ignore[import-untyped]  # comes with ocdskit

from guatecompras import publication, tables
from guatecompras.formats.archive import read_lines
from guatecompras.month import MonthWork
from guatecompras.months import Month
from guatecompras.ocds import packages, profile
from guatecompras.settings import Settings
from guatecompras.stores import open_store
from resources.sources.demo import demo_chunks
from resources.sources.sql import write_tables
from resources.sources.uri import open_source

MONTH, SEED = "2026-05", 1
# Stages after which the store is kept, to start from.
POINTS = ("source", "ocds", "tables")

_ROOT = Path(__file__).parents[1]
_EXTENSIONS = _ROOT / "guatecompras" / "data" / "extensions"


def standard() -> Path:
    """The folder with the official schemas and codelists; it may not be there."""
    return Path(os.environ.get("GUATECOMPRAS_SHARED", _ROOT.parent / "shared")) / "data" / "standard"


def sqlite(folder: Path, size: int, first: str = MONTH, months: int = 1) -> Path:
    """The demo source of a size, made if it is not there."""
    path = folder / "demo.sqlite"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_tables(f"sqlite:///{path}", demo_chunks(Month.parse(first), months, size, SEED))
    return path


def build(folder: Path, size: int, samples: Iterable[int]) -> None:
    """All that a run of the benchmarks needs in `folder`; what is there already, and of today's code, stays."""
    source = sqlite(folder, size)
    told = folder / "data.json"
    code, wanted = publication.code_digest(), sorted(samples)
    if told.exists() and json.loads(told.read_bytes())["made_by"] == [code, wanted]:
        return
    told.unlink(missing_ok=True)
    work = _points(folder, source)
    rows = _plain_files(work, folder / "inputs")
    for sample in wanted:
        _sample(folder / "inputs", folder / f"inputs-{sample}", sample)
    _schemas(folder / "schemas")
    about = {"month": MONTH, "version": work.version, "size": size, "rows": rows, "source_rows": work.snapshot().rows}
    _write(told, about | {"made_by": [code, wanted]})


def _points(folder: Path, source: Path) -> MonthWork:
    """Run our stages up to the tables, keeping the store as it was after each of POINTS."""
    for name in (*POINTS, "now"):
        shutil.rmtree(folder / f"store-{name}", ignore_errors=True)
    store = open_store(str(folder / "store-now"))
    work, _ = MonthWork.extract(store, open_source(f"sqlite:///{source}"), Month.parse(MONTH), Settings())
    for name in POINTS:
        if name != "source":
            getattr(work, name)()
        clone(folder / "store-now", folder / f"store-{name}")
    shutil.rmtree(folder / "store-now")
    return MonthWork(open_store(str(folder / f"store-{POINTS[-1]}")), MONTH, work.version, Settings())


def clone(store: Path, target: Path) -> None:
    """A copy of a store that shares its files' bytes: no stage changes a file in place."""
    shutil.copytree(store, target, copy_function=os.link)


def _plain_files(work: MonthWork, folder: Path) -> dict[str, int]:
    """releases, compiled releases and records as plain JSON Lines; returns the rows of every flat table."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    made, flat = work.ocds(), work.tables()
    _write_lines(folder / "releases.jsonl", read_lines(made.path("releases")))
    _write_lines(folder / "compiled.jsonl", read_lines(made.path("records")))
    links = packages.record_lines(read_lines(made.path("records")), flat.path("releases"))
    _write_lines(folder / "records.jsonl", links)
    return {name: flat.files[name]["rows"] for name in tables.NAMES}


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    with open(path, "wb") as file:
        file.writelines(line.rstrip(b"\n") + b"\n" for line in lines)


def _sample(whole: Path, folder: Path, size: int) -> None:
    """The first processes of `whole`, as JSON Lines and as the packages that tools without JSON Lines read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with open(whole / "compiled.jsonl", "rb") as file:
        compiled = list(islice(file, size))
    known = {_ocid(line) for line in compiled}
    with open(whole / "releases.jsonl", "rb") as file:
        releases = [line for line in file if _ocid(line) in known]
    _write_lines(folder / "compiled.jsonl", compiled)
    _write_lines(folder / "releases.jsonl", releases)
    write_package(folder / "compiled.json", compiled)
    write_package(folder / "both.json", releases + compiled)


def _ocid(line: bytes) -> str:
    return str(json.loads(line)["ocid"])


def write_package(path: Path, lines: Iterable[bytes]) -> None:
    head = packages.package_head("https://example.org/package.json", "2026-06-01T00:00:00-06:00", Settings())
    # Addresses of extensions would have to be fetched.
    head = {key: value for key, value in head.items() if key != "extensions"}
    body = b",".join(line.strip() for line in lines)
    path.write_bytes(json.dumps(head).encode()[:-1] + b', "releases": [' + body + b"]}")


def _schemas(folder: Path) -> None:
    """Our profile's schemas; beside them, where the official files are at hand, the official one with our extensions."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    _write(folder / "our-release.json", profile.release_schema())
    _write(folder / "our-compiled.json", profile.compiled_schema())
    if standard().is_dir():
        schema = json.loads((standard() / "release-schema.json").read_bytes())
        for patch in sorted(_EXTENSIONS.glob("*/release-schema.json")):
            merge(schema, json.loads(patch.read_bytes()))
        _write(folder / "official.json", schema)
        with zipfile.ZipFile(folder / "standard.zip", "w") as archive:
            for name, path in _standard_files():
                archive.writestr(name, path.read_bytes() if path.is_file() else b"")


def _standard_files() -> Iterator[tuple[str, Path]]:
    """As the standard's repository has them, which is how libcoveocds looks for them."""
    yield "standard/", standard()
    for path in sorted(standard().rglob("*")):
        if path.is_file():
            yield f"standard/schema/{path.relative_to(standard()).as_posix()}", path


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document))


if __name__ == "__main__":
    what, told, *more = sys.argv[1:]
    if what == "build":  # FOLDER SIZE SAMPLE...
        build(Path(told), int(more[0]), [int(number) for number in more[1:]])
    else:  # source FOLDER SIZE [FIRST MONTHS]
        first, months = more[1:] or (MONTH, "1")
        sqlite(Path(told), int(more[0]), first, int(months))
