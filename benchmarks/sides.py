"""Who is measured: our stages and the peers of each, with the command of each, its environment and how much it is given.

Only the standard library; how a command is measured is `measure.py`, what it is given `data.py`.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).parent / "peers"

# The peers' environments, and what is pinned in them; the first is the peer itself.
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "psycopg2": ("psycopg2-binary==2.9.13",),
    "nightingale": ("ocdsnightingale==0.0.2", "ocdskit==1.7.0"),
    "ocdsmerge": ("ocdsmerge==0.8.0", "orjson==3.13.0"),
    "ocdskit": ("ocdskit==1.7.0", "ocdsmerge==0.8.0", "orjson==3.13.0"),
    "jsonschema": ("jsonschema==4.26.0", "rfc3339-validator==0.1.4", "rfc3987==1.3.8"),
    "libcoveocds": ("libcoveocds==0.17.0",),
    "flatterer": ("flatterer==0.25.0",),
    "flattentool": ("flattentool==0.28.0",),
}

# Stage -> what it is, and the target in seconds for 17,426 concursos on two cores.
STAGES: dict[str, tuple[str, float | None]] = {
    "extract-postgres": ("extract from PostgreSQL", 2.0),
    "extract-sqlite": ("extract from SQLite", None),
    "releases": ("releases", 4.0),
    "compile": ("compile", 4.0),
    "validate": ("validate, both kinds", 5.0),
    "pass": ("releases, compile, validate and write, in one pass", None),
    "tables": ("tables + Parquet", 3.0),
    "csv": ("CSV zip", 3.0),
    "excel": ("Excel", 6.0),
    "json": ("JSON package, compressed", 4.0),
    "all": ("everything: extract, build, check, write, publish", 22.0),
    "all-postgres": ("everything, from PostgreSQL", 22.0),
}


@dataclass(frozen=True)
class Place:
    """What a command is told. `folder`: the data of a size; `inputs`: the documents for this side, all or a sample;
    `size`: how many concursos are in them; `out`: an empty folder; `bin`: of the side's environment."""

    folder: Path
    inputs: Path
    size: int
    out: Path
    bin: Path
    postgres: str

    @property
    def sqlite(self) -> str:
        return f"sqlite:///{self.folder / 'demo.sqlite'}"

    @property
    def official(self) -> str:
        """The standard's release schema with our extensions applied."""
        return str(self.folder / "schemas" / "official.json")


Command = Callable[[Place], list[str]]


@dataclass(frozen=True)
class Side:
    """One that does a stage. Ours has no `environment`; a sample's seconds are scaled to the whole month.

    `sample`: at most so many concursos (0: all); `runs`: at most so many (0: as asked); `needs`: `postgres` or `standard`;
    `start`: after which of our stages the store in `out` stands; `prepare`: what is run first, unmeasured.
    """

    stage: str
    name: str
    command: Command
    environment: str = ""
    sample: int = 0
    runs: int = 0
    needs: tuple[str, ...] = ()
    start: str = ""
    prepare: Command | None = None

    @property
    def ours(self) -> bool:
        return not self.environment

    @property
    def key(self) -> str:
        """A name for files."""
        return f"{self.stage}-{self.name}".replace(" ", "-").replace(":", "")


def _stage(name: str, *more: Callable[[Place], str]) -> Command:
    return lambda place: [
        *(sys.executable, "-m", "benchmarks.stages", name, str(place.folder), str(place.out)),
        *(tell(place) for tell in more),
    ]


def _script(name: str, *told: Callable[[Place], str]) -> Command:
    return lambda place: [str(place.bin / "python"), str(PEERS / name), *(tell(place) for tell in told)]


def _publish(source: Callable[[Place], str]) -> Command:
    def command(place: Place) -> list[str]:
        tool = Path(sys.executable).parent / "guatecompras"
        return [str(tool), "publish", "2026-05", "--source", source(place), "--store", str(place.out / "store")]

    return command


def _out(name: str = "") -> Callable[[Place], str]:
    return lambda place: str(place.out / name) if name else str(place.out)


def _given(name: str) -> Callable[[Place], str]:
    return lambda place: str(place.inputs / name)


def _ocdskit(place: Place) -> list[str]:
    # It reads and writes the standard streams; the shell gives way to it.
    script = 'exec "$0" compile --schema "$1" < "$2" > "$3"'
    files = (place.official, str(place.inputs / "releases.jsonl"), str(place.out / "compiled.jsonl"))
    return ["sh", "-c", script, str(place.bin / "ocdskit"), *files]


def _flatterer(*options: str) -> Command:
    def command(place: Place) -> list[str]:
        files = (str(place.inputs / "compiled.jsonl"), str(place.out / "flat"))
        return [str(place.bin / "flatterer"), "--ndjson", "--threads", str(os.cpu_count()), *options, *files]

    return command


