"""The columns of all months in memory, as they are searched: numbers and codes; texts stay in the months' mapped files."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from guatecompras.search.schema import KINDS
from portal.library.shelf import Ints, Shelf

Column = npt.NDArray[Any]

_NUMBERS: dict[str, Any] = {
    "nog": np.int64,
    "called": np.uint32,
    "closes": np.uint32,
    "awarded": np.uint32,
    "recorded": np.uint32,
    "estatus": np.int16,
    "modalidad": np.int16,
    "sub_modalidad": np.int16,
    "entidad": np.int32,
    "unidad": np.int32,
    "tipo_entidad": np.int16,
    "sub_tipo_entidad": np.int16,
    "tenderers": np.int32,
    "awards": np.int32,
}
_NAMES = ("objeto", "departamento", "buyer", "buyer_name", "unit", "unit_name", "currency")
_FAMILY = 4  # digits of an UNSPSC code that name its family
HOME = "GTQ"


@dataclass(frozen=True)
class Coded:
    """A column of few values: `codes` of the rows, `values` by code."""

    codes: Ints
    values: list[str]

    @cached_property
    def places(self) -> dict[str, int]:
        return {value: code for code, value in enumerate(self.values)}

    def code(self, value: str) -> int:
        """-1 where no row has it."""
        return self.places.get(value, -1)


@dataclass(frozen=True)
class Pairs:
    """A column with any number of values a row: each pair of `rows` and `codes`."""

    rows: Ints
    codes: Ints
    values: list[str]


@dataclass(frozen=True)
class Deals:
    """Who offered or was awarded, a row a concurso and party: as in the search files, over all months."""

    rows: Ints
    parties: Ints
    bid: npt.NDArray[np.bool_]
    awards: Ints
    amount: npt.NDArray[np.float64]


class Holdings:
    """All months, oldest first; a row is counted over all of them, in order of call and NOG."""

    def __init__(self, shelves: Sequence[Shelf]) -> None:
        self.shelves = sorted(shelves, key=lambda shelf: shelf.month)
        tables = [shelf.concursos for shelf in self.shelves]
        self.starts = np.cumsum([0, *(table.num_rows for table in tables)])
        self.size = int(self.starts[-1])
        self.numbers: dict[str, Column] = {
            name: _joined([table[name] for table in tables], kind) for name, kind in _NUMBERS.items()
        }
        self.names: dict[str, Coded] = {name: _coded([table[name] for table in tables]) for name in _NAMES}
        awarded, estimated = (
            _joined([table[name] for table in tables], np.float64) for name in ("awarded_amount", "estimated")
        )
        # NaN where nobody says, or in another currency.
        told = np.where(np.isnan(awarded), estimated, awarded)
        told[self.names["currency"].codes != self.names["currency"].code(HOME)] = np.nan
        self.numbers["amount"] = told
        sizes = np.diff(self.starts)
        self.months = Coded(
            np.repeat(np.arange(len(sizes), dtype=np.int32), sizes), [shelf.month for shelf in self.shelves]
        )
        by_nog = np.argsort(self.numbers["nog"], kind="stable").astype(np.int32)
        self._by_nog, self._nogs = by_nog, self.numbers["nog"][by_nog]

    def row(self, nog: int) -> int | None:
        """The row of a NOG."""
        place = int(np.searchsorted(self._nogs, nog))
        return int(self._by_nog[place]) if place < self.size and self._nogs[place] == nog else None

    def place(self, row: int) -> tuple[Shelf, int]:
        """The month of a row, and its row there."""
        month = int(self.months.codes[row])
        return self.shelves[month], row - int(self.starts[month])

    def term(self, kind: str, value: str, *, prefix: bool = False) -> Ints:
        """The rows of a term of any month, in order."""
        term = KINDS[kind] + value
        found = [
            shelf.terms.rows(term, prefix=prefix) + np.int32(start)
            for shelf, start in zip(self.shelves, self.starts[:-1], strict=True)
        ]
        return np.concatenate(found) if found else np.zeros(0, np.int32)

    @cached_property
    def gone(self) -> frozenset[int]:
        return frozenset(nog for shelf in self.shelves for nog in shelf.gone)

    @cached_property
    def parties(self) -> Coded:
        """Who offers or is awarded; `codes` of the parties of each month, one month after the other."""
        return _coded([shelf.parties["id"].dictionary_encode() for shelf in self.shelves])

    @cached_property
    def party_names(self) -> list[str]:
        """By code: as the party was called last."""
        names = [""] * len(self.parties.values)
        told = (name for shelf in self.shelves for name in shelf.parties["name"].to_pylist())
        for code, name in zip(self.parties.codes.tolist(), told, strict=True):
            names[code] = name or names[code]
        return names

    @cached_property
    def deals(self) -> Deals:
        first = np.cumsum([0, *(shelf.parties.num_rows for shelf in self.shelves)])
        rows, parties = [], []
        for shelf, start, party in zip(self.shelves, self.starts, first, strict=False):
            rows.append(shelf.deals["row"].to_numpy() + np.int32(start))
            parties.append(self.parties.codes[shelf.deals["party"].to_numpy() + int(party)])
        kinds = {"bid": np.bool_, "awards": np.int32, "amount": np.float64}
        told = {name: _joined([shelf.deals[name] for shelf in self.shelves], kind) for name, kind in kinds.items()}
        return Deals(_stacked(rows), _stacked(parties), **told)

    @cached_property
    def awarded(self) -> tuple[Pairs, npt.NDArray[np.float64]]:
        """Who was awarded, and how much."""
        won = np.flatnonzero(self.deals.awards > 0)
        return Pairs(self.deals.rows[won], self.deals.parties[won], self.parties.values), self.deals.amount[won]

    @cached_property
    def categories(self) -> Pairs:
        return self._pairs("categoria", None)

    @cached_property
    def families(self) -> Pairs:
        return self._pairs("unspsc", _FAMILY)

    def _pairs(self, kind: str, digits: int | None) -> Pairs:
        rows, codes, known = [], [], dict[str, int]()
        for shelf, start in zip(self.shelves, self.starts, strict=False):
            values, at, row = shelf.terms.pairs(KINDS[kind])
            renamed = np.array([known.setdefault(value[:digits], len(known)) for value in values], np.int32)
            found = renamed[at]
            if digits:  # several codes of a family in one concurso are one pair
                both = np.unique((row.astype(np.int64) << 32) | found)
                row, found = (both >> 32).astype(np.int32), both.astype(np.int32)
            rows.append(row + np.int32(start))
            codes.append(found)
        return Pairs(_stacked(rows), _stacked(codes), list(known))

    def order(self, name: str) -> "Order":
        """The rows by a column and NOG, found when it is asked for first."""
        if name not in self._orders:
            self._orders[name] = Order(self.numbers[name], self.numbers["nog"])
        return self._orders[name]

    @cached_property
    def _orders(self) -> dict[str, "Order"]:
        return {}


class Order:
    """Rows in the order of a value and the NOG, those without a value (0 or NaN) before all others: `ranks` by row."""

    def __init__(self, values: Column, nogs: Column) -> None:
        self.values = np.nan_to_num(values, nan=-1.0) if values.dtype.kind == "f" else values
        self._nogs = nogs
        self.rows = np.lexsort((nogs, self.values)).astype(np.int32)
        self.ranks = np.empty(len(values), np.int32)
        self.ranks[self.rows] = np.arange(len(values), dtype=np.int32)

    def rank(self, value: float, nog: int) -> int:
        """How many rows come before a value and NOG."""
        ordered = self.values[self.rows]
        first, last = (
            int(np.searchsorted(ordered, ordered.dtype.type(value), side=side)) for side in ("left", "right")
        )
        return first + int(np.searchsorted(self._nogs[self.rows[first:last]], nog))


def _joined(columns: Sequence[pa.ChunkedArray], kind: Any) -> Column:
    return np.concatenate([np.zeros(0, kind), *(column.to_numpy().astype(kind) for column in columns)])


def _stacked(parts: Sequence[Column]) -> Column:
    return np.concatenate([np.zeros(0, np.int32), *parts])


def _coded(columns: Sequence[pa.ChunkedArray]) -> Coded:
    """Dictionary columns as one: the same code for the same text in all of them."""
    chunks = [chunk for column in columns for chunk in column.chunks]
    if not chunks:
        return Coded(np.zeros(0, np.int32), [])
    one = pa.chunked_array(chunks).unify_dictionaries()
    return Coded(_stacked([chunk.indices.to_numpy() for chunk in one.chunks]), one.chunk(0).dictionary.to_pylist())
