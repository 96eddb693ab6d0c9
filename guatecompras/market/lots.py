"""A month's lots: one row a concurso and UNSPSC family that it buys of, with all that the market is counted from; and its wins.

How lots are counted is `families.py`'s business. Both are kept small (codes and cents), so that all months fit.

The honest rule for amounts: an award is of a concurso, items have families, and nothing says how an award is spread over them. So
the amounts of a family are those of concursos that buy of no other family; what concursos of several families were awarded for is
counted apart, whole, as shared. Counts, bidders and terms are of the concurso itself, and hold for each of its families.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from guatecompras import catalogs

TABLES = ("records", "parties", "items", "awards", "award_suppliers")
HOME = "GTQ"
_INDIVIDUAL = "INDIVIDUAL"
# Methods in which anybody may offer: only there says the number of bidders something of the market.
_OPEN = ("open", "selective")
_MINUTES = 24 * 60

LOTS = {
    "nog": pl.Int64(),
    "familia": pl.UInt16(),
    "familias": pl.UInt16(),  # how many the concurso buys of
    "mes": pl.Int32(),  # of the call, counted from year 0
    "modalidad": pl.Int16(),  # -1: a name that is none of the catalog
    "comprador": pl.String(),
    "abierto": pl.Boolean(),
    "adjudicado": pl.Boolean(),
    "centavos": pl.Int64(),  # of its awards in force; null: none, or in another currency
    "oferentes": pl.Int32(),
    "dias": pl.Float32(),  # from the call to the first award in force
}
WINS = {
    "familia": pl.UInt16(),
    "mes": pl.Int32(),
    "proveedor": pl.String(),
    "persona": pl.Boolean(),
    "nog": pl.Int64(),
    "centavos": pl.Int64(),  # null: not in quetzales, or of a concurso of several families
}


def month_number(month: str) -> int:
    """`2026-03` as a number that can be counted with."""
    year, _, of_year = month.partition("-")
    return int(year) * 12 + int(of_year) - 1


def month_name(number: int) -> str:
    """The other way round."""
    return f"{number // 12:04}-{number % 12 + 1:02}"


def read(tables: Mapping[str, Path]) -> Mapping[str, pl.LazyFrame]:
    """The tables of a month, by name."""
    return {name: pl.scan_parquet(tables[name]) for name in TABLES}


def lots(tables: Mapping[str, pl.LazyFrame], month: str) -> pl.LazyFrame:
    """The month's lots, as LOTS, in order."""
    records = tables["records"].select(
        "nog",
        comprador="buyer_id",
        abierto=pl.col("tender_procurementMethod").is_in(_OPEN),
        oferentes="tender_numberOfTenderers",
        called="tender_datePublished",
        modalidad=pl.col("tender_procurementMethodDetails").replace_strict(
            catalogs.mapping("modalidades", "literal", "id"), default=-1, return_dtype=pl.Int16
        ),
    )
    waited = (pl.col("first") - pl.col("called")).dt.total_minutes() / _MINUTES
    return (
        _families(tables)
        .join(records, on="nog")
        .join(_awarded(tables), on="nog", how="left")
        .with_columns(
            mes=pl.lit(month_number(month)),
            adjudicado=pl.col("adjudicado").fill_null(value=False),
            # An award before its call is a slip of the pen.
            dias=pl.when(waited >= 0).then(waited),
        )
        .select(pl.col(name).cast(kind) for name, kind in LOTS.items())
        .sort("familia", "nog")
    )


def wins(tables: Mapping[str, pl.LazyFrame], month: str) -> pl.LazyFrame:
    """Who was awarded in the month's lots, as WINS, a row a supplier and lot, in order. Who shares an award shares its value
    evenly: nobody says how."""
    awards = _active(tables).select("nog", award_id="id", centavos=_cents())
    person = pl.col("details_legalEntityTypeDetail_description") == _INDIVIDUAL
    kinds = tables["parties"].group_by("nog", "id").agg(persona=person.any())
    shared = tables["award_suppliers"].with_columns(several=pl.len().over("nog", "award_id"))
    alone = pl.when(pl.col("familias") == 1).then(pl.col("centavos"))
    return (
        shared.join(awards, on=["nog", "award_id"])
        .with_columns(centavos=(pl.col("centavos") / pl.col("several")).round())
        .group_by("nog", "id")
        .agg(centavos=_sum_or_null("centavos"))
        .join(kinds, on=["nog", "id"], how="left")
        .join(_families(tables), on="nog")
        .with_columns(
            mes=pl.lit(month_number(month)),
            proveedor="id",
            persona=pl.col("persona").fill_null(value=False),
            centavos=alone,
        )
        .select(pl.col(name).cast(kind) for name, kind in WINS.items())
        .sort("familia", "nog", "proveedor")
    )


def names(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """What the month calls those who buy and who are awarded: id, nombre."""
    buyers = tables["records"].select(id="buyer_id", nombre="buyer_name")
    suppliers = tables["award_suppliers"].select("id", nombre="name")
    return pl.concat([buyers, suppliers]).drop_nulls().unique("id", keep="last", maintain_order=True)


def wares(tables: Mapping[str, pl.LazyFrame], most: int) -> pl.LazyFrame:
    """What the month's items of each family are called most often, `most` of them: familia, renglon, concursos."""
    told = (
        tables["items"]
        .select("nog", familia=_family(), renglon=pl.col("description").str.strip_chars())
        .filter(pl.col("familia").is_not_null() & (pl.col("renglon") != ""))
        .unique()
    )
    counted = told.group_by("familia", "renglon").agg(concursos=pl.len().cast(pl.Int64))
    ordered = counted.sort("familia", "concursos", "renglon", descending=[False, True, False])
    return ordered.group_by("familia", maintain_order=True).head(most)


def _family() -> pl.Expr:
    """The first four digits of a code."""
    return pl.col("classification_id").str.extract(r"^(\d{4})").cast(pl.UInt16)


def _families(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    pairs = tables["items"].select("nog", familia=_family()).drop_nulls().unique()
    return pairs.with_columns(familias=pl.len().over("nog"))


def _active(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    return tables["awards"].filter(pl.col("status") == "active")


def _cents() -> pl.Expr:
    home = pl.col("value_currency") == HOME
    return pl.when(home).then((pl.col("value_amount").cast(pl.Float64) * 100).round().cast(pl.Int64))


def _sum_or_null(column: str) -> pl.Expr:
    """Nothing where one of the values is not there: half a sum is no sum."""
    return pl.when(pl.col(column).is_null().any()).then(None).otherwise(pl.col(column).sum())


def _awarded(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    active = _active(tables).with_columns(centavos=_cents())
    return active.group_by("nog").agg(
        centavos=_sum_or_null("centavos"), first=pl.col("date").min(), adjudicado=pl.lit(value=True)
    )
