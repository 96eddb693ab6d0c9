"""A month of OCDS in one pass: snapshot in, validated releases and compiled records out, as JSON Lines and in order of NOG.

How one release is made is `releases.py`, how releases merge `merge.py`, what is valid `validation.py`; this module walks the
batches, drops the NOGs that are not valid with all they have, and writes. Memory holds one batch.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from guatecompras.ahead import ahead
from guatecompras.contract import REJECTS_SCHEMA
from guatecompras.formats.archive import gzip_lines_writer
from guatecompras.formats.atomic import sweep
from guatecompras.formats.deflating import Blocks
from guatecompras.ocds import releases
from guatecompras.ocds.corrections import EDITS_SCHEMA, compiled, settle
from guatecompras.ocds.earlier import Earlier, Split, Walk, Whole, unsplit
from guatecompras.ocds.merge import MergeError, Merger, merge_rules_from_schema
from guatecompras.ocds.profile import compiled_schema
from guatecompras.ocds.validation import Validator
from guatecompras.settings import Settings
from guatecompras.snapshot import Snapshot, nog_batches
from guatecompras.tables import TableSet, releases_table

BATCH = 2_000  # concursos held at once
FEW = 1_000  # NOGs made anew that are kept apart
INVALID = "no cumple el perfil"
# A record of one release and one of many open alike.
_FIRST_KEYS = ("ocid", "id", "date")
UNMERGEABLE = "sus releases no se pueden compilar"


@dataclass
class Cohort:
    """What was built. `edits`: what was edited in the source without an event (corrections.EDITS_SCHEMA); `counts`: concursos
    (in), records, releases, rejected, corrections; `reused`: records that the public version had already, and `anew` what was
    made beside them, if it is little; `seconds`: per stage of the pass."""

    releases: Path
    records: Path
    releases_table: Path
    rejects: pl.DataFrame
    edits: pl.DataFrame
    counts: dict[str, int]
    reused: int = 0
    anew: "Anew | None" = None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Anew:
    """What was made in a month that took most over: the NOGs, their records, and the records that were public of them."""

    nogs: list[int] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)

    def add(self, split: Split, records: pl.DataFrame) -> "Anew | None":
        """This, with a batch; None once it is too much to be kept."""
        self.nogs += split.fresh["concursos"]["nog"].to_list()
        self.records += records["json"].to_list()
        self.replaced += split.replaced.to_list()
        return self if len(self.nogs) <= FEW else None


@dataclass
class _Clock:
    """Adds up the time of each stage of the pass."""

    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


def build(
    snapshot: Snapshot,
    folder: Path,
    config: Settings,
    batch: int = BATCH,
    earlier: Earlier | None = None,
    detected: str = "",
) -> Cohort:
    """Write `<month>_releases.jsonl.gz`, `<month>_records.jsonl.gz` and `tables/releases.parquet` into `folder`.

    A NOG is published with all its releases and its record, or, when any of them is invalid, rejected with all of them.
    `earlier`: the public version, if there is one, whose releases stay; `detected`: then RFC 3339, when the source was read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    month = snapshot.month
    paths = folder / f"{month}_releases.jsonl.gz", folder / f"{month}_records.jsonl.gz"
    rejects: list[pl.DataFrame] = [pl.read_parquet(snapshot.files["rechazos"])]
    edits: list[pl.DataFrame] = [pl.DataFrame(schema=EDITS_SCHEMA)]
    counts = {"concursos": snapshot.concursos_in, "releases": 0, "records": 0, "corrections": 0}
    reused, anew = 0, Anew() if earlier else None
    clock = _Clock()
    maker = _Maker(snapshot, earlier, detected)
    with ExitStack() as stack:
        home = earlier.work if earlier else None
        blocks = [stack.enter_context(Blocks(home / path.name if home else None)) for path in paths]
        release_lines, record_lines = (
            stack.enter_context(gzip_lines_writer(path, blocks=known, alone=True))
            for path, known in zip(paths, blocks, strict=True)
        )
        table = stack.enter_context(TableSet(folder / "tables", ["releases"]))
        for built, split in stack.enter_context(ahead(maker.releases(nog_batches(snapshot.files, batch)))):
            clock.lap("releases")  # what they take longer than the steps below
            if isinstance(split, Whole):
                release_lines.write(split.releases)
                record_lines.write(split.records)
                table.write({"releases": split.table})
                counts["releases"] += split.table.height
                counts["records"] += split.count
                reused += split.count
                clock.lap("write")
                continue
            judged = maker.judged(built, split.public, clock)
            made, compiled, kept = judged.releases, judged.records, split.kept
            rejects.append(judged.faults)
            edits.append(judged.edits)
            rows = releases_table(made, config.release_url())
            anew = anew and anew.add(split, compiled)
            if kept:
                made, compiled = _together(made, kept.releases), _together(compiled, kept.records)
                rows = _together(rows, kept.table)
            release_lines.write(Lines(made["json"]).text)
            record_lines.write(Lines(compiled["json"]).text)
            table.write({"releases": rows})
            counts["releases"] += made.height
            counts["records"] += compiled.height
            counts["corrections"] += judged.corrections
            reused += kept.records.height if kept else 0
            clock.lap("write")
    counts["rejected"] = counts["concursos"] - counts["records"]
    everything = pl.concat(rejects).sort("tabla", "nog", "clave", "columna", "valor", "motivo", nulls_last=True)
    listed = pl.concat(edits).sort("nog", "release", "path")
    return Cohort(
        *paths, table.files["releases"], everything, listed, counts, reused, anew if reused else None, clock.seconds
    )


