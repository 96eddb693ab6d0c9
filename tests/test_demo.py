"""The synthetic source: the same everywhere, within the contract, coherent, and as the real months are in number."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guatecompras import snapshot
from guatecompras.contract import TABLES
from guatecompras.demo import HORIZON_DAYS, DemoMonth, month_tables
from guatecompras.demo import month as demo_month
from guatecompras.demo.draws import Draws, Quantiles, weighted
from guatecompras.demo.world import nits, world
from guatecompras.errors import GuatecomprasError, MonthError, SourceError
from guatecompras.months import Month
from resources.sources.demo import DemoSource, demo_chunks
from resources.sources.uri import open_source

MAY = Month(2026, 5)
SIZE = 17_426  # the official file of May 2026
Tables = dict[str, pl.DataFrame]


def joined(chunks: Iterator[Tables]) -> Tables:
    parts = list(chunks)
    return {name: pl.concat([part[name] for part in parts]) for name in TABLES}


@pytest.fixture(scope="module")
def may() -> Tables:
    return joined(month_tables(MAY, SIZE, 1))


def counts(frame: pl.DataFrame, size: int = SIZE) -> float:
    return frame.height / size


# The same everywhere.

DIGEST = """
import hashlib
from guatecompras.demo import month_tables
from guatecompras.months import Month
digest = hashlib.sha256()
for chunk in month_tables(Month(2025, 11), 6_000, 7):
    for frame in chunk.values():
        digest.update(frame.write_ndjson().encode())
