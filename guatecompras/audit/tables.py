"""The tables of the audit: their columns, and a year of each, counted of its concursos and awards. Pure functions of frames."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from guatecompras import people
from guatecompras.audit import scopes
from guatecompras.audit.fields import FIELDS
from guatecompras.audit.indicators import COLUMNS, indicators
from guatecompras.audit.parameters import Parameters
from guatecompras.gathered.tables import described
from guatecompras.reports.report import KINDS, MONEY, Column

SCOPE = (
    Column("ambito", "texto", "De qué es la fila: país, departamento, municipio o entidad"),
    Column("id", "texto", "Identificador en su ámbito, como está en las direcciones del portal"),
    Column("nombre", "texto", "Nombre, como está publicado"),
    Column("departamento", "texto", "De un municipio, su departamento"),
    Column("anio", "entero", "Año de la convocatoria"),
)


@dataclass(frozen=True)
class Year:
    """The concursos and awards of a year in one level: each has the `id` of its scope. `sales`: by supplier."""

    concursos: pl.DataFrame
    sales: pl.DataFrame


@dataclass(frozen=True)
class Table:
    """A table. `columns`: beside those of the scope; `make`: its rows by `id`; `order`: beside scope and year."""

    title: str
    description: str
    columns: tuple[Column, ...]
    make: Callable[[Year, Parameters], pl.DataFrame]
    order: tuple[str, ...] = ()

    @property
    def all_columns(self) -> tuple[Column, ...]:
        return (*SCOPE, *self.columns)

    @property
    def schema(self) -> dict[str, pl.DataType]:
        return {one.name: KINDS[one.kind] for one in self.all_columns}

    @property
    def arrow(self) -> pa.Schema:
        return described(self.schema, self.all_columns)


def of_year(
    concursos: pl.DataFrame, awarded: pl.DataFrame, year: int, told: Parameters, *, rank_people: bool = False
) -> dict[str, pl.DataFrame]:
    """The rows of a year for every table, all levels. `rank_people`: whether natural persons are there by name."""
    found: dict[str, list[pl.DataFrame]] = {name: [] for name in TABLES}
    for level, scope in scopes.LEVELS.items():
        of_level = _level(concursos, awarded, scope)
        # Ways to write a name give one scope: it is called as most of its concursos call it.
        names = _most(concursos, scope)
        for name, table in TABLES.items():
            rows = table.make(of_level, told).join(names, on="id", how="left")
            placed = rows.with_columns(ambito=pl.lit(level), anio=pl.lit(year, pl.Int64))
            shown = placed if rank_people else without_people(name, placed)
            found[name].append(shown.select(pl.col(column).cast(kind) for column, kind in table.schema.items()))
    return {name: pl.concat(frames) for name, frames in found.items()}


def without_people(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of a table without the names and identifiers of natural persons."""
    return rows.with_columns(people.unnamed(*RANKED[table])) if table in RANKED else rows


def _level(concursos: pl.DataFrame, awarded: pl.DataFrame, scope: scopes.Level) -> Year:
    keyed = concursos.with_columns(id=scope.id)
    sales = (
        awarded.join(keyed.select("nog", "id"), on="nog")
        .group_by("id", "proveedor")
        .agg(
            pl.col("nombre").max(),
            concursos=pl.col("nog").n_unique().cast(pl.Int64),
            monto=pl.col("monto").sum(),
            tipo=people.kind(pl.col("persona").any()),
        )
    )
    return Year(keyed, sales)


def _most(concursos: pl.DataFrame, scope: scopes.Level) -> pl.DataFrame:
    told = concursos.select(id=scope.id, nombre=scope.name, departamento=scope.region)
    counted = told.group_by("id", "nombre", "departamento").agg(times=pl.len())
    return (
        counted.sort(["times", "nombre", "departamento"], descending=[True, False, False], nulls_last=True)
        .group_by("id", maintain_order=True)
        .agg(pl.col("nombre", "departamento").drop_nulls().first())
    )


def _months(year: Year, _: Parameters) -> pl.DataFrame:
    return year.concursos.group_by("id", "mes").agg(
        concursos=pl.len(), adjudicados=pl.col("adjudicado").sum(), monto=pl.col("monto").sum().cast(MONEY)
    )


def _methods(year: Year, _: Parameters) -> pl.DataFrame:
    rows = year.concursos.group_by("id", "modalidad").agg(
        # A modalidad is of one method; where the data say two, it is always the same one that is told.
        metodo=pl.col("metodo").min(),
        concursos=pl.len(),
        adjudicados=pl.col("adjudicado").sum(),
        monto=pl.col("monto").sum().cast(MONEY),
    )
    return _with_share(rows, year)


def _with_share(rows: pl.DataFrame, year: Year) -> pl.DataFrame:
    """With the part of the scope's amount that each row is."""
    whole = year.concursos.group_by("id").agg(total=pl.col("monto").sum().cast(pl.Float64))
    share = pl.col("monto").cast(pl.Float64) / pl.col("total")
    return rows.join(whole, on="id", how="left").with_columns(cuota=pl.when(pl.col("total") > 0).then(share.round(4)))


