"""The market by UNSPSC family as the portal reads it from the published collection: families, one of them, and what similar
concursos were awarded for. How it is counted is `guatecompras/market/`'s business; pages and API show it.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec
import polars as pl

from guatecompras.market.collection import NAME, file_name
from guatecompras.market.columns import TABLES
from guatecompras.search import words
from portal.held import Held
from portal.publication import Edition, File

Window = Literal["24m", "todo"]
WINDOWS: Mapping[str, str] = {"24m": "Últimos 24 meses", "todo": "Todo lo publicado"}
SORTS = {
    "concursos": "concursos",
    "monto": "monto",
    "mediana": "monto_mediana",
    "oferentes": "oferentes_mediana",
    "familia": "familia",
}

# Kept by the version that they are of.
_held: "Held[Market]" = Held(2)


class Family(msgspec.Struct, frozen=True):
    """A family in a window: as the table `familias`."""

    familia: str
    segmento: str | None
    ejemplos: str | None
    ventana: str
    desde: str
    hasta: str
    concursos: int
    adjudicados: int
    compradores: int
    proveedores: int
    monto: float
    monto_compartido: float
    con_monto: int
    monto_p25: float | None
    monto_mediana: float | None
    monto_p75: float | None
    concentracion: float | None
    con_oferentes: int
    oferentes_mediana: float | None
    un_solo_oferente: float | None
    con_dias: int
    dias_p25: float | None
    dias_mediana: float | None
    dias_p75: float | None


class Method(msgspec.Struct, frozen=True):
    """A family by one modalidad in a window: as the table `modalidades`. Of it are what similar concursos were awarded for."""

    familia: str
    modalidad: int
    modalidad_nombre: str | None
    ventana: str
    desde: str
    hasta: str
    concursos: int
    adjudicados: int
    con_monto: int
    monto_p25: float | None
    monto_mediana: float | None
    monto_p75: float | None
    con_oferentes: int
    oferentes_mediana: float | None
    un_solo_oferente: float | None
    con_dias: int
    dias_p25: float | None
    dias_mediana: float | None
    dias_p75: float | None


class Month(msgspec.Struct, frozen=True):
    """A family in a month: as the table `meses`."""

    mes: str
    concursos: int
    adjudicados: int
    monto: float


class Season(msgspec.Struct, frozen=True):
    """A month of the year: as the table `estacionalidad`."""

    mes_del_anio: int
    anios: int
    concursos: int
    indice: float | None


class Buyer(msgspec.Struct, frozen=True):
    """Who buys of a family: as the table `compradores`."""

    puesto: int
    id: str
    nombre: str | None
    concursos: int
    adjudicados: int
    monto: float
    parte: float | None


class Seller(msgspec.Struct, frozen=True):
    """Who is awarded in a family: as the table `proveedores`; persons are together, without an id."""

    puesto: int
    id: str | None
    nombre: str | None
    proveedores: int
    adjudicados: int
    monto: float
    parte: float | None


class Detail(msgspec.Struct, frozen=True):
    """All of a family: in each window, by modalidad in each, month by month, in the year, and who buys and sells most."""

    familia: str
    version: str
    ventanas: list[Family]
    modalidades: list[Method]
    meses: list[Month]
    estacionalidad: list[Season]
    compradores: list[Buyer]
    proveedores: list[Seller]


class Market:
    """The tables of one version."""

    def __init__(self, edition: Edition, version: str, files: Mapping[str, File]) -> None:
        self.version = version
        self.files = list(files.values())
        self._tables = {
            name: pl.read_parquet(edition.fetched(files[file_name(name, "parquet")].path)).with_columns(
                pl.selectors.decimal().cast(pl.Float64)
            )
            for name in TABLES
        }

    def families(self, window: Window, text: str = "", sort: str = "-concursos") -> pl.DataFrame:
        """The families of a window that a text means: a beginning of a code, or words of the segment or of the wares."""
        found = self._families.filter(pl.col("ventana") == window)
        if text.strip().isdigit():
            found = found.filter(pl.col("familia").str.starts_with(text.strip()[:4]))
        else:
            found = found.filter(words.all_in("folded", text))
        down = sort.startswith("-")
        return found.drop("folded").sort(
            SORTS[sort.removeprefix("-")], "familia", descending=[down, False], nulls_last=True
        )

    @cached_property
    def _families(self) -> pl.DataFrame:
        told = pl.concat_str("segmento", "ejemplos", separator=" ", ignore_nulls=True)
        return self._tables["familias"].with_columns(folded=words.line(told))

    def detail(self, family: str) -> Detail | None:
        """All of a family; None where nobody bought of it."""
        windows = [Family(**row) for row in self._of("familias", family)]
        if not windows:
            return None
        return Detail(
            familia=family,
            version=self.version,
            ventanas=sorted(windows, key=lambda one: list(WINDOWS).index(one.ventana)),
            modalidades=[Method(**row) for row in self._of("modalidades", family)],
            meses=[Month(**_rest(row)) for row in self._of("meses", family)],
            estacionalidad=[Season(**_rest(row)) for row in self._of("estacionalidad", family)],
            compradores=[Buyer(**_rest(row)) for row in self._of("compradores", family)],
            proveedores=[Seller(**_rest(row)) for row in self._of("proveedores", family)],
        )

    def _of(self, table: str, family: str) -> list[dict[str, Any]]:
        return list(self._tables[table].filter(pl.col("familia") == family).iter_rows(named=True))

    @cached_property
    def called(self) -> dict[str, str]:
        """What each family is called: the wares that are bought most often, else its segment."""
        rows = self.families("todo", "", "familia").select("familia", "ejemplos", "segmento").iter_rows()
        return {family: wares or segment or "" for family, wares, segment in rows}

    @cached_property
    def similar(self) -> pl.DataFrame:
        """By family and modalidad, what concursos were awarded for: of the last 24 months where these are enough, else of all."""
        told = self._tables["modalidades"].filter(pl.col("monto_mediana").is_not_null())
        # `24m` comes before `todo`.
        return told.sort("familia", "modalidad", "ventana").unique(
            ["familia", "modalidad"], keep="first", maintain_order=True
        )


def of_edition(edition: Edition) -> Market | None:
    """The market that is public; None where none has been made yet."""
    entry = edition.index["collections"].get(NAME)
    if entry is None:
        return None
    folder = f"{NAME}/{entry['version']}"

    def read() -> Market:
        files = {
            file["path"].rpartition("/")[2]: edition.file(file["path"])
            for file in entry["files"]
            if file["path"] != entry["manifest"]["path"]
        }
        return Market(edition, entry["version"], files)

    return _held.get(folder, read)


def _rest(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "familia"}
