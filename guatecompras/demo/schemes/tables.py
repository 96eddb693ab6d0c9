"""From what is planted in a month to a plan that the month's tables are made of, and to the truth table.

What is planted is `stages`' business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from guatecompras.demo.draws import Draws
from guatecompras.demo.plan import DAY, Plan, Rows, free_nogs
from guatecompras.demo.schemes.cases import FORMAL, Bid, Case, Mark
from guatecompras.demo.schemes.stages import cases, stage_world, unit_row
from guatecompras.demo.world import World
from guatecompras.months import Month

TRUTH_SCHEMA = {
    "indicator": pl.String(),
    "scheme": pl.String(),
    "subject": pl.String(),
    "nog": pl.Int64(),
    "decoy": pl.Boolean(),
}
_JOINT = " + "  # between the parts of a subject that is more than one thing
_ADJUDICADO, _DESIERTO = 3, 5
# Times of a plan that no planted concurso has.
_NEVER = ("modificacion", "suspension", "reanudacion", "reapertura", "recepcion_2", "inhabilitacion", "adjudicacion_2")


@dataclass(frozen=True)
class PlantedPlan(Plan):
    """A plan of which bids and goods are decided beforehand."""

    bids: pl.DataFrame  # in order of `first_bid` of the frame, a row a bid: supplier (row), cents, seconds, state

    def formal_papers(self) -> pl.Series:
        # Nearly all are formal: with all their papers they would be most of the month's documents.
        return pl.repeat(value=False, n=self.frame.height, dtype=pl.Boolean, eager=True)

    def item_counts(self) -> pl.Series:
        return pl.repeat(1, self.frame.height, dtype=pl.Int64, eager=True)

    def first_good(self) -> pl.Series:
        return self.frame["bien"]

    def bidder(self, rows: Rows) -> pl.Series:
        return self._of_bid("supplier", rows)

    def bid_amount(self, rows: Rows) -> pl.Series:
        return self._of_bid("cents", rows)

    def bid_time(self, rows: Rows) -> pl.Series:
        return self._of_bid("seconds", rows)

    def bid_state(self, rows: Rows) -> pl.Series:
        return self._of_bid("state", rows)

    def _of_bid(self, column: str, rows: Rows) -> pl.Series:
        return self.bids[column].gather(self.frame["first_bid"].gather(rows.parent) + rows.number)


def planted(month: Month, size: int, seed: int) -> PlantedPlan:
    """The plan of everything that is planted in a month of `size` others."""
    played = cases(month, seed)
    country, places = _cast(month, seed)
    draws = Draws(seed, str(month), "esquemas")
    place = pl.int_range(0, len(played), eager=True, dtype=pl.UInt64)
    counts = pl.Series([len(case.bids) for case in played], dtype=pl.Int64)
    frame = pl.DataFrame([_row(case, country, number) for number, case in enumerate(played)], _ROW, orient="row")
    frame = frame.with_columns(
        nog=free_nogs(month, size, len(played)) + place.cast(pl.Int64),
        oferentes=counts,
        first_bid=counts.cum_sum() - counts,
        **{name: pl.lit(None, dtype=pl.Int64) for name in _NEVER},
        abierto=pl.lit(value=True),
        tras_adjudicar=pl.lit(value=False),
        inhabilita=pl.lit(value=False),
        reparte=pl.lit(value=False),
        contrata=pl.col("contrato").is_not_null(),
        estatus=pl.col("fin"),
    )
    return PlantedPlan(month, draws, country, place, frame, _bids(played, places))


_ROW = {
    **dict.fromkeys(("modalidad", "entidad", "unidad", "rubro", "bien", "monto", "fin"), pl.Int64()),
    "clase": pl.String(),
    **dict.fromkeys(("publicacion", "cierre", "recepcion", "adjudicacion", "final", "firma", "contrato"), pl.Int64()),
}


def _row(case: Case, country: World, number: int) -> tuple[object, ...]:
    """A concurso in the columns of `_ROW`."""
    modality = _modalities(country)[case.modality]
    # Offers are opened within two hours, before any decision.
    opened = case.closes + 240 + number * 37 % 6_000 if case.modality in FORMAL else None
    signed = case.signed
    return (
        modality,
        case.entity,
        unit_row(case.entity, case.unit),
        int(country.goods["rubro"][case.good]),
        case.good,
        case.bids[0].cents if case.bids else 15_000_000 + number * 100_000,
        _DESIERTO if case.deserted else _ADJUDICADO,
        country.modalities["clase"][modality],
        case.published,
        case.closes,
        opened,
        None if case.deserted else case.decided,
        case.decided if case.deserted else None,
        signed,
        None if signed is None else signed + DAY,
    )


@lru_cache(maxsize=2)
def _modality_rows(codes: tuple[int, ...]) -> dict[int, int]:
    return {code: row for row, code in enumerate(codes)}


def _modalities(country: World) -> dict[int, int]:
    """Code of `modalidades` -> row of the world's."""
    return _modality_rows(tuple(country.modalities["modalidad"]))


@lru_cache(maxsize=4)
def _cast(month: Month, seed: int) -> tuple[World, dict[int, int]]:
    """The world of who plays in a month, and the row of each supplier in it."""
    played = cases(month, seed)
    named = {bid.supplier for case in played for bid in case.bids}
    suppliers = sorted(named | {who for case in played for mark in case.marks for who in mark.suppliers})
    edits = tuple(edit for case in played for edit in case.edits)
    return stage_world(seed, suppliers, edits), {number: row for row, number in enumerate(suppliers)}


def _bids(played: Sequence[Case], places: dict[int, int]) -> pl.DataFrame:
    def row(case: Case, bid: Bid) -> tuple[int, int, int, str]:
        return places[bid.supplier], bid.cents, case.closes - bid.early, bid.state

    schema = {"supplier": pl.Int64(), "cents": pl.Int64(), "seconds": pl.Int64(), "state": pl.String()}
    return pl.DataFrame([row(case, bid) for case in played for bid in case.bids], schema, orient="row")


def truth(month: Month, size: int, seed: int) -> pl.DataFrame:
    """What is to be found in a month and what is not: a row a subject and indicator."""
    played = cases(month, seed)
    country, places = _cast(month, seed)
    first = free_nogs(month, size, len(played))
    rows = [
        (mark.indicator, case.scheme, *_subject(mark, case, first + number, country, places), mark.decoy)
        for number, case in enumerate(played)
        for mark in case.marks
    ]
    found = pl.DataFrame(rows, TRUTH_SCHEMA, orient="row")
    return found.unique(["indicator", "subject"], keep="first").sort("indicator", "decoy", "subject")


def _subject(mark: Mark, case: Case, nog: int, country: World, places: dict[int, int]) -> tuple[str, int | None]:
    if not mark.buyer and not mark.suppliers:
        return str(nog), nog
    entity = country.entities.row(case.entity, named=True)
    buyer = [f"{entity['esquema']}-{entity['identificador']}"] if mark.buyer else []
    suppliers = sorted(country.supplier_id[places[who]] for who in mark.suppliers)
    return _JOINT.join(buyer + suppliers), None
