"""The social audit as pages and /api/v2 ask for it: the scopes by name, and the rows of one, of the collection's version that is
current or of an earlier one that is kept.

What is in its tables, and how it is counted, is `guatecompras/audit/`'s business.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
from fastapi import Request

from guatecompras.audit.build import NAME
from guatecompras.audit.scopes import COUNTRY, LEVELS
from guatecompras.audit.tables import without_people
from guatecompras.search import words
from portal.http.errors import absent, bad_parameter, gone
from portal.http.requests import edition
from portal.publication import Edition

Json = dict[str, Any]

# Parsed lists of scopes: of the current version, the one before it, and the ones that replace them.
_HELD = 4
_VERSION = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{12}")
_NOT_YET = "La auditoría social todavía no se ha calculado."


@dataclass(frozen=True)
class Scope:
    """Whom an audit is of. `years`: those with concursos, oldest first."""

    level: str
    id: str
    name: str
    region: str | None
    years: tuple[int, ...]

    @property
    def kind(self) -> str:
        return LEVELS[self.level].one

    @property
    def key(self) -> str:
        """As it is named in an address: `entidad/GT-CISP-1`, `municipio/peten/flores`."""
        return self.level if self.level == "pais" else f"{self.level}/{self.id}"

    @property
    def path(self) -> str:
        return f"/auditoria/{quote(self.key)}"

    @property
    def full_name(self) -> str:
        return f"{self.name}, {self.region}" if self.region else self.name


class Audit:
    """A version of the collection. `published`: when it became public; `current`: whether it is what is public now;
    `rank_people`: whether natural persons who supply are told by name, where its tables do."""

    def __init__(self, found: Edition, version: str, published: datetime, *, current: bool, rank_people: bool) -> None:
        self.version, self.published, self.current = version, published, current
        self._edition, self._rank_people = found, rank_people

    def scopes(self) -> pl.DataFrame:
        """All scopes: ambito, id, nombre, departamento, folded (the name as it is searched), anios, and of the last of them
        concursos and monto."""
        return _scopes(self._path("indicadores"))

    def find(self, level: str, text: str) -> pl.DataFrame:
        """The scopes of a level (empty: of all but the country) whose name has all the words, those that spent most first."""
        frame = self.scopes().filter(pl.col("ambito") == level if level else pl.col("ambito") != "pais")
        return frame.filter(words.all_in("folded", text)).sort("monto", "nombre", "id", descending=[True, False, False])

    def scope(self, level: str, id: str) -> Scope | None:
        rows = self.scopes().filter((pl.col("ambito") == level) & (pl.col("id") == id))
        return as_scopes(rows)[0] if rows.height else None

    def scope_of(self, key: str) -> Scope | None:
        """A scope by its key."""
        level, _, rest = key.partition("/")
        return self.scope(level, rest or COUNTRY)

    @property
    def country(self) -> Scope:
        return as_scopes(self.scopes().filter(pl.col("ambito") == "pais"))[0]

    def rows(self, table: str, scope: Scope, year: int | None = None) -> pl.DataFrame:
        """The rows of a table that are of a scope, of one year or of all."""
        wanted = (pl.col("ambito") == scope.level) & (pl.col("id") == scope.id)
        if year is not None:
            wanted &= pl.col("anio") == year
        return self._told(table, wanted)

    def year(self, level: str, year: int) -> pl.DataFrame:
        """The indicators of all scopes of a level in a year."""
        wanted = (pl.col("ambito") == level) & (pl.col("anio") == year)
        return self._told("indicadores", wanted)

    def _told(self, table: str, wanted: pl.Expr) -> pl.DataFrame:
        rows = pl.scan_parquet(self._path(table)).filter(wanted).collect()
        return rows if self._rank_people else without_people(table, rows)

    def files(self) -> list[Json]:
        """The files of this version, as the index lists them."""
        return [file for file in self._edition.index["collections"][NAME]["files"] if file["format"] != "manifest"]

    def _path(self, table: str) -> Path:
        return self._edition.fetched(f"{NAME}/{self.version}/{table}.parquet")


@lru_cache(maxsize=_HELD)
def _scopes(path: Path) -> pl.DataFrame:
    rows = pl.read_parquet(path, columns=["ambito", "id", "nombre", "departamento", "anio", "concursos", "monto"])
    latest = (
        rows.sort("anio")
        .group_by("ambito", "id")
        .agg(
            pl.col("nombre", "departamento").drop_nulls().last(),
            pl.col("concursos", "monto").last(),
            anios=pl.col("anio"),
        )
    )
    name = pl.col("nombre").fill_null("No informado")
    # A municipality is found by its department too.
    told = pl.concat_str(name, pl.col("departamento"), separator=" ", ignore_nulls=True)
    return latest.with_columns(nombre=name, monto=pl.col("monto").cast(pl.Float64), folded=words.line(told)).sort(
        "ambito", "id"
    )


def as_scopes(rows: pl.DataFrame) -> list[Scope]:
    """Rows of `Audit.scopes`."""
    told = rows.select("ambito", "id", "nombre", "departamento", "anios")
    return [Scope(level, key, name, region, tuple(years)) for level, key, name, region, years in told.iter_rows()]


def is_there(request: Request) -> bool:
    """Whether the collection has been made at all."""
    return NAME in edition(request).index["collections"]


def audit_of(request: Request, version: str = "") -> Audit:
    """The audit that is asked for: the current version, or the one named. Raises 404, and 410 where it is kept no more."""
    found, rank_people = edition(request), request.app.state.settings.rank_people
    entry: Mapping[str, Any] | None = found.index["collections"].get(NAME)
    if entry is None:
        raise absent(_NOT_YET)
    if version in ("", entry["version"]):
        published = datetime.fromisoformat(entry["published"])
        return Audit(found, entry["version"], published, current=True, rank_people=rank_people)
    for old in entry["versions"]:
        if old["version"] == version and old["kept"]:
            published = datetime.fromisoformat(old["published"])
            return Audit(found, version, published, current=False, rank_people=rank_people)
    if _VERSION.fullmatch(version):
        # The index forgets what was withdrawn long ago; a link to it may be in print.
        raise gone("Esa versión de la auditoría social ya no se conserva; quite «version» para ver la vigente.")
    raise absent("No hay esa versión de la auditoría social; quite «version» para ver la vigente.")


def year_of(text: str, years: tuple[int, ...], name: str = "anio") -> int:
    """The year that is asked for; none: the newest. Raises 400 for what is no year, 404 where there is nothing of it."""
    if not text:
        return years[-1]
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        raise bad_parameter(name, "debe ser un año de cuatro cifras")
    if int(text) not in years:
        raise absent(f"De {text} no hay concursos publicados aquí; hay de {', '.join(map(str, years))}.")
    return int(text)