print(digest.hexdigest())
"""


def run(code: str, **environment: str) -> str:
    root = str(Path(__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": root} | environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_two_processes_give_the_same_bytes() -> None:
    first = run(DIGEST, PYTHONHASHSEED="1", POLARS_MAX_THREADS="1", TZ="UTC")
    second = run(DIGEST, PYTHONHASHSEED="2", POLARS_MAX_THREADS="4", TZ="Asia/Tokyo")
    assert first == second


def test_chunks_do_not_decide_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = joined(month_tables(MAY, 300, 3))
    monkeypatch.setattr(demo_month, "CHUNK", 77)
    pieces = list(month_tables(MAY, 300, 3))
    assert [piece["concursos"].height for piece in pieces] == [77] * 3 + [69]
    for name, frame in joined(iter(pieces)).items():
        assert frame.equals(whole[name]), name


def test_a_table_alone_is_the_table_of_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_month, "CHUNK", 90)
    monkeypatch.setattr(demo_month, "_KEPT_PLANS", 1)  # so that some are decided again
    tables = DemoMonth(MAY, 220, 3)
    whole = joined(month_tables(MAY, 220, 3))
    for name in TABLES:
        assert pl.concat(tables.table(name)).equals(whole[name]), name


def test_another_seed_is_another_month() -> None:
    one, two = (joined(month_tables(MAY, 200, seed)) for seed in (1, 2))
    for name in TABLES:
        assert not one[name].equals(two[name]), name


# Within the contract.


def test_types_keys_and_order(may: Tables) -> None:
    for name, table in TABLES.items():
        frame = may[name]
        assert dict(frame.schema) == table.schema, name
        assert frame.select(table.key).is_unique().all(), name
        assert frame.select("nog", *table.order).equals(frame.select("nog", *table.order).sort("nog", *table.order)), (
            name
        )
        required = [column.name for column in table.columns if not column.optional]
        assert frame.select(required).null_count().sum_horizontal().item() == 0, name


# What follows a call may take years, and dates from 2100 on are not plausible.
@given(size=st.integers(1, 60), seed=st.integers(0, 2**63 - 1), year=st.integers(2020, 2090), number=st.integers(1, 12))
@settings(max_examples=5)
def test_any_month_arrives_without_a_reject(
    tmp_path_factory: pytest.TempPathFactory, size: int, seed: int, year: int, number: int
) -> None:
    month = Month(year, number)
    with DemoSource(size, seed).open(month) as reading:
        taken = snapshot.take(reading, month, tmp_path_factory.mktemp("snapshot"))
    assert taken.rows["rechazos"] == 0
    assert taken.rows["concursos"] == size


def test_a_larger_month_arrives_without_a_reject(tmp_path: Path) -> None:
    with open_source("demo:?size=6000&seed=1").open(MAY) as reading:
        taken = snapshot.take(reading, MAY, tmp_path)
    assert taken.rows["rechazos"] == 0
    assert not taken.missing


def test_months_share_no_nog() -> None:
    months = [Month(2025, 12), Month(2026, 1), Month(2026, 2)]
    nogs = [next(month_tables(month, 3_000, 1))["concursos"]["nog"] for month in months]
    for before, after in pairwise(nogs):
        assert before.max() < after.min()  # type: ignore[operator]
    assert all(of_month.is_unique().all() and of_month.is_sorted() for of_month in nogs)
    assert pl.concat(nogs).cast(pl.String).str.len_chars().unique().to_list() == [8]
    largest = pl.Series([0, 249_999], dtype=pl.UInt64)  # the places of the largest month with eight digits
    ends = [demo_month._nogs(month, 250_000, Draws(1), largest).to_list() for month in (MAY, MAY.next())]
    assert ends == [[31_000_000, 31_249_999], [31_250_000, 31_499_999]]


def test_huge_months_have_room() -> None:
    one, two = (next(month_tables(month, 300_000, 1))["concursos"]["nog"] for month in (MAY, MAY.next()))
    assert one.is_unique().all()
    assert two.min() - one.min() == pytest.approx(10_000_000, abs=50)  # type: ignore[operator]
    assert len(str(two.max())) == 10


# Coherent.


def test_publication_is_in_the_month(may: Tables) -> None:
    published = may["concursos"]["fecha_publicacion"].dt.replace_time_zone(None)
    assert published.min() >= MAY.start  # type: ignore[operator]
    assert published.max() < MAY.end  # type: ignore[operator]
    assert (published.dt.weekday() <= 5).mean() > 0.95  # type: ignore[operator]
    assert (may["concursos"]["fecha_cro"] > may["concursos"]["fecha_publicacion"]).all()


def test_events_follow_each_other_and_end_with_the_status(may: Tables) -> None:
    events = may["eventos"].with_columns(
        before=pl.col("fecha_evento").shift().over("nog"), known=pl.col("fecha_registro").shift().over("nog")
    )
    assert events.filter(pl.col("fecha_evento") <= pl.col("before")).is_empty()
    assert events.filter(pl.col("fecha_registro") <= pl.col("known")).is_empty()
    first = events.filter(pl.col("before").is_null())
    assert first["tipo"].unique().to_list() == ["publicacion"]
    assert first["nog"].equals(may["concursos"]["nog"])
    last = may["eventos"].group_by("nog", maintain_order=True).last().join(may["concursos"], on="nog")
    assert (last["estatus_concurso"] == last["estatus_concurso_right"]).all()
    updated = last["fecha_actualizacion"].dt.cast_time_unit("ns")
    assert (updated >= last["fecha_registro"]).all()
    assert ((updated - last["fecha_registro"]).dt.total_seconds() <= 1).all()


def test_each_event_is_known_the_next_night(may: Tables) -> None:
    events = may["eventos"]
    nights = (events["fecha_registro"].dt.date() - events["fecha_evento"].dt.date()).dt.total_days()
    assert set(nights) == {1}
    assert set(events["fecha_registro"].dt.hour()) == {1}
    nanoseconds = events["fecha_registro"].dt.nanosecond()
    assert (nanoseconds % 100 == 0).all()
    assert (nanoseconds % 1_000 != 0).mean() > 0.8  # type: ignore[operator]  # seven digits


def test_nothing_happens_after_the_horizon(may: Tables) -> None:
    end = MAY.end + timedelta(days=HORIZON_DAYS)
    for month in (MAY, Month(2024, 2), Month(2020, 12)):
        assert DemoMonth(month, 3_000, 5).last_update() < month.end + timedelta(days=HORIZON_DAYS)
    for name, column in (
        ("eventos", "fecha_registro"),
        ("documentos", "fecha_publicacion"),
        ("contratos", "fecha_registro"),
    ):
        assert may[name][column].dt.replace_time_zone(None).max() < end  # type: ignore[operator]


def test_every_path_is_walked(may: Tables) -> None:
    ends = set(may["concursos"]["estatus_concurso"])
    assert ends == {1, 2, 3, 4, 5, 18, 20}
    assert set(may["eventos"]["tipo"]) == set(TABLES["eventos"].column("tipo").codes or ())
    reopened = may["eventos"].filter((pl.col("estatus_concurso") == 1) & (pl.col("tipo") == "cambio_estatus"))
    assert reopened.height > SIZE * 0.01


def test_offers_come_in_time_from_parties(may: Tables) -> None:
    offers = may["ofertas"].join(may["concursos"], on="nog")
    assert offers.filter(~pl.col("fecha").is_between("fecha_publicacion", "fecha_cro")).is_empty()
    assert may["ofertas"].select("nog", "proveedor").is_unique().all()
    party = pl.format("{}-{}", "esquema", "identificador")
    sellers = may["partes"].select("nog", proveedor=party)
    for name in ("ofertas", "adjudicaciones"):
        assert may[name].join(sellers, on=["nog", "proveedor"], how="anti").is_empty(), name
    bidders = may["partes"].filter(pl.col("esquema").is_in(["GT-NIT", "GT-GCID"])).group_by("nog").len()
    assert bidders.sort("nog").equals(may["ofertas"].group_by("nog").len().sort("nog"))


def test_offers_stay_sealed_until_an_opening(may: Tables) -> None:
    opened = may["eventos"].filter(~pl.col("estatus_concurso").is_in([1, 18])).select("nog").unique()
    assert may["ofertas"].join(opened, on="nog", how="anti").is_empty()


def test_the_number_of_bidders_is_given_only_without_offers(may: Tables) -> None:
    offers = may["ofertas"].select("nog").unique()
    assert may["concursos"].join(offers, on="nog")["numero_oferentes"].null_count() == offers.height
    assert set(may["concursos"]["numero_oferentes"].drop_nulls()) == {0}


def test_awards_go_to_bidders_after_the_close(may: Tables) -> None:
    awards = may["adjudicaciones"].join(may["concursos"], on="nog")
    assert awards.filter(pl.col("fecha_adjudicacion") <= pl.col("fecha_cro")).is_empty()
    bids = may["ofertas"].filter(pl.col("estado") == "valida")
    won = awards.join(bids, on=["nog", "proveedor"], how="inner", suffix="_oferta")
    assert won.height == awards.height
    assert won.filter(pl.col("monto") > pl.col("monto_oferta")).is_empty()
    events = may["eventos"].filter(pl.col("tipo") == "adjudicacion").select("nog", fecha_adjudicacion="fecha_evento")
    assert awards.join(events, on=["nog", "fecha_adjudicacion"], how="anti").is_empty()
    assert events.join(awards, on=["nog", "fecha_adjudicacion"], how="anti").is_empty()
    identifier = pl.format("GT-ADJ-{}-{}", "nog", pl.col("proveedor").str.replace("^GT-(NIT|GCID)-", ""))
    assert awards.filter(pl.col("adjudicacion_id") != identifier).is_empty()


def test_lost_awards_have_their_event(may: Tables) -> None:
    lost = may["adjudicaciones"].filter(pl.col("estado") == "inhabilitado")
    assert lost["fecha_estado"].null_count() == 0
    assert may["adjudicaciones"].filter(pl.col("estado") == "habilitado")["fecha_estado"].drop_nulls().is_empty()
    ends = (
        may["eventos"]
        .filter(pl.col("tipo").is_in(["inhabilitacion", "anulacion"]))
        .select("nog", fecha_estado="fecha_evento")
    )
    assert lost.join(ends, on=["nog", "fecha_estado"], how="anti").is_empty()
    standing = may["adjudicaciones"].filter(pl.col("estado") == "habilitado").select("nog").unique()
    awarded = may["concursos"].filter(pl.col("estatus_concurso") == 3).select("nog")
    assert standing.sort("nog").equals(awarded.sort("nog"))


def test_contracts_belong_to_standing_awards(may: Tables) -> None:
    contracts = may["contratos"].join(may["adjudicaciones"], on=["nog", "adjudicacion_id"], suffix="_adj")
    assert contracts.height == may["contratos"].height
    assert set(contracts["estado_adj"]) == {"habilitado"}
    assert (contracts["monto"] == contracts["monto_adj"]).all()
    assert (contracts["fecha_adjudicacion"] < contracts["fecha_suscripcion"]).all()
    assert (contracts["fecha_suscripcion"] < contracts["fecha_registro"]).all()
    assert (contracts["fecha_suscripcion"] < contracts["vigencia_inicio"]).all()
    assert (contracts["vigencia_inicio"] < contracts["vigencia_fin"]).all()
    events = may["eventos"].filter(pl.col("tipo") == "contrato").select("nog", "fecha_evento")
    assert contracts.select("nog", fecha_evento="fecha_registro").sort("nog").equals(events.sort("nog"))


def test_documents_belong_to_an_event(may: Tables) -> None:
    signed = may["documentos"].filter(pl.col("contrato_id").is_not_null())
    contracts = may["contratos"].select("nog", "contrato_id", fecha_publicacion="fecha_registro")
    assert signed.join(contracts, on=["nog", "contrato_id", "fecha_publicacion"], how="anti").is_empty()
    assert signed.select("nog").n_unique() == may["contratos"].height
    modified = may["eventos"].filter(pl.col("tipo") == "modificacion").select("nog", fecha_publicacion="fecha_evento")
    assert modified.join(may["documentos"], on=["nog", "fecha_publicacion"], how="anti").is_empty()
    last = may["eventos"].group_by("nog").agg(pl.col("fecha_evento").max())
    assert (
        may["documentos"].join(last, on="nog").filter(pl.col("fecha_publicacion") > pl.col("fecha_evento")).is_empty()
    )
    url = r"^http://www\.guatecompras\.gt/concursos/files/(\d+)/(\d+)@[\w%.-]+\.(\w+)$"
    parts = may["documentos"].select("nog", "extension", found=pl.col("url").str.extract_groups(url)).unnest("found")
    assert (parts["2"].cast(pl.Int64) == parts["nog"]).all()
    assert (parts["1"].cast(pl.Int64) == parts["nog"] // 5_000 + 1).all()
    assert (parts["3"] == parts["extension"]).all()


def test_items_and_their_characteristics(may: Tables) -> None:
    items, features = may["renglones"], may["caracteristicas"]
    assert items["nog"].unique(maintain_order=True).equals(may["concursos"]["nog"])
    assert features.join(items, on=["nog", "renglon_id"], how="anti").is_empty()
    per_item = features.group_by("nog", "renglon_id").agg(
        pl.col("orden").min().alias("low"), pl.col("orden").max().alias("high"), pl.len()
    )
    assert per_item.height == items.height
    assert ((per_item["low"] == 1) & (per_item["high"] == per_item["len"]) & (per_item["len"] >= 2)).all()
    assert items["unspsc"].str.contains(r"^\d{8}$").all()
    assert (items["cantidad"].cast(pl.Float64) > 0).all()
    for frame, column in ((items, "renglon_id"), (features, "caracteristica_id"), (may["ofertas"], "oferta_id")):
        assert frame[column].str.contains(r"^[0-9A-F]{32}$").all()
        assert frame[column].is_unique().all()


def test_buyers_are_parties(may: Tables) -> None:
    calls, parties = may["concursos"], may["partes"]
    entities = parties.filter(pl.col("esquema") == "GT-CISP")
    assert entities["nog"].equals(calls["nog"])
    assert entities["identificador"].str.contains(r"^\d{8}$").all()
    assert entities["nit"].null_count() == 0
    units = parties.filter(pl.col("esquema") == "GT-GCUC").join(calls, on="nog").join(entities, on="nog", suffix="_ent")
    assert (
        units["identificador"]
        == units.select(pl.format("{}-{}", "entidad_compradora", "unidad_compradora")).to_series()
    ).all()
    assert (units["miembro_de"] == "GT-CISP-" + units["identificador_ent"]).all()
    alone = calls.filter(pl.col("unidad_compradora") == 0)
    assert alone.height + units.height == calls.height
    # one entity, one description, one NIT
    assert (
        entities.select(pl.exclude("nog", "contactos_adicionales")).unique().height
        == entities["identificador"].n_unique()
    )


def test_amounts_keep_to_the_law(may: Tables) -> None:
    calls = may["concursos"].select("nog", "modalidad", "valor_estimado")
    bids = may["ofertas"].join(calls, on="nog").with_columns(pl.col("monto", "valor_estimado").cast(pl.Float64))
    assert bids["monto"].min() > 0  # type: ignore[operator]
    for modality, low, high in ((1, 0.01, 90_000.0), (3, 80_000.0, 900_000.0), (4, 800_000.0, 2e8)):
        assert bids.filter(pl.col("modalidad") == modality)["monto"].is_between(low, high).all(), modality
    assert may["concursos"].filter((pl.col("sub_modalidad").is_not_null()) != (pl.col("modalidad") == 6)).is_empty()


def test_names_are_as_guatecompras_writes_them(may: Tables) -> None:
    sellers = may["partes"].filter(pl.col("esquema") == "GT-NIT").unique("identificador")
    people = sellers.filter(pl.col("tipo_persona_id") == "0")
    assert people["nombre"].str.contains(r"^[^,]+,[^,]+,,[^,]+,[^,]+$").all()
    companies = sellers.filter(pl.col("tipo_persona_id") == "2")
    assert companies["nombre"].str.ends_with(", SOCIEDAD ANÓNIMA").all()
    assert companies["nombre"].is_unique().all()
    foreign = may["partes"].filter(pl.col("esquema") == "GT-GCID")
    assert foreign["identificador"].str.contains(r"^[A-Z]{2}-[0-9A-F]{32}$").all()
    assert 0.003 < foreign.height / may["ofertas"].height < 0.03
    titles = may["concursos"]["descripcion"]
    for habit, least in (("<br />", 0.3), ("\t", 0.2), ("  ", 0.02)):
        assert titles.str.contains(habit, literal=True).mean() > least  # type: ignore[operator]


# NITs.


def python_nit(body: int) -> str:
    total = sum(int(digit) * (place + 2) for place, digit in enumerate(reversed(str(body))))
    return f"{body}{'0123456789K'[-total % 11]}"


def test_known_nits() -> None:
    known = ["4132726", "6200060", "2342855", "7894880", "5073065", "15830195", "117115479"]
    assert nits(pl.Series([int(nit[:-1]) for nit in known])).to_list() == known


@given(st.lists(st.integers(1, 999_999_999), min_size=1, max_size=50))
@settings(max_examples=30)
def test_nits_as_written_out(bodies: list[int]) -> None:
    assert nits(pl.Series(bodies, dtype=pl.Int64)).to_list() == [python_nit(body) for body in bodies]


def test_every_nit_is_valid_and_one_s_own() -> None:
    country = world(1)
    sellers = country.suppliers.filter(pl.col("esquema") == "GT-NIT")["identificador"]
    all_nits = pl.concat([sellers, country.entities["nit"]])
    assert all_nits.is_unique().all()
    assert all(python_nit(int(nit[:-1])) == nit for nit in all_nits)
    assert 0.03 < sellers.str.ends_with("K").mean() < 0.15  # type: ignore[operator]


# As real months are.


def test_rows_per_concurso(may: Tables) -> None:
    """The official file of May 2026, cut on the 15th, as its finished concursos would be."""
    assert 2.0 < counts(may["eventos"]) < 2.65
    assert counts(may["partes"]) == pytest.approx(3.42, rel=0.08)
    assert counts(may["renglones"]) == pytest.approx(1.48, rel=0.05)
    assert counts(may["caracteristicas"]) == pytest.approx(4.72, rel=0.06)
    assert counts(may["documentos"]) == pytest.approx(3.33, rel=0.06)
    assert 1.37 < counts(may["ofertas"]) < 1.8
    assert 0.6 < counts(may["adjudicaciones"]) < 0.72
    assert 0.03 < may["contratos"].height / may["adjudicaciones"].height < 0.06


def test_shares(may: Tables) -> None:
    calls = may["concursos"]

    def share(column: str, value: object) -> float:
        return calls.filter(pl.col(column) == value).height / SIZE

    assert share("modalidad", 1) == pytest.approx(0.945, abs=0.01)
    assert share("entidad_compradora", 52) == pytest.approx(0.65, abs=0.02)
    assert share("entidad_compradora", 9) == pytest.approx(0.142, abs=0.01)
    assert share("recepcion_ofertas", "electronica") == pytest.approx(0.968, abs=0.01)
    assert share("objeto", "bienes") == pytest.approx(0.80, abs=0.03)
    assert share("objeto", "obras") == pytest.approx(0.013, abs=0.006)
    assert share("unidad_compradora", 0) == pytest.approx(0.009, abs=0.004)
    for status, expected in ((3, 0.65), (5, 0.12), (4, 0.13), (20, 0.065), (2, 0.024)):
        assert share("estatus_concurso", status) == pytest.approx(expected, abs=0.015), status
    units = calls.filter(pl.col("entidad_compradora") == 52)["unidad_compradora"].n_unique()
    assert units > 50
    pdf = may["documentos"].filter(pl.col("extension") == "pdf").height / may["documentos"].height
    assert pdf == pytest.approx(0.774, abs=0.01)


def test_bidders_amounts_and_days(may: Tables) -> None:
    bidders = may["ofertas"].group_by("nog").len()["len"]
    for number, expected in ((1, 0.57), (2, 0.187), (3, 0.107), (4, 0.054)):
        assert (bidders == number).mean() == pytest.approx(expected, abs=0.02), number
    direct = may["adjudicaciones"].join(may["concursos"].filter(pl.col("modalidad") == 1), on="nog")
    amounts = direct["monto"].cast(pl.Float64)
    assert amounts.median() == pytest.approx(67_680, rel=0.06)
    assert (amounts > 85_000).mean() > 0.2  # type: ignore[operator]  # the cluster under the ceiling
    days = (direct["fecha_adjudicacion"] - direct["fecha_publicacion"]).dt.total_minutes() / 1_440
    assert days.median() == pytest.approx(9.96, abs=1.5)
    assert days.quantile(0.95) == pytest.approx(36.2, abs=4)


def test_presence_in_parties(may: Tables) -> None:
    parties = may["partes"]
    present = {name: 1 - parties[name].null_count() / parties.height for name in parties.columns}
    for name, expected, room in (
        ("miembro_de", 0.2914, 0.02),
        ("contacto_correo", 0.9964, 0.005),
        ("contacto_telefono", 0.9991, 0.002),
        ("contacto_fax", 0.4623, 0.05),
        ("contactos_adicionales", 0.0686, 0.02),
        ("tipo_id", 0.583, 0.04),
        ("nivel_id", 0.2916, 0.02),
        ("tipo_persona_id", 0.4168, 0.04),
    ):
        assert present[name] == pytest.approx(expected, abs=room), name


@pytest.mark.slow
def test_memory_does_not_grow_with_the_month() -> None:
    code = """
