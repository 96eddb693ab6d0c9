"""The snapshot: one month of a source on disk, and the walk over it in batches of whole concursos."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guatecompras.arrivals import ARRIVAL_ORDER
from guatecompras.contract import REJECTS_SCHEMA, TABLES
from guatecompras.demo import month_tables
from guatecompras.errors import SourceError
from guatecompras.formats.counting import digest
from guatecompras.months import Month
from guatecompras.personal import load
from guatecompras.snapshot import REJECTS, Snapshot, nog_batches, take
from resources.sources.csv import plain

MONTH = Month(2026, 2)
SIZE = 60


@dataclass
class Frames:
    """A source's month that is held in memory: the frames are its batches."""

    frames: dict[str, list[pl.DataFrame]]
    missing: frozenset[str] = field(default_factory=frozenset)

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        return iter(self.frames[table])


@pytest.fixture(scope="module")
def month() -> dict[str, pl.DataFrame]:
    chunks = list(month_tables(MONTH, SIZE, 3))
    return {name: pl.concat([chunk[name] for chunk in chunks]) for name in TABLES}


@pytest.fixture(scope="module")
def snapshot(month: dict[str, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return take(whole(month), MONTH, tmp_path_factory.mktemp("snapshot"))


def whole(tables: dict[str, pl.DataFrame]) -> Frames:
    return Frames({name: [frame] for name, frame in tables.items()})


def test_a_snapshot_holds_the_months_rows(month: dict[str, pl.DataFrame], snapshot: Snapshot) -> None:
    assert (
        set(snapshot.files) == set(snapshot.rows) == set(snapshot.sha256) == set(snapshot.bytes) == {*TABLES, REJECTS}
    )
    for name, frame in month.items():
        stored = pl.read_parquet(snapshot.files[name])
        assert stored.equals(load().apply(name, frame))
        assert dict(stored.schema) == TABLES[name].schema
        assert snapshot.rows[name] == frame.height
    assert dict(pl.read_parquet(snapshot.files[REJECTS]).schema) == REJECTS_SCHEMA
    assert snapshot.rows[REJECTS] == 0
    assert {name: digest(path) for name, path in snapshot.files.items()} == {
        name: (snapshot.sha256[name], snapshot.bytes[name]) for name in snapshot.files
    }
    assert snapshot.month == "2026-02"
    assert snapshot.concursos_in == SIZE
    assert snapshot.missing == ()


def test_as_of_is_the_latest_registration_or_change(month: dict[str, pl.DataFrame], snapshot: Snapshot) -> None:
    latest = max(
        month["concursos"]["fecha_actualizacion"].dt.to_string("%Y-%m-%dT%H:%M:%S").max(),  # type: ignore[type-var]
        month["eventos"]["fecha_registro"].dt.to_string("%Y-%m-%dT%H:%M:%S").max(),  # type: ignore[type-var]
    )
    assert snapshot.as_of == latest


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_same_rows_give_the_same_bytes_however_they_come(
    month: dict[str, pl.DataFrame], snapshot: Snapshot, tmp_path: Path, data: st.DataObject
) -> None:
    frames = {}
    for name, frame in month.items():
        seed = data.draw(st.integers(0, 2**32 - 1))
        shuffled = frame.sample(fraction=1, shuffle=True, seed=seed).sort("nog", maintain_order=True)
        if data.draw(st.booleans()):
            shuffled = plain(name, shuffled).cast(pl.String)
        cuts = sorted(data.draw(st.lists(st.integers(0, frame.height), max_size=5)))
        frames[name] = [shuffled[a:b] for a, b in pairwise([0, *cuts, frame.height])]
    again = take(Frames(frames), MONTH, tmp_path / "again")
    assert again.sha256 == snapshot.sha256
    assert again.digest == snapshot.digest
    assert again.as_of == snapshot.as_of


def test_faults_give_the_same_bytes_too(month: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    faulty = {name: plain(name, frame).cast(pl.String) for name, frame in month.items()}
    tripled = pl.concat([faulty["eventos"], faulty["eventos"].with_columns(tipo=pl.lit("otra"))])
    faulty["eventos"] = tripled.sort(pl.col("nog").cast(pl.Int64), maintain_order=True)
    faulty["renglones"] = faulty["renglones"].with_columns(cantidad=pl.lit("mucho"))
    one = take(whole(faulty), MONTH, tmp_path / "one")
    cut = {name: [frame[:7], frame[7:9], frame[9:]] for name, frame in faulty.items()}
    other = take(Frames(cut), MONTH, tmp_path / "other")
    assert one.sha256 == other.sha256
    events, items = month["eventos"].height, month["renglones"].height
    assert one.rows[REJECTS] == 2 * events + items  # unknown kinds, their rows again as duplicates, quantities
    assert one.rows["eventos"] == events


def test_a_change_of_one_value_changes_the_digest(
    month: dict[str, pl.DataFrame], snapshot: Snapshot, tmp_path: Path
) -> None:
    changed = month["renglones"].with_columns(cantidad=pl.col("cantidad").fill_null(0) + 1)
    other = take(whole(month | {"renglones": changed}), MONTH, tmp_path)
    assert other.digest != snapshot.digest
    assert {name for name in other.sha256 if other.sha256[name] != snapshot.sha256[name]} == {"renglones"}


def test_an_empty_month_is_not_published(month: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    message = "the source has no concursos of 2026-02: an empty month is not published"
    with pytest.raises(SourceError, match=f"^{message}$"):
        take(Frames({name: [] for name in TABLES}), MONTH, tmp_path / "none")
    with pytest.raises(SourceError, match=f"^{message}$"):
        take(whole({name: frame.clear() for name, frame in month.items()}), MONTH, tmp_path / "empty")


def test_a_month_whose_concursos_are_all_lost_is_not_published(month: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    concursos = plain("concursos", month["concursos"]).cast(pl.String).with_columns(fecha_publicacion=pl.lit("ayer"))
    message = r"none of the 60 concursos of 2026-02 can be published, most often for fecha_publicacion: ilegible"
    with pytest.raises(SourceError, match=f"^{message}$"):
        take(whole(month | {"concursos": concursos}), MONTH, tmp_path)


def test_a_missing_child_table_counts_as_empty_and_is_reported(
    month: dict[str, pl.DataFrame], snapshot: Snapshot, tmp_path: Path
) -> None:
    children = ("renglones", "caracteristicas", "ofertas", "documentos")
    frames = Frames({n: [f] for n, f in month.items() if n not in children}, frozenset(children))
    lacking = take(frames, MONTH, tmp_path / "lacking")
    assert lacking.missing == tuple(sorted(children))
    assert [lacking.rows[name] for name in children] == [0] * 4
    assert all(dict(pl.read_parquet(lacking.files[name]).schema) == TABLES[name].schema for name in children)
    # Without rows and without the table are two things: without `ofertas` nobody knows how many there were.
    emptied = take(whole(month | {name: month[name].clear() for name in children}), MONTH, tmp_path / "emptied")
    assert emptied.sha256 == lacking.sha256
    assert emptied.digest != lacking.digest != snapshot.digest


@pytest.mark.parametrize("lacking", [{"concursos"}, {"partes"}, {"concursos", "partes", "contratos"}])
def test_a_source_without_a_needed_table_cannot_be_read(
    month: dict[str, pl.DataFrame], tmp_path: Path, lacking: set[str]
) -> None:
    needed = sorted(lacking - {"contratos"})
    message = f"the source lacks the table{'s' if len(needed) > 1 else ''} {', '.join(needed)}"
    with pytest.raises(SourceError, match=f"^{message}$"):
        take(Frames(whole(month).frames, frozenset(lacking)), MONTH, tmp_path)


def test_a_missing_column_leaves_no_half_written_file(month: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="table eventos lacks the required column tipo"):
        take(whole(month | {"eventos": month["eventos"].drop("tipo")}), MONTH, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["concursos.parquet"]


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_the_walk_gives_every_row_once(month: dict[str, pl.DataFrame], snapshot: Snapshot, size: int) -> None:
    steps = list(nog_batches(snapshot.files, size))
    assert len(steps) == -(-SIZE // size)
    for name, frame in month.items():
        assert pl.concat([step[name] for step in steps]).equals(load().apply(name, frame))
    for step in steps:
        nogs = set(step["concursos"]["nog"])
        assert len(nogs) == step["concursos"].height <= size
        assert all(set(step[name]["nog"]) <= nogs for name in TABLES)
        assert all(dict(step[name].schema) == TABLES[name].schema for name in TABLES)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    children=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    size=st.sampled_from([1, 2, 7, 10_000]),
    rows_read=st.integers(1, 4),
)
def test_the_walk_keeps_step_whatever_the_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, children: list[int], size: int, rows_read: int
) -> None:
    nogs = range(1, len(children) + 1)
    rows = {
        "concursos": pl.DataFrame({"nog": nogs, "fecha_publicacion": "2026-02-03"}),
        "eventos": pl.DataFrame(
            [(nog, f"e{n}", "2026-02-03") for nog, count in zip(nogs, children, strict=True) for n in range(count)],
            schema={"nog": pl.Int64, "evento_id": pl.String, "fecha_evento": pl.String},
            orient="row",
        ),
    }
    complete = {}
    for name, table in TABLES.items():
        frame = rows.get(name, pl.DataFrame(schema={"nog": pl.Int64}))
        absent = [pl.lit(None, pl.String).alias(c) for c in table.required if c not in frame.columns]
        complete[name] = frame.with_columns(absent)
    snapshot = take(whole(complete), MONTH, tmp_path)
    # A reader's batches end anywhere: within a concurso's children, or many concursos further on.
    from guatecompras import snapshot as module

    read = module.batches
    monkeypatch.setattr(module, "batches", lambda path, rows=rows_read: read(path, rows))
    steps = list(nog_batches(snapshot.files, size))
    assert [nog for step in steps for nog in step["concursos"]["nog"]] == list(nogs)
    for step in steps:
        for nog in step["concursos"]["nog"]:
            assert step["eventos"]["nog"].to_list().count(nog) == children[nog - 1]
    assert sum(step["eventos"].height for step in steps) == sum(children)


def test_the_parquet_files_are_in_the_order_of_the_contract(snapshot: Snapshot) -> None:
    for name in ARRIVAL_ORDER:
        frame = pl.read_parquet(snapshot.files[name])
        assert frame.equals(frame.sort("nog", *TABLES[name].order, nulls_last=True))