def _together(fresh: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """What was made and what was taken over, in order of NOG."""
    return pl.concat([fresh.select(kept.columns), kept]).sort("nog", maintain_order=True)


class Lines(Sequence[memoryview]):
    """A column of texts as JSON Lines, without a Python object per line: `text` is all of them, each item one of them."""

    def __init__(self, texts: pl.Series) -> None:
        ended = texts.to_frame("line").select(pl.concat_str("line", pl.lit("\n"))).to_series()
        array = ended.to_arrow(compat_level=pl.CompatLevel.oldest())
        _, offsets, data = array.buffers()
        self._ends = memoryview(offsets).cast("q")[array.offset :] if len(array) else memoryview(b"")
        self._data = memoryview(data) if data else memoryview(b"")
        self._length = len(array)

    @property
    def text(self) -> memoryview:
        return self._data[self._ends[0] : self._ends[self._length]] if self._length else self._data

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: Any) -> Any:
        return self._data[self._ends[place] : self._ends[place + 1]]

    def __iter__(self) -> Iterator[memoryview]:
        ends, data = self._ends, self._data
        return (data[ends[place] : ends[place + 1]] for place in range(self._length))


@dataclass(frozen=True)
class _Judged:
    """Of a batch: the releases that are valid, their records (nog, json), the faults of what was dropped, and the edits."""

    releases: pl.DataFrame
    records: pl.DataFrame
    faults: pl.DataFrame
    edits: pl.DataFrame
    corrections: int


class _Maker:
    """Makes the releases and records of a batch; holds what is the same for the whole month."""

    def __init__(self, snapshot: Snapshot, earlier: Earlier | None, detected: str) -> None:
        self._month, self._detected = snapshot.month, detected
        self._offers_known = "ofertas" not in snapshot.missing
        self._directory = releases.Directory.in_files(snapshot.files)
        self._split = Walk(earlier, snapshot, self._directory).split if earlier else unsplit
        self._merger = Merger(merge_rules_from_schema(compiled_schema()))
        self._release_validator, self._record_validator = Validator("release"), Validator("compiled")
        self._correction_validator = Validator("correction")

    def releases(self, batches: Iterator[releases.Rows]) -> Iterator[tuple[pl.DataFrame, Split | Whole]]:
        """The releases of batches of NOGs (RELEASE_COLUMNS), but for those that are taken over."""
        for rows in batches:
            split = self._split(rows)
            if isinstance(split, Whole):
                yield pl.DataFrame(), split
            else:
                yield releases.build(split.fresh, self._directory, self._month, offers_known=self._offers_known), split

    def judged(self, built: pl.DataFrame, public: pl.DataFrame, clock: _Clock) -> _Judged:
        """What of the releases of a batch can be published. `public`: those that are (corrections.PUBLIC_SCHEMA)."""
        settled = settle(built, public, self._merger, self._detected)
        clock.lap("corrections")
        made = settled.releases
        # What is public was valid when it was published, and stays whatever the profile says today.
        fresh = made.filter(~pl.col("id").is_in(settled.public + settled.corrections)) if settled.public else made
        faults = _faults(self._release_validator, fresh.select("nog", "json"))
        if settled.corrections:
            corrections = made.filter(pl.col("id").is_in(settled.corrections))
            faults = pl.concat([faults, _faults(self._correction_validator, corrections.select("nog", "json"))])
        made = _without(made, faults)
        clock.lap("validate")
        compiled, unmerged = compile_records(made, self._merger)
        clock.lap("compile")
        wrong = pl.concat([unmerged, _faults(self._record_validator, compiled)])
        clock.lap("validate")
        made, faults = _without(made, wrong), pl.concat([faults, wrong])
        kept = made["id"].is_in(settled.corrections).sum() if settled.corrections else 0
        return _Judged(made, _without(compiled, wrong), faults, _without(settled.edits, faults), int(kept))


