"""The work on one month, stage by stage, each a pure function of the one before, kept as files in the store's work folder.

A stage that was finished for the same version is not done again: its name says all that decides its bytes, so a run
that was killed goes on where it stopped, and an unchanged source changes nothing. Which stage runs when is the pipeline's
business; what each does is in the modules it calls.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import orjson
import polars as pl

from guatecompras import (
    datapackage,
    personal,
    publication,
    quality,
    settings,
    snapshot,
    switching,
    tables,
    verification,
)
from guatecompras.ahead import ahead
from guatecompras.changes import table as changelog
from guatecompras.contract import Source
from guatecompras.errors import GateError, SourceError, StoreError
from guatecompras.formats import archive, csvs, excel, jsons, parquets
from guatecompras.formats.atomic import disk_fault, part_of, replacing, sweep
from guatecompras.formats.counting import digest
from guatecompras.formats.deflating import Blocks
from guatecompras.months import UTC_OFFSET, Month
from guatecompras.ocds import cohort, profile
from guatecompras.ocds.earlier import Earlier
from guatecompras.ocds.packages import package_head, record_lines
from guatecompras.publication import MANIFEST, PublishedFile
from guatecompras.quality import compared, coverage, gate
from guatecompras.quality.check import SUMMARY
from guatecompras.quality.compared import Compared
from guatecompras.quality.report import document, html
from guatecompras.search import build as searching
from guatecompras.search import schema as search_files
from guatecompras.settings import Settings
from guatecompras.snapshot import Snapshot
from guatecompras.stores import Store

Json = dict[str, Any]

# The schemas, codelists and extensions that the month holds.
PROFILE = "profile.zip"
QUALITY_JSON, QUALITY_PAGE = compared.REPORT, "quality.html"
NO_OVERRIDES: Mapping[str, str] = {}
_RELEASES_TABLE = "tables/releases.parquet"
# Compiled records read at once when they are flattened.
_FLATTENED_AT_ONCE = 2_000
# Downloads written at once: each also deflates on all cores, and holds its own batch.
_WRITERS_AT_ONCE = 2


@dataclass(frozen=True)
class Download:
    """One download: how its file's name ends, after the month, and its format."""

    ending: str
    format: str


# The one that takes longest comes first.
DOWNLOADS: dict[str, Download] = {
    "excel": Download("_Guatecompras.xlsx", "xlsx"),
    "csv": Download("_csv.zip", "csv.zip"),
    "json": Download("_Guatecompras.json.zip", "json"),
    "parquet": Download("_parquet.zip", "parquet.zip"),
}

# What is made from a stage: it has to be made again when the stage is.
_MADE_FROM = {
    "source": ("ocds", "changes", "tables", "report", "search", *DOWNLOADS),
    "ocds": ("changes", "tables", "report", "search", *DOWNLOADS),
    "tables": ("report", "search", *DOWNLOADS),
}


@dataclass
class Stage:
    """What a finished stage left. `files`: name -> path, bytes, sha256 and rows; `data`: what later stages need to know."""

    name: str
    seconds: float
    files: dict[str, Json]
    data: Json = field(default_factory=dict)
    reused: bool = False

    def path(self, name: str) -> Path:
        return Path(self.files[name]["path"])