import resource
from guatecompras.contract import TABLES
from guatecompras.months import Month
from resources.sources.demo import DemoSource
with DemoSource(200_000).open(Month(2026, 5)) as reading:
    for name in TABLES:
        for frame in reading.batches(name):
            pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    assert int(run(code)) < 500


# The draws.


def test_draws_depend_on_their_place_only() -> None:
    draws, places = Draws(1, "a"), pl.int_range(0, 1_000, eager=True, dtype=pl.UInt64)
    assert draws.bits("x", places)[400:410].equals(draws.bits("x", places[400:410]))
    assert not draws.bits("x", places).equals(draws.bits("y", places))
    assert not draws.bits("x", places).equals(Draws(1, "b").bits("x", places))


def test_draws_are_splitmix64() -> None:
    """The reference: the first outputs of SplitMix64 seeded 1234567. Ours seed it with the hash of the stream's name."""
    mask = 2**64 - 1

    def reference(seed: int, step: int) -> int:
        z = (seed + step * 0x9E3779B97F4A7C15) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    assert [reference(1234567, step) for step in (1, 2)] == [6457827717110365317, 3203168211198807973]
    seed = int.from_bytes(hashlib.blake2b(b"1/a/x", digest_size=8).digest(), "little")
    steps = [0, 1, 2, 2**40]
    drawn = Draws(1, "a").bits("x", pl.Series(steps, dtype=pl.UInt64)).to_list()
    assert drawn == [reference(seed, step) for step in steps]


