"""Running the indicators over a month: the flags that are raised, every subject's state, and what to review first.

What an indicator calculates is its own business; where the frames are published, `monthly.py`'s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from guatecompras.integrity.base import Base
from guatecompras.integrity.columns import FLAGS, REVIEW, STATES, SUMMARY
from guatecompras.integrity.indicator import CLEAR, NOT_EVALUABLE, RAISED, TOO_FEW, Indicator, Judged, Parameters
from guatecompras.integrity.parameters import Priorities, load
from guatecompras.integrity.registry import INDICATORS
from guatecompras.reports.report import MONEY


@dataclass(frozen=True)
class Review:
    """A month as the indicators see it. All frames are sorted. `flags`: one row a flag raised; `states`: one a subject and
    indicator; `summary`: one an indicator; `priorities`: one a concurso of the month that some flag is about."""

    flags: pl.DataFrame
    states: pl.DataFrame
    summary: pl.DataFrame
    priorities: pl.DataFrame


def judge(base: Base, indicators: Iterable[Indicator] = tuple(INDICATORS.values())) -> Review:
    """Run the indicators over a month. Pure: the same tables and parameters give the same frames."""
    parameters, priorities = load()
    states, raised = [], []
    for one in indicators:
        told = parameters[one.id]
        judged = one.calculate(base, told)
        rows = judged.rows.with_columns(_missing=_missing(judged)).with_columns(
            _state=pl.when(pl.col("_missing").is_not_null())
            .then(pl.lit(NOT_EVALUABLE))
            .when(judged.raised)
            .then(pl.lit(RAISED))
            .otherwise(pl.lit(CLEAR))
        )
        states.append(_states(one, judged, rows))
        raised.append(_flags(one, told, judged, rows.filter(pl.col("_state") == RAISED)))
    flags = _told(base, pl.concat(raised))
    known = pl.concat(states).sort("indicador", "sujeto")
    return Review(
        flags.select(FLAGS.names).sort("indicador", "sujeto"),
        known,
        _summary(known),
        _priorities(base, flags, priorities),
    )


def _missing(judged: Judged) -> pl.Expr:
    """The fields that are not there, or that the sample says nothing; null where the subject can be judged."""
    absent = [pl.when(there.is_null()).then(pl.lit(name)) for name, there in sorted(judged.needs.items())]
    names = pl.concat_str(absent, separator=", ", ignore_nulls=True) if absent else pl.lit("")
    few = pl.lit(False) if judged.enough is None else ~judged.enough.fill_null(False)
    return pl.when(names != "").then(names).when(few).then(pl.lit(TOO_FEW))


def _states(one: Indicator, judged: Judged, rows: pl.DataFrame) -> pl.DataFrame:
    nog = pl.lit(None, pl.Int64) if judged.nog is None else judged.nog
    known = rows.select(sujeto=judged.subject, nog=nog, estado="_state", falta="_missing")
    if judged.lacking is not None:
        field, nogs = judged.lacking
        lacking = nogs.select(
            sujeto=pl.col("nog").cast(pl.String), nog="nog", estado=pl.lit(NOT_EVALUABLE), falta=pl.lit(field)
        )
        known = pl.concat([known, lacking], how="vertical_relaxed")
    return (
        known.select(pl.col(name).cast(kind) for name, kind in STATES.schema.items() if name in known.columns)
        .with_columns(indicador=pl.lit(one.id), nivel=pl.lit(one.level))
        .select(STATES.names)
    )


def _flags(one: Indicator, told: Parameters, judged: Judged, rows: pl.DataFrame) -> pl.DataFrame:
    nobody = pl.lit(None, pl.String)
    about = judged.nogs
    if about is None:
        about = pl.concat_list(judged.nog) if judged.nog is not None else pl.lit(None, pl.List(pl.Int64))
    return rows.select(
        indicador=pl.lit(one.id),
        version=pl.lit(one.version, pl.Int64),
        nombre=pl.lit(one.name),
        tema=pl.lit(one.topic),
        nivel=pl.lit(one.level),
        peso=pl.lit(told.weight, pl.Int64),
        sujeto=judged.subject,
        nog=pl.lit(None, pl.Int64) if judged.nog is None else judged.nog,
        comprador_id=nobody if judged.buyer is None else judged.buyer,
        proveedor_id=nobody if judged.supplier is None else judged.supplier,
        valor=judged.value.cast(pl.Float64).round(6),
        umbral=judged.threshold.cast(pl.Float64).round(6),
        unidad=pl.lit(one.unit),
        poblacion=pl.lit(judged.population),
        tamano=judged.size.cast(pl.Int64),
        monto=pl.lit(None, pl.Int64) if judged.amount is None else judged.amount,
        evidencia=judged.evidence,
        nogs=about.list.unique().list.sort(),
    )


def _told(base: Base, flags: pl.DataFrame) -> pl.DataFrame:
    """The flags with the names of who they are about, and what is known of their concurso."""
    flags = flags.with_columns(monto=_quetzales("monto")).join(
        base.described.rename({"comprador_id": "of_concurso"}).drop("comprador"), on="nog", how="left"
    )
    flags = flags.with_columns(comprador_id=pl.coalesce("comprador_id", "of_concurso"))
    names = base.names_of(pl.concat([flags["comprador_id"], flags["proveedor_id"]]).drop_nulls().unique())
    return (
        flags.join(names.select(comprador_id="id", comprador="name"), on="comprador_id", how="left")
        .join(
            names.select(proveedor_id="id", proveedor="name", persona_individual="individual"),
            on="proveedor_id",
            how="left",
        )
        .join(base.regions, left_on="comprador_id", right_on="buyer_id", how="left")
        .with_columns(mes=pl.lit(base.month), departamento=pl.coalesce("departamento", "buyer_region"))
    )


def _quetzales(cents: str) -> pl.Expr:
    # By way of floats: a decimal without places loses its cents when it is divided.
    return (pl.col(cents) / 100.0).round(2).cast(MONEY)


def _summary(states: pl.DataFrame) -> pl.DataFrame:
    counts = states.group_by("indicador").agg(
        *((pl.col("estado") == state).sum().cast(pl.Int64).alias(name) for name, state in _COUNTED.items())
    )
    missing = (
        states.drop_nulls("falta")
        .group_by("indicador", "falta")
        .agg(pl.len())
        .sort("indicador", "len", "falta", descending=[False, True, False])
        .group_by("indicador", maintain_order=True)
        .agg(falta=pl.format("{}: {}", "falta", "len").str.join("; "))
    )
    every = pl.DataFrame(
        [(one.id, one.version, one.name, one.level, one.topic) for one in INDICATORS.values()],
        schema=["indicador", "version", "nombre", "nivel", "tema"],
        orient="row",
    )
    found = every.join(counts, on="indicador", how="left").join(missing, on="indicador", how="left")
    return found.with_columns(pl.col(list(_COUNTED)).fill_null(0)).select(
        pl.col(name).cast(kind) for name, kind in SUMMARY.schema.items()
    ).sort("indicador")  # fmt: skip


_COUNTED: Mapping[str, str] = {"activadas": RAISED, "sin_senal": CLEAR, "no_evaluables": NOT_EVALUABLE}


def _priorities(base: Base, flags: pl.DataFrame, priorities: Priorities) -> pl.DataFrame:
    """Concursos of the month by how much there is to look at: of each topic the flag of most weight counts, so that one fact
    that shows in several indicators counts once."""
    touched = (
        flags.select("indicador", "tema", "peso", "nogs").explode("nogs").rename({"nogs": "nog"}).drop_nulls("nog")
    )
    by_topic = touched.group_by("nog", "tema").agg(
        puntos=pl.col("peso").max(), indicadores=pl.col("indicador").unique()
    )
    by_nog = by_topic.group_by("nog").agg(
        puntos=pl.col("puntos").sum(),
        temas=pl.col("tema").sort().str.join(", "),
        indicadores=pl.col("indicadores").explode().unique().sort().str.join(", "),
        senales=pl.col("indicadores").explode().n_unique().cast(pl.Int64),
    )
    level = pl.lit(priorities.lowest)
    for name, least in reversed(priorities.steps):
        level = pl.when(pl.col("puntos") >= least).then(pl.lit(name)).otherwise(level)
    amounts = base.awards.filter(pl.col("ago") == 0).group_by("nog").agg(monto=pl.col("amount").sum())
    found = (
        by_nog.join(base.described, on="nog")
        .join(amounts, on="nog", how="left")
        .with_columns(mes=pl.lit(base.month), prioridad=level, monto=_quetzales("monto"))
    )
    return found.select(pl.col(name).cast(kind) for name, kind in REVIEW.schema.items()).sort(
        "puntos", "senales", "monto", "nog", descending=[True, True, True, False], nulls_last=True
    )
