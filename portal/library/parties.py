"""Buyers, purchasing units and suppliers: their totals over all months, and what each did with whom. By columns."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec
import numpy as np
import polars as pl

from guatecompras.search import words
from portal.library.holdings import Coded, Holdings
from portal.library.shelf import Ints

Role = Literal["buyer", "unit", "supplier"]
ROLES: tuple[Role, ...] = ("buyer", "unit", "supplier")
SORTS = ("amount", "concursos", "name")
_COUNTERPARTS = 50


class Total(msgspec.Struct, frozen=True):
    """What a buyer, unit or supplier comes to. `concursos`: those it called, or offered or was awarded in; `awarded`: those
    with an award in force (to it); `single`: of these, those with one bidder; `amount`: of its awards in force, in quetzales."""

    id: str
    name: str
    role: Role
    concursos: int
    awarded: int
    awards: int
    single: int
    amount: float


class Period(msgspec.Struct, frozen=True):
    """A month (`2026-01`) of a party: by the concursos called in it."""

    month: str
    concursos: int
    awarded: int
    amount: float


class Counterpart(msgspec.Struct, frozen=True):
    """Who a party has to do with: the buyers of a supplier, the suppliers of a buyer."""

    id: str
    name: str
    concursos: int
    awarded: int
    amount: float


class Field(msgspec.Struct, frozen=True):
    """What a supplier does in one field (a UNSPSC family, a department): concursos that it offered or was awarded in, those that
    it won, and how many were awarded to anybody; `amount`: of its awards in force, whole where a concurso is of several fields."""

    value: str
    concursos: int
    won: int
    awarded: int
    amount: float


class Profile(msgspec.Struct, frozen=True):
    """A party's totals, its months oldest first, and its counterparts by amount; `others`: how many more there are."""

    total: Total
    months: list[Period]
    counterparts: list[Counterpart]
    others: int