@given(st.integers(1, 2**32))
@settings(max_examples=20)
def test_below_stays_below(bound: int) -> None:
    drawn = Draws(1).below("x", pl.int_range(0, 500, eager=True, dtype=pl.UInt64), bound)
    assert drawn.min() >= 0  # type: ignore[operator]
    assert drawn.max() < bound  # type: ignore[operator]


def test_weighted_and_quantiles() -> None:
    slots = weighted([7, 9], [3, 1])
    assert slots.len() == 65_536
    assert (slots == 7).sum() == 49_152
    line = Quantiles([[0, 5, 25, 50, 75, 95, 100], [0, 0, 0, 10, 10, 10, 20]])
    units = pl.Series([0.0, 0.5, 0.975, 0.375])
    assert line.at(pl.Series([0, 0, 0, 0]), units).to_list() == pytest.approx([0, 50, 97.5, 37.5])
    assert line.at(pl.Series([1, 1, 1, 1]), units).to_list() == pytest.approx([0, 10, 15, 5])


# The source.


def test_uris() -> None:
    source = DemoSource.from_uri("demo:?size=40&seed=9&first=2025-11&months=2")
    assert source.uri == "demo:?size=40&seed=9&first=2025-11&months=2"
    with source.open(Month(2023, 4)) as reading:
        calls = pl.concat(reading.batches("concursos"))
        assert reading.missing == frozenset()
    assert calls.equals(joined(month_tables(Month(2023, 4), 40, 9))["concursos"])
    assert list(DemoSource.from_uri("demo:").watermarks()) == ["2026-01", "2026-02", "2026-03"]
    assert open_source("demo:?size=10").uri == "demo:?size=10&seed=1&first=2026-01&months=3"


