"""Our stages, each as a process of its own: `python -m benchmarks.stages STAGE FOLDER OUT [SOURCE]`.

Most are the pipeline's stages as they are, on a store in OUT that stands where the stage begins. `releases`, `compile`
and `validate`, which the pipeline does in one pass, are also done one by one here, with its own functions, from and to
plain files as the peers do them.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import orjson
import polars as pl

from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import Month
from guatecompras.ocds import cohort, merge, releases
from guatecompras.ocds.validation import Kind, Validator
from guatecompras.settings import Settings
from guatecompras.snapshot import nog_batches
from guatecompras.stores import open_store
from resources.sources.uri import open_source


def _work(folder: Path, out: Path) -> MonthWork:
    told = json.loads((folder / "data.json").read_bytes())
    return MonthWork(open_store(str(out / "store")), told["month"], told["version"], Settings())


def _extracted(folder: Path, out: Path, source: str) -> MonthWork:
    month = Month.parse(json.loads((folder / "data.json").read_bytes())["month"])
    work, stage = MonthWork.extract(open_store(str(out / "store")), open_source(source), month, Settings())
    counts = {name: entry["rows"] for name, entry in stage.files.items()}
    (out / "rows.json").write_text(json.dumps(counts))
    return work


def extract(folder: Path, out: Path, source: str) -> None:
    _extracted(folder, out, source)


def make_releases(folder: Path, out: Path, _: str) -> None:
    snapshot = _work(folder, out).snapshot()
    scans = [pl.scan_parquet(snapshot.files[name]) for name in ("concursos", "partes")]
    directory = releases.Directory.of(*scans)
    known = "ofertas" not in snapshot.missing
    with open(out / "releases.jsonl", "wb") as file:
        for rows in nog_batches(snapshot.files, cohort.BATCH):
            made = releases.build(rows, directory, snapshot.month, offers_known=known)
            file.write(cohort.Lines(made["json"]).text)


def compile_releases(folder: Path, out: Path, _: str) -> None:
    merger = merge.default_merger()
    with open(folder / "inputs" / "releases.jsonl", "rb") as lines, open(out / "compiled.jsonl", "wb") as file:
        histories = groupby(map(orjson.loads, lines), key=lambda release: release["ocid"])
        compiled = (merger.compile(list(history)) for _, history in histories)
        file.writelines(orjson.dumps(release, option=orjson.OPT_APPEND_NEWLINE) for release in compiled)


def validate(folder: Path, out: Path, _: str) -> None:
    wrong = 0
    kinds: tuple[tuple[Kind, str], ...] = (("release", "releases"), ("compiled", "compiled"))
    for kind, name in kinds:
        validator = Validator(kind)
        for lines in _blocks(folder / "inputs" / f"{name}.jsonl"):
            wrong += validator.clear_many(lines).count(False)
    (out / "faults.json").write_text(json.dumps(wrong))


def _blocks(path: Path) -> Iterator[list[bytes]]:
    with open(path, "rb") as file:
        while lines := file.readlines(1 << 24):
            yield lines


def one_pass(folder: Path, out: Path, _: str) -> None:
    stage = _work(folder, out).ocds()
    (out / "seconds.json").write_text(json.dumps(stage.data["seconds"]))


def tables(folder: Path, out: Path, _: str) -> None:
    work = _work(folder, out)
    work.tables()
    work.download("parquet")


def _download(name: str) -> Callable[[Path, Path, str], None]:
    return lambda folder, out, _: (_work(folder, out).download(name), None)[1]


def everything(folder: Path, out: Path, source: str) -> None:
    """What the pipeline's run does, without Dagster; says how long it took as the command does."""
    started = time.perf_counter()
    work = _extracted(folder, out, source)
    work.ocds()
    work.tables()
    work.report()
    work.downloads(DOWNLOADS)
    work.publish()
    print(f"{work.month} published in {time.perf_counter() - started:.1f} s")


STAGES: dict[str, Callable[[Path, Path, str], None]] = {
    "extract": extract,
    "releases": make_releases,
    "compile": compile_releases,
    "validate": validate,
    "pass": one_pass,
    "tables": tables,
    "csv": _download("csv"),
    "excel": _download("excel"),
    "json": _download("json"),
    "everything": everything,
}

if __name__ == "__main__":
    name, folder, out, *source = sys.argv[1:]
    STAGES[name](Path(folder), Path(out), *(source or [""]))