def _flatten(form: str) -> Command:
    return lambda place: [
        *(str(place.bin / "flatten-tool"), "flatten", str(place.inputs / "compiled.json"), "-f", form),
        *("--root-list-path", "releases", "-m", "releases", "-r", "ocid", "-o", str(place.out / "flat")),
        *(("--line-terminator", "CRLF") if form == "csv" else ()),
    ]


def _nightingale(place: Place) -> list[str]:
    config = str(place.out / "config.toml")
    return [str(place.bin / "ocdsnightingale"), "--config", config, "--loglevel", "ERROR"]


def _cove(place: Place) -> list[str]:
    tool, documents = str(place.bin / "libcoveocds"), str(place.inputs / "both.json")
    return [tool, documents, "--standard-zip", str(place.folder / "schemas" / "standard.zip")]


def _schemas(place: Place) -> str:
    return str(place.folder / "schemas")


def _inputs(place: Place) -> str:
    return str(place.inputs)


_STANDARD, _POSTGRES = ("standard",), ("postgres",)
SAMPLE, SMALL_SAMPLE = 2_000, 500

SIDES: tuple[Side, ...] = (
    Side("extract-postgres", "ours", _stage("extract", lambda p: p.postgres), needs=_POSTGRES),
    Side(
        "extract-postgres",
        "COPY",
        _script("copy_rows.py", lambda p: p.postgres, _out()),
        environment="psycopg2",
        needs=_POSTGRES,
    ),
    Side("extract-sqlite", "ours", _stage("extract", lambda p: p.sqlite)),
    Side(
        "extract-sqlite",
        "sqlite3 + csv",
        _script("sqlite_rows.py", lambda p: str(p.folder / "demo.sqlite"), _out()),
        environment="plain",
    ),
    Side("releases", "ours", _stage("releases"), start="source"),
    Side(
        "releases",
        "Nightingale",
        _nightingale,
        environment="nightingale",
        sample=SMALL_SAMPLE,
        runs=1,
        needs=_STANDARD,
        prepare=_script(
            "nightingale_setup.py",
            lambda p: str(p.folder / "demo.sqlite"),
            lambda p: p.official,
            _out(),
            lambda p: str(p.size),
        ),
    ),
    Side("compile", "ours", _stage("compile")),
    Side(
        "compile",
        "ocdsmerge",
        _script("ocdsmerge_lines.py", lambda p: p.official, _given("releases.jsonl"), _out("compiled.jsonl")),
        environment="ocdsmerge",
        needs=_STANDARD,
    ),
    Side("compile", "ocdskit compile", _ocdskit, environment="ocdskit", needs=_STANDARD),
    Side("validate", "ours", _stage("validate")),
    Side(
        "validate",
        "jsonschema",
        _script("jsonschema_lines.py", _schemas, _inputs, _out()),
        environment="jsonschema",
        sample=SAMPLE,
        runs=1,
    ),
    Side("validate", "libcoveocds", _cove, environment="libcoveocds", sample=SAMPLE, runs=1, needs=_STANDARD),
    Side("pass", "ours", _stage("pass"), start="source"),
    Side("tables", "ours", _stage("tables"), start="ocds"),
    Side("tables", "flatterer", _flatterer("--parquet", "--nocsv"), environment="flatterer"),
    Side("csv", "ours", _stage("csv"), start="tables"),
    Side("csv", "flatterer", _flatterer("--csv"), environment="flatterer"),
    Side("csv", "flatten-tool", _flatten("csv"), environment="flattentool", sample=SAMPLE, runs=1),
    Side("excel", "ours", _stage("excel"), start="tables"),
    Side("excel", "flatterer", _flatterer("--xlsx", "--nocsv"), environment="flatterer"),
    Side("excel", "flatten-tool", _flatten("xlsx"), environment="flattentool", sample=SAMPLE, runs=1),
    Side("json", "ours", _stage("json"), start="tables"),
    Side(
        "json",
        "json + zipfile",
        _script("json_zip.py", _given("records.jsonl"), lambda p: "package.json", _out("package.zip")),
        environment="plain",
    ),
    Side("all", "ours", _publish(lambda p: p.sqlite)),
    Side("all", "ours without Dagster", _stage("everything", lambda p: p.sqlite)),
    Side("all-postgres", "ours", _publish(lambda p: p.postgres), needs=_POSTGRES),
)

# What a user would chain today, by stage: the peers' tools as they are.
CHAIN: tuple[tuple[str, str], ...] = (
    ("releases", "Nightingale"),
    ("compile", "ocdskit compile"),
    ("validate", "libcoveocds"),
    ("csv", "flatten-tool"),
    ("excel", "flatten-tool"),
    ("json", "json + zipfile"),
)
# The stages whose fastest peers, one after another, do what `all` does.
PIECES: tuple[str, ...] = ("extract-sqlite", "releases", "compile", "validate", "tables", "csv", "excel", "json")