def compile_records(made: pl.DataFrame, merger: Merger) -> tuple[pl.DataFrame, pl.DataFrame]:
    """From releases (RELEASE_COLUMNS) their compiled ones (nog, json; by nog), and the faults of those that do not merge."""
    covered = made.filter("covers").select("nog", json=_as_compiled())
    nogs, texts, faults = [], [], []
    for nog, lines in _histories(made.join(covered, on="nog", how="anti", maintain_order="left")):
        try:
            merged = compiled([orjson.loads(line) for line in lines], merger)
        except MergeError as error:
            faults.append((nog, "", str(error), UNMERGEABLE))
            continue
        nogs.append(nog)
        texts.append(orjson.dumps({key: merged[key] for key in _FIRST_KEYS} | merged).decode())
    many = pl.DataFrame({"nog": nogs, "json": texts}, schema={"nog": pl.Int64, "json": pl.String})
    return pl.concat([covered, many]).sort("nog"), _fault_frame(faults)


def _histories(made: pl.DataFrame) -> Iterator[tuple[int, list[str]]]:
    grouped = made.group_by("nog", maintain_order=True).agg("json")
    yield from zip(grouped["nog"], grouped["json"].to_list(), strict=True)


def _as_compiled() -> pl.Expr:
    """A release that covers its NOG's history, as the compiled one: only the id and the tag are other."""
    lit, ocid = pl.lit, pl.col("ocid")
    tail = (
        pl.col("json")
        .str.replace(r'^\{"ocid":"[^"]*","id":"[^"]*",', "")
        .str.replace(r'"tag":\[[^\]]*\]', '"tag":["compiled"]')
    )
    return pl.concat_str(lit('{"ocid":"'), ocid, lit('","id":"'), ocid, lit("-"), pl.col("date"), lit('",'), tail)


def _without(frame: pl.DataFrame, faults: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(~pl.col("nog").is_in(faults["nog"].implode())) if faults.height else frame


def _faults(validator: Validator, frame: pl.DataFrame) -> pl.DataFrame:
    """One reject for every error of the documents (nog, json) that are not valid."""
    lines = Lines(frame["json"])
    clear = validator.clear_many(lines)
    if all(clear):
        return _fault_frame([])
    found = []
    for nog, line, passed in zip(frame["nog"], lines, clear, strict=True):
        if not passed:
            found += [(nog, fault.path, fault.message, INVALID) for fault in validator.errors(line)]
    return _fault_frame(found)


def _fault_frame(faults: list[tuple[int, str, str, str]]) -> pl.DataFrame:
    rows = [
        {
            "nog": nog,
            "tabla": "concursos",
            "clave": f"nog={nog}",
            "columna": path,
            "valor": None,
            "nivel": "fila",
            "motivo": f"{reason}: {message}"[:1000],
        }
        for nog, path, message, reason in faults
    ]
    return pl.DataFrame(rows, schema=REJECTS_SCHEMA).unique(maintain_order=True)
