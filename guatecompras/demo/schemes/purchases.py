"""Schemes that show in what is bought: under which ceiling, how fast, of whom again and again, of whom for the first time.

A decoy is planted beside what is to be found: the same thing on the other side of the threshold.
"""

from collections.abc import Iterator

from guatecompras.demo.plan import DAY
from guatecompras.demo.schemes.cases import DIRECT, NEVER, QUOTATION, TENDER, Case, Mark, Place, Stage, segments

_HALF = 12
_LARGE = (950_000, 4_000_000)  # quetzales of what only a tender may buy


def splitting(stage: Stage) -> Iterator[Case]:
    """Three direct purchases within ten days of one supplier and family, above the ceiling together; decoys: together below it,
    of three families, or of three suppliers."""
    for case in range(36):
        group, part = divmod(case, 3)
        small, kinds, several = group in (6, 7), group in (8, 9), group in (10, 11)
        cents = stage.cents(case, *((18_000, 29_000) if small else (34_000, 62_000)))
        supplier = stage.newcomer(group * 3 + part * several)
        family = stage.roll(group * 3, "bien", 0, 50) + part * kinds
        place = Place(entity=group, unit=group, good=stage.good(family), day=2 + group % 4 * 4 + part * 5)
        yield stage.case(case, DIRECT, stage.contest(case, cents, supplier), (Mark("R011", decoy=group >= 6),), place)


def just_under(stage: Stage) -> Iterator[Case]:
    """Awards in the last twentieth below the ceiling, of 90,000 or 900,000; decoys: further below."""
    for case in range(32):
        decoy = case >= 16
        modality, top = ((DIRECT, 90_000), (QUOTATION, 900_000))[case % 2]
        low, high = (0.80, 0.94) if decoy else (0.952, 0.9999)
        cents = stage.cents(case, int(top * low), int(top * high))
        yield stage.case(case, modality, stage.contest(case, cents, stage.newcomer(case)), (Mark("R049", decoy),))


def repeated(stage: Stage) -> Iterator[Case]:
    """A direct purchase a month of the same supplier, always other goods, above the ceiling over the year; decoys: three a year,
    or small ones that stay below it."""
    for case in range(24):
        few, small = 12 <= case < 18, case >= 18
        if few and stage.age % 4 != case % 4:
            continue
        supplier = stage.firm(case)
        amounts = (40_000, 60_000) if few else (5_000, 7_000) if small else (24_000, 36_000)
        mark = Mark("R055", decoy=few or small, buyer=True, suppliers=(supplier,))
        place = Place(entity=case, unit=case, good=stage.good(case * 5 + stage.age))
        yield stage.case(case, DIRECT, stage.contest(case, stage.cents(case, *amounts), supplier), (mark,), place)


_GAP = 7  # months between the deserted process and the purchase of the decoys that come too late


