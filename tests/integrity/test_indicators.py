"""Every indicator on a few concursos written by hand: both sides of each threshold, and what cannot be evaluated."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from guatecompras.integrity import run
from guatecompras.integrity.base import FEWEST_TOGETHER
from guatecompras.integrity.indicator import CLEAR, NOT_EVALUABLE, RAISED, TOO_FEW
from guatecompras.integrity.parameters import load
from guatecompras.integrity.registry import INDICATORS
from guatecompras.tables import arrow_schema
from tests.integrity.world import World

A, B, C, D = (f"GT-NIT-{name}" for name in ("19", "27", "35", "43"))


def _state(
    world: World, indicator: str, subject: object, sanctions: pl.DataFrame | None = None
) -> tuple[str, str | None]:
    review = run.judge(world.base(sanctions), [INDICATORS[indicator]])
    found = review.states.filter(pl.col("sujeto") == str(subject))
    assert found.height == 1, f"{subject} is not among {review.states['sujeto'].to_list()}"
    row = found.row(0, named=True)
    flags = review.flags.filter(pl.col("sujeto") == str(subject))
    assert flags.height == (row["estado"] == RAISED)
    # Whatever is raised tells what was measured, against what, and where to see it.
    assert flags.select("valor", "umbral", "evidencia", "poblacion", "tamano").null_count().sum_horizontal().sum() == 0
    return row["estado"], row["falta"]


def _simple(indicator: str, **told: object) -> Callable[[], tuple[str, str | None]]:
    def judged() -> tuple[str, str | None]:
        world = World()
        return _state(world, indicator, world.concurso(**told))  # type: ignore[arg-type]

    return judged


def _won(amount: float, **told: object) -> dict[str, object]:
    return {"bids": [(A, amount)], "awards": [(A, amount)], **told}


# Indicator, what raises it, what is just on the other side, and what cannot be evaluated for want of which field.
_CONCURSOS: dict[str, tuple[dict[str, object], dict[str, object], dict[str, object] | None, str | None]] = {
    "R003": (
        {"modality": 4, "open_days": 39},
        {"modality": 4, "open_days": 40},
        {"modality": 4, "open_days": None},
        "tender/tenderPeriod/endDate",
    ),
    "R018": ({"bids": [(A, 10)]}, {"bids": [(A, 10), (B, 11)]}, {"tenderers": None}, "tender/numberOfTenderers"),
    "R023": (
        {"bids": [(A, 1000), (B, 1050), (C, 1100)]},
        {"bids": [(A, 1000), (B, 1050), (C, 1101)]},
        {"tenderers": 3},
        "bids/details",
    ),
    "R024": (
        {"bids": [(A, 1000), (B, 1010)], "awards": [(A, 1000)]},
        {"bids": [(A, 1000), (B, 1010.01)], "awards": [(A, 1000)]},
        {"tenderers": 2},
        "bids/details",
    ),
    "R028": (
        {"bids": [(A, 1000), (B, 1000)]},
        {"bids": [(A, 1000), (B, 1000.01)]},
        {"bids": [(A, None), (B, 1000)]},
        "bids/details/value/amount",
    ),
    "R030": (
        _won(10, bids=[(A, 10, "valid", 0.001)]),
        _won(10, bids=[(A, 10, "valid", 0)]),
        _won(10, open_days=None),
        "tender/tenderPeriod/endDate",
    ),
    "R035": (
        {"bids": [(A, 10), (B, 9, "disqualified")], "awards": [(A, 10)]},
        {"bids": [(A, 10), (B, 9, "disqualified"), (C, 11)], "awards": [(A, 10)]},
        {"tenderers": 2},
        "bids/details",
    ),
    "R036": (
        {"bids": [(A, 10), (B, 9.99, "disqualified")], "awards": [(A, 10)]},
        {"bids": [(A, 10), (B, 10, "disqualified")], "awards": [(A, 10)]},
        {"bids": [(A, None), (B, None, "disqualified")], "awards": [(A, 10)]},
        "bids/details/value/amount",
    ),
    "R044": (
        {
            "bids": [(A, 10), (B, 11)],
            "contacts": {A: {"contactPoint_telephone": "2222-3333"}, B: {"contactPoint_telephone": "22223333"}},
        },
        {
            "bids": [(A, 10), (B, 11)],
            "contacts": {A: {"contactPoint_telephone": "22223333"}, B: {"contactPoint_telephone": "22223334"}},
        },
        {"bids": [(A, 10), (B, 11)]},
        "parties/contactPoint",
    ),
    "R049": (_won(90000), _won(85500), _won(1, awards=[(A, None)]), "awards/value/amount"),
    "R061": (
        _won(1, modality=4, decided=0.99),
        _won(1, modality=4, decided=1),
        _won(1, modality=4, open_days=None),
        "tender/tenderPeriod/endDate",
    ),
    "R062": (_won(1, decided=120.01), _won(1, decided=120), _won(1, open_days=None), "tender/tenderPeriod/endDate"),
    "GT02": (_won(900_000, modality=4), _won(899_999.99, modality=4), None, None),
    "GT03": (_won(900_000, modality=4, people=(A,)), _won(899_999.99, modality=4, people=(A,)), None, None),
    "GT04": ({"bids": [("GT-NIT-78948801", 10)]}, {"bids": [("GT-NIT-7894880", 10)]}, {"tenderers": 1}, "bids/details"),
    "GT05": ({"bids": [(A, 1000), (B, 1001)]}, {"bids": [(A, 1000), (B, 1001.01)]}, {"tenderers": 2}, "bids/details"),
    "GT08": (_won(1, modality=4, signed=4), _won(1, modality=4, signed=5), None, None),
}


@pytest.mark.parametrize("indicator", _CONCURSOS)
def test_an_indicator_of_a_concurso_at_both_sides_of_its_threshold(indicator: str) -> None:
    raised, clear, unknown, missing = _CONCURSOS[indicator]
    assert _simple(indicator, **raised)() == (RAISED, None)
    assert _simple(indicator, **clear)() == (CLEAR, None)
    if unknown is not None:
        assert _simple(indicator, **unknown)() == (NOT_EVALUABLE, missing)


def test_what_is_never_a_flag() -> None:
    # Bought directly by law, there is no competition to miss.
    world = World()
    world.concurso(modality=44, bids=[(A, 10)])
    assert run.judge(world.base(), [INDICATORS["R018"]]).states.is_empty()
    # The same price by one and the same bidder.
    world = World()
    world.concurso(bids=[(A, 10), (A, 10)])
    assert run.judge(world.base(), [INDICATORS["R028"]]).states.is_empty()
    # A withdrawn bid was not submitted, as Cardinal has it.
    assert _simple("R028", bids=[(A, 10), (B, 10, "withdrawn"), (C, 11)])()[0] == CLEAR
    # A placeholder is no contact.
    zeros = {who: {"contactPoint_telephone": "00000000"} for who in (A, B)}
    assert _simple("R044", bids=[(A, 10), (B, 11)], contacts=zeros)() == (NOT_EVALUABLE, "parties/contactPoint")
    # Just above the ceiling is not just under it.
    assert _simple("R049", **_won(90000.01))()[0] == CLEAR


@pytest.mark.parametrize(
    ("indicator", "told", "missing"),
    [
        ("R061", {"modality": 4, "bids": [(A, 1)], "awards": [(A, 1)], "decided": -1}, "awards/date"),
        ("GT02", {"modality": 4, "awards": [(A, None)]}, "awards/value/amount"),
        ("GT03", {"modality": 4, "awards": [(A, None)], "people": (A,)}, "awards/value/amount"),
        ("GT05", {"bids": [(A, 1000), (B, None)]}, "bids/details/value/amount"),
    ],
)
def test_what_is_not_told_or_cannot_be_is_named(indicator: str, told: dict[str, object], missing: str) -> None:
    assert _simple(indicator, **told)() == (NOT_EVALUABLE, missing)


def test_how_much_a_company_was_awarded_does_not_matter_to_an_indicator_of_persons() -> None:
    assert _simple("GT03", modality=4, awards=[(A, None)])() == (CLEAR, None)


def test_working_days_are_counted_for_quotations() -> None:
    # From Monday the 2nd to Thursday the 12th there are eight.
    assert _simple("R003", modality=3, open_days=9)() == (RAISED, None)
    assert _simple("R003", modality=3, open_days=10)() == (CLEAR, None)


def test_splitting_adds_up_within_its_days_only() -> None:
    def purchases(second: float, amount: float = 45_001, **told: object) -> tuple[str, str | None]:
        world = World()
        world.concurso(**_won(45_000))  # type: ignore[arg-type]
        return _state(world, "R011", world.concurso(**_won(amount, day=second, **told)))  # type: ignore[arg-type]

    assert purchases(29) == (RAISED, None)
    assert purchases(0, amount=45_000) == (CLEAR, None)
    assert purchases(5, unit="GT-GCUC-1-2") == (CLEAR, None)
    assert purchases(5, families=("43211500",)) == (CLEAR, None)
    assert purchases(5, families=()) == (NOT_EVALUABLE, "tender/items/classification/id")
    # The month before counts too, a day beyond the window does not.
    for day, state in ((1, RAISED), (2, CLEAR)):
        world = World()
        world.concurso(**_won(45_000, ago=1, day=0))  # type: ignore[arg-type]
        assert _state(world, "R011", world.concurso(**_won(45_001, day=day)))[0] == state  # type: ignore[arg-type]


def test_the_law_in_force_when_it_was_called_is_what_counts() -> None:
    """R049 and R011 look at the ceiling of the modality: a licitación has none."""
    world = World()
    world.concurso(**_won(899_999, modality=4))  # type: ignore[arg-type]
    assert run.judge(world.base(), [INDICATORS["R049"]]).states.is_empty()
    assert _simple("R049", **_won(899_999, modality=3))()[0] == RAISED


def _contests(world: World, winners: list[str], pair: tuple[str, str] = (A, B), **told: object) -> None:
    """One concurso a winner, the oldest first, two a month at most."""
    for place, winner in enumerate(winners):
        back = (len(winners) - 1 - place) // 2
        bids = [(who, 100 if who == winner else 120) for who in pair]
        world.concurso(bids=bids, awards=[(winner, 100)], ago=back, day=place % 2, **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("indicator", "winners", "state"),
    [
        ("R053", [A] * 8, RAISED),
        ("R053", [A] * 6 + [B] * 2, CLEAR),
        ("R053", [A] * 7, NOT_EVALUABLE),
        ("R057", [A, B] * 4, RAISED),
        ("R057", [A, B, A, B, A, A, B, A], CLEAR),
        ("R057", [A, B] * 3 + [A], NOT_EVALUABLE),
    ],
)
def test_pairs_that_win_always_or_in_turn(indicator: str, winners: list[str], state: str) -> None:
    world = World()
    _contests(world, winners)
    assert _state(world, indicator, f"{A} + {B}")[0] == state


@pytest.mark.parametrize(("same", "other", "state"), [(10, 0, RAISED), (8, 2, CLEAR), (9, 0, NOT_EVALUABLE)])
def test_the_order_of_bids(same: int, other: int, state: str) -> None:
    world = World()
    for place in range(same + other):
        first, last = (A, B) if place < same else (B, A)
        world.concurso(bids=[(first, 100, "valid", -2), (last, 120, "valid", -1)], ago=place % 6)
    assert _state(world, "R034", f"{A} + {B}")[0] == state


@pytest.mark.parametrize(("bids", "wins", "state"), [(20, 1, RAISED), (19, 1, CLEAR), (9, 0, NOT_EVALUABLE)])
def test_who_bids_often_and_hardly_wins(bids: int, wins: int, state: str) -> None:
    world = World()
    for place in range(bids):
        winner = A if place < wins else f"GT-NIT-9{place}"
        rival = f"GT-NIT-9{place}"
        world.concurso(bids=[(A, 100), (rival, 99)], awards=[(winner, 99)], ago=place % 12)
    assert _state(world, "R025", A)[0] == state


@pytest.mark.parametrize(
    ("indicator", "subject", "bids", "out", "state"),
    [
        ("R038", "GT-CISP-1", 10, 5, RAISED),
        ("R038", "GT-CISP-1", 10, 4, CLEAR),
        ("R038", "GT-CISP-1", 9, 9, NOT_EVALUABLE),
        ("R038-P", A, 6, 3, RAISED),
        ("R038-P", A, 6, 2, CLEAR),
        ("R038-P", A, 5, 5, NOT_EVALUABLE),
    ],
)
def test_disqualified_too_often(indicator: str, subject: str, bids: int, out: int, state: str) -> None:
    world = World()
    for place in range(bids):
        world.concurso(bids=[(A, 100, "disqualified" if place < out else "valid")], ago=place % 3)
    assert _state(world, indicator, subject)[0] == state


@pytest.mark.parametrize(("share", "sales", "state"), [(600, 9, RAISED), (599, 9, CLEAR), (600, 8, NOT_EVALUABLE)])
def test_one_supplier_has_most_of_a_buyer(share: int, sales: int, state: str) -> None:
    world = World()
    for _ in range(2):
        world.concurso(**_won(share / 2, awards=[(A, share / 2)]))  # type: ignore[arg-type]
    for place in range(sales - 1):
        world.concurso(awards=[(f"GT-NIT-5{place}", 50 if place < 8 else 0.01)], ago=place % 12)
    total = 50 * min(sales - 1, 8)
    world.concurso(awards=[("GT-NIT-77", 1000 - share - total + 0.001)] if sales == 9 else [])
    assert _state(world, "R040", "GT-CISP-1")[0] == (state if sales == 9 else NOT_EVALUABLE)


@pytest.mark.parametrize(("indicator", "by"), [("R051", "family"), ("GT06", "buyer")])
@pytest.mark.parametrize(("suppliers", "awards", "state"), [(4, 20, RAISED), (5, 20, CLEAR), (4, 19, NOT_EVALUABLE)])
def test_concentration(indicator: str, by: str, suppliers: int, awards: int, state: str) -> None:
    world = World()
    for place in range(awards):
        world.concurso(awards=[(f"GT-NIT-{place % suppliers}", 100)], ago=place % 12)
    assert _state(world, indicator, "5110" if by == "family" else "GT-CISP-1")[0] == state


@pytest.mark.parametrize(
    ("part", "awards", "buyers", "state"),
    [(100, 20, 3, RAISED), (99, 20, 3, CLEAR), (100, 19, 3, NOT_EVALUABLE), (100, 20, 2, NOT_EVALUABLE)],
)
def test_a_high_share_of_the_market(part: int, awards: int, buyers: int, state: str) -> None:
    world = World()
    for place in range(awards // 2):
        world.concurso(awards=[(A, part)], buyer=f"GT-CISP-{place % buyers}", ago=place % 12)
    for place in range(awards - awards // 2):
        amount = 100 * (awards // 2) / (awards - awards // 2)
        world.concurso(awards=[(f"GT-NIT-6{place}", amount)], buyer=f"GT-CISP-{place % buyers}", ago=place % 12)
    assert _state(world, "R050", f"{A} + 5110")[0] == state


@pytest.mark.parametrize(("kinds", "state"), [(10, RAISED), (9, CLEAR)])
def test_a_supplier_of_everything(kinds: int, state: str) -> None:
    world = World()
    for kind in range(kinds):
        world.concurso(awards=[(A, 1)], families=(f"{20 + kind}101500",), ago=kind % 12)
    assert _state(world, "R048", A)[0] == state


@pytest.mark.parametrize(
    ("first", "after", "state"), [(25_000, 900_000, RAISED), (25_000.01, 900_000, CLEAR), (25_000, 899_999.99, CLEAR)]
)
def test_small_and_then_very_large(first: float, after: float, state: str) -> None:
    world = World()
    world.concurso(awards=[(A, first)], ago=5)
    assert _state(world, "R052", world.concurso(modality=4, awards=[(A, after)]))[0] == state


@pytest.mark.parametrize(
    ("bought", "amount", "state"), [(5, 18_000.01, RAISED), (5, 18_000, CLEAR), (4, 50_000, CLEAR)]
)
def test_many_direct_purchases(bought: int, amount: float, state: str) -> None:
    world = World()
    for place in range(bought):
        world.concurso(awards=[(A, amount)], ago=place * 2)
    assert _state(world, "R055", f"GT-CISP-1 + {A}")[0] == state


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({}, RAISED),
        ({"bids": [(A, 10), (B, 11)]}, CLEAR),
        ({"families": ("43211500",)}, CLEAR),
        ({"unit": "GT-GCUC-1-2"}, CLEAR),
        ({"day": 32}, CLEAR),
        ({"families": ()}, NOT_EVALUABLE),
    ],
)
def test_bought_directly_after_a_deserted_one(told: dict[str, object], state: str) -> None:
    world = World()
    # Called on 2 January: ninety days later it is 2 April.
    world.concurso(modality=3, status="unsuccessful", ago=2)
    given = {"bids": [(A, 10)], "awards": [(A, 10)], "day": 31, **told}
    assert _state(world, "GT01", world.concurso(**given))[0] == state  # type: ignore[arg-type]


def test_who_was_seen_before_is_not_new_and_who_has_no_history_is_not_judged() -> None:
    world = World()
    world.concurso(bids=[(A, 10), (B, 20)], awards=[(A, 10)], ago=11)
    world.concurso(modality=4, awards=[(B, 2_000_000)])
    assert run.judge(world.base(), [INDICATORS["GT02"]]).states.is_empty()
    short = World(agos=6)
    assert _state(short, "GT02", short.concurso(modality=4, awards=[(B, 2_000_000)])) == (NOT_EVALUABLE, TOO_FEW)


@pytest.mark.parametrize(("until", "state"), [("2026-04-06", RAISED), ("2026-04-05", CLEAR), (None, RAISED)])
def test_the_list_of_sanctions(until: str | None, state: str) -> None:
    # Called on 2 March, closed thirty days later, awarded on 6 April.
    world = World()
    nog = world.concurso(awards=[(A, 10)])
    assert _state(world, "GT07", nog) == (NOT_EVALUABLE, "lista de inhabilitaciones")
    listed = pl.DataFrame(
        {
            "supplier": [A],
            "since": [date(2026, 1, 1)],
            "until": [until and date.fromisoformat(until)],
            "source": ["SANC1"],
        },
        schema={"supplier": pl.String, "since": pl.Date, "until": pl.Date, "source": pl.String},
    )
    assert _state(world, "GT07", nog, listed)[0] == state


def _buyers(world: World, shares: list[int], own: int) -> None:
    """Twenty concursos a buyer, so many of them without competition; the buyer 0 has `own`."""
    for buyer, others in enumerate([own, *shares]):
        for place in range(20):
            world.concurso(modality=44 if place < others else 1, buyer=f"GT-CISP-{buyer}", tenderers=2)


@pytest.mark.parametrize(
    ("others", "own", "state"),
    [
        ([1, 2, 3, 4] * 5, 9, RAISED),
        ([1, 2, 3, 4] * 5, 6, CLEAR),
        ([2] * 20, 9, NOT_EVALUABLE),
        ([1, 2, 3] * 4, 9, NOT_EVALUABLE),
    ],
)
def test_a_fence_over_buyers_is_silent_without_spread_or_sample(others: list[int], own: int, state: str) -> None:
    world = World()
    _buyers(world, others, own)
    assert _state(world, "R013", "GT-CISP-0")[0] == state


@pytest.mark.parametrize(("own", "elsewhere", "state"), [(1, 2, RAISED), (2, 2, CLEAR), (2, 3, CLEAR)])
def test_few_bidders_for_what_is_bought(own: int, elsewhere: int, state: str) -> None:
    world = World()
    for place in range(10):
        world.concurso(tenderers=own, buyer="GT-CISP-9", ago=place % 12)
    for place in range(30):
        world.concurso(tenderers=elsewhere, buyer="GT-CISP-8", ago=place % 12)
    assert _state(world, "R019", "GT-CISP-9 + 5110")[0] == state
    few = World()
    for place in range(9):
        few.concurso(tenderers=own, buyer="GT-CISP-9", ago=place % 12)
    assert _state(few, "R019", "GT-CISP-9 + 5110") == (NOT_EVALUABLE, TOO_FEW)


@pytest.mark.parametrize(("indicator", "own", "clear"), [("R022", 1.35, 1.28), ("R058", 1.35, 1.28)])
def test_a_fence_over_prices(indicator: str, own: float, clear: float) -> None:
    def judged(factor: float, sample: int = 32) -> str:
        world = World()
        for place in range(sample):
            gap = 1.1 + place % 8 / 50
            world.concurso(bids=[(A, 100), (B, 100 * gap), (C, 100 * gap)], awards=[(A, 100)], ago=place % 11 + 1)
        nog = world.concurso(bids=[(A, 100), (B, 100 * factor), (C, 100 * factor)], awards=[(A, 100)])
        return _state(world, indicator, nog)[0]

    assert judged(own) == RAISED
    assert judged(clear) == CLEAR
    assert judged(own, sample=10) == NOT_EVALUABLE


def test_first_digits() -> None:
    world = World()
    for buyer in range(21):
        for place in range(200):
            # The ones of others are more or fewer; the buyer 0 gets sevens only.
            digit = 7 if not buyer else 1 if place % (3 + buyer % 4) == 0 else 1 + place % 9
            world.concurso(bids=[(A, digit * 1000 + place)], buyer=f"GT-CISP-{buyer}")
    assert _state(world, "R029", "GT-CISP-0")[0] == RAISED
    assert _state(world, "R029", "GT-CISP-3")[0] == CLEAR
    few = World()
    few.concurso(bids=[(A, 7000)])
    assert _state(few, "R029", "GT-CISP-1") == (NOT_EVALUABLE, TOO_FEW)


def test_every_indicator_has_its_parameters_and_reads_published_fields() -> None:
    known, priorities = load()
    assert set(known) == set(INDICATORS)
    assert [name for name, _ in priorities.steps] == ["alta", "media", "baja"]
    assert len(INDICATORS) >= 25
    for one in INDICATORS.values():
        assert known[one.id].law, one.id
        assert 1 <= known[one.id].weight <= 3
        assert bool(one.differences) == one.cardinal, one.id
        # Rarer pairs are left out before any indicator sees them.
        assert known[one.id].values.get("encuentros", FEWEST_TOGETHER) >= FEWEST_TOGETHER
        for field in one.fields:
            table, _, column = field.partition("/")
            assert column in arrow_schema(table).names, field


def test_what_to_review_first_counts_a_topic_once() -> None:
    """Two bidders with one price and one telephone, and a single-bid purchase."""
    world = World()
    same = {who: {"contactPoint_telephone": "22223333"} for who in (A, B)}
    suspicious = world.concurso(bids=[(A, 1000), (B, 1000)], awards=[(A, 1000)], contacts=same)
    plain = world.concurso(bids=[(C, 10)], awards=[(C, 10)])
    review = run.judge(world.base())
    rows = {row["nog"]: row for row in review.priorities.to_dicts()}
    # R028 (3) and R024 (2) are both of prices: the heavier counts; R044 (3) of suppliers.
    assert rows[suspicious]["puntos"] == 6
    assert rows[suspicious]["prioridad"] == "media"
    assert rows[suspicious]["indicadores"] == "R024, R028, R044"
    assert rows[plain]["prioridad"] == "baja"
    assert review.priorities["nog"].to_list() == [suspicious, plain]


def test_amounts_keep_their_cents() -> None:
    world = World()
    nog = world.concurso(bids=[(A, 89_990.37)], awards=[(A, 89_990.37)])
    review = run.judge(world.base(), [INDICATORS["R049"]])
    assert review.flags["monto"].to_list() == [Decimal("89990.37")]
    assert review.flags["evidencia"].to_list() == [f"{nog}:awards[{nog}-A0]/value/amount=89990.37 (Decreto 46-2016)"]
    assert review.priorities["monto"].to_list() == [Decimal("89990.37")]


def test_a_person_is_not_named() -> None:
    world = World()
    world.concurso(modality=4, awards=[(A, 1_000_000)], people=(A,))
    world.concurso(modality=4, awards=[(B, 1_000_000)])
    flags = run.judge(world.base(), [INDICATORS["GT02"]]).flags
    told = {row["proveedor_id"]: (row["proveedor"], row["persona_individual"]) for row in flags.to_dicts()}
    assert told == {A: (None, True), B: (f"Nombre de {B}", False)}
