"""Planted schemes: what is planted is within the contract, its actors are its own, and the base month knows nothing of it."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from guatecompras import snapshot
from guatecompras.contract import TABLES
from guatecompras.demo import HORIZON_DAYS, DemoMonth, month_tables
from guatecompras.demo.plan import nogs_of
from guatecompras.demo.schemes import SCHEMES, truth
from guatecompras.demo.schemes.cases import UNITS
from guatecompras.demo.schemes.stages import cases, stage_world
from guatecompras.demo.world import world
from guatecompras.errors import SourceError
from guatecompras.months import Month
from guatecompras.nit import is_valid
from pipelines.cli import main
from resources.sources.demo import DemoSource

MAY, JUNE = Month(2026, 5), Month(2026, 6)
SIZE, SEED = 120, 1
Tables = dict[str, pl.DataFrame]


def joined(chunks: Iterator[Tables]) -> Tables:
    parts = list(chunks)
    return {name: pl.concat([part[name] for part in parts]) for name in TABLES}


@pytest.fixture(scope="module")
def planted() -> Tables:
    return list(month_tables(MAY, SIZE, SEED, schemes=True))[-1]


@pytest.fixture(scope="module")
def told() -> pl.DataFrame:
    return truth(MAY, SIZE, SEED)


def of(told: pl.DataFrame, indicator: str, decoy: bool) -> pl.DataFrame:
    return told.filter((pl.col("indicator") == indicator) & (pl.col("decoy") == decoy)).select("nog")


# Without them nothing changes.

_DIGESTS = {
    "concursos": "ac9ad40cac29db75",
    "eventos": "a5b2d3f6e00d193c",
    "partes": "e77e5eed9f7e7b03",
    "renglones": "bd76ab924e3bf7f1",
    "caracteristicas": "d2d0026ef293c1b9",
    "ofertas": "407521859ce9dc85",
    "adjudicaciones": "3128278b43e96e1c",
    "contratos": "703f0edacd7d5324",
    "documentos": "bd8330358993ab80",
}


def test_months_without_schemes_keep_the_bytes_they_have_always_had() -> None:
    tables = joined(month_tables(MAY, 700, 3))
    found = {name: hashlib.sha256(frame.write_ndjson().encode()).hexdigest()[:16] for name, frame in tables.items()}
    assert found == _DIGESTS


def test_what_is_planted_follows_a_month_that_stays_as_it_is() -> None:
    base, *rest = list(month_tables(MAY, SIZE, SEED, schemes=True))
    plain = joined(month_tables(MAY, SIZE, SEED))
    assert all(base[name].equals(plain[name]) for name in TABLES)
    assert len(rest) == 1
    assert rest[0]["concursos"].height == len(cases(MAY, SEED))
    assert base["concursos"]["nog"].max() < rest[0]["concursos"]["nog"].min()  # type: ignore[operator]


# The same everywhere, and within the contract.

_DIGEST = """
import hashlib
from guatecompras.demo import month_tables
from guatecompras.demo.schemes import truth
from guatecompras.errors import SourceError
from guatecompras.months import Month
digest = hashlib.sha256(truth(Month(2025, 11), 40, 7).write_ndjson().encode())
for chunk in month_tables(Month(2025, 11), 40, 7, schemes=True):
    for frame in chunk.values():
        digest.update(frame.write_ndjson().encode())
