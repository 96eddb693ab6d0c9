"""What a planted concurso says, and the stage that a scheme's builder stands on: who there is, when, for how much.

Which concursos a scheme plants is `offers`', `purchases`' and `terms`' business; tables are made of them in `plan`.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import polars as pl

from guatecompras.demo.draws import Draws
from guatecompras.demo.plan import DAY, EPOCH
from guatecompras.demo.world import World, world
from guatecompras.months import FIRST_MONTH, Month

VALID, DISQUALIFIED = "valida", "descalificada"
DIRECT, QUOTATION, TENDER, EXCEPTION = 1, 3, 4, 6  # codes of `modalidades`
FORMAL = (QUOTATION, TENDER)
NEVER = -1  # no contract

# What a concurso draws, each at its own place.
_SLOTS = ("día", "hora", "cierre", "decisión", "entidad", "unidad", "bien", "monto", "uno", "dos", "tres",
          "oferta 0", "oferta 1", "oferta 2", "oferta 3", "contrato")  # fmt: skip
_MOST_CASES = 256  # of one scheme in one month
# By modality: days to the close of reception and from there to the decision. Working days but for tenders, which the law
# counts by the calendar.
_TERMS = {DIRECT: 3, QUOTATION: 10, TENDER: 43, EXCEPTION: 6}
_WAITS = {DIRECT: 3, QUOTATION: 8, TENDER: 12, EXCEPTION: 5}

# Suppliers are numbered: those of all months first, then those of each one; companies are even, persons odd.
_OF_SCHEME, _STANDING, _OF_MONTH = 200_000, 1_000, 200
UNITS = 9  # purchasing units of each planted entity


@dataclass(frozen=True)
class Bid:
    """`early`: seconds before the close of reception; below zero after it."""

    supplier: int
    cents: int
    early: int
    state: str = VALID


@dataclass(frozen=True)
class Mark:
    """What an indicator should find, or as a decoy should not: the concurso, or who is named."""

    indicator: str
    decoy: bool = False
    buyer: bool = False
    suppliers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Edit:
    """A column of a supplier's party row that is not as drawn."""

    supplier: int
    column: str
    text: str


@dataclass(frozen=True)
class Case:
    """One concurso. Times in local seconds since 1970; the first bid wins unless it is deserted."""

    scheme: str
    modality: int
    entity: int
    unit: int
    good: int
    published: int
    closes: int
    decided: int
    signed: int | None
    bids: tuple[Bid, ...]
    marks: tuple[Mark, ...]
    edits: tuple[Edit, ...] = ()

    @property
    def deserted(self) -> bool:
        return not self.bids


@dataclass(frozen=True)
class Place:
    """Where and how a concurso happens; what is None is drawn. `term`, `wait`: days to the close and from it to the decision;
    `delay`: seconds from the close to the decision, instead; `signed`: days from the award to the contract."""

    entity: int | None = None
    unit: int | None = None
    good: int | None = None
    day: int | None = None
    term: int | None = None
    wait: int | None = None
    delay: int | None = None
    signed: int | None = None


ANYWHERE = Place()


