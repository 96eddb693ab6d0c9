"""The datasets of a month, made once it is published: each family as CSV, XLSX, JSON and Parquet."""

from functools import partial
from pathlib import Path

import polars as pl

from guatecompras.datasets.families import FAMILIES
from guatecompras.formats.atomic import replacing
from guatecompras.formats.parquets import TableWriter, batches
from guatecompras.gathered.collect import Plan
from guatecompras.gathered.parts import Gathered, Part
from guatecompras.publication import PublishedFile, describe
from guatecompras.reports import running, writing
from guatecompras.stores import Store

# Format -> as the manifest names it.
FORMS = {"csv": "dataset.csv", "xlsx": "dataset.xlsx", "json": "dataset.json", "parquet": "parquet"}


def name_of(month: str) -> str:
    """The collection of a month's datasets."""
    return f"datasets/{month}"


def plan(store: Store, part: Part) -> Plan:
    """The collection of a month as it should be. The index names its manifest only: twenty-four files a month are many."""
    return Plan(name_of(part.month), (part,), partial(build, store, part), listed=False)


def file_name(family: str, month: str, form: str) -> str:
    """How the official files are named: `concursos_2026_05_adjudicados.csv`."""
    return f"concursos_{month.replace('-', '_')}_{family}.{form}"


def build(store: Store, part: Part, folder: Path) -> Gathered:
    """Write every family in every format into `folder`. Raises GuatecomprasError when a file of the month is not what was
    published."""
    made: list[PublishedFile] = []
    for family, report in FAMILIES.items():
        kept = folder / f".{family}.parquet"
        result = running.run(
            report, {"mes": part.month}, [part.month], lambda _, names: part.folder(store, names), kept
        )
        for form, kind in FORMS.items():
            path = folder / file_name(family, part.month, form)
            _write(result, form, path)
            made.append(describe(path, path.name, kind, result.rows))
        kept.unlink()
    return Gathered({file.path: folder / file.path for file in made}, tuple(made))


def _write(result: running.Result, form: str, path: Path) -> None:
    if form == "parquet":
        schema = pl.DataFrame(schema=result.report.schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
        with TableWriter(path, schema) as writer:
            for batch in batches(result.kept):
                writer.write(batch)
    elif form == "json":
        # An array of rows, as the official files are.
        with replacing(path) as part, open(part, "xb") as stream:
            stream.write(b"[")
            comma = b""
            for batch in batches(result.kept):
                stream.write(comma + b",\n".join(writing.objects(batch)))
                comma = b",\n" if batch.height else comma
            stream.write(b"]\n")
    else:
        result.write(form, path)
