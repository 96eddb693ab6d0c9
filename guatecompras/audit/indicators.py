"""The indicators of a scope and year: what each means, of how many cases it is, and how it is counted.

A share or a time of few cases is left out (null); the counts that it is of are always there.
"""

from dataclasses import dataclass

import polars as pl

from guatecompras.audit.fields import FIELDS
from guatecompras.audit.parameters import Parameters
from guatecompras.reports.report import MONEY, Column


@dataclass(frozen=True)
class Share:
    """A share: `part` of `whole`, two columns that are counted. `cases`: the count that says whether it is of enough."""

    id: str
    title: str
    meaning: str
    part: str
    whole: str
    cases: str

    def value(self, least: int) -> pl.Expr:
        enough = (pl.col(self.cases) >= least) & (pl.col(self.whole) > 0)
        parts = pl.col(self.part).cast(pl.Float64) / pl.col(self.whole).cast(pl.Float64)
        return pl.when(enough).then(parts.round(4)).alias(self.id)


@dataclass(frozen=True)
class Count:
    """What is counted or summed over the concursos of a scope."""

    column: Column
    value: pl.Expr


def _count(name: str, meaning: str, condition: pl.Expr) -> Count:
    return Count(Column(name, "entero", meaning), condition.fill_null(value=False).sum().cast(pl.Int64))


def _sum(name: str, meaning: str, *columns: str) -> Count:
    summed = pl.sum_horizontal(pl.col(column).sum() for column in columns)
    return Count(Column(name, "entero", meaning), summed.cast(pl.Int64))


def _money(name: str, meaning: str, condition: pl.Expr) -> Count:
    return Count(Column(name, "monto", meaning), pl.col("monto").filter(condition.fill_null(value=False)).sum())


_ALL, _AWARDED, _STATE = pl.lit(value=True), pl.col("adjudicado"), pl.col("estado")
# What is not settled yet, or is of a status that nobody told, is in process.
_SETTLED = _STATE.is_in(["complete", "unsuccessful", "cancelled"]).fill_null(value=False)
_FAILED, _DIRECT, _CLOSED = (
    _STATE == "unsuccessful",
    _AWARDED & pl.col("directa"),
    _AWARDED & (pl.col("metodo") != "open"),
)
_COMPETED = _AWARDED & pl.col("abierto") & pl.col("oferentes").is_not_null()

COUNTS: tuple[Count, ...] = (
    Count(Column("concursos", "entero", "Concursos convocados"), pl.len().cast(pl.Int64)),
    _count("en_proceso", "De ellos, los que no han terminado", ~_SETTLED),
    _count("terminados", "Los que terminaron, de cualquier modo", _SETTLED),
    _count("completos", "Terminados adjudicados", _STATE == "complete"),
    _count("desiertos", "Terminados desiertos", _FAILED & pl.col("desierto")),
    _count("no_adjudicados", "Terminados sin adjudicar a quienes ofertaron", _FAILED & ~pl.col("desierto")),
    _count(
        "sin_efecto",
        "Terminados sin efecto: anulados, prescindidos, improbados, cancelados",
        _STATE == "cancelled",
    ),
    _count("adjudicados", "Concursos con una adjudicación en pie", _AWARDED),
    _sum("adjudicaciones", "Adjudicaciones en pie", "adjudicaciones"),
    _sum("otra_moneda", "Adjudicaciones en otra moneda, que no se suman", "otra_moneda"),
    _money("monto", "Monto de las adjudicaciones en pie, en quetzales", _ALL),
    _count(
        "directas",
        "Concursos adjudicados por compra directa (Art. 32 y 43), con oferta electrónica o sin ella",
        _DIRECT,
    ),
    _money("monto_directas", "Monto de las compras directas", _DIRECT),
    _count("cerradas", "Concursos adjudicados sin convocatoria abierta a todos los proveedores", _CLOSED),
    _money("monto_cerradas", "Monto adjudicado sin convocatoria abierta", _CLOSED),
    _count("competidos", "Adjudicados de convocatoria abierta que informan cuántos ofertaron", _COMPETED),
    _count("un_oferente", "De ellos, los que tuvieron un solo oferente", _COMPETED & (pl.col("oferentes") == 1)),
    _count(
        "con_tiempo",
        "Adjudicados de convocatoria abierta cuyas fechas dicen cuánto tardaron",
        pl.col("dias").is_not_null(),
    ),
    _count("con_contrato", "Concursos adjudicados con un contrato publicado", _AWARDED & pl.col("contrato")),
    _sum(
        "datos_esperados",
        "Datos que importan y se esperan de estos concursos",
        *(f"pide_{field.id}" for field in FIELDS),
    ),
    _sum("datos_presentes", "De ellos, los que están publicados", *(f"tiene_{field.id}" for field in FIELDS)),
)
# Of who sold.
SOLD: tuple[Column, ...] = (
    Column("proveedores", "entero", "Proveedores distintos con una adjudicación en pie"),
    Column("mayor_proveedor_tipo", "texto", "De qué tipo es aquel al que más se adjudicó: «organización» o «persona»"),
    Column("mayor_proveedor_id", "texto", "Su identificador; vacío si es una persona individual"),
    Column("mayor_proveedor", "texto", "Su nombre; de una persona individual, solo que lo es"),
    Column("monto_mayor_proveedor", "monto", "Lo que se le adjudicó, en quetzales"),
)

