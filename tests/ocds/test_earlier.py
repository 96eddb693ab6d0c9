"""Taking over what the public version has: the files are those of a month made all anew beside it, byte for byte."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from guatecompras import snapshot
from guatecompras.demo import month_tables
from guatecompras.months import Month
from guatecompras.ocds import cohort
from guatecompras.ocds.earlier import Earlier
from guatecompras.ocds.releases import Rows
from guatecompras.settings import Settings
from guatecompras.snapshot import Snapshot
from tests.ocds.sample_rows import Reading

JANUARY = Month(2026, 1)
SIZE, BATCH = 300, 70
DETECTED = "2026-11-25T01:02:03-06:00"


def _taken(rows: Rows, folder: Path, missing: frozenset[str] = frozenset()) -> Snapshot:
    return snapshot.take(Reading(rows, missing), JANUARY, folder)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return next(month_tables(JANUARY, SIZE, 1))


@pytest.fixture(scope="module")
def before(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> Earlier:
    folder = tmp_path_factory.mktemp("before")
    taken = _taken(rows, folder / "source")
    made = cohort.build(taken, folder / "ocds", Settings(), BATCH)
    assert made.reused == 0
    return Earlier(made.releases, made.records, made.releases_table, taken, same_maker=True, work=made.releases.parent)


def _nth(rows: Rows, place: int) -> pl.Expr:
    return pl.col("nog") == rows["concursos"]["nog"].sort()[place]


def _set(table: str, place: int, **values: pl.Expr) -> Callable[[Rows], Rows]:
    def change(rows: Rows) -> Rows:
        at = _nth(rows, place)
        new = rows[table].with_columns(
            pl.when(at).then(value).otherwise(column).cast(rows[table].schema[column]).alias(column)
            for column, value in values.items()
        )
        assert not new.equals(rows[table])
        return {**rows, table: new}

    return change


def _without(place: int) -> Callable[[Rows], Rows]:
    return lambda rows: {name: frame.filter(~_nth(rows, place)) for name, frame in rows.items()}


def _only(table: str, keep: Callable[[Rows], pl.Expr]) -> Callable[[Rows], Rows]:
    return lambda rows: {**rows, table: rows[table].filter(keep(rows))}


def _renumbered(place: int) -> Callable[[Rows], Rows]:
    """A NOG that is gone, and one that is new at the end."""
    return lambda rows: {
        name: frame.with_columns(
            nog=pl.when(_nth(rows, place)).then(rows["concursos"]["nog"].max() + 7).otherwise("nog")
        ).sort("nog", maintain_order=True)
        for name, frame in rows.items()
    }


_later = pl.col("fecha_evento") + timedelta(days=1)

# What changed, and how many records are taken over (None: some, how many depends on the demo).
CHANGES: dict[str, tuple[Callable[[Rows], Rows], int | None]] = {
    "nothing": (lambda rows: rows, SIZE),
    "a title": (_set("concursos", 100, descripcion=pl.lit("Otra cosa")), SIZE - 1),
    "the first and the last title": (
        lambda rows: _set("concursos", -1, descripcion=pl.lit("Z"))(
            _set("concursos", 0, descripcion=pl.lit("A"))(rows)
        ),
        SIZE - 2,
    ),
    "a whole batch": (
        lambda rows: {**rows, "concursos": rows["concursos"].with_columns(descripcion=pl.lit("Todo nuevo"))},
        0,
    ),
    "a NOG is gone": (_without(150), None),
    "a NOG is gone and another came": (_renumbered(10), None),
    "an event is later": (_set("eventos", 200, fecha_evento=_later), SIZE - 1),
    "the offers of one are gone": (
        _only("ofertas", lambda rows: ~(pl.col("nog") == rows["ofertas"]["nog"].min())),
        SIZE - 1,
    ),
    "all awards are gone": (_only("adjudicaciones", lambda rows: pl.lit(False)), None),
    "the buyer is called otherwise everywhere": (
        lambda rows: {
            **rows,
            "partes": rows["partes"].with_columns(
                nombre=pl.when(pl.col("esquema") == "GT-CISP").then(pl.lit("OTRA")).otherwise("nombre")
            ),
        },
        0,
    ),
    "a concurso that was valid has no buyer": (_set("concursos", 60, entidad_compradora=pl.lit(None)), None),
}


def _compare(after: Snapshot, before: Earlier, folder: Path) -> int:
    public = replace(before, snapshot=None, same_maker=False)
    anew = cohort.build(after, folder / "anew", Settings(), BATCH, public, DETECTED)
    # Other batches than before, so that they do not fall together.
    again = cohort.build(after, folder / "again", Settings(), BATCH - 13, before, DETECTED)
    assert again.releases.read_bytes() == anew.releases.read_bytes()
    assert again.records.read_bytes() == anew.records.read_bytes()
    assert again.releases_table.read_bytes() == anew.releases_table.read_bytes()
    assert again.counts == anew.counts
    assert again.rejects.equals(anew.rejects)
    assert again.edits.equals(anew.edits)
    assert anew.reused == 0
    return again.reused


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_is_made_anew_and_all_else_taken_over(
    change: str, rows: Rows, before: Earlier, tmp_path: Path
) -> None:
    apply, expected = CHANGES[change]
    reused = _compare(_taken(apply(rows), tmp_path / "source"), before, tmp_path)
    if expected is not None:
        assert reused == expected


def test_a_table_that_is_missing_now_leaves_nothing_to_take_over(rows: Rows, before: Earlier, tmp_path: Path) -> None:
    after = _taken({**rows, "ofertas": rows["ofertas"].clear()}, tmp_path / "source", frozenset({"ofertas"}))
    assert _compare(after, before, tmp_path) == 0


def test_what_was_rejected_before_is_judged_again(rows: Rows, tmp_path: Path) -> None:
    """A NOG without a buyer breaks the profile in both versions: it is rejected in both, with its reason."""
    alone = rows["partes"].filter(~(_nth(rows, 5) & pl.col("esquema").is_in(["GT-CISP", "GT-GCUC", "GT-NIT"])))
    spoilt = _set("concursos", 5, entidad_compradora=pl.lit(None))({**rows, "partes": alone})
    taken = _taken(spoilt, tmp_path / "first")
    made = cohort.build(taken, tmp_path / "ocds", Settings(), BATCH)
    earlier = Earlier(
        made.releases, made.records, made.releases_table, taken, same_maker=True, work=made.releases.parent
    )
    again = _set("concursos", 8, descripcion=pl.lit("Otra cosa"))(spoilt)
    assert _compare(_taken(again, tmp_path / "second"), earlier, tmp_path) == made.counts["records"] - 1
