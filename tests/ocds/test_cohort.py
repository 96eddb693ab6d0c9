"""A month in one pass: releases and records on disk, what was rejected, and the counts that reconcile."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import ocdsmerge
import orjson
import polars as pl
import pytest

from guatecompras import snapshot
from guatecompras.contract import REJECTS_SCHEMA
from guatecompras.demo import month_tables
from guatecompras.formats.archive import read_lines
from guatecompras.months import Month
from guatecompras.ocds import cohort
from guatecompras.ocds.merge import Merger, merge_rules_from_schema
from guatecompras.ocds.profile import compiled_schema, release_schema
from guatecompras.ocds.releases import Rows
from guatecompras.settings import Settings
from guatecompras.snapshot import Snapshot
from tests.ocds.sample_rows import Json, Reading, award, build, entity, event, rich, supplier, table, tables

MAY = Month(2026, 5)


def taken(rows: Rows, folder: Path, month: Month = MAY, missing: frozenset[str] = frozenset()) -> Snapshot:
    return snapshot.take(Reading(rows, missing), month, folder)


def made(rows: Rows, folder: Path, batch: int = cohort.BATCH, missing: frozenset[str] = frozenset()) -> cohort.Cohort:
    return cohort.build(taken(rows, folder / "source", missing=missing), folder / "ocds", Settings(), batch)


def documents(path: Path) -> list[Json]:
    return [orjson.loads(line) for line in read_lines(path)]


def histories(releases: list[Json]) -> Iterator[tuple[str, list[Json]]]:
    found: dict[str, list[Json]] = {}
    for release in releases:
        found.setdefault(release["ocid"], []).append(release)
    yield from found.items()


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A demo month of 300 concursos."""
    rows = next(month_tables(Month(2026, 1), 300, 1))
    return taken(rows, tmp_path_factory.mktemp("enero"), Month(2026, 1))


