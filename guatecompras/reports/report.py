"""What a predefined report is, and how one is run: a pure function of the published tables of some months and of what is asked.

Which reports there are is `registry.py`'s, what can be asked `filters.py`'s, how a result is written `writing.py`'s business.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from guatecompras import catalogs
from guatecompras.months import TIME_ZONE

Tables = Callable[[str], pl.LazyFrame]

# What the tables are read of; the files of a month that a report may need.
NEEDED = ("records", "parties", "items", "bids", "awards", "award_suppliers", "contracts")

MONEY = pl.Decimal(18, 2)
MOMENT = pl.Datetime("us", TIME_ZONE)
KINDS: Mapping[str, Any] = {
    "texto": pl.String,
    "entero": pl.Int64,
    "monto": MONEY,
    "decimal": pl.Decimal(18, 4),
    "momento": MOMENT,
}
HOME = "GTQ"


@dataclass(frozen=True)
class Column:
    """A column of a report: its name (ASCII, as in every format), its kind (KINDS) and what it means, in Spanish."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Report:
    """A predefined report. `filters`: names of FILTERS that it takes; `make`: its rows, in order, with the columns' names."""

    id: str
    title: str
    description: str
    filters: tuple[str, ...]
    columns: tuple[Column, ...]
    make: Callable[["Base"], pl.LazyFrame]

    def rows(self, base: "Base") -> pl.LazyFrame:
        """The rows, each column of its kind."""
        return self.make(base).select(pl.col(one.name).cast(KINDS[one.kind]) for one in self.columns)

    @property
    def schema(self) -> dict[str, Any]:
        return {one.name: KINDS[one.kind] for one in self.columns}


@dataclass(frozen=True)
class Base:
    """What reports are made of: the concursos that are asked for, and the rows of other tables that are of them.

    `told`: what is asked, by filter, for what is not of a concurso.
    """

    tables: Tables
    narrow: Callable[[pl.LazyFrame], pl.LazyFrame]
    told: Mapping[str, Any]

    @cached_property
    def concursos(self) -> pl.LazyFrame:
        """One row a concurso: the columns of CONCURSO, and those that only filters look at."""
        return self.narrow(_concursos(self.tables))

    def of(self, table: str) -> pl.LazyFrame:
        """The rows of a table that are of those concursos."""
        return self.tables(table).join(self.concursos.select("nog"), on="nog", how="semi")

    @cached_property
    def awarded(self) -> pl.LazyFrame:
        """Awards in force, one row a supplier: nog, award, proveedor, nombre, monto (quetzales; what several share is split
        evenly), fecha, and what kind of organisation the supplier is."""
        awards = self.of("awards").filter(pl.col("status") == "active")
        shared = self.of("award_suppliers").with_columns(several=pl.len().over("nog", "award_id"))
        home = pl.when(pl.col("value_currency") == HOME).then(pl.col("value_amount"))
        values = awards.select("nog", award_id="id", fecha_adjudicacion="date", monto=home)
        kinds = self.of("parties").select("nog", "id", organizacion="details_legalEntityTypeDetail_description")
        return (
            shared.join(values, on=["nog", "award_id"])
            .join(kinds, on=["nog", "id"], how="left")
            .select(
                "nog",
                "award_id",
                "fecha_adjudicacion",
                "organizacion",
                proveedor="id",
                nombre="name",
                monto=(pl.col("monto").cast(pl.Float64) / pl.col("several")).round(2),
            )
        )


