"""What differs between the modalidades: what the law and the catalogs say of each, and how often data is there in a month.

What is measured is read from the month's flat tables; nothing is read from a source.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from guatecompras import catalogs
from guatecompras.policy.facts import Tables


@dataclass(frozen=True)
class Rule:
    """A modalidad as the catalogs have it. `ceiling`: the most in quetzales, None where the law has none; `term`: in words."""

    code: int
    name: str
    method: str
    rationale: str
    ceiling: float | None
    term: str


@dataclass(frozen=True)
class Presence:
    """A modalidad in a month: its concursos and the share of them that have each of `MEASURED`, in that order."""

    name: str
    concursos: int
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Lag:
    """How long a fact takes to be registered publicly: half and nine tenths of a month's releases took no longer."""

    half: timedelta
    most: timedelta


# What is measured of each concurso: how the public reads it, and the expression, true where it is there.
_CHILDREN = ("bids", "awards", "contracts", "documents")
MEASURED: Mapping[str, pl.Expr] = {
    "Monto estimado": pl.col("tender_value_amount").is_not_null(),
    "Cierre de ofertas": pl.col("tender_tenderPeriod_endDate").is_not_null(),
    "Fundamento legal": pl.col("tender_procurementMethodRationale").is_not_null(),
    "Documentos": pl.col("documents"),
    "Ofertas": pl.col("bids"),
    "Adjudicación": pl.col("awards"),
    "Contrato": pl.col("contracts"),
}


def rules() -> tuple[Rule, ...]:
    """Every modalidad of the catalog, by code."""
    ceilings = catalogs.table("umbrales").filter(pl.col("hasta").is_null())
    most = {row["modalidad"]: float(row["maximo"]) for row in ceilings.to_dicts()}
    terms = {row["modalidad"]: _term(row) for row in catalogs.table("plazos").to_dicts()}
    return tuple(
        Rule(
            code=row["id"],
            name=row["literal"],
            method=row["method"],
            rationale=row["rationale"] or "",
            ceiling=most.get(row["id"]),
            term=terms.get(row["id"], ""),
        )
        for row in catalogs.table("modalidades").to_dicts()
    )


def _term(row: Mapping[str, Any]) -> str:
    one = {"calendario": "día calendario", "hábiles": "día hábil"}
    many = {"calendario": "días calendario", "hábiles": "días hábiles"}
    words = one if row["dias"] == 1 else many
    return f"{row['dias']} {words[row['clase']]} ({row['ley'].lower()})"


def presence(tables: Tables) -> tuple[Presence, ...]:
    """How often data is there in each modalidad of a month, the most frequent modalidad first."""
    records = pl.scan_parquet(tables("records"))
    for child in _CHILDREN:
        held = pl.scan_parquet(tables(child)).select("nog").unique().with_columns(pl.lit(True).alias(child))
        records = records.join(held, on="nog", how="left").with_columns(pl.col(child).fill_null(False))
    name = pl.col("tender_procurementMethodDetails").fill_null("Sin modalidad").alias("name")
    shares = [expression.mean().alias(title) for title, expression in MEASURED.items()]
    found = records.group_by(name).agg(pl.len().alias("concursos"), *shares)
    rows = found.sort(["concursos", "name"], descending=[True, False]).collect()
    return tuple(Presence(row[0], row[1], row[2:]) for row in rows.iter_rows())


def lag(tables: Tables) -> Lag | None:
    """From what happened to when it was public, over the releases of a month; None where there is no release."""
    releases = pl.scan_parquet(tables("releases")).select(took=pl.col("publishedDate") - pl.col("date"))
    half, most = (
        releases.select(half=pl.col("took").quantile(0.5, "nearest"), most=pl.col("took").quantile(0.9, "nearest"))
        .collect()
        .row(0)
    )
    return None if half is None else Lag(half, most)
