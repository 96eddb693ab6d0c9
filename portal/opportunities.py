"""Concursos that receive offers now, each with what similar ones were awarded for: found by columns, for the page and its tests.

Similar is what buys of the same single family by the same modalidad; what buys of several families is compared with nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from portal.library import Library, Query, Row
from portal.library.shelf import Ints
from portal.market import Market, Method

# What a similar one is awarded for: name -> what it is called, and from and below which median. The law's limits between
# modalidades are near: low value, direct purchase, cotización, licitación.
BANDS: Mapping[str, tuple[str, float, float]] = {
    "hasta-25000": ("Hasta Q25,000", 0, 25_000),
    "25000-90000": ("De Q25,000 a Q90,000", 25_000, 90_000),
    "90000-900000": ("De Q90,000 a Q900,000", 90_000, 900_000),
    "desde-900000": ("Más de Q900,000", 900_000, float("inf")),
}


# Whether it says when it closes.
DATED: Mapping[str, bool | None] = {"": None, "informado": True, "no-informado": False}


@dataclass(frozen=True)
class Asked:
    """What is looked for among what is open. `dated`: only those that say when they close, or only those that do not; `band`: of
    BANDS; `sort`: by their close, or the newest first."""

    text: str = ""
    unspsc: tuple[str, ...] = ()
    departamento: tuple[str, ...] = ()
    buyer: str = ""
    dated: bool | None = None
    band: str = ""
    sort: str = "cierre"

    def query(self) -> Query:
        return Query(text=self.text, unspsc=self.unspsc, departamento=self.departamento, buyer=self.buyer, open=True)


@dataclass(frozen=True)
class Opportunity:
    """A concurso, its families, and what similar ones were awarded for, where that is known."""

    row: Row
    families: tuple[str, ...]
    similar: Method | None


@dataclass(frozen=True)
class Found:
    """Some of what is open. `total`: how many there are; `dated`: how many of all that is asked for say when they close."""

    shown: list[Opportunity]
    total: int
    dated: int
    undated: int


def find(
    library: Library, market: Market | None, asked: Asked, first: int, limit: int, now: datetime | None = None
) -> Found:
    """From place `first` on, `limit` of what is asked for."""
    rows = library.ordered(asked.query(), "called", now or datetime.now(UTC))
    frame = narrowed(library, market, rows, asked.band, None)
    dated = int((frame["closes"] > 0).sum())
    undated = frame.height - dated
    if asked.dated is not None:
        frame = _dated(frame, asked.dated)
    page = _ordered(frame, asked.sort).slice(first, limit)
    listed = library.rows(page["row"].to_numpy())
    fields = Method.__struct_fields__
    shown = [
        Opportunity(
            row, tuple(told["familias"]), Method(**{name: told[name] for name in fields}) if told["con_monto"] else None
        )
        for row, told in zip(listed, page.iter_rows(named=True), strict=True)
    ]
    return Found(shown, frame.height, dated, undated)


def narrowed(library: Library, market: Market | None, rows: Ints, band: str, dated: bool | None) -> pl.DataFrame:
    """Of those rows what is in the band, and dated as is asked, in their order: as `_compared`."""
    frame = _compared(library, market, rows)
    if band:
        _, low, high = BANDS[band]
        frame = frame.filter((pl.col("monto_mediana") >= low) & (pl.col("monto_mediana") < high))
    return frame if dated is None else _dated(frame, dated)


def _dated(frame: pl.DataFrame, dated: bool) -> pl.DataFrame:
    return frame.filter((pl.col("closes") > 0) == dated)


def _compared(library: Library, market: Market | None, rows: Ints) -> pl.DataFrame:
    """Each row: row, closes, its families, and the columns of `Method` of what is similar."""
    held = library.held
    frame = pl.DataFrame(
        {
            "row": rows,
            "closes": held.numbers["closes"][rows],
            "modalidad": held.numbers["modalidad"][rows].astype(np.int64),
        }
    )
    among = np.zeros(held.size, np.bool_)
    among[rows] = True
    pairs = held.families
    mine = np.flatnonzero(among[pairs.rows])
    named = pl.Series(pairs.values, dtype=pl.String).gather(pairs.codes[mine])
    families = (
        pl.DataFrame({"row": pairs.rows[mine], "familia": named})
        .sort("row", "familia")
        .group_by("row", maintain_order=True)
        .agg(familias="familia")
    )
    told = frame.join(families, on="row", how="left", maintain_order="left").with_columns(
        pl.col("familias").fill_null([]),
        familia=pl.when(pl.col("familias").list.len() == 1).then(pl.col("familias").list.first()),
    )
    similar = market.similar if market else pl.DataFrame(schema=_NOTHING)
    return told.join(similar, on=["familia", "modalidad"], how="left", maintain_order="left")


_NOTHING: Mapping[str, type[pl.DataType]] = {
    name: {"familia": pl.String, "modalidad": pl.Int64, "con_monto": pl.Int64}.get(name, pl.Float64)
    for name in Method.__struct_fields__
}


def _ordered(frame: pl.DataFrame, sort: str) -> pl.DataFrame:
    """By the close, those without one last; or the newest first, as rows are in the order of the call."""
    if sort == "recientes":
        return frame.reverse()
    return frame.sort(pl.col("closes") == 0, "closes", "row")


def buyers(library: Library, now: datetime | None = None) -> list[tuple[str, str, int]]:
    """Who has something open: id, name, how many; by name."""
    rows = library.ordered(Query(open=True), "called", now)
    coded = library.held.names["buyer"]
    codes, counts = np.unique(coded.codes[rows], return_counts=True)
    names = library.parties.buyer_names
    told = [
        (coded.values[code], names.get(coded.values[code], ""), count)
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
    ]
    return sorted((one for one in told if one[1]), key=lambda one: one[1])


def departamentos(library: Library, now: datetime | None = None) -> list[str]:
    """Where something is open."""
    rows = library.ordered(Query(open=True), "called", now)
    coded = library.held.names["departamento"]
    return sorted(name for code in np.unique(coded.codes[rows]).tolist() if (name := coded.values[code]))