def _concursos(tables: Tables) -> pl.LazyFrame:
    bought = tables("parties").filter(pl.col("id").str.contains("^GT-(CISP|GCUC)-"))
    own = pl.coalesce(
        pl.col("id").str.extract(r"^GT-GCUC-(\d+-\d+)$"),
        pl.col("additionalIdentifiers").str.extract(r"GT-GCUC (\d+-\d+)"),
    )
    units = bought.select(
        "nog",
        tender_procuringEntity_id="id",
        departamento="address_region",
        municipio="address_locality",
        gcuc=own,
    )
    entities = bought.select(
        "nog",
        buyer_id="id",
        tipo_entidad_id="details_entityType_id",
        tipo_entidad="details_entityType_description",
        subtipo_entidad_id="details_level_id",
        subtipo_entidad="details_level_description",
    )
    active = tables("awards").filter(pl.col("status") == "active")
    paid = pl.col("value_amount").filter(pl.col("value_currency") == HOME).sum()
    awarded = active.group_by("nog").agg(
        adjudicaciones=pl.len().cast(pl.Int64), monto_adjudicado=paid, fecha_adjudicacion=pl.col("date").max()
    )
    codes = {name: _codes(name, key) for name, key in (("estatus", "name"), ("modalidades", "literal"))}
    home = pl.when(pl.col("tender_value_currency") == HOME).then(pl.col("tender_value_amount"))
    return (
        tables("records")
        .join(units, on=["nog", "tender_procuringEntity_id"], how="left")
        .join(entities, on=["nog", "buyer_id"], how="left")
        .join(awarded, on="nog", how="left")
        .select(
            "nog",
            "tipo_entidad_id",
            "tipo_entidad",
            "subtipo_entidad_id",
            "subtipo_entidad",
            "departamento",
            "municipio",
            "monto_adjudicado",
            "fecha_adjudicacion",
            descripcion="tender_title",
            estatus="tender_statusDetails",
            estatus_id=pl.col("tender_statusDetails").replace_strict(
                codes["estatus"], default=None, return_dtype=pl.Int64
            ),
            modalidad="tender_procurementMethodDetails",
            modalidad_id=pl.col("tender_procurementMethodDetails").replace_strict(
                codes["modalidades"], default=None, return_dtype=pl.Int64
            ),
            submodalidad="tender_subMethod_description",
            submodalidad_id=pl.col("tender_subMethod_id").cast(pl.Int64, strict=False),
            tipo_concurso="tender_tenderType_description",
            tipo_concurso_id=pl.col("tender_tenderType_id").cast(pl.Int64, strict=False),
            recepcion="tender_submissionMethod",
            objeto="tender_mainProcurementCategory",
            categorias="tender_categories",
            entidad_id=pl.col("gcuc").str.extract(r"^(\d+)").cast(pl.Int64),
            unidad_id=pl.col("gcuc").str.extract(r"(\d+)$").cast(pl.Int64),
            entidad_identificador="buyer_id",
            entidad="buyer_name",
            unidad_identificador="tender_procuringEntity_id",
            unidad="tender_procuringEntity_name",
            fecha_estatus="date",
            fecha_publicacion="tender_datePublished",
            fecha_cierre="tender_tenderPeriod_endDate",
            oferentes="tender_numberOfTenderers",
            monto_estimado=home,
            adjudicaciones=pl.col("adjudicaciones").fill_null(0),
        )
    )


def _codes(catalog: str, key: str) -> Mapping[str, int]:
    return catalogs.mapping(catalog, key, "id")


def scan(folders: Iterable[Path]) -> Tables:
    """The tables of months, by the folders of their versions."""
    places = list(folders)
    return lambda table: pl.scan_parquet([folder / "tables" / f"{table}.parquet" for folder in places])


# What lists of concursos show of each.
CONCURSO: tuple[Column, ...] = (
    Column("nog", "entero", "Número de Operación Guatecompras"),
    Column("descripcion", "texto", "Qué se quiere comprar, en palabras de la entidad"),
    Column("estatus", "texto", "Estatus en Guatecompras"),
    Column("modalidad", "texto", "Modalidad de compra"),
    Column("submodalidad", "texto", "Submodalidad, donde la hay"),
    Column("tipo_concurso", "texto", "Público, restringido o vinculado"),
    Column("categorias", "texto", "Categorías de Guatecompras, con su código"),
    Column("tipo_entidad", "texto", "Tipo de la entidad compradora"),
    Column("subtipo_entidad", "texto", "Subtipo de la entidad compradora"),
    Column("entidad", "texto", "Entidad compradora"),
    Column("unidad", "texto", "Unidad compradora"),
    Column("departamento", "texto", "Departamento de la unidad compradora"),
    Column("municipio", "texto", "Municipio de la unidad compradora"),
    Column("fecha_publicacion", "momento", "Cuándo se publicó la convocatoria, hora de Guatemala"),
    Column("fecha_cierre", "momento", "Hasta cuándo se recibían ofertas; vacío si no se informa"),
    Column("oferentes", "entero", "Cuántos presentaron oferta"),
    Column("monto_estimado", "monto", "Lo que se estimó, en quetzales; vacío si no se informa"),
    Column("adjudicaciones", "entero", "Adjudicaciones vigentes"),
    Column("monto_adjudicado", "monto", "Suma de las adjudicaciones vigentes, en quetzales"),
    Column("fecha_adjudicacion", "momento", "La última adjudicación vigente"),
)
TOTALS: tuple[Column, ...] = (
    Column("concursos", "entero", "Cuántos concursos"),
    Column("adjudicados", "entero", "Cuántos tienen una adjudicación vigente"),
    Column("monto_adjudicado", "monto", "Suma de sus adjudicaciones vigentes, en quetzales"),
)


def totals() -> list[pl.Expr]:
    """TOTALS over the rows of concursos."""
    return [
        pl.len().alias("concursos"),
        (pl.col("adjudicaciones") > 0).sum().alias("adjudicados"),
        pl.col("monto_adjudicado").sum().alias("monto_adjudicado"),
    ]


def counted(concursos: pl.LazyFrame, *names: str) -> pl.LazyFrame:
    """Concursos counted by some columns, those of the most first."""
    return concursos.group_by(names).agg(totals()).sort("concursos", *names, descending=[True, *[False] * len(names)])