SHARES: tuple[Share, ...] = (
    Share(
        "cuota_directas",
        "Compra directa, por número",
        "de los concursos adjudicados fueron compras directas (Art. 32 y 43 de la ley), con oferta electrónica o sin ella",
        "directas",
        "adjudicados",
        "adjudicados",
    ),
    Share(
        "cuota_monto_directas",
        "Compra directa, por monto",
        "del monto adjudicado fue por compra directa",
        "monto_directas",
        "monto",
        "adjudicados",
    ),
    Share(
        "cuota_cerradas",
        "Sin convocatoria abierta, por número",
        "de los concursos adjudicados no se abrieron a todos los proveedores",
        "cerradas",
        "adjudicados",
        "adjudicados",
    ),
    Share(
        "cuota_monto_cerradas",
        "Sin convocatoria abierta, por monto",
        "del monto adjudicado no se abrió a todos los proveedores",
        "monto_cerradas",
        "monto",
        "adjudicados",
    ),
    Share(
        "cuota_un_oferente",
        "Un solo oferente",
        "de los adjudicados de convocatoria abierta tuvieron una sola oferta",
        "un_oferente",
        "competidos",
        "competidos",
    ),
    Share(
        "cuota_desiertos",
        "Desiertos",
        "de los concursos terminados quedaron desiertos",
        "desiertos",
        "terminados",
        "terminados",
    ),
    Share(
        "cuota_sin_efecto",
        "Sin efecto",
        "de los terminados fueron anulados, prescindidos, improbados o cancelados",
        "sin_efecto",
        "terminados",
        "terminados",
    ),
    Share(
        "cuota_mayor_proveedor",
        "Mayor proveedor",
        "del monto adjudicado fue a un solo proveedor, el mayor",
        "monto_mayor_proveedor",
        "monto",
        "adjudicados",
    ),
    Share(
        "cuota_contrato",
        "Con contrato publicado",
        "de los concursos adjudicados tienen un contrato publicado; la ley no lo pide de toda compra",
        "con_contrato",
        "adjudicados",
        "adjudicados",
    ),
    Share(
        "completitud",
        "Datos publicados",
        "de los datos que importan y se esperan están publicados",
        "datos_presentes",
        "datos_esperados",
        "concursos",
    ),
)
# Quartiles of the days from call to first award: column, what it is, quantile.
TIMES: tuple[tuple[str, str, float], ...] = (
    ("dias_q1", "Días de la convocatoria a la adjudicación: un cuarto tardó esto o menos", 0.25),
    ("dias_mediana", "Días de la convocatoria a la adjudicación: la mitad tardó esto o menos", 0.5),
    ("dias_q3", "Días de la convocatoria a la adjudicación: tres cuartos tardaron esto o menos", 0.75),
)

COLUMNS: tuple[Column, ...] = (
    *(count.column for count in COUNTS),
    *SOLD,
    *(Column(share.id, "decimal", f"Parte, de 0 a 1: {share.meaning} (de «{share.whole}»)") for share in SHARES),
    *(Column(name, "decimal", meaning) for name, meaning, _ in TIMES),
)


def indicators(concursos: pl.DataFrame, sales: pl.DataFrame, told: Parameters) -> pl.DataFrame:
    """The indicators by `id`: of concursos, and of what each supplier sold (`id`, `proveedor`, `nombre`, `monto`, `tipo`)."""
    times = [
        pl.when(pl.col("dias").count() >= told.least_for_times)
        .then(pl.col("dias").quantile(at, "linear").round(2))
        .alias(name)
        for name, _, at in TIMES
    ]
    counts = concursos.group_by("id").agg(*(count.value.alias(count.column.name) for count in COUNTS), *times)
    joined = counts.join(_sold(sales), on="id", how="left").with_columns(
        pl.col("proveedores").fill_null(0), pl.col("monto").cast(MONEY)
    )
    return joined.with_columns(share.value(told.least_for_shares) for share in SHARES)


def _sold(sales: pl.DataFrame) -> pl.DataFrame:
    return (
        sales.sort(["monto", "concursos", "proveedor"], descending=[True, True, False])
        .group_by("id", maintain_order=True)
        .agg(
            proveedores=pl.len().cast(pl.Int64),
            mayor_proveedor_tipo=pl.col("tipo").first(),
            mayor_proveedor_id=pl.col("proveedor").first(),
            mayor_proveedor=pl.col("nombre").first(),
            monto_mayor_proveedor=pl.col("monto").first(),
        )
    )
