"""A publication of many demo months with what the portal reads of it: documents, tables, search files. Its other downloads
are left out: they take most of a month's time, and the portal only hands them out.

`python -m benchmarks.portal.data --store DIR --months 80 --size 25000 --jobs 2`; what is there already stays.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from guatecompras import publication, tables
from guatecompras.formats import jsons
from guatecompras.month import MonthWork
from guatecompras.months import Month
from guatecompras.publication import MANIFEST, PublishedFile
from guatecompras.search import schema
from guatecompras.settings import Settings
from guatecompras.stores import open_store
from guatecompras.switching import INDEX_COUNTS
from resources.sources.uri import open_source

FIRST = "2020-01"


def publish(store: str, month: str, size: int) -> str:
    """Publish one month."""
    place, config = open_store(store), Settings()
    source = open_source(f"demo:?size={size}&seed=1&first={FIRST}&months=120")
    work, taken = MonthWork.extract(place, source, Month.parse(month), config)
    made, flat, searched = work.ocds(), work.tables(), work.search()
    entries = {
        f"{month}_releases.jsonl.gz": ("jsonl.gz", made.files["releases"]),
        f"{month}_records.jsonl.gz": ("jsonl.gz", made.files["records"]),
        **{f"tables/{name}.parquet": ("parquet", flat.files[name]) for name in tables.NAMES},
        **{schema.file_name(name): ("search", entry) for name, entry in searched.files.items()},
    }
    listed = [
        PublishedFile(name, kind, entry["bytes"], entry["sha256"], entry["rows"])
        for name, (kind, entry) in entries.items()
    ]
    counts = made.data["counts"] | {"awards": flat.files["awards"]["rows"]}
    chained = {"previous": taken.data["base"], "inputs": publication.inputs_of(taken.data["digest"], config)}
    document = publication.manifest(
        month=month,
        version=work.version,
        snapshot={"digest": taken.data["digest"], "as_of": taken.data["as_of"], "rows": {}, "missing": []},
        counts=counts,
        tables={},
        checks=[],
        accepted={},
        files=listed,
        config=config,
        changes={},
        **chained,
    )
    path = work.folder / MANIFEST
    jsons.write_json(path, document)
    files = {name: Path(entry["path"]) for name, (_, entry) in entries.items()}
    place.put_version(month, work.version, files | {MANIFEST: path})
    placed = publication.placed(place.version_folder(month, work.version, [MANIFEST]))[1]
    told = {name: counts[name] for name in INDEX_COUNTS}
    place.update_index(
        lambda index: publication.switched(index, month, work.version, taken.data["extracted"], told, placed, **chained)
    )
    place.tidy(month)
    return month


def main() -> int:
    """Publish the months that are not there yet."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("--store", required=True)
    read.add_argument("--months", type=int, default=80)
    read.add_argument("--size", type=int, default=25_000)
    read.add_argument("--jobs", type=int, default=2)
    asked = read.parse_args()
    there = open_store(asked.store).index()["months"]
    wanted, month = [], Month.parse(FIRST)
    for _ in range(asked.months):
        wanted += [str(month)] if str(month) not in there else []
        month = month.next()
    # A fresh process a month: none grows.
    with ProcessPoolExecutor(asked.jobs, get_context("spawn"), max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(publish, asked.store, one, asked.size) for one in wanted]):
            sys.stdout.write(f"{done.result()}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