print(digest.hexdigest())
"""


def _run(**environment: str) -> str:
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", _DIGEST],
        env=os.environ | {"PYTHONPATH": root} | environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_two_processes_give_the_same_bytes() -> None:
    first = _run(PYTHONHASHSEED="1", POLARS_MAX_THREADS="1", TZ="UTC")
    assert first == _run(PYTHONHASHSEED="2", POLARS_MAX_THREADS="4", TZ="Asia/Tokyo")


def test_a_table_alone_is_the_table_of_the_chunks() -> None:
    whole = joined(month_tables(MAY, 30, 5, schemes=True))
    tables = DemoMonth(MAY, 30, 5, schemes=True)
    for name in TABLES:
        assert pl.concat(tables.table(name)).equals(whole[name]), name


def test_types_keys_and_order(planted: Tables) -> None:
    for name, table in TABLES.items():
        frame = planted[name]
        assert dict(frame.schema) == table.schema, name
        assert frame.select(table.key).is_unique().all(), name
        assert frame.select("nog", *table.order).equals(frame.select("nog", *table.order).sort("nog", *table.order))
        required = [column.name for column in table.columns if not column.optional]
        assert frame.select(required).null_count().sum_horizontal().item() == 0, name


@pytest.mark.parametrize("month", [Month(2020, 1), Month(2023, 2), Month(2090, 12)], ids=str)
def test_a_month_arrives_without_a_reject(month: Month, tmp_path: Path) -> None:
    with DemoSource(10, 4, schemes=1).open(month) as reading:
        taken = snapshot.take(reading, month, tmp_path)
    assert taken.rows["rechazos"] == 0
    assert taken.rows["concursos"] == 10 + len(cases(month, 4))


@pytest.mark.parametrize("month", [Month(2023, 2), Month(2024, 2), MAY], ids=str)
def test_calls_are_in_the_month_and_nothing_happens_past_the_horizon(month: Month) -> None:
    chunk = list(month_tables(month, 5, SEED, schemes=True))[-1]
    local = [pl.col(name).dt.replace_time_zone(None) for name in ("fecha_publicacion", "fecha_actualizacion")]
    calls = chunk["concursos"].select(*local)
    assert calls["fecha_publicacion"].is_between(month.start, month.end, closed="left").all()
    assert calls["fecha_publicacion"].dt.weekday().max() <= 5  # type: ignore[operator]
    assert calls["fecha_actualizacion"].max() < month.end + timedelta(days=HORIZON_DAYS)  # type: ignore[operator]


@pytest.mark.parametrize("size", [1, 2_000, 25_000, 250_000, 300_000, 1_000_000])
def test_there_is_room_for_their_nogs_in_a_month_of_any_size(size: int) -> None:
    nogs = [truth(month, size, SEED)["nog"].drop_nulls() for month in (MAY, JUNE)]
    first, step = nogs_of(MAY, size)
    assert nogs[0].min() >= first + size * step  # type: ignore[operator]
    assert nogs[0].max() < nogs[1].min()  # type: ignore[operator]
    of_june = nogs_of(JUNE, size)[0]
    assert nogs[0].max() < of_june or nogs[0].min() > of_june + 11 * 10_000_000  # type: ignore[operator]


# Actors.


def _actors(tables: Tables, *schemes: str) -> set[str]:
    rows = tables["partes"].filter(pl.col("esquema").is_in(schemes))
    return set(rows.select(pl.format("{}-{}", "esquema", "identificador")).to_series())


def test_the_actors_are_their_own(planted: Tables) -> None:
    country = world(SEED)
    known = set(country.supplier_id) | {
        f"{row['esquema']}-{row['identificador']}" for part in (country.entities, country.units) for row in part.rows(named=True)
    }  # fmt: skip
    ours = _actors(planted, "GT-CISP", "GT-GCUC", "GT-NIT", "GT-GCID")
    assert not ours & known
    assert set(planted["partes"]["nit"].drop_nulls()).isdisjoint(country.entities["nit"])


def test_standing_actors_meet_again_and_the_others_do_not(planted: Tables) -> None:
    later = list(month_tables(JUNE, SIZE, SEED, schemes=True))[-1]
    both = _actors(planted, "GT-NIT") & _actors(later, "GT-NIT")
    rings = truth(MAY, SIZE, SEED).filter((pl.col("indicator") == "R057") & ~pl.col("decoy"))
    members = {member for subject in rings["subject"] for member in subject.split(" + ")}
    assert len(members) == 16
    assert members <= both
    new = planted["adjudicaciones"].join(of(truth(MAY, SIZE, SEED), "GT02", decoy=False), on="nog", how="semi")
    assert not set(new["proveedor"]) & both
    # Whoever is there again is the same in every month.
    same = [
        tables["partes"].filter(pl.col("esquema") == "GT-NIT").drop("nog").unique("identificador").sort("identificador")
        for tables in (planted, later)
    ]
    again = same[0].join(same[1].select("identificador"), on="identificador", how="semi")
    assert again.height > 100
    assert again.equals(same[1].join(again.select("identificador"), on="identificador", how="semi"))


def test_every_entity_has_the_units_that_the_numbering_supposes() -> None:
    country = stage_world(SEED, [0], ())
    assert country.entity_units.to_list() == [UNITS] * sum(scheme.entities for scheme in SCHEMES)
    assert country.entities["nombre"].is_unique().all()


# The truth.


def test_the_truth_names_what_there_is(planted: Tables, told: pl.DataFrame) -> None:
    assert told.columns == ["indicator", "scheme", "subject", "nog", "decoy"]
    assert told.select("indicator", "subject").is_unique().all()
    assert set(told["scheme"]) == {scheme.name for scheme in SCHEMES}
    with_nog = told.drop_nulls("nog")
    assert (with_nog["nog"].cast(pl.String) == with_nog["subject"]).all()
    assert set(with_nog["nog"]) <= set(planted["concursos"]["nog"])
    named = {part for subject in told.filter(pl.col("nog").is_null())["subject"] for part in subject.split(" + ")}
    assert named <= _actors(planted, "GT-CISP", "GT-NIT")


def test_each_indicator_has_something_to_find_and_something_to_leave(told: pl.DataFrame) -> None:
    counted = told.group_by("indicator").agg(found=(~pl.col("decoy")).sum(), decoys=pl.col("decoy").sum())
    assert counted.height == 31
    buyers = pl.col("indicator") == "R038"
    few = counted.filter((pl.col("found") < pl.when(buyers).then(4).otherwise(8)) | (pl.col("decoys") < 4))
    assert few.is_empty(), few


def _awarded(planted: Tables, nogs: pl.DataFrame) -> pl.DataFrame:
    calls = planted["concursos"].join(nogs, on="nog", how="semi")
    bought = planted["adjudicaciones"].select("nog", "proveedor", "fecha_adjudicacion", cents=pl.col("monto") * 100)
    return calls.join(bought, on="nog").with_columns(pl.col("cents").cast(pl.Int64))


def test_both_sides_of_the_ceilings(planted: Tables, told: pl.DataFrame) -> None:
    for decoy, low, high in ((False, 0.95, 1.0), (True, 0.79, 0.945)):
        share = _awarded(planted, of(told, "R049", decoy)).select(
            pl.col("cents") / pl.when(pl.col("modalidad") == 1).then(9_000_000).otherwise(90_000_000)
        )["cents"]
        assert share.is_between(low, high, closed="right").all()


def test_both_sides_of_the_times(planted: Tables, told: pl.DataFrame) -> None:
    day = timedelta(days=1)
    for indicator, decoy, least, most in (
        ("R061", False, timedelta(0), day),
        ("R061", True, day, 4 * day),
        ("R062", False, 120 * day, 126 * day),
        ("R062", True, 99 * day, 120 * day),
    ):
        rows = _awarded(planted, of(told, indicator, decoy))
        waits = rows["fecha_adjudicacion"] - rows["fecha_cro"]
        assert rows.height == 12
        assert ((waits > least) & (waits < most)).all(), (indicator, decoy)


def test_late_bids_and_wrong_nits(planted: Tables, told: pl.DataFrame) -> None:
    bids = planted["ofertas"].join(planted["concursos"].select("nog", "fecha_cro"), on="nog").join(
        planted["adjudicaciones"].select("nog", "proveedor"), on=["nog", "proveedor"]
    )  # fmt: skip
    late = set(bids.filter(pl.col("fecha") > pl.col("fecha_cro"))["nog"])
    assert late == set(of(told, "R030", decoy=False)["nog"])
    wrong = planted["ofertas"].filter(~is_valid(pl.col("proveedor").str.strip_prefix("GT-NIT-")))
    assert set(wrong["nog"]) == set(of(told, "GT04", decoy=False)["nog"])


def test_bids_come_in_after_the_call(planted: Tables) -> None:
    rows = planted["ofertas"].join(planted["concursos"].select("nog", "fecha_publicacion"), on="nog")
    assert (rows["fecha"] > rows["fecha_publicacion"]).all()


# The source and the command.


def test_the_source_adds_them_on_request(planted: Tables) -> None:
    source = DemoSource.from_uri("demo:?size=120&schemes=1&first=2026-05&months=1")
    assert source.uri == "demo:?size=120&seed=1&first=2026-05&months=1&schemes=1"
    with source.open(MAY) as reading:
        assert list(reading.batches("ofertas"))[-1].equals(planted["ofertas"])
    latest = planted["concursos"]["fecha_actualizacion"].dt.replace_time_zone(None).max()
    assert source.watermarks()["2026-05"] >= latest
    assert DemoSource.from_uri("demo:?schemes=0").uri == DemoSource().uri
    with pytest.raises(SourceError, match="schemes"):
        DemoSource.from_uri("demo:?schemes=2")


def test_the_command_writes_them(tmp_path: Path, planted: Tables) -> None:
    words = ["demo-source", "--first", "2026-05", "--size", "120", "--schemes", "--format", "parquet", "--out"]
    done = CliRunner().invoke(main, [*words, str(tmp_path / "demo")])
    assert done.exit_code == 0, done.output
    written = pl.read_parquet(tmp_path / "demo" / "concursos.parquet")
    assert written.height == 120 + planted["concursos"].height
