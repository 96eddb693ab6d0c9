"""Arrival checks: raw rows of a source in, rows that hold the contract out, and one reject for every fault.

What the contract says is `contract.py`; how a month's rows are fetched is `resources/sources/`. Nothing here stops a
month: a faulty value is left out, a row that is of no use without it is left out whole, and both are written down.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from guatecompras.contract import REJECTS_SCHEMA, TABLES, Column, Table
from guatecompras.errors import SourceError
from guatecompras.months import Month
from guatecompras.values import (
    as_text,
    check,
    plain,
)

# Reasons of the rejects, in the words that operators and readers see (those of single values: `values.py`).
NO_DATE = "evento sin ninguna fecha"
DUPLICATE = "clave repetida"
OTHER_MONTH = "publicado en otro mes"
UNKNOWN_NOG = "NOG desconocido"
UNKNOWN_ITEM = "renglón desconocido"
UNKNOWN_AWARD = "adjudicación desconocida"
UNKNOWN_CONTRACT = "contrato desconocido"
UNKNOWN_PARTY = "proveedor sin parte: se publica sin nombre"
NO_ROLE = "parte sin papel en el concurso"
NO_EVENTS = "concurso sin eventos: se publica con las fechas de sus filas"

# One reject with level ROW for every row that is left out; every other faulty value, in that row too, is a VALUE.
ROW, VALUE = "fila", "valor"

# Parents before children: what a child refers to is known when it arrives.
ARRIVAL_ORDER = (
    "concursos",
    "eventos",
    "renglones",
    "caracteristicas",
    "ofertas",
    "adjudicaciones",
    "contratos",
    "documentos",
    "partes",
)

# child table, its column, the parent table, the reason, and whether the row falls with it.
REFERENCES: tuple[tuple[str, str, str, str, str], ...] = (
    ("caracteristicas", "renglon_id", "renglones", UNKNOWN_ITEM, ROW),
    ("contratos", "adjudicacion_id", "adjudicaciones", UNKNOWN_AWARD, ROW),
    ("documentos", "contrato_id", "contratos", UNKNOWN_CONTRACT, VALUE),
)

# Rows that are checked at once, where a source gives fewer.
BATCH = 1 << 14


@dataclass
class Arrivals:
    """The arrival of one month: feed tables through `admit` in ARRIVAL_ORDER, then read `rejects()`.

    `delivered` and `admitted` count rows per table; their difference is the number of rejects with level ROW. Memory
    holds the month's keys, not its rows.
    """

    month: Month
    # A source without a log of events has none of any concurso, which the snapshot says once for all.
    missing: Collection[str] = ()
    delivered: dict[str, int] = field(default_factory=dict)
    admitted: dict[str, int] = field(default_factory=dict)
    _keys: dict[str, pl.DataFrame] = field(default_factory=dict)
    _without_entity: list[int] = field(default_factory=list)
    _suppliers: list[pl.DataFrame] = field(default_factory=list)
    _rejects: list[pl.DataFrame] = field(default_factory=list)

    def admit(self, name: str, batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Check one table's raw batches (ordered by nog); yields frames of whole NOGs with the contract's types, in order.

        What comes out does not depend on how the batches were cut nor on the order of a NOG's rows. Raises SourceError
        when a required column is absent or the rows are not ordered.
        """
        table = TABLES[name]
        self.delivered[name] = self.admitted[name] = 0
        keys: list[pl.DataFrame] = []
        for frame in _whole_nogs(table, (self._typed(table, batch) for batch in _gathered(batches))):
            # Relations first: of two rows that share a key, one that belongs here must not give way to one that does not.
            kept = self._unique(table, self._related(table, frame))
            keys.append(_keys_of(table, kept))
            if name == "concursos":
                self._without_entity += kept.filter(pl.col("entidad_compradora").is_null())["nog"].to_list()
            if name in ("ofertas", "adjudicaciones"):
                self._suppliers.append(kept.select("nog", id="proveedor").unique().sort("nog", "id"))
            self.admitted[name] += kept.height
            if kept.height:
                yield kept
        self._keys[name] = pl.concat(keys) if keys else pl.DataFrame(schema=_KEYS_SCHEMA)
        if name == "eventos" and name not in self.missing:
            self._note_silent_concursos()
        if name == "partes":
            self._note_unnamed_suppliers()

    def rejects(self) -> pl.DataFrame:
        """All faults so far, sorted (REJECTS_SCHEMA)."""
        rejects = pl.concat([pl.DataFrame(schema=REJECTS_SCHEMA), *self._rejects])
        return rejects.sort("tabla", "nog", "clave", "columna", "valor", "motivo", "nivel", nulls_last=True)

    # One value at a time: types, bounds, codes.

    def _typed(self, table: Table, batch: pl.DataFrame) -> pl.DataFrame:
        lacking = [name for name in table.required if name not in batch.columns]
        if lacking:
            raise SourceError(
                f"table {table.name} lacks the required column{'s'[: len(lacking) > 1]} {', '.join(lacking)}"
            )
        self.delivered[table.name] += batch.height
        raw = pl.DataFrame({name: plain(batch[name]) for name in table.schema if name in batch.columns})
        typed: dict[str, pl.Series] = {}
        faults: list[tuple[pl.Series, Column, str]] = []
        for column in table.columns:
            if column.name in raw.columns:
                value, found = check(column, raw[column.name])
                typed[column.name] = value
                faults += [(mask, column, reason) for mask, reason in found]
            else:
                typed[column.name] = pl.repeat(None, raw.height, dtype=column.dtype, eager=True)
        frame = pl.DataFrame(typed)
        lost = no_row = pl.repeat(False, raw.height, eager=True)
        for mask, column, reason in faults:
            fatal = mask & ~lost if column.essential else no_row
            self._note(table, frame, raw, fatal, column.name, ROW, reason)
            self._note(table, frame, raw, mask & ~fatal, column.name, VALUE, reason)
            lost |= fatal
        if table.name == "eventos":
            undated = frame["fecha_evento"].is_null() & frame["fecha_registro"].is_null()
            self._note(table, frame, raw, undated & ~lost, "fecha_evento", ROW, NO_DATE)
            lost |= undated
            frame = _dated_events(table, frame)
        return frame.filter(~lost) if lost.any() else frame

    # One row against the others.

    def _unique(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        """Sort whole NOGs by the table's order; of rows that share a key keep one, whatever order they came in."""
        if frame.select(table.key).n_unique() < frame.height:
            shared = frame.select(table.key).is_duplicated()
            # The latest change wins, then the greatest values from left to right: lists by their text, for they do not sort.
            first = [name for name in ("fecha_actualizacion",) if name in table.schema]
            rivals = frame.filter(shared)
            ranks = rivals.with_columns(as_text(rivals[n]) for n, t in table.schema.items() if t.is_nested())
            order = ranks.select(pl.arg_sort_by(*first, *table.schema, nulls_last=False)).to_series()
            rivals = rivals[order]
            beaten = ~rivals.select(pl.struct(table.key).is_last_distinct()).to_series()
            self._note(table, rivals, rivals, beaten, table.key[-1], ROW, DUPLICATE)
            frame = pl.concat([frame.filter(~shared), rivals.filter(~beaten)])
        return frame.sort("nog", *table.order, nulls_last=True)

    def _related(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        if table.name == "concursos":
            local = frame["fecha_publicacion"].dt.replace_time_zone(None)
            other = (local < self.month.start) | (local >= self.month.end)
            return self._drop(table, frame, other, "fecha_publicacion", OTHER_MONTH)
        known = _between(self._keys["concursos"], frame)["nog"]
        frame = self._drop(table, frame, ~frame["nog"].is_in(known.implode()), "nog", UNKNOWN_NOG)
        for child, column, parent, reason, level in REFERENCES:
            if child == table.name:
                frame = self._refer(table, frame, column, parent, reason, level)
        if table.name == "partes":
            frame = self._with_role(table, frame)
        return frame

    def _refer(
        self, table: Table, frame: pl.DataFrame, column: str, parent: str, reason: str, level: str
    ) -> pl.DataFrame:
        lost = frame[column].is_not_null() & ~_known(frame.select("nog", id=column), self._keys[parent])
        if level == ROW:
            return self._drop(table, frame, lost, column, reason)
        self._note(table, frame, frame, lost, column, level, reason)
        return frame.with_columns(pl.when(~lost).then(pl.col(column)).alias(column))

    def _with_role(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        """A supplier's row that neither offered nor won has no role to be published in (members of a jury, say).

        Where the source does not know the entity, a NIT without a part may be all that it says of the buyer.
        """
        ids = _keys_of(table, frame)
        buyer = (frame["esquema"] == "GT-NIT") & frame["nog"].is_in(self._without_entity)
        idle = frame["esquema"].is_in(["GT-NIT", "GT-GCID"]) & ~buyer & ~_known(ids, self._all_suppliers())
        return self._drop(table, frame, idle, "identificador", NO_ROLE)

    def _all_suppliers(self) -> pl.DataFrame:
        if len(self._suppliers) != 1:
            every = pl.concat([pl.DataFrame(schema=_KEYS_SCHEMA), *self._suppliers])
            self._suppliers = [every.unique().sort("nog", "id")]
        return self._suppliers[0]

    def _note_silent_concursos(self) -> None:
        silent = self._keys["concursos"].join(self._keys["eventos"], on="nog", how="anti").select("nog")
        self._note_all(TABLES["concursos"], silent, "nog", NO_EVENTS)

    def _note_unnamed_suppliers(self) -> None:
        unnamed = self._all_suppliers().join(self._keys["partes"], on=["nog", "id"], how="anti")
        self._note_all(TABLES["partes"], unnamed.rename({"id": "identificador"}), "identificador", UNKNOWN_PARTY)

    def _drop(self, table: Table, frame: pl.DataFrame, lost: pl.Series, column: str, reason: str) -> pl.DataFrame:
        if not lost.any():
            return frame
        self._note(table, frame, frame, lost, column, ROW, reason)
        return frame.filter(~lost)

    def _note_all(self, table: Table, frame: pl.DataFrame, column: str, reason: str) -> None:
        self._note(table, frame, frame, pl.repeat(True, frame.height, eager=True), column, VALUE, reason)

    def _note(
        self,
        table: Table,
        frame: pl.DataFrame,
        raw: pl.DataFrame,
        mask: pl.Series,
        column: str,
        level: str,
        reason: str,
    ) -> None:
        """Write down the rows of `mask`: `frame` gives the nog, `raw` the key and the value as they came."""
        if not mask.any():
            return
        faulty = raw.filter(mask)
        key = [
            pl.concat_str(pl.lit(f"{name}="), as_text(faulty[name]).fill_null(""))
            for name in table.key
            if name in raw.columns
        ]
        self._rejects.append(
            faulty.select(
                nog=frame.filter(mask)["nog"],
                tabla=pl.lit(table.name),
                clave=pl.concat_str(key, separator=" ").str.slice(0, 1000),
                columna=pl.lit(column),
                valor=as_text(faulty[column]).str.slice(0, 1000),
                nivel=pl.lit(level),
                motivo=pl.lit(reason),
            )
        )


# Rows.

# What a child or a later table refers to: a row's last key within its NOG, a party's whole id.
_KEYS_SCHEMA = {"nog": pl.Int64(), "id": pl.String()}
_REFERRED = ("renglones", "adjudicaciones", "contratos")


def _keys_of(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    if table.name == "partes":
        return frame.select("nog", id=pl.concat_str("esquema", pl.lit("-"), "identificador"))
    if table.name in _REFERRED:
        return frame.select("nog", id=table.key[-1])
    if table.name in ("concursos", "eventos"):
        return frame.select("nog", id=pl.lit(None, pl.String)).unique(maintain_order=True)
    return pl.DataFrame(schema=_KEYS_SCHEMA)


def _between(keys: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The keys (ordered by nog) that lie between the first and the last NOG of the frame."""
    if frame.is_empty():
        return keys.clear()
    start = keys["nog"].search_sorted(frame["nog"][0], side="left")
    return keys.slice(start, keys["nog"].search_sorted(frame["nog"][-1], side="right") - start)


def _known(ids: pl.DataFrame, keys: pl.DataFrame) -> pl.Series:
    """Whether each (nog, id) is among the keys."""
    known = _between(keys, ids).unique().with_columns(known=pl.lit(True))
    return ids.join(known, on=["nog", "id"], how="left", maintain_order="left")["known"].is_not_null()


def _gathered(batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Join small batches: a check costs more to call than to run on some hundred rows."""
    waiting: list[pl.DataFrame] = []
    rows = 0
    for batch in batches:
        if waiting and batch.schema != waiting[0].schema:
            yield pl.concat(waiting)
            waiting, rows = [], 0
        waiting.append(batch)
        rows += batch.height
        if rows >= BATCH:  # without waiting for the next one, which is being read
            yield pl.concat(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pl.concat(waiting)


def _whole_nogs(table: Table, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Cut a stream of frames ordered by nog so that no NOG is spread over two frames."""
    held: pl.DataFrame | None = None
    for frame in frames:
        if frame.is_empty():
            continue
        ahead = frame if held is None else pl.concat([held, frame])
        if not ahead["nog"].is_sorted():
            raise SourceError(f"table {table.name} does not arrive ordered by nog")
        cut = ahead["nog"].search_sorted(ahead["nog"][-1], side="left")
        held = ahead.slice(cut)
        if cut:
            yield ahead.slice(0, cut)
    if held is not None:
        yield held


def _dated_events(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """An event needs one of its two dates; the one it lacks is taken from the other."""
    if not frame["fecha_evento"].null_count() and not frame["fecha_registro"].null_count():
        return frame
    happened, registered = table.schema["fecha_evento"], table.schema["fecha_registro"]
    return frame.with_columns(
        pl.coalesce("fecha_evento", pl.col("fecha_registro").cast(happened)).alias("fecha_evento"),
        pl.coalesce("fecha_registro", pl.col("fecha_evento").cast(registered)).alias("fecha_registro"),
    )
