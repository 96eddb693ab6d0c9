"""The events of some NOGs as the releases they become: their order, their ids, their status and their tags.

A NOG of which the source has no event (it may have no log at all) has those that its rows' own dates tell of.
"""

import polars as pl

from guatecompras import catalogs
from guatecompras.ocds.wording import Rows

# .NET counts ticks of 100 ns from year 1, Polars nanoseconds from 1970.
TICKS_AT_1970 = 621_355_968_000_000_000


# The codes of the status (catalog `estatus`) that the dates of rows tell of.
_CALLED, _OPENED, _AWARDED = 1, 2, 3


def in_order(rows: Rows, concursos: pl.DataFrame) -> pl.DataFrame:
    """One row a release, by nog and date: nog, seq, fecha_evento, fecha_registro, id, estatus_concurso, opened, last, tipo.

    `seq`: its place in its NOG, from 0; `opened`: offers are no longer sealed; `last`: the NOG's latest registration.
    """
    silent = concursos.join(rows["eventos"].select("nog").unique(), on="nog", how="anti", maintain_order="left")
    spoken = pl.concat([rows["eventos"], _told_by_dates(rows, silent)])
    date = pl.col("fecha_evento").dt.truncate("1s")
    ordered = spoken.sort("nog", date, "fecha_registro", "evento_id", maintain_order=True)
    ordered = ordered.with_columns(seq=pl.int_range(pl.len()).over("nog"))
    status = pl.col("estatus_concurso").forward_fill().over("nog")
    return _with_ids(ordered).with_columns(
        estatus_concurso=status,
        opened=status.replace_strict(_opened(), default=0).cum_max().over("nog") == 1,
        last=pl.col("fecha_registro").max().over("nog"),
    )


def _opened() -> dict[int, int]:
    return catalogs.mapping("estatus", "id", "opened")


def _told_by_dates(rows: Rows, silent: pl.DataFrame) -> pl.DataFrame:
    """The events of concursos (`silent`) without any, as `eventos`: registered when they happened, as far as one can know.

    The call; the opening of offers, once the status is past Vigente; each date at which suppliers were awarded, awards
    disabled, contracts or documents registered; and the status of today, where those lead to another one, at the last
    change.
    """
    if silent.is_empty():
        return rows["eventos"].clear()
    past = pl.col("estatus_concurso").replace_strict(_opened(), default=0) == 1
    disabled = pl.col("estado") == "inhabilitado"
    told = [
        _dated(silent, "publicacion", "fecha_publicacion", _CALLED),
        _dated(silent.filter(past), "recepcion_ofertas", "fecha_cro", _OPENED),
        _dated(rows["documentos"].filter(pl.col("contrato_id").is_null()), "cambio_estatus", "fecha_publicacion"),
        _dated(rows["adjudicaciones"], "adjudicacion", "fecha_adjudicacion", _AWARDED),
        _dated(rows["adjudicaciones"].filter(disabled), "inhabilitacion", "fecha_estado"),
        _dated(rows["contratos"], "contrato", pl.coalesce("fecha_registro", "fecha_suscripcion")),
    ]
    of_those = silent.select("nog", "fecha_publicacion", "fecha_actualizacion", now="estatus_concurso")
    dated = pl.concat([frame.with_columns(rank=pl.lit(rank)) for rank, frame in enumerate(told)]).join(
        of_those, on="nog"
    )
    # What is dated before the call was known with it.
    dated = dated.filter((pl.col("rank") == 0) | (pl.col("at") > pl.col("fecha_publicacion")))
    second = pl.col("at").dt.truncate("1s").alias("second")
    events = dated.group_by("nog", second, "rank").agg(pl.col("at").max(), pl.exclude("at").first())
    events = events.sort("nog", "second", "rank")
    ends = events.group_by("nog", maintain_order=True).agg(
        pl.col("now", "fecha_actualizacion", "at").last(), pl.col("status").drop_nulls().last()
    )
    last = ends.filter(pl.col("status") != pl.col("now")).select(
        "nog",
        tipo=pl.lit("cambio_estatus"),
        at=pl.max_horizontal("at", "fecha_actualizacion"),
        status="now",
    )
    place = pl.int_range(pl.len()).over("nog").cast(pl.String).str.zfill(6)
    return pl.concat([events.select(last.columns), last]).select(
        evento_id=pl.format("{}-{}", "nog", place),
        nog="nog",
        tipo="tipo",
        estatus_concurso="status",
        fecha_evento="at",
        fecha_registro=pl.col("at").cast(rows["eventos"].schema["fecha_registro"]),
    )


