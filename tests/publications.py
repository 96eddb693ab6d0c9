"""Small publications, made by the stages themselves, for tests of what is done with one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import polars as pl

from guatecompras.month import DOWNLOADS, MonthWork
from guatecompras.months import Month
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from resources.sources.demo import DemoReading, DemoSource
from tests.replaced import LOSSES_ALLOWED

MONTH = "2026-01"


class OpenSource(DemoSource):
    """The demo, in which what has no result yet receives offers for all time: every second such concurso does not say until when,
    the others until 2098."""

    @contextmanager
    def open(self, month: Month) -> Iterator[DemoReading]:
        with super().open(month) as reading:
            yield _OpenReading(reading)


class _OpenReading(DemoReading):
    def __init__(self, reading: DemoReading) -> None:
        self._reading = reading

    def batches(self, table: str) -> Iterator[pl.DataFrame]:
        for frame in self._reading.batches(table):
            if table == "concursos":
                late = pl.when(pl.col("nog") % 2 == 0).then(
                    pl.datetime(2098, 1, 31, 10, 30, time_zone="America/Guatemala")
                )
                frame = frame.with_columns(  # noqa: PLW2901 – the same, otherwise
                    fecha_cro=pl.when(pl.col("estatus_concurso") == 1).then(late).otherwise("fecha_cro")
                )
            yield frame


def built(
    store: LocalStore,
    seed: int,
    month: str = MONTH,
    size: int = 40,
    config: Settings = LOSSES_ALLOWED,
    kind: type[DemoSource] = DemoSource,
) -> MonthWork:
    """A month made up to its downloads."""
    source = kind.from_uri(f"demo:?size={size}&seed={seed}")
    work, _ = MonthWork.extract(store, source, Month.parse(month), config)
    work.ocds()
    work.changes()
    work.tables()
    work.report()
    work.downloads(DOWNLOADS)
    return work


def published(
    store: LocalStore,
    seed: int,
    month: str = MONTH,
    size: int = 40,
    config: Settings = LOSSES_ALLOWED,
    kind: type[DemoSource] = DemoSource,
) -> dict[str, Any]:
    """A month published; its entry in the index."""
    return built(store, seed, month, size, config, kind).publish()