@pytest.fixture(scope="module")
def month(january: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> cohort.Cohort:
    return cohort.build(january, tmp_path_factory.mktemp("ocds"), Settings())


def test_a_demo_month_compiles_as_ocdsmerge_does(month: cohort.Cohort) -> None:
    reference = ocdsmerge.Merger(release_schema())
    records = {record["ocid"]: record for record in documents(month.records)}
    sizes = set()
    for ocid, releases in histories(documents(month.releases)):
        sizes.add(len(releases))
        assert records.pop(ocid) == reference.create_compiled_release(releases), ocid
    assert not records
    assert {1, 2, 3} <= sizes  # alone, the shortcut; several, the merge


def _disordered(rows: Rows, seed: int) -> Rows:
    """The same rows with their times moved by up to sixty days, and statuses and states that come and go."""

    def drawn(below: int, salt: int) -> pl.Expr:
        return pl.struct(pl.all()).hash(seed * 100 + salt) % below

    def moved(frame: pl.DataFrame, column: str, salt: int) -> pl.DataFrame:
        days = pl.duration(days=drawn(120, salt).cast(pl.Int64) - 60, seconds=drawn(86_400, salt + 1))
        return frame.with_columns((pl.col(column) + days).cast(frame.schema[column]))

    eventos = moved(moved(rows["eventos"], "fecha_evento", 1), "fecha_registro", 3)
    eventos = eventos.with_columns(estatus_concurso=drawn(5, 5).cast(pl.Int64) + 1)
    awards = moved(rows["adjudicaciones"], "fecha_adjudicacion", 7).with_columns(
        estado=pl.when(drawn(2, 9) == 0).then(pl.lit("inhabilitado")).otherwise("estado"),
        fecha_estado=pl.col("fecha_adjudicacion") + pl.duration(days=drawn(40, 10)),
    )
    return {
        **rows,
        "eventos": eventos,
        "adjudicaciones": awards,
        "ofertas": moved(rows["ofertas"], "fecha", 11),
        "documentos": moved(rows["documentos"], "fecha_publicacion", 13),
        "contratos": moved(rows["contratos"], "fecha_suscripcion", 15),
    }


@pytest.mark.parametrize("seed", range(4))
def test_disordered_histories_compile_as_ocdsmerge_does(seed: int, tmp_path: Path) -> None:
    """Where the last release does not say all that the ones before it said, the record has to be merged."""
    january = Month(2026, 1)
    rows = _disordered(next(month_tables(january, 150, seed)), seed)
    done = cohort.build(taken(rows, tmp_path / "source", january), tmp_path / "ocds", Settings())
    reference = ocdsmerge.Merger(release_schema())
    records = {record["ocid"]: record for record in documents(done.records)}
    merged = 0
    for ocid, releases in histories(documents(done.releases)):
        assert records[ocid] == reference.create_compiled_release(releases), ocid
        last = releases[-1] | {key: records[ocid][key] for key in ("id", "tag")}
        merged += last != records[ocid]
    assert len(records) > 100
    assert merged > 10  # it was more than the last release


def test_a_lone_release_is_compiled_as_the_merge_would(month: cohort.Cohort) -> None:
    merger = Merger(merge_rules_from_schema(compiled_schema()))
    lone = build(rich()).group_by("nog", maintain_order=True).last()
    compiled, faults = cohort.compile_records(lone, merger)
    assert faults.is_empty()
    for release, record in zip(lone["json"], compiled["json"], strict=True):
        assert orjson.loads(record) == merger.compile([orjson.loads(release)])
        # Text for text, but for the keys' order.
        assert sorted(record) == sorted(orjson.dumps(merger.compile([orjson.loads(release)])).decode())


def test_records_open_alike_however_many_releases_they_have(month: cohort.Cohort) -> None:
    for line in read_lines(month.records):
        ocid = orjson.loads(line)["ocid"]
        assert line.startswith(b'{"ocid":"%s","id":"%s-2026-' % (ocid.encode(), ocid.encode()))


def test_counts_and_order_of_a_demo_month(month: cohort.Cohort, january: Snapshot) -> None:
    releases, records = documents(month.releases), documents(month.records)
    assert month.counts == {
        "concursos": 300,
        "releases": len(releases),
        "records": 300,
        "rejected": 0,
        "corrections": 0,
    }
    assert january.rows["eventos"] == len(releases)
    nogs = [int(record["ocid"].rsplit("-", 1)[1]) for record in records]
    assert nogs == sorted(set(nogs))
    assert [release["ocid"] for release in releases] == sorted(
        (release["ocid"] for release in releases), key=lambda ocid: int(ocid.rsplit("-", 1)[1])
    )
    assert month.rejects.is_empty()
    assert set(month.seconds) == {"releases", "corrections", "validate", "compile", "write"}
    flat = pl.read_parquet(month.releases_table)
    assert flat["id"].to_list() == [release["id"] for release in releases]
    assert flat["url"][0] == f"https://ocds.guatecompras.gt/release/{releases[0]['id']}"
    # Whoever has the published lines can say the same digest.
    assert flat["sha256"].to_list() == [
        hashlib.sha256(line.rstrip(b"\n")).hexdigest() for line in read_lines(month.releases)
    ]


def test_the_batches_do_not_show(tmp_path: Path) -> None:
    source = taken(next(month_tables(Month(2026, 1), 40, 1)), tmp_path / "source", Month(2026, 1))
    found = []
    for size in (1, 7, 1000):
        done = cohort.build(source, tmp_path / str(size), Settings(), size)
        paths = done.releases, done.records, done.releases_table
        found.append(([path.read_bytes() for path in paths], done.counts, done.rejects.rows()))
        assert [path.relative_to(tmp_path / str(size)).as_posix() for path in paths] == [
            "2026-01_releases.jsonl.gz",
            "2026-01_records.jsonl.gz",
            "tables/releases.parquet",
        ]
    assert found[0] == found[1] == found[2]


def three(**more: object) -> Rows:
    """NOGs 100, 101 and 102, of which 101 is told more."""
    return tables(concursos=[{}, {"nog": 101} | more, {"nog": 102}], partes=[entity(), entity(nog=102)])


def test_a_nog_whose_buyer_is_impossible_is_rejected_with_its_reason(tmp_path: Path) -> None:
    done = made(three(entidad_compradora=None), tmp_path)
    assert [record["ocid"] for record in documents(done.records)] == ["ocds-xqjsxa-100", "ocds-xqjsxa-102"]
    assert {release["ocid"] for release in documents(done.releases)} == {"ocds-xqjsxa-100", "ocds-xqjsxa-102"}
    assert pl.read_parquet(done.releases_table)["nog"].to_list() == [100, 102]
    assert done.counts == {"concursos": 3, "releases": 2, "records": 2, "rejected": 1, "corrections": 0}
    assert dict(done.rejects.schema) == REJECTS_SCHEMA
    # What arrived with a fault, then what could not be published.
    assert done.rejects.select("nog", "tabla", "columna", "nivel", "motivo").rows() == [
        (101, "concursos", "buyer", "fila", "no cumple el perfil: falta"),
        (101, "concursos", "entidad_compradora", "valor", "vacío"),
        (101, "concursos", "parties", "fila", "no cumple el perfil: falta"),
        (101, "concursos", "tender/procuringEntity", "fila", "no cumple el perfil: falta"),
    ]


def test_one_invalid_release_rejects_the_whole_nog(tmp_path: Path) -> None:
    rows = three()
    later = event("modificacion", "2026-05-03 00:00:00", nog=101)
    rows["eventos"] = pl.concat([rows["eventos"], table("eventos", [later])]).sort("nog")
    # An address on a host that there cannot be, and that only the second release shows.
    wrong = {"nog": 101, "documento_id": "D", "url": "http://mañana/a.pdf", "fecha_publicacion": "2026-05-02 00:00:00"}
    rows["documentos"] = table("documentos", [wrong])
    done = made(rows, tmp_path)
    assert done.counts == {"concursos": 3, "releases": 2, "records": 2, "rejected": 1, "corrections": 0}
    (reject,) = done.rejects.to_dicts()
    assert (reject["nog"], reject["clave"], reject["columna"]) == (101, "nog=101", "tender/documents/0/url")
    assert reject["motivo"].startswith("no cumple el perfil: no es una dirección válida") or reject[
        "motivo"
    ].startswith("no cumple el perfil: no tiene la forma debida")


def test_what_was_rejected_on_arrival_counts_too(tmp_path: Path) -> None:
    rows = three(fecha_publicacion=None, fecha_cro=None)
    done = made(rows, tmp_path)
    assert done.counts == {"concursos": 3, "releases": 2, "records": 2, "rejected": 1, "corrections": 0}
    assert ("concursos", 101, "fecha_publicacion") in done.rejects.select("tabla", "nog", "columna").rows()


def test_a_month_of_which_nothing_can_be_published(tmp_path: Path) -> None:
    done = made(tables(concursos=[{"entidad_compradora": None}], partes=[]), tmp_path)
    assert documents(done.records) == documents(done.releases) == []
    assert done.counts == {"concursos": 1, "releases": 0, "records": 0, "rejected": 1, "corrections": 0}


def test_releases_that_do_not_merge_are_faults_of_their_nog() -> None:
    merger = Merger(merge_rules_from_schema(compiled_schema()))
    one, two = build(rich()).filter(pl.col("nog") == 101), build(rich()).filter(pl.col("nog") == 100)
    # A field that is text in one release and an object in the next one.
    text = pl.col("json").str.replace(r'"buyer":\{[^}]*\}', '"buyer":"ANTIGUA"')
    broken = one.with_columns(json=pl.when(pl.int_range(pl.len()) == 0).then(text).otherwise("json"), covers=False)
    compiled, faults = cohort.compile_records(pl.concat([two, broken]), merger)
    assert compiled["nog"].to_list() == [100]
    (fault,) = faults.to_dicts()
    assert (fault["nog"], fault["nivel"]) == (101, "fila")
    assert fault["motivo"].startswith("sus releases no se pueden compilar: ")
    assert "\n" not in fault["motivo"]


def test_a_source_without_offers_does_not_say_that_nobody_offered(tmp_path: Path) -> None:
    opened = [event("publicacion", "2026-05-01 12:00:00"), event("cambio_estatus", "2026-05-10 12:00:00", 2)]
    for folder, missing, expected in (("a", frozenset[str](), 0), ("b", frozenset({"ofertas"}), None)):
        done = made(tables(eventos=opened), tmp_path / folder, missing=missing)
        first, second = documents(done.releases)
        assert first["tender"]["numberOfTenderers"] == 0
        assert second["tender"].get("numberOfTenderers") == expected


def test_nogs_help_each_other_with_their_buyers_across_batches(tmp_path: Path) -> None:
    rows = tables(concursos=[{}, {"nog": 101}, {"nog": 102}], partes=[entity(nog=102)])
    done = made(rows, tmp_path, batch=1)
    assert {record["buyer"]["id"] for record in documents(done.records)} == {"GT-CISP-12100301"}


def test_what_is_no_longer_there_is_swept(tmp_path: Path) -> None:
    first = made(three(), tmp_path)
    before = first.records.read_bytes()
    rows = three()
    rows["adjudicaciones"] = table("adjudicaciones", [award()])
    rows["partes"] = pl.concat([rows["partes"], table("partes", [supplier()])]).sort("nog")
    again = cohort.build(taken(rows, tmp_path / "other"), tmp_path / "ocds", Settings())
    assert again.records == first.records
    # An award without an event after it is not public yet.
    assert again.records.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "ocds").rglob("*") if path.is_file()) == [
        "2026-05_records.jsonl.gz",
        "2026-05_records.jsonl.gz.blocks",
        "2026-05_releases.jsonl.gz",
        "2026-05_releases.jsonl.gz.blocks",
        "releases.parquet",
    ]