OTHERS = "otros"


def _suppliers(year: Year, told: Parameters) -> pl.DataFrame:
    """Those with most, one row each; all others together."""
    ranked = year.sales.sort(["monto", "concursos", "proveedor"], descending=[True, True, False]).with_columns(
        puesto=pl.int_range(1, pl.len() + 1).over("id"), proveedores=pl.lit(1)
    )
    first = pl.col("puesto") <= told.suppliers
    others = (
        ranked.filter(~first).group_by("id").agg(pl.col("proveedores", "concursos", "monto").sum(), tipo=pl.lit(OTHERS))
    )
    rows = pl.concat([ranked.filter(first), others], how="diagonal_relaxed")
    return _with_share(rows, year).rename({"nombre": "proveedor_nombre", "tipo": "proveedor_tipo"})


def _fields(year: Year, told: Parameters) -> pl.DataFrame:
    """One row a scope and field."""
    made = []
    for place, field in enumerate(FIELDS, 1):
        counted = year.concursos.group_by("id").agg(
            esperados=pl.col(f"pide_{field.id}").sum().cast(pl.Int64),
            presentes=pl.col(f"tiene_{field.id}").sum().cast(pl.Int64),
        )
        made.append(
            counted.with_columns(
                orden=pl.lit(place),
                campo=pl.lit(field.id),
                titulo=pl.lit(field.title),
                se_espera_de=pl.lit(field.expected),
            )
        )
    enough = pl.col("esperados") >= told.least_for_shares
    share = pl.when(enough).then((pl.col("presentes") / pl.col("esperados")).round(4))
    return pl.concat(made).with_columns(cuota=share)


_PERIOD = (
    Column("concursos", "entero", "Concursos convocados"),
    Column("adjudicados", "entero", "Los que tienen una adjudicación en pie"),
    Column("monto", "monto", "Monto de sus adjudicaciones en pie, en quetzales"),
)
_SHARE = Column("cuota", "decimal", "Parte del monto del ámbito en el año, de 0 a 1")

TABLES: Mapping[str, Table] = {
    "indicadores": Table(
        "Indicadores",
        "Una fila por ámbito y año: conteos, montos, partes y tiempos",
        COLUMNS,
        lambda year, told: indicators(year.concursos, year.sales, told),
    ),
    "meses": Table(
        "Meses",
        "Una fila por ámbito y mes de la convocatoria",
        (Column("mes", "texto", "Mes de la convocatoria, AAAA-MM"), *_PERIOD),
        _months,
        ("mes",),
    ),
    "modalidades": Table(
        "Modalidades",
        "Una fila por ámbito, año y modalidad de compra",
        (
            Column("modalidad", "texto", "Modalidad de compra"),
            Column("metodo", "texto", "Método de OCDS: open, selective, limited o direct"),
            *_PERIOD,
            _SHARE,
        ),
        _methods,
        ("modalidad",),
    ),
    "proveedores": Table(
        "Proveedores",
        "Una fila por ámbito, año y proveedor de los que más vendieron, y una con los demás",
        (
            Column("puesto", "entero", "Puesto por monto; vacío en la fila de los demás"),
            Column("proveedor_tipo", "texto", "«organización», «persona» (individual) u «otros»: los demás, juntos"),
            Column("proveedor", "texto", "Identificador del proveedor; vacío si es una persona individual"),
            Column("proveedor_nombre", "texto", "Su nombre; de una persona individual, solo que lo es"),
            Column("proveedores", "entero", "Cuántos proveedores hay en la fila"),
            Column("concursos", "entero", "Concursos que se le adjudicaron; de los demás, la suma de los de cada uno"),
            Column("monto", "monto", "Lo que se le adjudicó, en quetzales; lo que varios comparten, en partes iguales"),
            _SHARE,
        ),
        _suppliers,
        ("puesto",),
    ),
    "campos": Table(
        "Calidad de los datos",
        "Una fila por ámbito, año y dato que importa: de cuántos concursos se espera y en cuántos está",
        (
            Column("orden", "entero", "Orden de los datos"),
            Column("campo", "texto", "El dato"),
            Column("titulo", "texto", "Su nombre"),
            Column("se_espera_de", "texto", "De qué concursos se espera"),
            Column("esperados", "entero", "De cuántos concursos se espera"),
            Column("presentes", "entero", "En cuántos está"),
            Column("cuota", "decimal", "Parte de ellos, de 0 a 1"),
        ),
        _fields,
        ("orden",),
    ),
}
# Tables that say who sold most: the columns of what kind they are, their identifier and their name.
RANKED: Mapping[str, tuple[str, str, str]] = {
    "indicadores": ("mayor_proveedor_tipo", "mayor_proveedor_id", "mayor_proveedor"),
    "proveedores": ("proveedor_tipo", "proveedor", "proveedor_nombre"),
}
