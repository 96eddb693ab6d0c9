"""Where the concursos of a source end: published or rejected, by the published files themselves. Nothing may vanish."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from guatecompras.arrivals import ROW
from guatecompras.formats.archive import read_lines
from guatecompras.month import MonthWork
from guatecompras.months import Month
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from resources.sources.uri import open_source


@dataclass(frozen=True)
class Account:
    """What became of a month's concursos: `received` by the source's count, `records` published, `rejects` written down."""

    received: int
    records: list[dict[str, Any]]
    rejects: pl.DataFrame

    @property
    def nogs(self) -> list[int]:
        return [int(record["ocid"].rpartition("-")[2]) for record in self.records]

    @property
    def lost(self) -> pl.DataFrame:
        """The rejects of concursos that are not published."""
        return self.rejects.filter((pl.col("tabla") == "concursos") & (pl.col("nivel") == ROW))

    def balances(self, sent: Iterable[int | None]) -> None:
        """Every concurso sent (None: one whose NOG cannot be read) is published once, or is named among the rejects."""
        sent = list(sent)
        assert self.received == len(sent)
        assert len(set(self.nogs)) == len(self.nogs)
        named = set(self.lost["nog"].drop_nulls())
        absent = {nog for nog in sent if nog is not None} - set(self.nogs)
        assert absent <= named, f"{sorted(absent - named)[:5]} of {len(absent)} vanished"
        # Each row by itself, so that two that share a NOG are not taken for one.
        assert self.lost.filter(pl.col("nog").is_null()).height >= sum(nog is None for nog in sent)
        assert set(self.nogs) <= set(sent)


def account(uri: str, folder: Path, month: str = "2026-05") -> Account:
    """Take a month from a source and make its releases and records."""
    work, _ = MonthWork.extract(LocalStore(folder), open_source(uri), Month.parse(month), Settings())
    made = work.ocds()
    counts = made.data["counts"]
    records = [orjson.loads(line) for line in read_lines(made.path("records"))]
    assert counts["concursos"] == counts["records"] + counts["rejected"]
    assert counts["records"] == len(records)
    return Account(counts["concursos"], records, pl.read_parquet(made.path("rechazos")))


def main(uri: str, folder: str, month: str) -> None:
    """Say how many concursos were received, published and rejected; nothing of them is held."""
    work, _ = MonthWork.extract(LocalStore(Path(folder)), open_source(uri), Month.parse(month), Settings())
    counts = work.ocds().data["counts"]
    print(counts["concursos"], counts["records"], counts["rejected"])


if __name__ == "__main__":
    main(*sys.argv[1:])