def test_watermarks_are_the_latest_updates() -> None:
    source = DemoSource.from_uri("demo:?size=120&seed=9&first=2025-11&months=2")
    marks = source.watermarks()
    assert list(marks) == ["2025-11", "2025-12"]
    for name, mark in marks.items():
        with source.open(Month.parse(name)) as reading:
            latest = pl.concat(reading.batches("concursos"))["fecha_actualizacion"]
        assert latest.dt.replace_time_zone(None).max() == mark
    assert marks == source.watermarks()


@pytest.mark.parametrize(
    "uri",
    [
        "demo:?size=0",
        "demo:?size=many",
        "demo:?size=-5",
        "demo:?size=1e3",
        "demo:?size=99999999999999999999",
        "demo:?seed=",
        "demo:?sise=5",
        "demo:?size",
        "demo:?size=5&size=6",
        "demo:?first=2026-13",
        "demo:?first=2019-12",
        "demo:?first=2099-12&months=2",
        "demo:?months=0",
        "demo:folder?size=5",
        "demos:?size=5",
    ],
)
def test_bad_uris_are_one_clear_line(uri: str) -> None:
    with pytest.raises(SourceError) as caught:
        DemoSource.from_uri(uri)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 160


def test_months_that_there_are_not() -> None:
    with pytest.raises(SourceError, match="2019-12"), DemoSource().open(Month(2019, 12)):
        pass
    with pytest.raises(MonthError):
        month_tables(Month(2100, 1), 5, 1)
    with pytest.raises(ValueError, match="size"):
        month_tables(MAY, 0, 1)


def test_an_error_inside_the_reading_is_not_the_source_s() -> None:
    class OtherError(GuatecomprasError):
        pass

    with pytest.raises(OtherError), DemoSource(5).open(MAY):
        raise OtherError


def test_demo_chunks_give_whole_months_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_month, "CHUNK", 20)
    given_chunks = list(demo_chunks(Month(2025, 12), 2, 50, 4))
    assert [name for name, _ in given_chunks] == list(TABLES) * 6
    whole = [joined(month_tables(month, 50, 4)) for month in (Month(2025, 12), Month(2026, 1))]
    for name in TABLES:
        found = pl.concat(frame for table, frame in given_chunks if table == name)
        assert found.equals(pl.concat(month[name] for month in whole)), name
    with pytest.raises(ValueError, match="months"):
        list(demo_chunks(MAY, 0, 5, 1))
