"""The events of some NOGs as the releases they become: their order, their ids, their status and their tags."""

import polars as pl

from guatecompras import catalogs

# .NET counts ticks of 100 ns from year 1, Polars nanoseconds from 1970.
_TICKS_AT_1970 = 621_355_968_000_000_000


def in_order(eventos: pl.DataFrame, concursos: pl.DataFrame) -> pl.DataFrame:
    """One row a release, by nog and date: nog, seq, fecha_evento, fecha_registro, id, estatus_concurso, opened, last, tipo.

    `seq`: its place in its NOG, from 0; `opened`: offers are no longer sealed; `last`: the NOG's latest registration.
    """
    spoken = pl.concat([eventos, _silent(eventos, concursos)])
    date = pl.col("fecha_evento").dt.truncate("1s")
    ordered = spoken.sort("nog", date, "fecha_registro", "evento_id", maintain_order=True)
    ordered = ordered.with_columns(seq=pl.int_range(pl.len()).over("nog"))
    opened = catalogs.mapping("estatus", "id", "opened")
    status = pl.col("estatus_concurso").forward_fill().over("nog")
    return _with_ids(ordered).with_columns(
        estatus_concurso=status,
        opened=status.replace_strict(opened, default=0).cum_max().over("nog") == 1,
        last=pl.col("fecha_registro").max().over("nog"),
    )


def _silent(eventos: pl.DataFrame, concursos: pl.DataFrame) -> pl.DataFrame:
    """A NOG without any event is published as it stands, by its own dates."""
    silent = concursos.join(eventos.select("nog").unique(), on="nog", how="anti", maintain_order="left")
    registered = pl.coalesce("fecha_actualizacion", "fecha_publicacion")
    return silent.select(
        evento_id=pl.format("{}-publicacion", "nog"),
        nog="nog",
        tipo=pl.lit("publicacion"),
        estatus_concurso="estatus_concurso",
        fecha_evento="fecha_publicacion",
        fecha_registro=registered.cast(eventos.schema["fecha_registro"]),
    )


def _with_ids(events: pl.DataFrame) -> pl.DataFrame:
    """Add `id`: ticks of the registration; of events of a NOG with the same ticks the next ones take the next ticks."""
    ticks = pl.col("fecha_registro").dt.replace_time_zone(None).dt.timestamp("ns") // 100 + _TICKS_AT_1970
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
