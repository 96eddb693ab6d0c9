"""The snapshot: one month of the nine contract tables, checked, typed, ordered by nog and kept as Parquet.

Everything downstream is a pure function of it. How rows are checked is `arrivals.py`; where they come from `resources/sources/`.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from guatecompras.ahead import ahead
from guatecompras.arrivals import ARRIVAL_ORDER, ROW, Arrivals
from guatecompras.contract import REJECTS_SCHEMA, TABLES, Reading
from guatecompras.errors import SourceError
from guatecompras.formats.atomic import sweep
from guatecompras.formats.counting import digest
from guatecompras.formats.parquets import TableWriter, batches, schema_of
from guatecompras.months import Month
from guatecompras.personal import Policy, load

REJECTS = "rechazos"


@dataclass(frozen=True)
class Snapshot:
    """A snapshot on disk. `files`: table (and `rechazos`) -> its Parquet file; `rows`, `sha256`, `bytes`: per table.

    `concursos_in`: concursos delivered by the source, rejected ones included; `missing`: child tables that the source lacks;
    `as_of`: the latest `fecha_actualizacion` in it, naive local text, which dates what is published from it.
    """

    month: str
    files: dict[str, Path]
    rows: dict[str, int]
    sha256: dict[str, str]
    bytes: dict[str, int]
    concursos_in: int
    missing: tuple[str, ...]
    as_of: str

    @property
    def digest(self) -> str:
        """sha256 over the tables' digests: equal snapshots, equal digests."""
        text = "\n".join(f"{name} {self.sha256[name]}" for name in sorted(self.sha256)) + f"\nmissing {self.missing}"
        return hashlib.sha256(text.encode()).hexdigest()


def take(reading: Reading, month: Month, folder: Path, policy: Policy | None = None) -> Snapshot:
    """Read one month of a source into `folder`, without what `policy` (None: the one that stands in the code) withholds of natural
    persons; raises SourceError when a table that the contract needs is missing."""
    lacking = sorted(name for name, table in TABLES.items() if table.needed and name in reading.missing)
    if lacking:
        raise SourceError(f"the source lacks the table{'s'[: len(lacking) > 1]} {', '.join(lacking)}")
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    policy = policy or load()
    arrivals = Arrivals(month, reading.missing)
    files = {name: folder / f"{name}.parquet" for name in (*ARRIVAL_ORDER, REJECTS)}
    latest = ""
    # The source reads on, into the next table too, while what it gave is checked and written.
    with ahead(_all_batches(reading)) as coming:
        batches_of = _by_table(coming)
        for name in ARRIVAL_ORDER:
            with TableWriter(files[name], _arrow_schema(dict(TABLES[name].schema))) as writer:
                for frame in arrivals.admit(name, batches_of(name)):
                    writer.write(policy.apply(name, frame))
                    if name == "concursos":
                        latest = max(latest, _latest(frame))
            if name == "concursos":
                _demand_concursos(arrivals)
    with TableWriter(files[REJECTS], _arrow_schema(REJECTS_SCHEMA)) as writer:
        rejects = policy.apply_to_rejects(arrivals.rejects())
        writer.write(rejects)
    digests = {name: digest(path) for name, path in files.items()}
    return Snapshot(
        month=str(month),
        files=files,
        rows=arrivals.admitted | {REJECTS: rejects.height},
        sha256={name: found[0] for name, found in digests.items()},
        bytes={name: found[1] for name, found in digests.items()},
        concursos_in=arrivals.delivered["concursos"],
        missing=tuple(sorted(reading.missing)),
        as_of=latest or month.start.isoformat(),
    )


def _all_batches(reading: Reading) -> Iterator[tuple[str, pl.DataFrame]]:
    for name in ARRIVAL_ORDER:
        if name not in reading.missing:
            for batch in reading.batches(name):
                yield name, batch


def _by_table(rows: Iterator[tuple[str, pl.DataFrame]]) -> Callable[[str], Iterator[pl.DataFrame]]:
    """Tell one table's batches from the next one's: a function that, asked in order, gives those of a table."""
    held = next(rows, None)

    def batches_of(name: str) -> Iterator[pl.DataFrame]:
        nonlocal held
        while held and held[0] == name:
            yield held[1]
            held = next(rows, None)

    return batches_of


def _demand_concursos(arrivals: Arrivals) -> None:
    """An empty month is not published: it would put out what the last version has."""
    delivered = arrivals.delivered["concursos"]
    if not delivered:
        raise SourceError(f"the source has no concursos of {arrivals.month}: an empty month is not published")
    if not arrivals.admitted["concursos"]:
        lost = arrivals.rejects().filter(pl.col("nivel") == ROW)
        reasons = lost.group_by("columna", "motivo").len().sort("columna", "motivo")
        column, reason, _ = reasons.row(reasons["len"].arg_max())
        raise SourceError(
            f"none of the {delivered} concursos of {arrivals.month} can be published, most often for {column}: {reason}"
        )


def _latest(frame: pl.DataFrame) -> str:
    """The watermark that late changes are found by, and what dates the publication."""
    value = frame["fecha_actualizacion"].dt.replace_time_zone(None).dt.truncate("1s").max()
    return value.isoformat() if value is not None else ""  # type: ignore[union-attr]


def _arrow_schema(schema: dict[str, pl.DataType]):  # type: ignore[no-untyped-def]
    return pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def nog_batches(files: dict[str, Path], size: int) -> Iterator[dict[str, pl.DataFrame]]:
    """Walk the nine tables side by side: batches of about `size` concursos with all their child rows, in order of nog."""
    followers = {name: Follower(files[name]) for name in TABLES if name != "concursos"}
    for concursos in batches(files["concursos"], size):
        last = concursos["nog"][-1]
        yield {"concursos": concursos} | {name: follower.up_to(last) for name, follower in followers.items()}


class Follower:
    """A table (Parquet) in order of nog, read in step with others."""

    def __init__(self, path: Path) -> None:
        self._batches = batches(path)
        self._held = pl.DataFrame(schema=schema_of(path)[0])

    def up_to(self, nog: int) -> pl.DataFrame:
        """The rows not yet given whose nog is at most `nog`."""
        pieces = [self._held]
        while pieces[-1].is_empty() or pieces[-1]["nog"][-1] <= nog:
            following = next(self._batches, None)
            if following is None:
                break
            pieces.append(following)
        frame = pl.concat(pieces, how="vertical") if len(pieces) > 1 else pieces[0]
        cut = frame["nog"].search_sorted(nog, side="right")
        self._held = frame.slice(cut)
        return frame.slice(0, cut)
