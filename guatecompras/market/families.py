"""The market counted from the lots of all months: every table of `columns.py`, each a pure function of lots and wins.

Robust figures only (medians, quartiles), and none where the sample is small: how large it is stands beside each.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from guatecompras import catalogs
from guatecompras.market.columns import MONEY, TABLES
from guatecompras.market.lots import month_name

MONTHS = 24  # of what is shown as now
FEWEST = 5  # that a median or quartile is of
FEWEST_FOR_SHARES = 10  # that a share or a concentration is of
FEWEST_IN_SEASONS, FEWEST_YEARS = 24, 2
_TOP = 20
PERSONS = "Personas individuales"


@dataclass(frozen=True)
class Market:
    """What is counted: lots and wins of all months, names by id, names of wares by family; `months`: which they are, by number."""

    lots: pl.LazyFrame
    wins: pl.LazyFrame
    names: pl.DataFrame
    wares: pl.DataFrame
    months: Sequence[int]

    @property
    def first(self) -> int:
        return self.months[0]

    @property
    def last(self) -> int:
        return self.months[-1]

    @property
    def whole_years(self) -> list[int]:
        """The years all of whose months are public: one that runs has not had its end yet, and a gap would look like a season."""
        counted = Counter(month // 12 for month in self.months)
        return sorted(year for year, months in counted.items() if months == 12)

    @property
    def recent(self) -> int:
        """The first of the last 24 months."""
        return max(self.first, self.last - MONTHS + 1)

    @property
    def windows(self) -> Mapping[str, int]:
        """From which month on, by the name of a window."""
        return {"todo": self.first, "24m": self.recent}


def _since(frame: pl.LazyFrame, month: int) -> pl.LazyFrame:
    return frame.filter(pl.col("mes") >= month)


def _told(frame: pl.LazyFrame, table: str) -> pl.DataFrame:
    """The rows as the table has them."""
    wanted = TABLES[table]
    family = pl.col("familia").cast(pl.String).str.zfill(4)
    told = frame.with_columns(familia=family).select(pl.col(name).cast(kind) for name, kind in wanted.schema.items())
    return told.sort(*wanted.order).collect(engine="streaming")


def _windows(market: Market, count: Callable[[Market, int], pl.LazyFrame], table: str) -> pl.DataFrame:
    return pl.concat(
        _told(
            count(market, first).with_columns(
                ventana=pl.lit(window), desde=pl.lit(month_name(first)), hasta=pl.lit(month_name(market.last))
            ),
            table,
        )
        for window, first in market.windows.items()
    )


def _money(cents: pl.Expr) -> pl.Expr:
    """Cents as an amount, exact: a decimal is divided at its own scale, and a whole one would lose them."""
    return (cents.round().cast(pl.Decimal(20, 2)) / 100).cast(MONEY)


# What is asked of a group of lots: amounts of those of one family, bidders where all may offer, days.
_ALONE = pl.col("familias") == 1
_PAID = pl.col("centavos").filter(_ALONE & (pl.col("centavos") > 0))
_OFFERED = pl.col("oferentes").filter(
    pl.col("adjudicado") & pl.col("abierto").fill_null(value=False) & (pl.col("oferentes") > 0)
)
_WAITED = pl.col("dias")
_QUARTILES = {"p25": 0.25, "mediana": 0.5, "p75": 0.75}


def _enough(values: pl.Expr, figure: pl.Expr, fewest: int = FEWEST) -> pl.Expr:
    return pl.when(values.count() >= fewest).then(figure)


def _figures() -> dict[str, pl.Expr]:
    """The figures that families and their modalidades share."""
    quartiles = {
        f"{name}_{quartile}": _enough(values, values.cast(pl.Float64).quantile(share, "linear"))
        for name, values in (("monto", _PAID), ("dias", _WAITED))
        for quartile, share in _QUARTILES.items()
    }
    return {
        "concursos": pl.len(),
        "adjudicados": pl.col("adjudicado").sum(),
        "con_monto": _PAID.count(),
        **quartiles,
        "con_oferentes": _OFFERED.count(),
        "oferentes_mediana": _enough(_OFFERED, _OFFERED.median()),
        "un_solo_oferente": _enough(_OFFERED, (_OFFERED == 1).mean().round(4), FEWEST_FOR_SHARES),
        "con_dias": _WAITED.count(),
    }


def _shown() -> list[pl.Expr]:
    """Their amounts in quetzales, their days by tenths."""
    return [_money(pl.col(f"monto_{name}")) for name in _QUARTILES] + [
        pl.col(f"dias_{name}").round(1) for name in _QUARTILES
    ]


def families(market: Market) -> pl.DataFrame:
    """Table `familias`."""
    return _windows(market, _families, "familias")


def _families(market: Market, first: int) -> pl.LazyFrame:
    lots, wins = _since(market.lots, first), _since(market.wins, first)
    figures = lots.group_by("familia").agg(
        **_figures(),
        compradores=pl.col("comprador").drop_nulls().n_unique(),
        monto=pl.col("centavos").filter(_ALONE).sum(),
        monto_compartido=pl.col("centavos").filter(~_ALONE).sum(),
    )
    segments = catalogs.mapping("unspsc_segmentos", "code", "name")
    code = pl.col("familia").cast(pl.String).str.zfill(4).str.slice(0, 2)
    wares = market.wares.lazy().group_by("familia").agg(ejemplos=pl.col("renglon").str.join("; "))
    concentrated = pl.when(pl.col("con_monto") >= FEWEST_FOR_SHARES).then(pl.col("concentracion"))
    return (
        figures.join(_sellers(wins), on="familia", how="left")
        .join(wares, on="familia", how="left")
        .with_columns(
            *_shown(),
            _money(pl.col("monto")),
            _money(pl.col("monto_compartido")),
            proveedores=pl.col("proveedores").fill_null(0),
            concentracion=concentrated,
            segmento=code.replace_strict(segments, default=None, return_dtype=pl.String),
        )
    )


def _sellers(wins: pl.LazyFrame) -> pl.LazyFrame:
    """Of each family: its suppliers, and the Herfindahl-Hirschman index of their parts of the amount."""
    # In order, so that the sum of squares is the same on every machine.
    each = wins.group_by("familia", "proveedor").agg(pl.col("centavos").sum()).sort("familia", "proveedor")
    part = pl.col("centavos") / pl.col("centavos").sum() * 100
    return each.group_by("familia", maintain_order=True).agg(
        proveedores=pl.len(),
        concentracion=pl.when(pl.col("centavos").sum() > 0).then((part * part).sum()).round(0),
    )


def by_method(market: Market) -> pl.DataFrame:
    """Table `modalidades`."""
    return _windows(market, _by_method, "modalidades")


def _by_method(market: Market, first: int) -> pl.LazyFrame:
    known = catalogs.mapping("modalidades", "id", "name")
    lots = _since(market.lots, first).filter(pl.col("modalidad") >= 0)
    return (
        lots.group_by("familia", "modalidad")
        .agg(**_figures())
        .with_columns(
            *_shown(),
            modalidad_nombre=pl.col("modalidad").replace_strict(known, default=None, return_dtype=pl.String),
        )
    )


def by_month(market: Market) -> pl.DataFrame:
    """Table `meses`."""
    counted = market.lots.group_by("familia", "mes").agg(
        concursos=pl.len(), adjudicados=pl.col("adjudicado").sum(), monto=pl.col("centavos").filter(_ALONE).sum()
    )
    name = pl.format(
        "{}-{}",
        (pl.col("mes") // 12).cast(pl.String).str.zfill(4),
        (pl.col("mes") % 12 + 1).cast(pl.String).str.zfill(2),
    )
    return _told(counted.with_columns(_money(pl.col("monto")), mes=name), "meses")


def seasons(market: Market) -> pl.DataFrame:
    """Table `estacionalidad`: of whole years only."""
    years = market.whole_years
    lots = market.lots.filter((pl.col("mes") // 12).is_in(years))
    counted = lots.group_by("familia", mes_del_anio=pl.col("mes") % 12 + 1).agg(concursos=pl.len().cast(pl.Int64))
    # A month in which nothing is called is one of the twelve, too.
    every = (
        lots.select("familia")
        .unique()
        .join(pl.LazyFrame({"mes_del_anio": range(1, 13)}, schema={"mes_del_anio": pl.Int32}), how="cross")
    )
    total = pl.col("concursos").sum().over("familia")
    enough = (total >= FEWEST_IN_SEASONS) & pl.lit(len(years) >= FEWEST_YEARS)
    return _told(
        every.join(counted, on=["familia", "mes_del_anio"], how="left")
        .with_columns(pl.col("concursos").fill_null(0))
        .with_columns(
            anios=pl.lit(len(years)), indice=pl.when(enough).then((pl.col("concursos") * 12 / total).round(3))
        ),
        "estacionalidad",
    )


def buyers(market: Market) -> pl.DataFrame:
    """Table `compradores`."""
    lots = _since(market.lots, market.recent)
    counted = lots.group_by("familia", id=pl.col("comprador")).agg(
        concursos=pl.len(), adjudicados=pl.col("adjudicado").sum(), centavos=pl.col("centavos").filter(_ALONE).sum()
    )
    ranked = _ranked(counted.filter(pl.col("id").is_not_null()), "concursos")
    return _told(ranked.join(market.names.lazy(), on="id", how="left"), "compradores")


def sellers(market: Market) -> pl.DataFrame:
    """Table `proveedores`. Persons are counted together: who they are is in the data, and nobody is ranked by name."""
    wins = _since(market.wins, market.recent)
    of = pl.when(~pl.col("persona")).then(pl.col("proveedor"))
    counted = wins.group_by("familia", id=of).agg(
        proveedores=pl.col("proveedor").n_unique(),
        adjudicados=pl.col("nog").n_unique(),
        centavos=pl.col("centavos").sum(),
    )
    ranked = _ranked(counted, "adjudicados").join(market.names.lazy(), on="id", how="left")
    named = pl.when(pl.col("id").is_null()).then(pl.lit(PERSONS)).otherwise(pl.col("nombre"))
    return _told(ranked.with_columns(nombre=named), "proveedores")


def _ranked(counted: pl.LazyFrame, then: str) -> pl.LazyFrame:
    """The first of each family by amount, then by a count; with their part of all of it."""
    total = pl.col("centavos").sum().over("familia")
    told = counted.with_columns(parte=pl.when(total > 0).then((pl.col("centavos") / total).round(4)))
    ordered = told.sort("familia", "centavos", then, "id", descending=[False, True, True, False])
    place = pl.int_range(1, pl.len() + 1).over("familia")
    return ordered.with_columns(puesto=place, monto=_money(pl.col("centavos"))).filter(pl.col("puesto") <= _TOP)


# Table -> how it is counted.
COUNTED: Mapping[str, Callable[[Market], pl.DataFrame]] = {
    "familias": families,
    "modalidades": by_method,
    "meses": by_month,
    "estacionalidad": seasons,
    "compradores": buyers,
    "proveedores": sellers,
}
