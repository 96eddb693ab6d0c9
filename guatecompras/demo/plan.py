"""What a stretch of a synthetic month has decided: a row a concurso, its NOG, and what its child rows draw.

Who fills the rows is `month`'s business, or `schemes`' for what is planted; how tables are made from them is `month`'s.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from guatecompras.demo.draws import Draws, weighted
from guatecompras.demo.world import GROUP, World
from guatecompras.months import Month

# Local times are naive by contract.
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
DAY = 86_400
CHILDREN = 1_024  # child k of concurso i draws at place i * 1,024 + k

# Items per concurso: mean 1.48, up to 142.
_ITEMS = {
    1: 87.0, 2: 5.0, 3: 2.6, 4: 1.5, 5: 1.0, 6: 0.7, 8: 0.6, 10: 0.5, 15: 0.35, 20: 0.25, 30: 0.13,
    45: 0.07, 80: 0.025, 142: 0.006,
}  # fmt: skip


# NOGs have eight digits, 250,000 a month (31 million in May 2026, as in life); ten digits in huge months.
MAX_SIZE = 10_000_000
_USUAL, _HUGE, _BEYOND = (12_000_000, 250_000), (2_000_000_000, MAX_SIZE), (12_000_000_000, MAX_SIZE)
_FIRST_YEAR = 2020


def nogs_of(month: Month, size: int) -> tuple[int, int]:
    """The first NOG of a month and how far apart they are: number i is among the `step` from first + i * step on."""
    start, span = _USUAL if size <= _USUAL[1] else _HUGE
    return start + _index(month) * span, min(12, span // size)


def free_nogs(month: Month, size: int, count: int) -> int:
    """The first of `count` NOGs that follow those of a month of `size`: in its own range, or beyond all where that is full."""
    first, step = nogs_of(month, size)
    span = (_USUAL if size <= _USUAL[1] else _HUGE)[1]
    return first + size * step if size * step + count <= span else _BEYOND[0] + _index(month) * _BEYOND[1]


def _index(month: Month) -> int:
    return (month.year - _FIRST_YEAR) * 12 + month.number - 1


@dataclass(frozen=True)
class Rows:
    """Child rows: `parent` is the row in the plan's frame, `number` the child's own, `place` where it draws."""

    parent: pl.Series
    number: pl.Series
    place: pl.Series


@dataclass(frozen=True)
class Plan:
    """The concursos of a chunk: a row each in `frame`; times in local seconds since 1970, null where nothing happens.

    The winner is bidder 0. What a method draws may be decided beforehand: see `schemes`.
    """

    month: Month
    draws: Draws
    world: World
    place: pl.Series  # UInt64: the concurso's number within the month
    frame: pl.DataFrame

    @property
    def nog(self) -> pl.Series:
        return self.frame["nog"]

    def ceiling(self) -> pl.Series:
        """The highest amount (centavos) of each concurso's modality."""
        tops = [int(float(text.split()[-1]) * 100) for text in self.world.modalities["monto"]]
        return pl.Series(tops).gather(self.frame["modalidad"])

    def formal_papers(self) -> pl.Series:
        """Whether a concurso's call comes with the many documents of a formal procedure."""
        return self.frame["clase"] == "formal"

    def item_counts(self) -> pl.Series:
        return self.draws.choice("renglones", self.place, weighted(list(_ITEMS), list(_ITEMS.values())))

    def first_good(self) -> pl.Series:
        """The good (row number) that the first item and the title are about."""
        country, line = self.world, self.frame["rubro"]
        return country.line_first_good.gather(line) + self.draws.below(
            "bien", self.place, country.line_goods.gather(line)
        )

    def bidder(self, rows: Rows) -> pl.Series:
        """The supplier (row number) of each bid: bidder k has its own place in a group, so none bids twice."""
        country, line = self.world, self.frame["rubro"].gather(rows.parent)
        chosen = self.draws.unit("proveedor", rows.place)
        groups = country.lines["grupos"].gather(line).cast(pl.Float64)
        group = country.line_first_group.gather(line) + (chosen * chosen * chosen * groups).cast(pl.Int64)
        turn = self.draws.below("turno", self.place, GROUP).gather(rows.parent)
        return group * GROUP + (turn + rows.number) % GROUP

    def bid_amount(self, rows: Rows) -> pl.Series:
        """What bidder k asks (centavos): bidder 0 the base amount, the others 3 % less to 27 % more, up to the ceiling."""
        base = self.frame["monto"].gather(rows.parent)
        more = base * (970 + self.draws.below("oferta", rows.place, 300)) // 1_000
        other = pl.select(pl.min_horizontal(more, self.ceiling().gather(rows.parent))).to_series()
        return base.zip_with(rows.number == 0, other)

    def bid_time(self, rows: Rows) -> pl.Series:
        """When each bid came in (local seconds): before the close of reception, most of them late."""
        start, end = (self.frame[name].gather(rows.parent) for name in ("publicacion", "cierre"))
        early = self.draws.unit("oferta/cuándo", rows.place)
        return end - ((end - start - 2).cast(pl.Float64) * (early * early)).cast(pl.Int64)

    def bid_state(self, rows: Rows) -> pl.Series:
        state = self.draws.unit("oferta/estado", rows.place)
        return pl.select(
            pl.when((rows.number < 2) | (state > 0.006))
            .then(pl.lit("valida"))
            .when(state > 0.002)
            .then(pl.lit("descalificada"))
            .otherwise(pl.lit("retirada"))
        ).to_series()
