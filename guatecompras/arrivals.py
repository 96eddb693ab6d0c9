"""Arrival checks: raw rows of a source in, rows that hold the contract out, and one reject for every fault.

What the contract says is `contract.py`; how a month's rows are fetched is `resources/sources/`. Nothing here stops a
month: a faulty value is left out, a row that is of no use without it is left out whole, and both are written down.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import orjson
import polars as pl

from guatecompras import catalogs
from guatecompras.contract import CONTACT, PLAUSIBLE_YEARS, REJECTS_SCHEMA, TABLES, Column, Kind, Table
from guatecompras.errors import SourceError
from guatecompras.months import TIME_ZONE, Month

# Beyond these no Guatemalan purchase is plausible, and a double would no longer hold the digits.
MONEY_BOUND = 10**12
QUANTITY_BOUND = 10**11

# Reasons of the rejects, in the words that operators and readers see.
EMPTY = "vacío"
UNREADABLE = "ilegible"
IMPOSSIBLE_DATE = "fecha imposible"
NEGATIVE = "monto negativo"
ABSURD = "monto absurdo"
UNKNOWN_CODE = "código desconocido"
NO_DATE = "evento sin ninguna fecha"
DUPLICATE = "clave repetida"
OTHER_MONTH = "publicado en otro mes"
UNKNOWN_NOG = "NOG desconocido"
UNKNOWN_ITEM = "renglón desconocido"
UNKNOWN_AWARD = "adjudicación desconocida"
UNKNOWN_CONTRACT = "contrato desconocido"
UNKNOWN_PARTY = "proveedor sin parte: se publica sin nombre"
NO_ROLE = "parte sin papel en el concurso"
NO_EVENTS = "concurso sin eventos: se publica con su fecha de publicación"

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

_TIME_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
_PARTY_ID = r"^GT-(CISP|GCUC|NIT|GCID)-.+$"


@dataclass
class Arrivals:
    """The arrival of one month: feed tables through `admit` in ARRIVAL_ORDER, then read `rejects()`.

    `delivered` and `admitted` count rows per table; memory holds the month's keys, not its rows.
    """

    month: Month
    delivered: dict[str, int] = field(default_factory=dict)
    admitted: dict[str, int] = field(default_factory=dict)
    _keys: dict[str, pl.DataFrame] = field(default_factory=dict)
    _suppliers: list[pl.DataFrame] = field(default_factory=list)
    _rejects: list[pl.DataFrame] = field(default_factory=list)

    def admit(self, name: str, batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Check one table's raw batches (ordered by nog); yields frames of whole NOGs with the contract's types, in order.

        Raises SourceError when a required column is absent or the rows are not ordered.
        """
        table = TABLES[name]
        self.delivered[name] = self.admitted[name] = 0
        keys: list[pl.DataFrame] = []
        for frame in _whole_nogs(table, (self._typed(table, batch) for batch in batches)):
            kept = self._related(table, self._unique(table, frame))
            if name in ("concursos", "renglones", "adjudicaciones", "contratos"):
                keys.append(kept.select("nog", pl.col(table.key[-1]).alias("id")))
            elif name == "eventos":
                keys.append(kept.select("nog").unique())
            if name in ("ofertas", "adjudicaciones"):
                self._suppliers.append(kept.select("nog", id="proveedor").unique())
            self.admitted[name] += kept.height
            if kept.height:
                yield kept
        self._keys[name] = pl.concat(keys) if keys else pl.DataFrame(schema={"nog": pl.Int64, "id": pl.String})
        if name == "eventos":
            self._note_silent_concursos()
        if name == "partes":
            self._note_unnamed_suppliers()

    def rejects(self) -> pl.DataFrame:
        """All faults so far, sorted (REJECTS_SCHEMA)."""
        frames = [frame for frame in self._rejects if frame.height]
        rejects = pl.concat(frames) if frames else pl.DataFrame(schema=REJECTS_SCHEMA)
        return rejects.sort("tabla", "nog", "clave", "columna", "valor", "motivo", nulls_last=True)

    # One value at a time: types, bounds, codes.

    def _typed(self, table: Table, raw: pl.DataFrame) -> pl.DataFrame:
        lacking = [name for name in table.required if name not in raw.columns]
        if lacking:
            raise SourceError(
                f"table {table.name} lacks the required column{'s'[: len(lacking) > 1]} {', '.join(lacking)}"
            )
        self.delivered[table.name] += raw.height
        typed: dict[str, pl.Series] = {}
        faults: list[tuple[pl.Series, Column, str]] = []
        for column in table.columns:
            if column.name not in raw.columns:
                typed[column.name] = pl.repeat(None, raw.height, dtype=column.dtype, eager=True)
                continue
            value, found = _check(column, raw[column.name])
            typed[column.name] = value
            faults += [(mask, column, reason) for mask, reason in found]
        frame = pl.DataFrame(typed, schema=table.schema)
        for mask, column, reason in faults:
            self._note(table, frame, raw, mask, column.name, ROW if column.essential else VALUE, reason)
        if table.name == "eventos":
            frame = self._dated_events(table, frame, raw)
        essential = [column.name for column in table.columns if column.essential]
        return frame.filter(pl.all_horizontal(pl.col(essential).is_not_null()))

    def _dated_events(self, table: Table, frame: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
        """An event needs one of its two dates; the one it lacks is taken from the other."""
        undated = frame["fecha_evento"].is_null() & frame["fecha_registro"].is_null()
        self._note(table, frame, raw, undated, "fecha_evento", ROW, NO_DATE)
        happened, registered = table.schema["fecha_evento"], table.schema["fecha_registro"]
        return frame.with_columns(
            pl.coalesce("fecha_evento", pl.col("fecha_registro").cast(happened)).alias("fecha_evento"),
            pl.coalesce("fecha_registro", pl.col("fecha_evento").cast(registered)).alias("fecha_registro"),
        ).filter(~undated)

    # One row against the others.

    def _unique(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        """Sort whole NOGs by the table's order; of rows that share a key keep one, whatever order they came in."""
        if frame.select(table.key).is_duplicated().any():
            scalar = [name for name, dtype in table.schema.items() if not dtype.is_nested()]
            latest = ["fecha_actualizacion"] if "fecha_actualizacion" in scalar else []
            frame = frame.sort(latest + scalar, nulls_last=False)
            repeated = ~pl.Series(frame.select(pl.struct(table.key).is_last_distinct()).to_series())
            self._note(table, frame, frame, repeated, table.key[-1], ROW, DUPLICATE)
            frame = frame.filter(~repeated)
        return frame.sort("nog", *table.order, nulls_last=True)

    def _related(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        if table.name == "concursos":
            local = frame["fecha_publicacion"].dt.replace_time_zone(None)
            other = (local < self.month.start) | (local >= self.month.end)
            self._note(table, frame, frame, other, "fecha_publicacion", ROW, OTHER_MONTH)
            return frame.filter(~other)
        lost = ~frame["nog"].is_in(self._keys["concursos"]["nog"].implode())
        self._note(table, frame, frame, lost, "nog", ROW, UNKNOWN_NOG)
        frame = frame.filter(~lost)
        for child, column, parent, reason, level in REFERENCES:
            if child == table.name:
                frame = self._refer(table, frame, column, parent, reason, level)
        if table.name == "partes":
            frame = self._with_role(table, frame)
        return frame

    def _refer(
        self, table: Table, frame: pl.DataFrame, column: str, parent: str, reason: str, level: str
    ) -> pl.DataFrame:
        known = self._keys[parent].rename({"id": column}).with_columns(known=pl.lit(True))
        found = frame.select("nog", column).join(known, on=["nog", column], how="left", maintain_order="left")["known"]
        lost = found.is_null() & frame[column].is_not_null()
        self._note(table, frame, frame, lost, column, level, reason)
        if level == ROW:
            return frame.filter(~lost)
        return frame.with_columns(pl.when(~lost).then(pl.col(column)).alias(column))

    def _with_role(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        """A supplier's row that neither offered nor won has no role to be published in (members of a jury, say)."""
        suppliers = self._all_suppliers().with_columns(known=pl.lit(True))
        ids = frame.select("nog", id=pl.concat_str("esquema", pl.lit("-"), "identificador"))
        known = ids.join(suppliers, on=["nog", "id"], how="left", maintain_order="left")["known"].is_not_null()
        idle = ~known & frame["esquema"].is_in(["GT-NIT", "GT-GCID"])
        self._note(table, frame, frame, idle, "identificador", ROW, NO_ROLE)
        self._keys.setdefault("partes_ids", pl.DataFrame(schema=ids.schema))
        self._keys["partes_ids"] = pl.concat([self._keys["partes_ids"], ids])
        return frame.filter(~idle)

    def _all_suppliers(self) -> pl.DataFrame:
        if not self._suppliers:
            return pl.DataFrame(schema={"nog": pl.Int64, "id": pl.String})
        self._suppliers = [pl.concat(self._suppliers).unique()]
        return self._suppliers[0]

    def _note_silent_concursos(self) -> None:
        heard = self._keys["eventos"]["nog"]
        silent = self._keys["concursos"].filter(~pl.col("nog").is_in(heard.implode())).select("nog")
        self._note(
            TABLES["concursos"], silent, silent, pl.repeat(True, silent.height, eager=True), "nog", VALUE, NO_EVENTS
        )

    def _note_unnamed_suppliers(self) -> None:
        named = self._keys.get("partes_ids", pl.DataFrame(schema={"nog": pl.Int64, "id": pl.String}))
        unnamed = self._all_suppliers().join(named, on=["nog", "id"], how="anti").rename({"id": "identificador"})
        everything = pl.repeat(True, unnamed.height, eager=True)
        self._note(TABLES["partes"], unnamed, unnamed, everything, "identificador", VALUE, UNKNOWN_PARTY)

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
            pl.concat_str(pl.lit(f"{name}="), _as_text(faulty[name]).fill_null(""))
            for name in table.key
            if name in raw.columns
        ]
        self._rejects.append(
            faulty.select(
                nog=frame.filter(mask)["nog"],
                tabla=pl.lit(table.name),
                clave=pl.concat_str(key, separator=" "),
                columna=pl.lit(column),
                valor=_as_text(faulty[column]).str.slice(0, 1000),
                nivel=pl.lit(level),
                motivo=pl.lit(reason),
            )
        )


def _whole_nogs(table: Table, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Cut a stream of frames ordered by nog so that no NOG is spread over two frames."""
    held: pl.DataFrame | None = None
    for frame in frames:
        if frame.is_empty():
            continue
        ahead = frame if held is None else pl.concat([held, frame])
        if not ahead["nog"].is_sorted():
            raise SourceError(f"table {table.name} does not arrive ordered by nog")
        last = ahead["nog"][-1]
        whole, held = ahead.filter(pl.col("nog") < last), ahead.filter(pl.col("nog") == last)
        if not whole.is_empty():
            yield whole
    if held is not None:
        yield held


# Values.


def _check(column: Column, raw: pl.Series) -> tuple[pl.Series, list[tuple[pl.Series, str]]]:
    """The typed values of a column (null where faulty) and the masks of the faulty ones with their reasons."""
    blank = _blank(raw)
    value = _PARSERS[column.kind](raw)
    faults = [(value.is_null() & ~blank, UNREADABLE)]
    if not column.optional:
        faults.append((blank, EMPTY))
    for broken, reason in _bounds(column, value):
        wrong = broken.fill_null(False)
        faults.append((wrong, reason))
        value = value.set(wrong, None) if not value.dtype.is_nested() else _blanked(value, wrong)
    return value, [(mask, reason) for mask, reason in faults if mask.any()]


def _bounds(column: Column, value: pl.Series) -> Iterator[tuple[pl.Series, str]]:
    if column.kind in ("time", "instant"):
        first, last = PLAUSIBLE_YEARS
        yield ~value.dt.year().is_between(first, last), IMPOSSIBLE_DATE
    elif column.kind in ("money", "quantity"):
        yield value < 0, NEGATIVE
        yield value >= (MONEY_BOUND if column.kind == "money" else QUANTITY_BOUND), ABSURD
    elif column.name == "proveedor":
        yield ~value.str.contains(_PARTY_ID), UNKNOWN_CODE
    if column.codes is not None:
        codes = column.codes if isinstance(column.codes, tuple) else catalogs.codes(column.codes)
        allowed = pl.Series(sorted(codes, key=str), dtype=pl.Int64() if column.kind in ("int", "ints") else pl.String())
        if column.kind == "ints":
            yield value.list.eval(pl.element().is_in(allowed.implode())).list.all() == False, UNKNOWN_CODE  # noqa: E712
        else:
            yield ~value.is_in(allowed.implode()), UNKNOWN_CODE


def _blanked(value: pl.Series, mask: pl.Series) -> pl.Series:
    return pl.select(pl.when(~mask).then(value)).to_series().rename(value.name)


def _blank(raw: pl.Series) -> pl.Series:
    if raw.dtype == pl.String:
        return raw.is_null() | (raw.str.strip_chars() == "")
    return raw.is_null()


def _as_text(raw: pl.Series) -> pl.Series:
    if raw.dtype.is_nested():
        return pl.Series(raw.name, [None if item is None else str(item) for item in raw.to_list()], dtype=pl.String)
    return raw.cast(pl.String)


def _parse_int(raw: pl.Series) -> pl.Series:
    if raw.dtype.is_integer():
        return raw.cast(pl.Int64, strict=False)
    if raw.dtype != pl.String:
        return _whole_numbers(raw.cast(pl.Float64, strict=False))
    text = raw.str.strip_chars()
    exact = text.cast(pl.Int64, strict=False)
    if exact.null_count() == raw.null_count():
        return exact
    # Spreadsheets write 97.0 for 97.
    return exact.fill_null(_whole_numbers(text.cast(pl.Float64, strict=False)))


def _whole_numbers(values: pl.Series) -> pl.Series:
    whole = values.set(((values.floor() != values) | values.is_infinite() | values.is_nan()).fill_null(False), None)
    return whole.cast(pl.Int64, strict=False)


def _parse_text(raw: pl.Series) -> pl.Series:
    text = raw.cast(pl.String)
    return text.set(_blank(text), None) if _blank(text).any() else text


def _decimal(scale: int) -> Callable[[pl.Series], pl.Series]:
    def parse(raw: pl.Series) -> pl.Series:
        value = raw.str.strip_chars() if raw.dtype == pl.String else raw
        return value.cast(pl.Decimal(18, scale), strict=False)

    return parse


def _parse_time(raw: pl.Series) -> pl.Series:
    return _local(_wall_clock(raw, "us"))


def _parse_instant(raw: pl.Series) -> pl.Series:
    # Nanoseconds reach from 1677 to 2262 and wrap around outside: what is out of bounds is kept out by the coarser reading.
    coarse = _wall_clock(raw, "us")
    near = coarse.dt.year().is_between(1700, 2200).fill_null(False)
    fine = _wall_clock(raw.set(~near, None) if raw.dtype == pl.String else raw, "ns")
    return _local(fine.set(~near, None) if not near.all() else fine)


def _wall_clock(raw: pl.Series, unit: Literal["us", "ns"]) -> pl.Series:
    """Naive local times of whatever a source gives: text, dates, naive or zoned timestamps."""
    dtype = raw.dtype
    if dtype == pl.Null:
        return raw.cast(pl.Datetime(unit))
    if isinstance(dtype, pl.Datetime):
        local = raw.dt.convert_time_zone(TIME_ZONE).dt.replace_time_zone(None) if dtype.time_zone else raw
        return local.cast(pl.Datetime(unit))
    if dtype == pl.Date:
        return raw.cast(pl.Datetime(unit))
    text = raw.cast(pl.String).str.strip_chars()
    value = text.str.to_datetime(_TIME_FORMATS[0], strict=False, time_unit=unit)
    if value.null_count() == text.null_count():
        return value
    for form in _TIME_FORMATS[1:]:
        value = value.fill_null(text.str.to_datetime(form, strict=False, time_unit=unit))
    value = value.fill_null(text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime(unit)))
    offset = text.str.replace("Z$", "+00:00").str.replace("T", " ", literal=True)
    zoned = offset.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", strict=False, time_unit=unit, time_zone="UTC")
    return value.fill_null(zoned.dt.convert_time_zone(TIME_ZONE).dt.replace_time_zone(None))


def _local(value: pl.Series) -> pl.Series:
    # The tz database knows a summer time of 2006 that this publication does not count: take the first reading.
    return value.dt.replace_time_zone(TIME_ZONE, ambiguous="earliest", non_existent="null")


def _parse_ints(raw: pl.Series) -> pl.Series:
    if raw.dtype == pl.Null:
        return raw.cast(pl.List(pl.Int64))
    if raw.dtype.is_nested():
        return raw.cast(pl.List(pl.Int64), strict=False)
    text = raw.cast(pl.String).str.strip_chars(" []{}")
    parts = text.str.replace_all(r"\s", "").str.split(",")
    numbers = parts.list.eval(pl.element().cast(pl.Int64, strict=False))
    faulty = numbers.list.eval(pl.element().is_null()).list.any().fill_null(False) | (text == "").fill_null(False)
    return _blanked(numbers, faulty)


def _parse_contacts(raw: pl.Series) -> pl.Series:
    wanted = pl.List(CONTACT)
    if raw.dtype == wanted:
        return raw
    if raw.dtype == pl.Null or raw.is_null().all():
        return pl.Series(raw.name, [None] * len(raw), dtype=wanted)
    if raw.dtype.is_nested():
        return raw.cast(wanted, strict=False)
    text = raw.cast(pl.String)
    # Filled by few rows; one faulty text must not take the others with it, so each is read by itself.
    return text.map_elements(_read_contacts, return_dtype=wanted, skip_nulls=True)


def _read_contacts(text: str) -> list[dict[str, str | None]] | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    names = ("nombre", "correo", "telefono")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        return None
    return [{name: None if item.get(name) is None else str(item[name]) for name in names} for item in found] or None


_PARSERS: dict[Kind, Callable[[pl.Series], pl.Series]] = {
    "int": _parse_int,
    "text": _parse_text,
    "money": _decimal(2),
    "quantity": _decimal(4),
    "time": _parse_time,
    "instant": _parse_instant,
    "ints": _parse_ints,
    "contacts": _parse_contacts,
}
