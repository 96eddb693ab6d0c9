"""The red flags as pages and /api/v2 ask for them: a month's collection or all months', its rows by filters, its rules and files.

What is flagged, and why, is `guatecompras/integrity/`'s business; nothing is calculated here.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import polars as pl

from guatecompras.integrity.columns import BUYERS, FLAGS, MONTHS, REVIEW, STATES, SUMMARY, Table
from guatecompras.integrity.history import NAME
from guatecompras.integrity.indicator import NOT_EVALUABLE
from guatecompras.integrity.monthly import RULES, file_stem, name_of
from guatecompras.people import UNNAMED
from guatecompras.search import words
from portal.http.errors import absent, bad_parameter
from portal.publication import Edition

Json = dict[str, Any]
# Filter -> what it asks of a row, by the text that is given.
Filters = Mapping[str, Callable[[str], pl.Expr]]

NOT_YET = "Las alertas todavía no se han calculado para los meses publicados."
_START = name_of("")
_LISTED = ", "  # between indicators and topics of a concurso
# Parsed rules: a few kilobytes each.
_HELD = 64
# A supplier in a text: by its own identifier, or as the end of an award's.
_SUPPLIER = re.compile(r"\b(GT-NIT|GT-GCID|GT-ADJ-\d+)-([0-9A-Za-z]+(?:-[0-9A-Fa-f]{32})?)")


def _equal(column: str) -> Callable[[str], pl.Expr]:
    return lambda text: pl.col(column) == text


def _one_of(column: str) -> Callable[[str], pl.Expr]:
    return pl.col(column).str.split(_LISTED).list.contains


_SAME: Filters = {
    "mes": _equal("mes"),
    "comprador": _equal("comprador_id"),
    "departamento": _equal("departamento"),
}
OF_FLAGS: Filters = {
    **_SAME,
    "indicador": _equal("indicador"),
    "tema": _equal("tema"),
    "nivel": _equal("nivel"),
    # Of one concurso its own; what speaks of other concursos too is theirs as well only where it is of nobody's own.
    "nog": lambda text: (
        (pl.col("nog") == int(text))
        | (pl.col("nog").is_null() & pl.col("nogs").list.contains(int(text)).fill_null(value=False))
    ),
}
OF_REVIEW: Filters = {
    **_SAME,
    "indicador": _one_of("indicadores"),
    "tema": _one_of("temas"),
    "prioridad": _equal("prioridad"),
    "nog": lambda text: pl.col("nog") == int(text),
}


def matching(filters: Filters, told: Mapping[str, str]) -> pl.Expr:
    """What is asked, all of it; what is empty asks nothing."""
    return pl.all_horizontal(pl.lit(value=True), *(filters[name](text) for name, text in told.items() if text))


class Flags:
    """A collection of flags at the version that is current. `place`: its name in the index; `month`: empty for all months."""

    def __init__(self, found: Edition, place: str, month: str = "") -> None:
        entry: Json = found.index["collections"][place]
        self.month, self.version = month, str(entry["version"])
        self.published = datetime.fromisoformat(entry["published"])
        self._edition, self._folder = found, f"{place}/{self.version}"
        self._manifest_path = str(entry["manifest"]["path"])

    def rows(self, table: Table, wanted: pl.Expr | None = None) -> pl.LazyFrame:
        """The rows of one of its tables that are wanted, in the order in which they are published."""
        rows = pl.scan_parquet(self._edition.fetched(f"{self._folder}/{self._stem(table)}.parquet"))
        return rows if wanted is None else rows.filter(wanted)

    def page(self, table: Table, wanted: pl.Expr, first: int, count: int) -> tuple[int, pl.DataFrame]:
        """How many rows are wanted, and some of them."""
        rows = self.rows(table, wanted)
        total, page = pl.collect_all([rows.select(pl.len()), rows.slice(first, count)])
        return int(total.item()), page

    def _stem(self, table: Table) -> str:
        return file_stem(table.id, self.month) if self.month else table.id

    @property
    def rules(self) -> Json:
        """The rules of a month, as they are published."""
        return _rules(self._edition.fetched(f"{self._folder}/{RULES}"))

    def rule(self, id: str) -> Json | None:
        return next((one for one in self.rules["indicadores"] if one["id"] == id), None)

    def files(self, table: Table) -> list[tuple[str, str, int]]:
        """Of a table: each file's ending, address and bytes."""
        stem = self._stem(table)
        return [
            (file["path"].removeprefix(stem)[1:], self.address(file["path"]), file["bytes"])
            for file in self.manifest["files"]
            if file["path"].startswith((f"{stem}.", f"{stem}_csv"))
        ]

    @property
    def manifest(self) -> Json:
        found: Json = orjson.loads(self._edition.read(self._manifest_path))
        return found

    def address(self, name: str) -> str:
        """Where one of its files is, for as long as its version is kept."""
        return f"/publication/{quote(self._folder)}/{quote(name)}"

    def summary(self) -> list[Json]:
        """The indicators of a month with their counts."""
        return self.rows(SUMMARY).collect().to_dicts()

    def departments(self) -> list[str]:
        return self.rows(REVIEW).select("departamento").drop_nulls().unique().sort("departamento").collect()[
            "departamento"
        ].to_list()  # fmt: skip

    def buyers(self, text: str) -> list[str]:
        """The ids of buyers whose name has all the words, or whose id it is."""
        known = self.rows(REVIEW).select("comprador_id", "comprador").drop_nulls("comprador_id").unique("comprador_id")
        found = known.with_columns(folded=words.line(pl.col("comprador").fill_null("")))
        frame = (
            found.filter((pl.col("comprador_id") == text) | words.all_in("folded", text))
            .select("comprador_id")
            .collect()
        )
        ids: list[str] = frame["comprador_id"].to_list()
        return [text] if text in ids else ids