class MonthWork:
    """The stages of one version of one month. Raises StoreError when an earlier stage has not been done."""

    def __init__(self, store: Store, month: str, version: str, config: Settings) -> None:
        self.store, self.month, self.version, self.config = store, month, version, config
        self.folder = store.work(month) / version

    @property
    def _releases_file(self) -> str:
        return f"{self.month}_releases.jsonl.gz"

    @property
    def _records_file(self) -> str:
        return f"{self.month}_records.jsonl.gz"

    # Reading the source names the version, so it comes before there is one.

    @classmethod
    def extract(
        cls, store: Store, source: Source, month: Month, config: Settings, now: datetime | None = None
    ) -> tuple["MonthWork", Stage]:
        """Take the month's snapshot from a source. The clock is read here, once for the whole month (or `now` is it)."""
        started, now = time.perf_counter(), now or datetime.now(UTC_OFFSET)
        # Before anything is written: what runs that were killed left may be what fills the disk.
        store.tidy(str(month))
        incoming = part_of(store.work(str(month)) / "incoming")
        try:
            with _writing(incoming.parent):
                with source.open(month) as reading:
                    taken = snapshot.take(reading, month, incoming, personal.load(config.personal_data))
                version, base = publication.planned(store.index(), taken, config)
                work = cls(store, str(month), version, config)
                work._require_log(taken, base)
                with store.working(work.month, work.version):
                    stage = work._recall("source", whole=True)
                    if stage is None:
                        told = {"base": base, "extracted": now.isoformat(timespec="seconds")}
                        stage = work._settle(incoming, taken, told, time.perf_counter() - started)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
        return work, stage

    def _require_log(self, taken: Snapshot, base: Json | None) -> None:
        """Events that go missing are no source without a log: told by the dates of rows, the history would be another."""
        if base and "eventos" in taken.missing:
            before, _ = publication.placed(self.store.version_folder(self.month, base["version"], [MANIFEST]))
            if "eventos" not in before["source"]["missing"]:
                raise SourceError(
                    f"the source lacks the table eventos, which it had for the public version of {self.month} "
                    "(if there is no log any more, let the table be there without rows)"
                )

    def _settle(self, incoming: Path, taken: Snapshot, told: Json, seconds: float) -> Stage:
        self._forget("source")
        home = self.folder / "source"
        self.folder.mkdir(exist_ok=True)
        home.mkdir(exist_ok=True)
        for path in taken.files.values():
            path.replace(home / path.name)
        files = {
            name: {
                "path": str(home / path.name),
                "bytes": taken.bytes[name],
                "sha256": taken.sha256[name],
                "rows": taken.rows[name],
            }
            for name, path in taken.files.items()
        }
        data = told | {
            "digest": taken.digest,
            "as_of": taken.as_of,
            "concursos": taken.concursos_in,
            "missing": list(taken.missing),
        }
        return self._record(Stage("source", seconds, files, data))

    def snapshot(self) -> Snapshot:
        """The snapshot that this version is made from."""
        stage = self._need("source")
        return Snapshot(
            month=self.month,
            files={name: Path(entry["path"]) for name, entry in stage.files.items()},
            rows={name: entry["rows"] for name, entry in stage.files.items()},
            sha256={name: entry["sha256"] for name, entry in stage.files.items()},
            bytes={name: entry["bytes"] for name, entry in stage.files.items()},
            concursos_in=stage.data["concursos"],
            missing=tuple(stage.data["missing"]),
            as_of=stage.data["as_of"],
        )

    # The stages.

    def ocds(self) -> Stage:
        """Releases and compiled records, validated."""

        def do() -> tuple[dict[str, tuple[Path, int]], Json]:
            # What is edited without an event is dated when the source was read first.
            detected = self._need("source").data["extracted"]
            made = cohort.build(self.snapshot(), self.folder, self.config, earlier=self._earlier(), detected=detected)
            rejects, edits = self.folder / "rechazos.parquet", self.folder / "edits.parquet"
            for path, frame in ((rejects, made.rejects), (edits, made.edits)):
                with parquets.TableWriter(path, frame.to_arrow(compat_level=pl.CompatLevel.oldest()).schema) as writer:
                    writer.write(frame)
            counts = made.counts | {"reject_rows": made.rejects.height}
            files = {
                "releases": (made.releases, counts["releases"]),
                "records": (made.records, counts["records"]),
                "rechazos": (rejects, made.rejects.height),
                "edits": (edits, made.edits.height),
                "table": (made.releases_table, counts["releases"]),
            }
            for name, texts in (("anew", made.anew.records), ("replaced", made.anew.replaced)) if made.anew else ():
                path = self.folder / f"{name}.jsonl.gz"
                with archive.gzip_lines_writer(path) as lines:
                    lines.write("".join(f"{text}\n" for text in texts).encode())
                files[name] = (path, len(texts))
            return files, {
                "counts": counts,
                "seconds": made.seconds,
                "reused": made.reused,
                "made": made.anew.nogs if made.anew else None,
            }

        return self._stage("ocds", do)

    def base(self) -> "MonthWork | None":
        """The work on the version that this one replaces, as it was public when the source was read."""
        base = self._need("source").data["base"]
        return MonthWork(self.store, self.month, base["version"], self.config) if base else None

    def _public(self) -> str | None:
        """The version that is public now."""
        current = self.store.index()["months"].get(self.month)
        return current["version"] if current else None

    def _of_base(self, *names: str) -> Path:
        """The folder with files of the version that this one replaces. Raises StoreError when they are not what was published:
        what is public has to stay, and nobody else knows it."""
        base = self._need("source").data["base"]
        folder = self.store.version_folder(self.month, base["version"], (MANIFEST, *names))
        told = {file.path: (file.sha256, file.bytes) for file in publication.placed(folder)[1]}
        found = digest(folder / MANIFEST)
        wrong = [name for name in names if not (folder / name).is_file() or digest(folder / name) != told.get(name)]
        for name in [MANIFEST] * (found[0] != base["sha256"]) + wrong:
            raise StoreError(
                f"{folder / name} is not what was published, and what was published has to stay: put it back from a copy "
                "('guatecompras verify' says what else is wrong)"
            )
        return folder

    def _earlier(self) -> Earlier | None:
        """What is public, and stays."""
        before = self.base()
        if before is None:
            return None
        folder = self._of_base(self._releases_file, self._records_file, _RELEASES_TABLE)
        snapshot = before.snapshot() if before._recall("source", whole=True) else None
        manifest = publication.placed(folder)[0]
        return Earlier(
            folder / self._releases_file,
            folder / self._records_file,
            folder / _RELEASES_TABLE,
            snapshot,
            # The first versions did not say.
            manifest.get("maker") == publication.maker_of(self.config),
            before.folder,
            personal.load(self.config.personal_data).over(manifest.get("personal")),
        )

    def changes(self) -> Stage:
        """What changed since the version that this one replaces; in the first of a month, all there is.

        `data`: `base`, that version, and `counts`. Raises StoreError when its files are not those that were published.
        """
        base = self.base()

        def before() -> changelog.Side:
            folder = self._of_base(self._records_file, _RELEASES_TABLE)
            withheld = personal.load(self.config.personal_data).over(publication.placed(folder)[0].get("personal"))
            return changelog.Side(folder / self._records_file, folder / _RELEASES_TABLE, withheld)

        def do() -> tuple[dict[str, tuple[Path, int]], Json]:
            made = self._need("ocds")
            new = changelog.Side(made.path("records"), made.path("table"))
            old, few = before() if base else None, made.data["made"]
            found = changelog.write(old, new, self.folder, made.path("edits"), few)
            files = {path.name: (path, found.counts["rows"]) for path in (found.parquet, found.lines)}
            return files, {"base": base.version if base else "", "counts": found.counts}

        return self._stage("changes", do)

    def tables(self) -> Stage:
        """The flat tables, from the compiled records."""

        def do() -> tuple[dict[str, tuple[Path, int]], Json]:
            names = [name for name in tables.NAMES if name != "releases"]
            earlier = self._earlier_tables()
            if earlier:
                return self._tables_from(earlier, names)
            lines = archive.read_lines(self._need("ocds").path("records"))
            batches = iter(lambda: list(islice(lines, _FLATTENED_AT_ONCE)), [])
            counted: list[coverage.Coverage] = []

            def flat() -> Iterator[dict[str, pl.DataFrame]]:
                for documents in map(tables.read_documents, batches):
                    counted.append(coverage.count(documents))
                    yield tables.flatten(documents)

            with ahead(flat()) as frames, tables.TableSet(self.folder / "tables", names) as writing:
                for frame in frames:
                    writing.write(frame)
            files = {name: (writing.files[name], writing.rows[name]) for name in names}
            files["releases"] = (self._need("ocds").path("table"), self._need("ocds").files["table"]["rows"])
            return files, {"coverage": coverage.total(counted)}

        return self._stage("tables", do)

    def _earlier_tables(self) -> Stage | None:
        """The tables of the version that is replaced, where all but a few of their records are those of this one."""
        made, base = self._need("ocds"), self.base()
        if base is None or made.data["made"] is None:
            return None
        before = base._recall("tables", whole=True)
        if before is None:
            return None
        files = before.path("releases"), made.path("table")
        old, new = (set(pl.read_parquet(path, columns=["nog"])["nog"]) for path in files)
        # A record that is gone would have to be found to be uncounted.
        return before if old <= new else None

    def _tables_from(self, before: Stage, names: list[str]) -> tuple[dict[str, tuple[Path, int]], Json]:
        """The tables as they were, but for the rows of what was made anew: half the time, the same bytes."""
        made = self._need("ocds")
        anew, replaced = (
            tables.read_documents(list(archive.read_lines(made.path(name)))) for name in ("anew", "replaced")
        )
        fresh, without = tables.flatten(anew), pl.Series(made.data["made"], dtype=pl.Int64)
        with tables.TableSet(self.folder / "tables", names) as writing:
            for name in names:
                for frame in tables.mended(before.path(name), fresh[name], without):
                    writing.write({name: frame})
        files = {name: (writing.files[name], writing.rows[name]) for name in names}
        files["releases"] = (made.path("table"), made.files["table"]["rows"])
        gone = {path: (-there, -possible) for path, (there, possible) in coverage.count(replaced).items()}
        return files, {"coverage": coverage.total([before.data["coverage"], coverage.count(anew), gone])}

    def search(self) -> Stage:
        """What the month is searched by (`search/`)."""

        def do() -> tuple[dict[str, tuple[Path, int]], Json]:
            made, flat = self._need("ocds"), self._need("tables")
            parts = searching.Parts(
                {name: flat.path(name) for name in searching.TABLES}, made.path("records"), made.path("releases")
            )
            return searching.build(parts, self.folder / search_files.FOLDER, self._public_before()), {}

        return self._stage("search", do)

    def _public_before(self) -> set[int]:
        """The NOGs that were ever public in this month, but for those of versions that no search file tells of."""
        base = self._need("source").data["base"]
        if base is None:
            return set()
        gone = search_files.file_name("gone")
        known = {file.path for file in publication.placed(self._of_base())[1]}
        folder = self._of_base(_RELEASES_TABLE, *({gone} & known))
        return searching.ever_public(folder, folder / _RELEASES_TABLE)

    # Quality.

    def judged(self, against: Compared, checks: Sequence[quality.Check] = quality.CHECKS) -> list[quality.Outcome]:
        """Evaluate checks on what was built; never remembered."""
        with self.store.working(self.month, self.version):
            return quality.run(self._month(against), checks)

    def compared(self) -> Compared:
        """What is public that the version is compared with: the months before, and the version that it would replace."""
        return compared.read(self.store, self.month, self.version)

    def _month(self, against: Compared) -> quality.Month:
        made, flat = self._need("ocds"), self._need("tables")
        return quality.Month(
            month=self.month,
            tables={name: flat.path(name) for name in tables.NAMES},
            releases=made.path("releases"),
            rejects=made.path("rechazos"),
            counts=made.data["counts"],
            rules=quality.rules.load(self.config.quality_rules),
            coverage={path: (there, possible) for path, (there, possible) in flat.data["coverage"].items()},
            history=against.history,
            elsewhere=against.elsewhere,
            previous=against.previous,
            personal=personal.load(self.config.personal_data),
        )

    def report(self, accepted: Mapping[str, str] = NO_OVERRIDES, against: Compared | None = None) -> Stage:
        """Every check evaluated, and what they say as JSON and as a page. `accepted`: blocking checks that may fail, and why.

        It is made again when what the month is compared with is other than it was, unless the version is public already:
        then its report is too. `data`: `judged`, the summaries in the order of the checks, and `told`, what is told in short.
        """
        against = against or self.compared()
        base = {
            "versions": dict(against.versions),
            "unreadable": list(against.unreadable),
            "accepted": dict(accepted),
        }

        def holds(done: Stage) -> bool:
            return bool(done.data["base"] == base) or self._public() == self.version

        def do() -> tuple[dict[str, tuple[Path, int]], Json]:
            month = self._month(against)
            outcomes = quality.run(month)
            told = document.document(month, self.version, self._dated(), outcomes, against, accepted)
            written = {QUALITY_JSON: orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)}
            written[QUALITY_PAGE] = html.render(told).encode()
            for name, content in written.items():
                with replacing(self.folder / name) as part:
                    part.write_bytes(content)
            judged = [outcome.summary() | {"failures_file": self._write_failures(outcome)} for outcome in outcomes]
            return {name: (self.folder / name, 1) for name in written}, {
                "base": base,
                "judged": judged,
                "told": document.in_short(told),
            }

        return self._stage("report", do, holds)

    def _write_failures(self, outcome: quality.Outcome) -> str:
        """All failures of a check as a CSV, by its name in the work folder; empty where there are none."""
        if outcome.failures.is_empty():
            return ""
        path = self.folder / "checks" / f"{outcome.check.id}.csv"
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as part:
            outcome.failures.write_csv(part)
        return path.relative_to(self.folder).as_posix()

    # Downloads.

    def downloads(self, names: Iterable[str]) -> dict[str, Stage]:
        """Some of the downloads, written side by side: name -> stage."""
        wanted = [name for name in DOWNLOADS if name in set(names)]
        with ThreadPoolExecutor(_WRITERS_AT_ONCE, "download") as pool:
            return dict(zip(wanted, pool.map(self.download, wanted), strict=True))

    def download(self, name: str) -> Stage:
        """One of the downloads (DOWNLOADS), as one file of its name."""

        def do() -> tuple[dict[str, tuple[Path, int]], Json]:
            flat = self._need("tables")
            path = self.folder / self._file(name)
            with Blocks((self.base() or self).folder / path.name) as blocks:
                rows = self._WRITERS[name](self, {table: flat.path(table) for table in tables.NAMES}, path, blocks)
            return {path.name: (path, sum(rows.values()))}, {"rows": rows}

        return self._stage(name, do)

    def _file(self, download: str) -> str:
        return f"{self.month}{DOWNLOADS[download].ending}"

    def _write_json(self, files: dict[str, Path], out: Path, blocks: Blocks) -> dict[str, int]:
        """The record package with linked releases."""
        uri = f"{self.config.base_url.rstrip('/')}/file/json/{self.month.replace('-', '/')}"
        records = archive.read_lines(self._need("ocds").path("records"))
        lines = record_lines(records, files["releases"])
        member = f"{self.month}_Guatecompras.json"
        head = package_head(uri, self._dated(), self.config)
        return {"records": jsons.write_record_package(out, member, head, lines, blocks)}

    def _write_csv(self, files: dict[str, Path], out: Path, blocks: Blocks) -> dict[str, int]:
        described = datapackage.of_csv(self.month, self.version, self._dated(), self.config)
        return csvs.write_csv_zip(files, out, blocks, {datapackage.FILE: described})

    def _write_excel(self, files: dict[str, Path], out: Path, blocks: Blocks) -> dict[str, int]:
        sheets = {spec.name: excel.SheetInfo(spec.name, spec.description) for spec in tables.SPECS.values()}
        return dict(excel.write_workbook(files, out, self._about(), sheets, blocks=blocks))

    def _write_parquet(self, files: dict[str, Path], out: Path, _: Blocks) -> dict[str, int]:
        return parquets.write_parquet_zip(files, out)

    _WRITERS: ClassVar = {"json": _write_json, "csv": _write_csv, "excel": _write_excel, "parquet": _write_parquet}

    def _about(self) -> list[tuple[str, str | int]]:
        counts = self._need("ocds").data["counts"]
        return [
            ("Qué es", "Contrataciones públicas de Guatemala publicadas en Guatecompras, en datos abiertos (OCDS 1.1)"),
            ("Mes", self.month),
            (
                "Qué procesos contiene",
                "Los concursos (NOG) convocados en el mes, con toda su historia hasta la fecha de los datos",
            ),
            ("Datos al", self._dated()[:19].replace("T", " ")),
            ("Versión", self.version),
            ("Fuente", f"{settings.SOURCE_NAME} ({settings.SOURCE_URL})"),
            ("Publica", self.config.publisher_name),
            ("Licencia", f"Creative Commons Atribución 4.0 ({settings.LICENSE})"),
            ("Política de publicación", self.config.policy_url),
            ("Concursos recibidos", counts["concursos"]),
            ("Procesos publicados", counts["records"]),
            ("Publicaciones (releases)", counts["releases"]),
            ("Procesos rechazados", counts["rejected"]),
        ]

    def _dated(self) -> str:
        """When the newest data is of: what dates the packages, so that the same data gives the same bytes."""
        return f"{self._need('source').data['as_of']}-06:00"

    # Publishing.

    def publish(self, accepted: Mapping[str, str] = NO_OVERRIDES) -> Json:
        """Judge the month again, put its version in place and switch the index to it; returns its entry in the index.

        `accepted`: blocking checks that may fail, and why. Raises GateError when another one fails or a file is not what
        its stage wrote.
        """
        with self.store.working(self.month, self.version), _writing(self.folder):
            manifest, files = self._publishable(accepted)
            path = self.folder / MANIFEST
            jsons.write_json(path, manifest)
            self.store.put_version(self.month, self.version, files | {MANIFEST: path})
            extracted = self._need("source").data["extracted"]
            entry = switching.switch(self.store, self.month, self.version, extracted, self.config)
        self.store.tidy(self.month)
        return entry

    def _publishable(self, accepted: Mapping[str, str]) -> tuple[Json, dict[str, Path]]:
        """The manifest of a month that may be published, and its files (name in the version -> where it is)."""
        made, flat, source = self._need("ocds"), self._need("tables"), self._need("source")
        # Made here when no step has.
        changed, searched = self.changes(), self.search()
        against = self.compared()
        report = self.report(accepted, against)
        written = [self._need(name) for name in DOWNLOADS]
        self._require_untouched([source, made, changed, flat, report, searched, *written])
        # What blocks is judged on these very files again; what does not stands in the report.
        rules = quality.rules.load(self.config.quality_rules)
        blocking = [check for check in quality.CHECKS if rules[check.id].severity == "block"]
        judged = {told["id"]: told for told in report.data["judged"]}
        judged |= {outcome.check.id: outcome.summary() for outcome in self.judged(against, blocking)}
        gate.require(list(judged.values()), self.month, accepted)
        files = self._published_files(report)
        # What is public has passed it.
        if self._public() != self.version:
            self._require_agreement(files)
        document = publication.manifest(
            month=self.month,
            version=self.version,
            snapshot={
                "digest": source.data["digest"],
                "as_of": source.data["as_of"],
                "rows": {name: entry["rows"] for name, entry in sorted(source.files.items())},
                "missing": source.data["missing"],
            },
            counts=made.data["counts"] | {"awards": flat.files["awards"]["rows"]},
            tables={name: flat.files[name]["rows"] for name in tables.NAMES},
            changes=changed.data["counts"],
            checks=[{key: told[key] for key in SUMMARY} for told in judged.values()],
            accepted={check: why for check, why in sorted(accepted.items()) if not judged[check]["passed"]},
            files=[file for file, _ in files.values()],
            config=self.config,
            previous=source.data["base"],
            inputs=publication.inputs_of(source.data["digest"], self.config),
        )
        return document, {name: path for name, (_, path) in files.items()}

    def _published_files(self, report: Stage) -> dict[str, tuple[PublishedFile, Path]]:
        """Every file of the version: name -> as listed, where it is."""
        made, flat = self._need("ocds"), self._need("tables")
        planned: list[tuple[str, str, Stage, str]] = [
            (self._releases_file, "jsonl.gz", made, "releases"),
            (self._records_file, "jsonl.gz", made, "records"),
            (f"{self.month}_rechazos.parquet", "parquet", made, "rechazos"),
            (changelog.LINES, "jsonl.gz", self._need("changes"), changelog.LINES),
            (changelog.PARQUET, "parquet", self._need("changes"), changelog.PARQUET),
            *((name, "report", report, name) for name in (QUALITY_JSON, QUALITY_PAGE)),
        ]
        planned += [(f"tables/{name}.parquet", "parquet", flat, name) for name in tables.NAMES]
        planned += [
            (self._file(name), download.format, self._need(name), self._file(name))
            for name, download in DOWNLOADS.items()
        ]
        planned += [(search_files.file_name(name), "search", self._need("search"), name) for name in search_files.FILES]
        found = {}
        for name, form, stage, key in planned:
            entry = stage.files[key]
            listed = PublishedFile(name, form, entry["bytes"], entry["sha256"], entry["rows"])
            found[name] = (listed, Path(entry["path"]))
        # Small, and in no stage: written anew, so that they are what they should be.
        path = self.folder / PROFILE
        written = profile.write_profile(path)
        found[PROFILE] = (publication.describe(path, PROFILE, "schema", written), path)
        path = self.folder / datapackage.FILE
        listed_so_far = [listed for listed, _ in found.values()]
        described = datapackage.of_parquet(self.month, self.version, self._dated(), listed_so_far, self.config)
        with replacing(path) as part:
            part.write_bytes(described)
        found[datapackage.FILE] = (publication.describe(path, datapackage.FILE, "datapackage", len(tables.NAMES)), path)
        return found

    def _require_untouched(self, stages: list[Stage]) -> None:
        """Refuse files that are not what their stages wrote, and forget those stages, so that the next run makes them anew."""
        for stage in stages:
            for name, path in _altered(stage):
                self._forget(stage.name)
                raise GateError(
                    f"{self.month} is not published: {path} is not the {name} that stage {stage.name} wrote; "
                    "run the month again"
                )

    def _require_agreement(self, files: dict[str, tuple[PublishedFile, Path]]) -> None:
        """Refuse files that do not hold what their writers counted, and formats that count differently. All files are read
        again: what a writer loses on the way it does not know."""
        entries = {name: asdict(file) for name, (file, _) in files.items()}
        counts, wrong = verification.recounted({name: path for name, (_, path) in files.items()}, entries)
        written = {self._file(name): self._need(name).data["rows"] for name in DOWNLOADS}
        wrong += verification.disagreements(self.month, counts)
        wrong += [
            f"{name}: {rows.get(table, 0)} rows of {table} were written, it holds {counts[name].get(table, 0)}"
            for name, rows in written.items()
            for table in sorted({*rows, *counts.get(name, {})})
            if name in counts and rows.get(table, 0) != counts[name].get(table, 0)
        ]
        if wrong:
            raise GateError(f"{self.month} is not published, formats disagree: {'; '.join(wrong)}")

    # Stages on disk.

    def _stage(
        self,
        name: str,
        do: Callable[[], tuple[dict[str, tuple[Path, int]], Json]],
        holds: Callable[[Stage], bool] = lambda _: True,
    ) -> Stage:
        with self.store.working(self.month, self.version), _writing(self.folder):
            done = self._recall(name, whole=True)
            if done is not None and holds(done):
                return done
            self._need("source")
            self._forget(name)
            sweep(self.folder)
            started = time.perf_counter()
            made, data = do()
            files = {}
            for key, (path, rows) in made.items():
                entry = asdict(publication.describe(path, key, "", rows))
                files[key] = {"path": str(path), "bytes": entry["bytes"], "sha256": entry["sha256"], "rows": rows}
            return self._record(Stage(name, time.perf_counter() - started, files, data))

    def _stage_path(self, name: str) -> Path:
        return self.folder / f"stage-{name}.json"

    def _record(self, stage: Stage) -> Stage:
        # Files are named as seen from the work folder, so that the store can be moved.
        files = {
            key: entry | {"path": Path(entry["path"]).relative_to(self.folder).as_posix()}
            for key, entry in stage.files.items()
        }
        jsons.write_json(self._stage_path(stage.name), {"seconds": stage.seconds, "files": files, "data": stage.data})
        # As `_recall` gives them, so that a stage says the same when it was just made.
        return replace(
            stage, files={key: entry | {"path": str(self.folder / entry["path"])} for key, entry in files.items()}
        )

    def _recall(self, name: str, whole: bool = False) -> Stage | None:
        """A stage that was finished and whose files are all there, `whole`: with the very bytes it wrote; None otherwise."""
        try:
            kept = orjson.loads(self._stage_path(name).read_bytes())
            files = {key: entry | {"path": str(self.folder / entry["path"])} for key, entry in kept["files"].items()}
            stage = Stage(name, kept["seconds"], files, kept["data"], reused=True)
            there = all(Path(entry["path"]).stat().st_size == entry["bytes"] for entry in files.values())
            return stage if there and not (whole and any(_altered(stage))) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _forget(self, name: str) -> None:
        """Drop a stage that does not hold any more, with all that was made from it."""
        if self._stage_path(name).exists():
            for stage in (*_MADE_FROM.get(name, ()), name):
                self._stage_path(stage).unlink(missing_ok=True)

    def _need(self, name: str) -> Stage:
        stage = self._recall(name)
        if stage is None:
            raise StoreError(
                f"stage {name} of {self.month} has not been done for version {self.version}: materialize the whole month"
            )
        return stage


def _altered(stage: Stage) -> Iterator[tuple[str, Path]]:
    """The files of a stage that are not what it wrote."""
    for name, entry in stage.files.items():
        path = Path(entry["path"])
        if digest(path) != (entry["sha256"], entry["bytes"]):
            yield name, path


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    """Disk errors that come from deeper than `replacing`, as a library's own writer."""
    try:
        yield
    except OSError as error:
        if reason := disk_fault(error):
            raise StoreError(f"cannot write {place}: {reason}") from error
        raise
