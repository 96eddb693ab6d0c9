"""The reports of a month without filters, made once it is published: one ZIP a format, with all of them.

Seventeen reports in four formats are sixty-eight files a month, which nobody downloads one by one: the portal makes one that is
asked for in less time than it takes to find it in a list. So the collection is four files, and its index stays small.
"""

from functools import partial
from pathlib import Path

from guatecompras.formats.archive import CHUNK, ZipWriter
from guatecompras.gathered.collect import Plan
from guatecompras.gathered.parts import Gathered, Part
from guatecompras.publication import describe
from guatecompras.reports import running, writing
from guatecompras.reports.registry import REPORTS
from guatecompras.stores import Store

FORMAT = "reports.zip"


def name_of(month: str) -> str:
    """The collection of a month's reports."""
    return f"reports/{month}"


def plan(store: Store, part: Part) -> Plan:
    """The collection of a month as it should be."""
    return Plan(name_of(part.month), (part,), partial(build, store, part))


def build(store: Store, part: Part, folder: Path) -> Gathered:
    """Write `<month>_reportes_<format>.zip`, one for each format, into `folder`. Raises GuatecomprasError when a file of the month
    is not what was published."""
    results = [
        running.run(
            report,
            {"mes": part.month},
            [part.month],
            lambda _, names: part.folder(store, names),
            folder / f"{report.id}.parquet",
        )
        for report in REPORTS.values()
    ]
    made = []
    for form in writing.MEDIA:
        path = folder / f"{part.month}_reportes_{form}.zip"
        with ZipWriter(path) as archive:
            for result in results:
                _put(archive, result, form, folder)
        made.append(describe(path, path.name, FORMAT, sum(result.rows for result in results)))
    for result in results:
        result.kept.unlink()
    return Gathered({file.path: folder / file.path for file in made}, tuple(made))


def _put(archive: ZipWriter, result: running.Result, form: str, folder: Path) -> None:
    name = f"{result.report.id}.{form}"
    unpacked = folder / name
    result.write(form, unpacked)
    # A workbook is a ZIP itself: deflating it again gains nothing.
    with archive.entry(name, stored=form == "xlsx") as stream, open(unpacked, "rb") as file:
        while piece := file.read(CHUNK):
            stream.write(piece)
    unpacked.unlink()
    if form == "xml":
        with archive.entry(f"{result.report.id}.xsd") as stream:
            stream.write(writing.schema_of(result.report))