class Parties:
    """Adds up who buys and who supplies in the holdings."""

    def __init__(self, held: Holdings) -> None:
        self._held = held

    def totals(self, role: Role) -> pl.DataFrame:
        """All of a role: as `Total`, and `folded`, the name as it is searched."""
        return self._suppliers if role == "supplier" else self._buyers[role]

    def find(self, role: Role, text: str, sort: str) -> pl.DataFrame:
        """Those whose name has all the words (or whose id it is), in the order of a sort (a minus before it turns it)."""
        frame = self.totals(role).filter(words.all_in("folded", text))
        if text and frame.is_empty():
            frame = self.totals(role).filter(pl.col("id") == text.strip())
        down = sort.startswith("-")
        return frame.sort(sort.removeprefix("-"), "id", descending=[down, False])

    def total(self, id: str, role: Role) -> Total | None:
        """The totals of one; None where there is nobody of that id."""
        found = self.totals(role).filter(pl.col("id") == id)
        return None if found.is_empty() else as_totals(found)[0]

    def profile(self, id: str, role: Role) -> Profile | None:
        """All of one; None where there is nobody of that id."""
        total = self.total(id, role)
        if total is None:
            return None
        return self._of_supplier(total) if role == "supplier" else self._of_buyer(total)

    @cached_property
    def buyer_names(self) -> dict[str, str]:
        """By id."""
        return dict(self.totals("buyer").select("id", "name").iter_rows())

    @cached_property
    def _suppliers(self) -> pl.DataFrame:
        held, deals = self._held, self._held.deals
        size, won = len(held.parties.values), deals.awards > 0
        single = won & (held.numbers["tenderers"][deals.rows] == 1)
        return _frame(
            {
                "id": held.parties.values,
                "name": held.party_names,
                "concursos": np.bincount(deals.parties, minlength=size),
                "awarded": np.bincount(deals.parties[won], minlength=size),
                "awards": _summed(deals.parties, deals.awards, size),
                "single": np.bincount(deals.parties[single], minlength=size),
                "amount": _summed(deals.parties, deals.amount, size),
            },
            "supplier",
        )

    @cached_property
    def _buyers(self) -> dict[str, pl.DataFrame]:
        return {role: self._buying(role) for role in ("buyer", "unit")}

    def _buying(self, role: str) -> pl.DataFrame:
        held = self._held
        coded, named = held.names[role], held.names[f"{role}_name"]
        size, codes = len(coded.values), coded.codes
        names = [""] * size
        # The last row of each says its name.
        last = np.full(size, -1, np.int64)
        last[codes] = np.arange(held.size)
        for code, row in enumerate(last.tolist()):
            names[code] = named.values[named.codes[row]] if row >= 0 else ""
        awarded = held.numbers["awards"] > 0
        single = awarded & (held.numbers["tenderers"] == 1)
        paid = np.where(awarded, np.nan_to_num(held.numbers["amount"]), 0.0)
        frame = _frame(
            {
                "id": coded.values,
                "name": names,
                "concursos": np.bincount(codes, minlength=size),
                "awarded": np.bincount(codes[awarded], minlength=size),
                "awards": _summed(codes, held.numbers["awards"], size),
                "single": np.bincount(codes[single], minlength=size),
                "amount": _summed(codes, paid, size),
            },
            role,
        )
        return frame.filter(pl.col("id") != "")

    def _of_supplier(self, total: Total) -> Profile:
        held, deals = self._held, self._held.deals
        mine = np.flatnonzero(deals.parties == held.parties.code(total.id))
        rows, won, amount = deals.rows[mine], deals.awards[mine] > 0, deals.amount[mine]
        buyers = held.names["buyer"]
        told = _counterparts(buyers.codes[rows], won, amount, buyers, self.buyer_names)
        return Profile(total, self._months(rows, won, amount), told[:_COUNTERPARTS], max(0, len(told) - _COUNTERPARTS))

    def fields(self, id: str) -> dict[str, list[Field]]:
        """Where a supplier takes part and wins: by `unspsc` (families) and `departamento`, those with most concursos first."""
        held, deals = self._held, self._held.deals
        mine = np.flatnonzero(deals.parties == held.parties.code(id))
        rows, codes, values = self._by_department
        pairs = held.families
        return {
            "unspsc": self._fields(mine, pairs.rows, pairs.codes, pairs.values),
            "departamento": self._fields(mine, rows, codes, values),
        }

    @property
    def _by_department(self) -> tuple[Ints, Ints, list[str]]:
        held = self._held.names["departamento"]
        return np.arange(self._held.size, dtype=np.int32), held.codes, held.values

    def _fields(self, mine: Any, rows: Ints, codes: Ints, values: list[str]) -> list[Field]:
        held, deals = self._held, self._held.deals
        among = np.zeros(held.size, np.bool_)
        among[deals.rows[mine]] = True
        touched = among[rows]
        deal = pl.DataFrame(
            {
                "row": deals.rows[mine],
                "won": deals.awards[mine] > 0,
                "amount": deals.amount[mine],
            }
        )
        told = (
            pl.DataFrame({"row": rows[touched], "code": codes[touched]})
            .join(deal, on="row")
            .group_by("code")
            .agg(concursos=pl.len(), won=pl.col("won").sum(), amount=pl.col("amount").sum().round(2))
            .sort("concursos", "amount", "code", descending=[True, True, False])
        )
        awarded = np.bincount(codes[held.numbers["awards"][rows] > 0], minlength=len(values))
        return [
            Field(values[code], concursos, won, int(awarded[code]), amount)
            for code, concursos, won, amount in told.iter_rows()
            if values[code]
        ]

    def _of_buyer(self, total: Total) -> Profile:
        held, deals = self._held, self._held.deals
        coded = held.names[total.role]
        rows = np.flatnonzero(coded.codes == coded.code(total.id)).astype(np.int32)
        won = held.numbers["awards"][rows] > 0
        paid = np.where(won, np.nan_to_num(held.numbers["amount"][rows]), 0.0)
        among = np.zeros(held.size, np.bool_)
        among[rows] = True
        theirs = np.flatnonzero(among[deals.rows])
        names = dict(enumerate(held.party_names))
        told = _counterparts(deals.parties[theirs], deals.awards[theirs] > 0, deals.amount[theirs], held.parties, names)
        return Profile(total, self._months(rows, won, paid), told[:_COUNTERPARTS], max(0, len(told) - _COUNTERPARTS))

    def _months(self, rows: Ints, won: Any, amount: Any) -> list[Period]:
        months = self._held.months
        codes, size = months.codes[rows], len(months.values)
        counted = np.bincount(codes, minlength=size), np.bincount(codes[won], minlength=size)
        summed = _summed(codes, amount, size)
        return [
            Period(month, int(counted[0][code]), int(counted[1][code]), round(float(summed[code]), 2))
            for code, month in enumerate(months.values)
        ]


def as_totals(frame: pl.DataFrame) -> list[Total]:
    """Rows of `Parties.totals` or `find`."""
    return [Total(**row) for row in frame.drop("folded").iter_rows(named=True)]


def _frame(columns: dict[str, Any], role: str) -> pl.DataFrame:
    frame = pl.DataFrame(columns, schema_overrides={"name": pl.String, "id": pl.String})
    counts = pl.col("concursos", "awarded", "awards", "single").cast(pl.Int64)
    folded = words.line(pl.col("name"))
    return frame.with_columns(counts, pl.col("amount").round(2), role=pl.lit(role), folded=folded)


def _summed(codes: Ints, weights: Any, size: int) -> Any:
    return np.bincount(codes, weights=weights, minlength=size)


def _counterparts(codes: Ints, won: Any, amount: Any, coded: Coded, names: Mapping[Any, str]) -> list[Counterpart]:
    told = (
        pl.DataFrame({"code": codes, "won": won, "amount": amount})
        .group_by("code")
        .agg(concursos=pl.len(), awarded=pl.col("won").sum(), amount=pl.col("amount").sum().round(2))
        .sort("amount", "concursos", "code", descending=[True, True, False])
    )
    return [
        Counterpart(coded.values[code], names.get(coded.values[code], names.get(code, "")), concursos, awarded, amount)
        for code, concursos, awarded, amount in told.iter_rows()
    ]
