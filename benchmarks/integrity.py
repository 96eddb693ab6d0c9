"""How well the integrity indicators find what is planted: `python -m benchmarks.integrity`. Months of the demo source with
schemes, made into tables in a temporary folder, of which the last one is judged with those before it as its history.

What is planted, and what is a decoy, is told by `guatecompras.demo.schemes.truth`.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import polars as pl

from benchmarks import machine
from guatecompras.demo.schemes import truth
from guatecompras.integrity.base import Base, scan
from guatecompras.integrity.indicator import NOT_EVALUABLE, RAISED
from guatecompras.integrity.registry import INDICATORS
from guatecompras.integrity.run import judge
from guatecompras.month import MonthWork
from guatecompras.months import Month
from guatecompras.settings import Settings
from guatecompras.stores import open_store
from resources.sources.demo import DemoSource

FIRST = "2025-11"
_PLANTED = (
    pl.col("decoy").not_().sum().alias("planted"),
    (~pl.col("decoy") & pl.col("raised")).sum().alias("found"),
    pl.col("decoy").sum().alias("decoys"),
    (pl.col("decoy") & pl.col("raised")).sum().alias("decoys_raised"),
)


def measure(folder: Path, months: int, size: int, seed: int = 1) -> pl.DataFrame:
    """By indicator: what was planted in the last month and how much of it was found, decoys and how many were raised, and what
    was raised of everything else that could be judged."""
    span = [Month.parse(FIRST)]
    while len(span) < months:
        span.append(span[-1].next())
    source = DemoSource(size, seed, span[0], months, schemes=1)
    folders = {ago: _tables(folder, source, month) for ago, month in enumerate(reversed(span))}
    base = Base(str(span[-1]), scan(folders), tuple(folders))
    states = judge(base).states.select(
        "nog", indicator="indicador", subject="sujeto", raised=pl.col("estado") == RAISED, state="estado"
    )
    return _compare(states, truth(span[-1], size, seed))


def _tables(folder: Path, source: DemoSource, month: Month) -> Path:
    """The folder with the month's tables."""
    work, _ = MonthWork.extract(open_store(str(folder)), source, month, Settings())
    work.ocds()
    made = work.tables()
    target = folder / "tables-of" / str(month)
    (target / "tables").mkdir(parents=True)
    for name, entry in made.files.items():
        Path(entry["path"]).rename(target / "tables" / f"{name}.parquet")
    return target


def _compare(states: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    key = ["indicator", "subject"]
    known = told.join(states.select(*key, "raised"), on=key, how="left").with_columns(pl.col("raised").fill_null(False))
    # What else is planted is there to be found by others: the rest is what the base month has.
    planted = told.drop_nulls("nog")["nog"].unique()
    rest = states.join(told, on=key, how="anti").filter(
        (pl.col("state") != NOT_EVALUABLE) & (pl.col("nog").is_null() | (pl.col("nog") < planted.min()))
    )
    return (
        pl.DataFrame({"indicator": list(INDICATORS)})
        .join(known.group_by("indicator").agg(*_PLANTED), on="indicator", how="left")
        .join(
            rest.group_by("indicator").agg(rest=pl.len(), rest_raised=pl.col("raised").sum()),
            on="indicator",
            how="left",
        )
        .with_columns(pl.exclude("indicator").fill_null(0).cast(pl.Int64))
        .with_columns(
            recall=pl.when(pl.col("planted") > 0).then(pl.col("found") / pl.col("planted")),
            precision=pl.when(pl.col("found") + pl.col("decoys_raised") > 0).then(
                pl.col("found") / (pl.col("found") + pl.col("decoys_raised"))
            ),
            rest_share=pl.when(pl.col("rest") > 0).then(pl.col("rest_raised") / pl.col("rest")),
        )
        .sort("indicator")
    )


def main() -> int:
    """Measure and write; 1 when something planted was not found or a decoy was raised."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.integrity", description=__doc__)
    parser.add_argument(
        "--months", type=int, default=7, help="some indicators need six before the last (default: %(default)s)"
    )
    parser.add_argument(
        "--size", type=int, default=3_000, help="concursos a month besides the planted (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    started = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), asked.months, asked.size, asked.seed)
    _write(asked.out, vars(asked) | {"seconds": round(perf_counter() - started, 1)}, found)
    return 0 if (found["found"] == found["planted"]).all() and not found["decoys_raised"].sum() else 1


def _write(out: Path, asked: dict[str, Any], found: pl.DataFrame) -> None:
    out.mkdir(parents=True, exist_ok=True)
    about = machine.describe()
    of = {name: asked[name] for name in ("months", "size", "seed", "seconds")}
    document = {"machine": about, "of": of, "indicators": found.to_dicts()}
    (out / "integrity.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    text = "\n".join(_markdown(about, of, found))
    (out / "integrity.md").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{text}\nwritten to {out}/integrity.json and .md\n")


def _markdown(about: dict[str, str], of: dict[str, Any], found: pl.DataFrame) -> Iterator[str]:
    yield f"# Indicators against what was planted, after {of['months']} months of {of['size']:,} concursos and the planted ones\n"
    yield f"{machine.sentence(about)}. Seed {of['seed']}; {of['seconds']:,} seconds, the months' tables included.\n"
    yield "| indicator | planted | found | recall | decoys | raised | precision | the rest | raised | share |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for row in found.iter_rows(named=True):
        yield (
            f"| {row['indicator']} {INDICATORS[row['indicator']].name} | {row['planted']} | {row['found']} | "
            f"{_share(row['recall'])} | {row['decoys']} | {row['decoys_raised']} | {_share(row['precision'])} | "
            f"{row['rest']:,} | {row['rest_raised']:,} | {_share(row['rest_share'])} |"
        )
    total = found.select(pl.exclude("indicator").sum()).row(0, named=True)
    yield (
        f"\nOf {total['planted']} planted {total['found']} were found; of {total['decoys']} decoys "
        f"{total['decoys_raised']} were raised.\n"
    )
    yield "The rest: subjects of the month that could be judged and are not in the truth table, without the planted concursos."
    yield "Nothing is planted for an indicator with no decoys: it is about a whole market, or needs the operator's list.\n"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


if __name__ == "__main__":
    sys.exit(main())
