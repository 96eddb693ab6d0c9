"""What an indicator is, and what it answers: each subject's state, with value, threshold, population and evidence.

Which there are is `registry.py`'s, how they are run and written `run.py`'s business.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    from guatecompras.integrity.base import Base

Level = Literal["concurso", "proveedor", "grupo", "comprador", "mercado"]
Topic = Literal["competencia", "precios", "plazos", "umbrales", "proveedores", "compradores"]
Unit = Literal["proporción", "quetzales", "días", "días hábiles", "oferentes", "cuenta", "índice", "veces"]

RAISED, CLEAR, NOT_EVALUABLE = "activada", "sin señal", "no evaluable"
# Why a subject cannot be judged although no field is missing.
TOO_FEW = "(muestra pequeña o sin dispersión)"
# Pieces of evidence told of one flag; how many more there are is told too.
_PIECES = 20
# Between the parts of a subject that is more than one thing, as two bidders.
JOINT = " + "


@dataclass(frozen=True)
class Judged:
    """The answer of an indicator: one row a subject, in any order; the expressions look at the rows' columns.

    `raised`: true or false. `needs`: published field -> what must not be null to judge; `enough`: whether the sample says
    anything. Where one is not given the subject is not evaluable; nor are the concursos (`nog`) that `lacking` lists with what
    they have none of. What follows is calculated of the rows that are raised only:
    `value` and `threshold` in the indicator's unit; `population` and `size`: what was compared with; `evidence`: text; `nogs`:
    the concursos the flag is about (list), where `nog` does not say it; `amount`: centavos it is about.
    """

    rows: pl.DataFrame
    subject: pl.Expr
    raised: pl.Expr
    value: pl.Expr
    threshold: pl.Expr
    evidence: pl.Expr
    population: str
    size: pl.Expr
    needs: Mapping[str, pl.Expr] = field(default_factory=dict)
    lacking: tuple[str, pl.DataFrame] | None = None
    enough: pl.Expr | None = None
    nog: pl.Expr | None = None
    nogs: pl.Expr | None = None
    buyer: pl.Expr | None = None
    supplier: pl.Expr | None = None
    amount: pl.Expr | None = None


@dataclass(frozen=True)
class Indicator:
    """An indicator. `id`: OCP's number where it has one, else GT and a number; `version`: changes with the definition;
    `fields`: `table/column` that it reads; `history`: months before the one judged that it looks at; `differences`: from the
    definition that OCP's program Cardinal has published, where it has one (Spanish); `cardinal`: whether it has."""

    id: str
    version: int
    name: str
    name_en: str
    definition: str
    definition_en: str
    level: Level
    topic: Topic
    unit: Unit
    fields: tuple[str, ...]
    calculate: Callable[["Base", "Parameters"], Judged]
    history: int = 0
    cardinal: bool = False
    differences: str = ""


@dataclass(frozen=True)
class Parameters:
    """What the file of parameters says of one indicator. `law`: where the numbers come from; `weight`: for the "
    "order of review."""

    weight: int
    law: str
    values: Mapping[str, float]
    meanings: Mapping[str, str]

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def whole(self, name: str) -> int:
        return int(self.values[name])

    def cents(self, name: str) -> int:
        """An amount of the file, in quetzales there, in centavos."""
        return round(self.values[name] * 100)


def money(cents: pl.Expr) -> pl.Expr:
    """An amount as evidence tells it."""
    return pl.format("{}.{}", cents // 100, (cents % 100).cast(pl.String).str.zfill(2))


def moment(time: pl.Expr) -> pl.Expr:
    """A time as evidence tells it: Guatemala's, to the second."""
    return time.dt.strftime("%Y-%m-%dT%H:%M:%S")


def quetzales(cents: pl.Expr | int) -> pl.Expr:
    """An amount as a value or a threshold."""
    return (pl.lit(cents) if isinstance(cents, int) else cents) / 100.0


def pieces(told: pl.Expr) -> pl.Expr:
    """A list of pieces of evidence as one text, in order; what is beyond the first is counted."""
    more = told.list.len().cast(pl.Int64) - _PIECES
    first = told.list.sort().list.head(_PIECES).list.join("; ")
    return pl.when(more > 0).then(pl.format("{}; y {} más", first, more)).otherwise(first)


def at(nog: pl.Expr, path: str, *values: pl.Expr) -> pl.Expr:
    """A piece of evidence of one concurso: `nog:path=value`; each `{}` in the path takes one value."""
    return pl.format("{}:" + path, nog, *values)


def joint(*parts: pl.Expr) -> pl.Expr:
    """The subject that is several things together."""
    return pl.concat_str(*parts, separator=JOINT)