def deserted(stage: Stage) -> Iterator[Case]:
    """A quotation without offers and then, within the month, a direct purchase of the same; decoys: of another family, by another
    unit, or seven months later."""
    for pair in range(20):
        other_goods, other_unit = 12 <= pair < 16, pair >= 16
        decoy = other_goods or other_unit
        family = stage.roll(pair * 2, "bien", 0, 50)
        before = Place(entity=pair // 5, unit=pair % 5, good=stage.good(family), day=0, term=8)
        yield stage.case(pair * 2, QUOTATION, (), (), before)
        place = Place(
            entity=pair // 5,
            unit=pair % 5 + 4 * other_unit,
            good=stage.good(family + other_goods),
            day=21 + pair % 6,
        )
        yield _alone(stage, pair * 2 + 1, place, Mark("GT01", decoy))
    for number in range(4):
        # Units by months, so that the purchase meets the process of seven months ago.
        for turn, day in ((0, 0), (1, 24)):
            slot = (stage.age + turn) % (_GAP + 1)
            place = Place(entity=4 + number % 2, unit=slot, good=stage.good(number // 2 * 9 + 1), day=day)
            case = 40 + number * 2 + turn
            yield (
                _alone(stage, case, place, Mark("GT01", decoy=True))
                if turn
                else stage.case(case, QUOTATION, (), (), place)
            )


def _alone(stage: Stage, case: int, place: Place, mark: Mark) -> Case:
    """A direct purchase with one bidder."""
    bids = stage.contest(case, stage.cents(case, 20_000, 80_000), stage.newcomer(case), 0)
    return stage.case(case, DIRECT, bids, (mark,), place)


def new_suppliers(stage: Stage) -> Iterator[Case]:
    """A large award to a supplier nobody has seen before; decoys: an award that is not large, or a supplier of old."""
    for case in range(2 * _HALF):
        decoy = case >= _HALF
        old, small = decoy and case % 2, decoy and case % 2 == 0
        winner = stage.firm(case) if old else stage.newcomer(case)
        cents = stage.cents(case, 300_000, 880_000) if small else stage.cents(case, *_LARGE)
        bids = stage.contest(case, cents, winner, 2)
        yield stage.case(case, QUOTATION if small else TENDER, bids, (Mark("GT02", decoy),))


def persons(stage: Stage) -> Iterator[Case]:
    """A large award to a natural person; decoys: to a company, or one that is not large."""
    for case in range(2 * _HALF):
        decoy = case >= _HALF
        company, small = decoy and case % 2, decoy and case % 2 == 0
        winner = stage.newcomer(case) if company else stage.person(case)
        cents = stage.cents(case, 300_000, 880_000) if small else stage.cents(case, *_LARGE)
        bids = stage.contest(case, cents, winner, 2)
        yield stage.case(case, QUOTATION if small else TENDER, bids, (Mark("GT03", decoy),))


def growth(stage: Stage) -> Iterator[Case]:
    """A small purchase and then a very large one of the same supplier; decoys: growth of twice, or not to very large."""
    for pair in range(20):
        twice, less = 10 <= pair < 15, pair >= 15
        supplier = stage.newcomer(pair)
        first, then = pair * 2, pair * 2 + 1
        modality, amounts = (QUOTATION, (450_000, 500_000)) if twice else (DIRECT, (8_000, 24_000))
        bids = stage.contest(first, stage.cents(first, *amounts), supplier)
        yield stage.case(first, modality, bids, (), Place(entity=pair, day=1 + pair % 4))
        modality, amounts = (QUOTATION, (500_000, 860_000)) if less else (TENDER, (920_000, 1_900_000))
        bids = stage.contest(then, stage.cents(then, *amounts), supplier, 2)
        mark = Mark("R052", decoy=twice or less)
        yield stage.case(then, modality, bids, (mark,), Place(entity=pair, day=16 + pair % 9))


def everything(stage: Stage) -> Iterator[Case]:
    """Suppliers who sell of another segment each time, twice a month; decoys: of the same three."""
    kinds = segments(stage.seed)
    for case in range(32):
        number, turn = divmod(case, 2)
        decoy = number >= 8
        supplier, count = stage.firm(number), stage.age * 2 + turn
        good = stage.good(number + (count % 3 if decoy else count) % kinds)
        bids = stage.contest(case, stage.cents(case, 110_000, 560_000), supplier)
        yield stage.case(case, QUOTATION, bids, (Mark("R048", decoy, suppliers=(supplier,)),), Place(good=good))


def captive(stage: Stage) -> Iterator[Case]:
    """Buyers who buy nearly everything of one supplier; decoys: of six, by turns. Both concentration and the share show it."""
    for case in range(48):
        entity, turn = divmod(case, 3)
        decoy = entity >= 8
        marks = tuple(Mark(indicator, decoy, buyer=True) for indicator in ("R040", "GT06"))
        if decoy:
            supplier, amounts = stage.firm(200 + entity * 6 + (stage.age * 3 + turn) % 6), (240_000, 300_000)
        elif turn < 2:
            supplier, amounts = stage.firm(entity), (400_000, 780_000)
        else:
            supplier, amounts = stage.newcomer(case), (110_000, 125_000)
        bids = stage.contest(case, stage.cents(case, *amounts), supplier)
        yield stage.case(case, QUOTATION, bids, marks, Place(entity=entity))


def short(stage: Stage) -> Iterator[Case]:
    """Less time for offers than the law asks for; decoys: just as much."""
    for case in range(2 * _HALF):
        decoy, tender = case >= _HALF, case % 2
        low, high = (25, 39) if tender else (3, 7)
        term = high + 1 if decoy else stage.roll(case, "dos", low, high)
        cents = stage.cents(case, *(_LARGE if tender else (110_000, 560_000)))
        bids = stage.contest(case, cents, stage.newcomer(case), 2)
        yield stage.case(case, TENDER if tender else QUOTATION, bids, (Mark("R003", decoy),), Place(term=term))


# Indicator -> from the close to the award: least and most (seconds) of what is to be found and of the decoys. The slow ones
# are called in the first days: nothing happens later than 120 days after the month.
_DELAYS = {
    "R061": ((9_000, 80_000), (DAY + 600, 3 * DAY)),
    "R062": ((120 * DAY + 3_600, 125 * DAY), (100 * DAY, 119 * DAY)),
}


def hurry(stage: Stage) -> Iterator[Case]:
    """Awards within a day of the close, or after 120 days; decoys: just not."""
    for turn, (indicator, ranges) in enumerate(_DELAYS.items()):
        for number in range(2 * _HALF):
            case, decoy = turn * 2 * _HALF + number, number >= _HALF
            delay = stage.roll(case, "dos", *ranges[decoy])
            place = Place(delay=delay, day=number % 4, signed=NEVER) if turn else Place(delay=delay)
            bids = stage.contest(case, stage.cents(case, 110_000, 560_000), stage.newcomer(case), 2)
            yield stage.case(case, QUOTATION, bids, (Mark(indicator, decoy),), place)


def signed(stage: Stage) -> Iterator[Case]:
    """Contracts signed within the five days for complaints; decoys: after them."""
    for case in range(2 * _HALF):
        decoy = case >= _HALF
        days = stage.roll(case, "dos", *((5, 8) if decoy else (1, 4)))
        bids = stage.contest(case, stage.cents(case, 110_000, 560_000), stage.newcomer(case), 2)
        yield stage.case(case, QUOTATION, bids, (Mark("GT08", decoy),), Place(signed=days))