def _dated(rows: pl.DataFrame, kind: str, date: str | pl.Expr, status: int | None = None) -> pl.DataFrame:
    """Events of a kind, one a row that has the date: nog, tipo, at, status (null: as it was)."""
    at = pl.col(date) if isinstance(date, str) else date
    events = rows.select("nog", tipo=pl.lit(kind), at=at, status=pl.lit(status, pl.Int64))
    return events.filter(pl.col("at").is_not_null())


def _with_ids(events: pl.DataFrame) -> pl.DataFrame:
    """Add `id`: ticks of the registration; of events of a NOG with the same ticks the next ones take the next ticks."""
    ticks = pl.col("fecha_registro").dt.replace_time_zone(None).dt.timestamp("ns") // 100 + TICKS_AT_1970
    rank = pl.int_range(pl.len()).over("nog")
    distinct = ((pl.col("ticks") - rank).cum_max().over("nog") + rank).alias("ticks")
    numbered = events.with_columns(ticks=ticks).sort("nog", "ticks", "evento_id").with_columns(distinct)
    named = numbered.with_columns(id=pl.format("GT-NOG-{}-T{}", "nog", "ticks"))
    return named.sort("nog", "seq").drop("ticks")


def tagged(state: pl.DataFrame) -> pl.DataFrame:
    """Add `tag`, a release's tags by what its event is: an award tag needs an award in the release, likewise contracts.

    Reads nog, seq, tipo, tender_status (OCDS), awards and contracts (null: none) of rows in order. The first release of
    a NOG is a `tender` whatever else it is, and the only one.
    """
    kind = pl.col("tipo").fill_null("cambio_estatus")
    state = state.with_columns(
        _kind=kind,
        _first=kind.replace_strict(catalogs.mapping("eventos", "tipo", "tag_first")),
        _again=kind.replace_strict(catalogs.mapping("eventos", "tipo", "tag_again")),
        _cancelled=(pl.col("tender_status") == "cancelled").fill_null(False),
    )
    lacking = (pl.col("_first").str.starts_with("award") & pl.col("awards").is_null()) | (
        pl.col("_first").str.starts_with("contract") & pl.col("contracts").is_null()
    )
    state = state.with_columns(_founded=~lacking)
    place = pl.col("_founded").cum_sum().over("nog", "_kind")
    tag = (
        pl.when(~pl.col("_founded"))
        .then(pl.lit("tenderUpdate"))
        .when(pl.col("_kind") == "cambio_estatus", pl.col("_cancelled"))
        .then(pl.lit("tenderCancellation"))
        # What is annulled while the call for tenders stands is the contract.
        .when(pl.col("_kind") == "anulacion", ~pl.col("_cancelled"), pl.col("contracts").is_not_null())
        .then(pl.lit("contractTermination"))
        .when(place == 1)
        .then("_first")
        .otherwise("_again")
    )
    state = state.with_columns(_tag=tag)
    opening = pl.col("seq") == 0
    lone = (
        pl.when(opening, pl.col("_tag") == "tenderUpdate")
        .then(pl.lit("tender"))
        .when(~opening, pl.col("_tag") == "tender")
        .then(pl.lit("tenderUpdate"))
        .otherwise("_tag")
    )
    state = state.with_columns(_tag=lone)
    several = pl.when(opening, pl.col("_tag") != "tender").then(pl.concat_list(pl.lit("tender"), "_tag"))
    return state.with_columns(tag=several.otherwise(pl.concat_list("_tag"))).select(pl.exclude("^_.*$"))