@dataclass(frozen=True)
class Stage:
    """A scheme's own corner of a month. What is drawn depends on seed, month, scheme and place only."""

    month: Month
    seed: int
    number: int  # of the scheme
    name: str
    first_entity: int
    entities: int
    _bits: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        places = pl.int_range(0, _MOST_CASES * len(_SLOTS), eager=True, dtype=pl.UInt64)
        draws = Draws(self.seed, str(self.month), "esquemas")
        object.__setattr__(self, "_bits", draws.bits(self.name, places).to_list())

    @property
    def age(self) -> int:
        """The month's number."""
        first = Month.parse(FIRST_MONTH)
        return (self.month.year - first.year) * 12 + self.month.number - first.number

    def roll(self, case: int, slot: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        bits = self._bits[case * len(_SLOTS) + _SLOTS.index(slot)]
        return low + ((bits >> 32) * (high - low + 1) >> 32)

    def cents(self, case: int, low: int, high: int, slot: str = "monto") -> int:
        """An amount of whole quetzales."""
        return self.roll(case, slot, low, high) * 100

    def firm(self, number: int) -> int:
        """A company that is there in all months."""
        return (self.number * _OF_SCHEME + number) * 2

    def newcomer(self, number: int) -> int:
        """A company of this month alone."""
        return (self.number * _OF_SCHEME + _STANDING + self.age * _OF_MONTH + number) * 2

    def person(self, number: int) -> int:
        """A natural person of this month alone."""
        return self.newcomer(number) + 1

    def contest(self, case: int, cents: int, winner: int, rivals: tuple[int, ...] | int = 1) -> tuple[Bid, ...]:
        """The winner's bid and its rivals', each above the one before as in the base; a number stands for newcomers."""
        if isinstance(rivals, int):
            rivals = tuple(self.newcomer(100 + (case * 3 + rival) % 100) for rival in range(rivals))
        asked = [cents]
        for rival in range(len(rivals)):
            low, high = (10_350, 12_500) if rival == 0 else (10_200 + rival * 300, 11_000 + rival * 300)
            asked.append(asked[-1] * self.roll(case, ("uno", "dos", "tres")[rival % 3], low, high) // 10_000)
        return self.bids(case, (winner, *rivals), asked)

    def bids(self, case: int, suppliers: tuple[int, ...], cents: list[int]) -> tuple[Bid, ...]:
        """Valid bids that came in on the last day."""
        return tuple(
            Bid(supplier, amount, self.roll(case, f"oferta {number % 4}", 600, 60_000) + number)
            for number, (supplier, amount) in enumerate(zip(suppliers, cents, strict=True))
        )

    def case(
        self,
        case: int,
        modality: int,
        bids: tuple[Bid, ...],
        marks: tuple[Mark, ...],
        place: Place = ANYWHERE,
        edits: tuple[Edit, ...] = (),
    ) -> Case:
        """The scheme's concurso number `case`."""
        day = self._day(case, place)
        published = day * DAY + 28_800 + self.roll(case, "hora", 0, 28_800)
        closes = self._closes(case, modality, place, day)
        decided = self._decided(case, modality, place, closes)
        entity = self.roll(case, "entidad", 0, self.entities - 1) if place.entity is None else place.entity
        return Case(
            self.name,
            modality,
            self.first_entity + entity % self.entities,
            (self.roll(case, "unidad", 0, UNITS - 1) if place.unit is None else place.unit) % UNITS,
            self.good(self.roll(case, "bien", 0, 10_000)) if place.good is None else place.good,
            published,
            closes,
            decided,
            self._signed(case, modality, place, decided) if bids else None,
            bids,
            marks,
            edits,
        )

    def good(self, number: int) -> int:
        """A good (row number) of the family `number`, counted round: numbers near each other are of other families."""
        goods = families(self.seed)
        return goods[number % len(goods)]

    def _day(self, case: int, place: Place) -> int:
        """The day of the call: the working day nearest before, or the first one of the month."""
        offset = self.roll(case, "día", 0, 27) if place.day is None else place.day
        day = (self.month.start - EPOCH).days + offset
        beyond = max((day + 3) % 7 - 4, 0)
        return day - beyond if offset >= beyond else day + 3 - beyond

    def _closes(self, case: int, modality: int, place: Place, day: int) -> int:
        term = _TERMS[modality] if place.term is None else place.term
        last = day + term if modality == TENDER else _after(day, term)
        if place.term is None:
            last = _after(last - 1, 1)
        return last * DAY + 32_400 + self.roll(case, "cierre", 0, 8) * 1_800

    def _decided(self, case: int, modality: int, place: Place, closes: int) -> int:
        if place.delay is not None:
            return closes + place.delay
        wait = _WAITS[modality] if place.wait is None else place.wait
        return _after(closes // DAY, wait) * DAY + 32_400 + self.roll(case, "decisión", 0, 25_200)

    def _signed(self, case: int, modality: int, place: Place, decided: int) -> int | None:
        days = place.signed
        if days is None and modality in FORMAL and case % 2:
            days = self.roll(case, "contrato", 8, 18)
        return None if days is None or days == NEVER else (decided // DAY + days) * DAY + 36_000


@lru_cache(maxsize=2)
def families(seed: int) -> tuple[int, ...]:
    """One good (row number) of each UNSPSC family, one of every segment first."""
    country: World = world(seed)
    rows = country.goods.select(
        row=pl.int_range(pl.len()), code=pl.col("unspsc").cast(pl.String)
    ).with_columns(segment=pl.col("code").str.head(2), family=pl.col("code").str.head(4))  # fmt: skip
    first = rows.unique("family", keep="first", maintain_order=True)
    again = pl.int_range(pl.len()).over("segment")
    return tuple(first.sort(again, "row")["row"].to_list())


def segments(seed: int) -> int:
    """How many of the first `families` are of segments of their own."""
    return world(seed).goods["unspsc"].cast(pl.String).str.head(2).n_unique()


def _weekend(day: int) -> bool:
    return (day + 3) % 7 > 4


def _after(day: int, count: int) -> int:
    """The working day that is `count` working days after `day`."""
    while count:
        day += 1
        count -= not _weekend(day)
    return day