@lru_cache(maxsize=_HELD)
def _rules(path: Path) -> Json:
    found: Json = orjson.loads(path.read_bytes())
    return found


def months(found: Edition) -> tuple[str, ...]:
    """Those whose flags are public, newest first."""
    return tuple(
        sorted(
            (name.removeprefix(_START) for name in found.index["collections"] if name.startswith(_START)), reverse=True
        )
    )


def of_month(found: Edition, month: str) -> Flags | None:
    place = name_of(month)
    return Flags(found, place, month) if place in found.index["collections"] else None


def of_all(found: Edition) -> Flags | None:
    return Flags(found, NAME) if NAME in found.index["collections"] else None


def asked(found: Edition, month: str) -> Flags:
    """The month that is asked for; empty: the newest. Raises 400 for a month that is not there, 404 where there is none at all."""
    known = months(found)
    if not known:
        raise absent(NOT_YET)
    if month and month not in known:
        raise bad_parameter("mes", f"debe ser uno de los meses con alertas: {', '.join(known)}")
    return Flags(found, name_of(month or known[0]), month or known[0])


def of_concurso(found: Edition, month: str, nog: int) -> Json | None:
    """What the flags of its month say of a concurso: `flags`, how many indicators were evaluated of it and which could not be, and
    why. None where the month has no flags yet."""
    held = of_month(found, month)
    if held is None:
        return None
    states = held.rows(STATES, pl.col("nog") == nog).select("indicador", "estado", "falta").collect()
    names = {one["id"]: one["nombre"] for one in held.rules["indicadores"]}
    unknown = states.filter(pl.col("estado") == NOT_EVALUABLE).sort("indicador")
    return {
        "month": month,
        "flags": held.rows(FLAGS, OF_FLAGS["nog"](str(nog)))
        .collect()
        .sort("peso", "indicador", descending=[True, False]),
        "evaluated": states.height - unknown.height,
        "not_evaluable": [(one, names[one], why) for one, why in unknown.select("indicador", "falta").iter_rows()],
        "version": held.version,
    }


def of_buyer(found: Edition, id: str) -> list[Json]:
    """Flags that speak of an entity, by indicator, over all months; most first."""
    held = of_all(found)
    if held is None:
        return []
    counts = (
        held.rows(BUYERS, pl.col("comprador_id") == id)
        .group_by("indicador")
        .agg(pl.col("nombre").last(), pl.col("activadas", "monto").sum())
    )
    return counts.sort("activadas", "indicador", descending=[True, False]).collect().to_dicts()


def by_month(found: Edition, indicator: str) -> list[Json]:
    """The counts of an indicator, newest month first."""
    held = of_all(found)
    if held is None:
        return []
    return held.rows(MONTHS, pl.col("indicador") == indicator).sort("mes", descending=True).collect().to_dicts()


def without_people(rows: pl.DataFrame) -> pl.DataFrame:
    """Flags without what tells natural persons. Of the suppliers that a text names, only the one who is known to be no person
    keeps the identifier: of the others nobody tells here what they are. For as many rows as a page has."""
    known = pl.col("persona_individual").eq_missing(pl.lit(value=False))
    there = pl.col("proveedor_id").is_not_null()
    told = rows.select("sujeto", "evidencia", kept=pl.when(known).then("proveedor_id")).iter_rows()
    masked = [(_masked(subject, kept), _masked(evidence, kept)) for subject, evidence, kept in told]
    return rows.with_columns(
        pl.Series("sujeto", [subject for subject, _ in masked], pl.String),
        pl.Series("evidencia", [evidence for _, evidence in masked], pl.String),
        proveedor_id=pl.when(known).then("proveedor_id"),
        proveedor=pl.when(known | ~there).then("proveedor").otherwise(pl.lit(UNNAMED)),
    )


def _masked(text: str | None, kept: str | None) -> str | None:
    if text is None:
        return None
    own = (kept or "").removeprefix("GT-NIT-").removeprefix("GT-GCID-")
    return _SUPPLIER.sub(lambda found: found[0] if own and found[2] == own else f"{found[1]}-…", text)
