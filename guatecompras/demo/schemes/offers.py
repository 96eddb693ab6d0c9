"""Schemes that show in the offers: who meets whom, who wins, what they ask, when they hand in, who is kept out.

A decoy is planted beside what is to be found: the same thing on the other side of the threshold.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import polars as pl

from guatecompras.demo.schemes.cases import (
    DIRECT,
    DISQUALIFIED,
    EXCEPTION,
    QUOTATION,
    TENDER,
    Bid,
    Case,
    Edit,
    Mark,
    Place,
    Stage,
)
from guatecompras.demo.world import nits

_HALF = 12  # of most schemes: so many to be found, so many decoys


def _each(indicator: str, count: int = _HALF) -> Iterator[tuple[int, bool, tuple[Mark, ...]]]:
    """Concursos to be found and then decoys: number, whether a decoy, its mark."""
    for case in range(2 * count):
        decoy = case >= count
        yield case, decoy, (Mark(indicator, decoy),)


def _quotation(stage: Stage, case: int) -> int:
    return stage.cents(case, 110_000, 560_000)


def _pairs(indicator: str, suppliers: tuple[int, ...], decoy: bool) -> tuple[Mark, ...]:
    return tuple(Mark(indicator, decoy, suppliers=pair) for pair in combinations(suppliers, 2))


def rotation(stage: Stage) -> Iterator[Case]:
    """Four who meet four times a month and win in turn; decoys: one who nearly always wins, and winners in runs of two, every
    other contest won by somebody else."""
    for case in range(32):
        ring, meeting = divmod(case, 4)
        turn = stage.age * 4 + meeting
        members = tuple(stage.firm(ring * 10 + member) for member in range(4))
        if ring < 4:
            winner = members[turn % 4]
        elif ring < 6:
            winner = members[0]
        else:
            winner = stage.newcomer(case) if turn % 2 else members[turn // 4 % 4]
        marks = _pairs("R057", members, decoy=ring >= 4)
        if ring >= 4:
            # Who never wins takes no turns with anybody; who always does is the other indicator's.
            marks = tuple(mark for mark in marks if winner in mark.suppliers)
        if ring in (4, 5):
            marks += tuple(Mark("R053", suppliers=mark.suppliers) for mark in marks)
        rivals = tuple(member for member in members if member != winner)
        bids = stage.contest(case, _quotation(stage, case), winner, rivals)
        yield stage.case(case, QUOTATION, bids, marks, Place(entity=ring, unit=0, day=1 + 7 * meeting))


def same_winner(stage: Stage) -> Iterator[Case]:
    """Two who meet twice a month, and always the same wins; decoys: they win by turns of two."""
    for case in range(48):
        pair, meeting = divmod(case, 2)
        decoy = pair >= 12
        one, other = stage.firm(pair * 2), stage.firm(pair * 2 + 1)
        marks = (Mark("R053", decoy, suppliers=(one, other)),)
        if decoy and stage.age % 2:
            one, other = other, one
        bids = stage.contest(case, _quotation(stage, case), one, (other, stage.newcomer(case)))
        yield stage.case(case, QUOTATION, bids, marks, Place(day=2 + 14 * meeting))


def phantoms(stage: Stage) -> Iterator[Case]:
    """Three who bid six times a month and never win; decoys: each wins one in six, or bids every other month only."""
    for case in range(36):
        group, contest = divmod(case, 6)
        members = tuple(stage.firm(group * 3 + member) for member in range(3))
        marks = tuple(Mark("R025", decoy=group >= 4, suppliers=(member,)) for member in members)
        winner = stage.newcomer(case)
        if group >= 4 and contest < 3:
            winner = members[contest]
        rivals = tuple(member for member in members if member != winner)
        yield stage.case(case, QUOTATION, stage.contest(case, _quotation(stage, case), winner, rivals), marks)
    for case in range(36, 40):
        seldom = stage.firm(100 + (case - 36) * 2 + stage.age % 2)
        bids = stage.contest(case, _quotation(stage, case), stage.newcomer(case), (seldom,))
        yield stage.case(case, QUOTATION, bids, (Mark("R025", decoy=True, suppliers=(seldom,)),))


# What two bidders share, and what is nearly the same in the decoys: column -> text of the one and of the other.
_TOWN = ("departamento", "GUATEMALA")
_SHARED = (
    ((("contacto_telefono", "2{0:07}"),), (("contacto_telefono", "2{0:07}"),)),
    ((("contacto_correo", "ofertas{0}@correo.example"),), (("contacto_correo", "ofertas{0}@correo.example"),)),
    (
        (("direccion", "{1}a. calle {2}-07 zona 4"), ("municipio", "MIXCO"), _TOWN),
        (("direccion", "{1}a. calle {2}-07 zona 4"), ("municipio", "MIXCO"), _TOWN),
    ),
)
_SIMILAR = (
    ((("contacto_telefono", "2{0:07}"),), (("contacto_telefono", "3{0:07}"),)),
    ((("contacto_correo", "ofertas{0}@correo.example"),), (("contacto_correo", "ofertas{0}b@correo.example"),)),
    (
        (("direccion", "{1}a. calle {2}-07 zona 4"), ("municipio", "MIXCO"), _TOWN),
        (("direccion", "{1}a. calle {2}-07 zona 4"), ("municipio", "VILLA NUEVA"), _TOWN),
    ),
)


def contacts(stage: Stage) -> Iterator[Case]:
    """Two bidders share a telephone, an address of e-mail or a street; decoys: a digit, a letter or the town differs."""
    for case, decoy, marks in _each("R044", 15):
        bids = stage.contest(case, _quotation(stage, case), stage.newcomer(case), 2)
        number, street = stage.roll(case, "dos", 1, 9_999_999), stage.roll(case, "tres", 2, 30)
        edits = tuple(
            Edit(bid.supplier, column, text.format(number, street, number % 90 + 1))
            for bid, columns in zip(bids[1:], (_SIMILAR if decoy else _SHARED)[case % 3], strict=True)
            for column, text in columns
        )
        yield stage.case(case, QUOTATION, bids, marks, edits=edits)


def _asked(
    stage: Stage, case: int, shares: tuple[int, ...], states: tuple[str, ...] = (), most: int = 62
) -> tuple[Bid, ...]:
    """Bids of newcomers: amounts that are these ten-thousandths of a round one (up to `most` ten thousand quetzales), the
    winner's first."""
    base = stage.roll(case, "monto", 11, most) * 1_000_000
    suppliers = tuple(stage.newcomer(case * len(shares) + number) for number in range(len(shares)))
    bids = stage.bids(case, suppliers, [base * share // 10_000 for share in shares])
    return tuple(replace(bid, state=state) for bid, state in zip(bids, states, strict=True)) if states else bids


def identical(stage: Stage) -> Iterator[Case]:
    """Two ask the same amount; decoys: they ask 3 % more each."""
    for case, decoy, marks in _each("R028"):
        same = (10_000, 10_800, 10_800) if case % 2 else (10_000, 10_000, 10_700)
        step = 300 + stage.roll(case, "uno", 0, 200)
        yield stage.case(
            case, QUOTATION, _asked(stage, case, (10_000, 10_000 + step, 10_950 + step) if decoy else same), marks
        )


def steps(stage: Stage) -> Iterator[Case]:
    """Bids the same step apart, in amount or in proportion; decoys: the second step is larger by a fifth or more."""
    for case, decoy, marks in _each("R023"):
        step = stage.roll(case, "uno", 4, 9) * 100
        second = step * (10_000 + step) // 10_000 if case % 2 else step
        if decoy:
            second = second * stage.roll(case, "dos", 120, 150) // 100
        shares = (10_000, 10_000 + step, 10_000 + step + second)
        yield stage.case(case, QUOTATION, _asked(stage, case, shares), marks)


# Indicator -> how far the second bid is above the first (ten-thousandths): to be found, decoys.
_GAPS = {
    "R024": ((20, 90), (130, 250)),
    "GT05": ((2, 9), (20, 90)),
    "R058": ((9_000, 13_000), (800, 1_200)),
}


def gaps(stage: Stage) -> Iterator[Case]:
    """The second bid just above the winner's, hardly above it, or far above it."""
    for turn, (indicator, ranges) in enumerate(_GAPS.items()):
        for number, decoy, marks in _each(indicator):
            case = turn * 2 * _HALF + number
            share = 10_000 + stage.roll(case, "uno", *ranges[decoy])
            yield stage.case(case, QUOTATION, _asked(stage, case, (10_000, share), most=38), marks)


def single(stage: Stage) -> Iterator[Case]:
    """One bidder in an open procedure; decoys: two, or a procedure that the law makes direct."""
    for case, decoy, marks in _each("R018"):
        direct = decoy and case % 2
        modality = EXCEPTION if direct else (DIRECT, QUOTATION, TENDER)[case % 3]
        low, high = {DIRECT: (15_000, 60_000), TENDER: (950_000, 4_000_000)}.get(modality, (110_000, 560_000))
        bids = stage.contest(case, stage.cents(case, low, high), stage.newcomer(case), 1 if decoy and not direct else 0)
        yield stage.case(case, modality, bids, marks)


def _out(*kept: int, of: int) -> tuple[str, ...]:
    return tuple("valida" if number in kept else DISQUALIFIED for number in range(of))


def all_out(stage: Stage) -> Iterator[Case]:
    """Everyone but the winner is disqualified; decoys: one other is not."""
    for case, decoy, marks in _each("R035"):
        shares = (10_000, 10_600 + stage.roll(case, "uno", 0, 400), 11_800)
        yield stage.case(
            case, QUOTATION, _asked(stage, case, shares, _out(0, 1, of=3) if decoy else _out(0, of=3)), marks
        )


def lowest_out(stage: Stage) -> Iterator[Case]:
    """The lowest bid is disqualified and the next one wins; decoys: the highest is disqualified and the lowest wins."""
    for case, decoy, marks in _each("R036"):
        other = 10_700 if decoy else 8_600 + stage.roll(case, "uno", 0, 800)
        bids = _asked(stage, case, (10_000, other, 11_500), _out(0, 1, of=3) if decoy else _out(0, 2, of=3))
        yield stage.case(case, QUOTATION, bids, marks)


def strict_buyers(stage: Stage) -> Iterator[Case]:
    """Buyers who disqualify two bids of three; decoys: one of four."""
    for case in range(32):
        entity, _ = divmod(case, 4)
        decoy = entity >= 4
        shares = (10_000, 10_600, 11_300, 12_400) if decoy else (10_000, 10_600, 11_300)
        states = _out(0, 1, 2, of=4) if decoy else _out(0, of=3)
        bids = _asked(stage, case, shares, states)
        yield stage.case(case, QUOTATION, bids, (Mark("R038", decoy, buyer=True),), Place(entity=entity))


def weak_bidders(stage: Stage) -> Iterator[Case]:
    """Bidders whose bids are all disqualified, three a month; decoys: one in three is."""
    for case in range(48):
        number, turn = divmod(case, 3)
        decoy = number >= 8
        weak = stage.firm(number)
        bids = stage.contest(case, _quotation(stage, case), stage.newcomer(case), (weak, stage.newcomer(50 + case)))
        state = "valida" if decoy and turn else DISQUALIFIED
        bids = tuple(replace(bid, state=state) if bid.supplier == weak else bid for bid in bids)
        yield stage.case(case, QUOTATION, bids, (Mark("R038-P", decoy, suppliers=(weak,)),))


def order(stage: Stage) -> Iterator[Case]:
    """Three who hand in their bids in the same order, twice a month; decoys: the order turns around each time."""
    for case in range(24):
        group, meeting = divmod(case, 2)
        decoy = group >= 6
        members = tuple(stage.firm(group * 3 + member) for member in range(3))
        bids = stage.contest(case, _quotation(stage, case), stage.newcomer(case), members)
        places = range(1, 4) if decoy and meeting else range(3, 0, -1)
        apart = stage.roll(case, "dos", 900, 9_000)
        timed = [
            replace(bid, early=place * apart) for bid, place in zip(bids[1:], places, strict=True)
        ]  # fmt: skip
        yield stage.case(
            case, QUOTATION, (bids[0], *timed), _pairs("R034", members, decoy), Place(day=2 + 14 * meeting)
        )


def late(stage: Stage) -> Iterator[Case]:
    """The bid that wins came in after the close; decoys: in the last minutes before it."""
    for case, decoy, marks in _each("R030"):
        first, *others = stage.contest(case, _quotation(stage, case), stage.newcomer(case), 1)
        early = stage.roll(case, "dos", 1, 600) if decoy else -stage.roll(case, "dos", 60, 80_000)
        yield stage.case(case, QUOTATION, (replace(first, early=early), *others), marks)


_ODD_NITS = 98_500_000  # bodies that nobody else has


def bad_nits(stage: Stage) -> Iterator[Case]:
    """A bidder's NIT fails its check digit; decoys: it is right."""
    for case, decoy, marks in _each("GT04"):
        bids = stage.contest(case, _quotation(stage, case), stage.newcomer(case), 1)
        supplier = bids[case % 2].supplier
        right = _nit(_ODD_NITS + supplier % 1_400_000)
        text = right if decoy else right[:-1] + "0123456789K"[("0123456789K".index(right[-1]) + 1 + case % 9) % 11]
        yield stage.case(case, QUOTATION, bids, marks, edits=(Edit(supplier, "identificador", text),))


def _nit(body: int) -> str:
    return str(nits(pl.Series([body]))[0])
