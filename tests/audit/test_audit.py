"""The social audit says what a plain reading of the published records says, is silent where cases are few, and names no person."""

import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from guatecompras.audit import build, concursos, indicators, parameters, pdf, scopes, tables
from guatecompras.audit.fields import FIELDS
from guatecompras.formats import archive
from guatecompras.gathered.collect import Collected, bring
from guatecompras.gathered.parts import parts_of
from guatecompras.gathered.verify import verify_collections
from guatecompras.people import PERSON, UNNAMED
from guatecompras.settings import Settings
from guatecompras.stores import LocalStore
from tests.publications import published

Json = dict[str, Any]


def _bring(store: LocalStore) -> Collected:
    (found,) = bring(store, lambda parts: [build.plan(store, parts, Settings())])
    return found


@pytest.fixture(scope="module")
def store(three_versions: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """Three months of two years, with the audit."""
    place = tmp_path_factory.mktemp("audit") / "store"
    shutil.copytree(three_versions, place, symlinks=True)
    made = LocalStore(place)
    published(made, 5, "2025-12")
    _bring(made)
    return made


@pytest.fixture(scope="module")
def frames(store: LocalStore) -> dict[str, pl.DataFrame]:
    folder = store.collection_folder(f"audit/{store.index()['collections']['audit']['version']}")
    return {name: pl.read_parquet(folder / f"{name}.parquet") for name in tables.TABLES}


@pytest.fixture(scope="module")
def records(store: LocalStore) -> list[Json]:
    found = []
    for month, entry in store.index()["months"].items():
        path = store.version_folder(month, entry["version"]) / f"{month}_records.jsonl.gz"
        found += [orjson.loads(line) for line in archive.read_lines(path)]
    return found


def _year(record: Json) -> int:
    return int(record["tender"]["datePublished"][:4])


def _active(record: Json) -> list[Json]:
    return [award for award in record.get("awards", []) if award["status"] == "active"]


def _paid(record: Json) -> float:
    return sum(award["value"]["amount"] for award in _active(record) if award["value"]["currency"] == "GTQ")


def _place(record: Json) -> Json:
    unit = record["tender"]["procuringEntity"]["id"]
    return next(party["address"] for party in record["parties"] if party["id"] == unit)


def _open(record: Json) -> bool:
    return record["tender"]["procurementMethod"] == "open"


def _days(record: Json) -> float | None:
    if not (_open(record) and _active(record)):
        return None
    first = min(datetime.fromisoformat(award["date"]) for award in _active(record))
    took = (first - datetime.fromisoformat(record["tender"]["datePublished"])).total_seconds() / 86400
    return took if took >= 0 else None


def _of(records: Iterable[Json], year: int, value: Callable[[Json], Any], wanted: Any) -> list[Json]:
    return [record for record in records if _year(record) == year and value(record) == wanted]


_SCOPES: dict[str, tuple[Callable[[Json], Any], Callable[[Json], Any]]] = {
    "pais": (lambda record: None, lambda row: None),
    "entidad": (lambda record: record["buyer"]["id"], lambda row: row["id"]),
    "departamento": (lambda record: _place(record)["region"], lambda row: row["nombre"]),
    "municipio": (
        lambda record: (_place(record)["region"], _place(record)["locality"]),
        lambda row: (row["departamento"], row["nombre"]),
    ),
}


@pytest.mark.parametrize("level", _SCOPES)
def test_counts_and_amounts_are_those_of_the_records(
    frames: dict[str, pl.DataFrame], records: list[Json], level: str
) -> None:
    value, named = _SCOPES[level]
    rows = frames["indicadores"].filter(pl.col("ambito") == level)
    assert rows["concursos"].sum() == len(records)
    for row in rows.iter_rows(named=True):
        mine = _of(records, row["anio"], value, named(row))
        awarded = [record for record in mine if _active(record)]
        competed = [record for record in awarded if _open(record) and record["tender"].get("numberOfTenderers")]
        states = [record["tender"]["status"] for record in mine]
        assert row["concursos"] == len(mine)
        assert row["en_proceso"] == states.count("active")
        assert row["terminados"] == len(mine) - states.count("active")
        assert row["desiertos"] == sum(record["tender"]["statusDetails"] == "Desierto" for record in mine)
        assert row["sin_efecto"] == states.count("cancelled")
        assert row["adjudicados"] == len(awarded)
        assert row["adjudicaciones"] == sum(len(_active(record)) for record in mine)
        assert float(row["monto"]) == pytest.approx(sum(map(_paid, mine)))
        assert row["cerradas"] == sum(not _open(record) for record in awarded)
        assert row["competidos"] == len(competed)
        assert row["un_oferente"] == sum(record["tender"]["numberOfTenderers"] == 1 for record in competed)
        assert row["con_contrato"] == sum(bool(record.get("contracts")) for record in awarded)
        assert row["con_tiempo"] == sum(_days(record) is not None for record in mine)
        assert row["terminados"] == sum(
            row[name] for name in ("completos", "desiertos", "no_adjudicados", "sin_efecto")
        )


def test_shares_and_times_are_of_enough_cases_only(frames: dict[str, pl.DataFrame], records: list[Json]) -> None:
    least = parameters.load().least_for_shares
    told = silent = 0
    for row in frames["indicadores"].iter_rows(named=True):
        for share in indicators.SHARES:
            if row[share.cases] < least:
                assert row[share.id] is None
                silent += 1
            elif row[share.whole]:
                assert float(row[share.id]) == pytest.approx(float(row[share.part]) / float(row[share.whole]), abs=1e-4)
                told += 1
        assert (row["dias_mediana"] is None) == (row["con_tiempo"] < least)
    assert told > 0
    assert silent > 0
    country = frames["indicadores"].row(
        by_predicate=(pl.col("ambito") == "pais") & (pl.col("anio") == 2026), named=True
    )
    days = [took for record in records if _year(record) == 2026 and (took := _days(record)) is not None]
    quartiles = statistics.quantiles(days, n=4, method="inclusive")
    for name, wanted in zip(("dias_q1", "dias_mediana", "dias_q3"), quartiles, strict=True):
        assert float(country[name]) == pytest.approx(wanted, abs=0.01)


def test_direct_purchase_is_what_the_law_calls_so(frames: dict[str, pl.DataFrame], records: list[Json]) -> None:
    words = (
        "Compra Directa",
        "Compra de Baja Cuantía",
        "Adquisición Directa",
        "(Art. 43 inciso c)",
        "(Art.43 inciso e)",
    )
    country = frames["indicadores"].filter(pl.col("ambito") == "pais")
    for row in country.iter_rows(named=True):
        mine = _of(records, row["anio"], lambda _: None, None)
        direct = [
            record
            for record in mine
            if _active(record) and any(word in record["tender"]["procurementMethodDetails"] for word in words)
        ]
        assert row["directas"] == len(direct) > 0
        assert float(row["monto_directas"]) == pytest.approx(sum(map(_paid, direct)))


@pytest.mark.parametrize("table", ["meses", "modalidades"])
def test_parts_add_up_to_the_whole(frames: dict[str, pl.DataFrame], table: str) -> None:
    keys = ["ambito", "id", "anio"]
    counted = frames[table].group_by(keys).agg(pl.col("concursos", "adjudicados", "monto").sum())
    both = frames["indicadores"].join(counted, on=keys, suffix="_sum")
    assert both.height == frames["indicadores"].height
    for name in ("concursos", "adjudicados", "monto"):
        assert both[name].equals(both[f"{name}_sum"]), name


def test_suppliers_are_those_of_the_records(frames: dict[str, pl.DataFrame], records: list[Json]) -> None:
    """Of the whole country and of each entity: who sold most, in which order, and no amount is lost; no person by name."""
    people = {
        party["id"]
        for record in records
        for party in record["parties"]
        if party.get("details", {}).get("legalEntityTypeDetail", {}).get("description") == "INDIVIDUAL"
    }
    assert people
    found = frames["proveedores"]
    assert not people & {*found["proveedor"], *frames["indicadores"]["mayor_proveedor_id"]}
    most = parameters.load().suppliers
    for (level, key, year), rows in found.group_by("ambito", "id", "anio"):
        if level not in ("pais", "entidad"):
            continue
        mine = [
            record for record in records if _year(record) == year and (level == "pais" or record["buyer"]["id"] == key)
        ]
        sold: dict[str, float] = {}
        for award in (award for record in mine for award in _active(record) if award["value"]["currency"] == "GTQ"):
            for supplier in award["suppliers"]:
                part = award["value"]["amount"] / len(award["suppliers"])
                sold[supplier["id"]] = sold.get(supplier["id"], 0) + part
        ranked = sorted(sold.items(), key=lambda one: -one[1])
        told = rows.sort("puesto", nulls_last=True).to_dicts()
        assert [row["puesto"] for row in told] == [*range(1, min(most, len(sold)) + 1), *[None] * (len(sold) > most)]
        assert sum(row["proveedores"] for row in told) == len(sold)
        assert float(sum(row["monto"] for row in told)) == pytest.approx(sum(map(_paid, mine)), abs=1)
        for (supplier, amount), row in zip(ranked[:most], told, strict=False):
            assert float(row["monto"]) == pytest.approx(amount, abs=0.1)
            assert (row["proveedor_tipo"] == PERSON) == (row["proveedor_nombre"] == UNNAMED)
            if sum(abs(other - amount) < 0.1 for other in sold.values()) == 1:
                assert row["proveedor"] == (None if supplier in people else supplier)
        assert sum(float(row["cuota"] or 0) for row in told) == pytest.approx(1 if sum(sold.values()) else 0, abs=0.01)


def test_fields_are_where_the_records_have_them(frames: dict[str, pl.DataFrame], records: list[Json]) -> None:
    rows = frames["campos"].filter((pl.col("ambito") == "pais") & (pl.col("anio") == 2026))
    told = {row["campo"]: (row["esperados"], row["presentes"]) for row in rows.iter_rows(named=True)}
    mine = _of(records, 2026, lambda _: None, None)
    assert told["monto_estimado"] == (len(mine), sum("value" in record["tender"] for record in mine))
    assert told["documentos"] == (len(mine), sum(bool(record["tender"].get("documents")) for record in mine))
    offered = [record for record in mine if _open(record)]
    closes = sum("endDate" in record["tender"].get("tenderPeriod", {}) for record in offered)
    assert told["fecha_cierre"] == (len(offered), closes)
    assert set(told) == {field.id for field in FIELDS}


def test_the_same_months_give_the_same_bytes_in_every_format(store: LocalStore, tmp_path: Path) -> None:
    assert not _bring(store).made
    shutil.copytree(store.root, tmp_path / "other", symlinks=True)
    shutil.rmtree(tmp_path / "other" / "publication" / "audit")
    other = LocalStore(tmp_path / "other")
    other.update_index(lambda index: index | {"sequence": index["sequence"] + 1, "collections": {}})
    again = _bring(other)
    assert again.made
    files = {file["path"]: file["sha256"] for file in store.index()["collections"]["audit"]["files"]}
    assert {file["path"]: file["sha256"] for file in again.entry["files"]} == files
    assert {path.rpartition("/")[2] for path in files} == {
        "manifest.json",
        *(f"{name}.{form}" for name in tables.TABLES for form in ("parquet", "csv", "json")),
    }
    assert verify_collections(store.index(), store.collection_folder)[1] == []


def test_formats_say_the_same(store: LocalStore, frames: dict[str, pl.DataFrame]) -> None:
    folder = store.collection_folder(f"audit/{store.index()['collections']['audit']['version']}")
    for name, frame in frames.items():
        assert dict(frame.schema) == tables.TABLES[name].schema
        rows = orjson.loads((folder / f"{name}.json").read_bytes())
        assert [row["id"] for row in rows] == frame["id"].to_list()
        assert list(rows[0]) == frame.columns
        text = pl.read_csv(folder / f"{name}.csv", infer_schema=False)
        assert text.columns == frame.columns
        assert text["id"].to_list() == frame["id"].to_list()


# Small frames, made by hand.


def _concursos(**columns: list[Any]) -> pl.DataFrame:
    """Concursos of one entity, awarded after an open call to one bidder, but for what is given."""
    size = len(next(iter(columns.values())))
    usual: dict[str, Any] = {
        "nog": range(size), "entidad_id": "E", "entidad": "Entidad", "departamento": "PETÉN", "municipio": "FLORES",
        "modalidad": "Cotización", "metodo": "open", "estado": "complete", "monto": 100, "otra_moneda": 0, "abierto": True,
        "adjudicado": True, "adjudicaciones": 1, "desierto": False, "directa": False, "oferentes": 1, "dias": 1.0,
        "contrato": False, "mes": "2026-01", **{f"{word}_{field.id}": True for word in ("pide", "tiene") for field in FIELDS},
    }  # fmt: skip
    told = {name: columns.get(name, [value] * size if name != "nog" else list(value)) for name, value in usual.items()}
    return pl.DataFrame(told).with_columns(pl.col("monto").cast(pl.Decimal(18, 2)))


def _awarded(rows: list[tuple[int, str, float, bool]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["nog", "proveedor", "monto", "persona"], orient="row")
    return frame.with_columns(nombre=pl.col("proveedor"), monto=pl.col("monto").cast(pl.Decimal(18, 2)))


def _made(concursos: pl.DataFrame, awarded: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return tables.of_year(concursos, awarded, 2026, parameters.load())


_FEW = replace(parameters.load(), suppliers=2)


_NOBODY = _awarded([]).cast({"nog": pl.Int64, "proveedor": pl.String, "nombre": pl.String, "persona": pl.Boolean})


@pytest.mark.parametrize(("cases", "is_told"), [(9, False), (10, True)])
def test_both_sides_of_enough(cases: int, is_told: bool) -> None:
    row = _made(_concursos(nog=list(range(cases))), _NOBODY)["indicadores"].row(0, named=True)
    assert (row["cuota_un_oferente"] is not None) == is_told
    assert (row["dias_mediana"] is not None) == is_told
    assert row["un_oferente"] == cases


def test_ways_to_write_a_place_are_one_place() -> None:
    made = _made(_concursos(departamento=["PETÉN", "PETEN", "Petén", "PETÉN", None]), _NOBODY)["indicadores"]
    places = made.filter(pl.col("ambito") == "departamento").sort("id")
    assert places.select("id", "nombre", "concursos").rows() == [(scopes.NOT_TOLD, None, 1), ("peten", "PETÉN", 4)]
    towns = made.filter(pl.col("ambito") == "municipio")
    assert sorted(towns["id"]) == [f"{scopes.NOT_TOLD}/flores", "peten/flores"]


def test_a_status_that_nobody_told_is_in_process() -> None:
    row = _made(_concursos(estado=[None, "complete"]), _NOBODY)["indicadores"].row(0, named=True)
    assert (row["en_proceso"], row["terminados"], row["completos"]) == (1, 1, 1)


@pytest.mark.parametrize("named", [False, True])
def test_people_are_named_only_where_that_is_set(named: bool) -> None:
    awarded = _awarded([(0, "PERSONA", 300, True), (1, "EMPRESA", 200, False), (2, "OTRA", 100, False)])
    made = tables.of_year(_concursos(nog=[0, 1, 2]), awarded, 2026, _FEW, rank_people=named)
    rows = made["proveedores"].filter(pl.col("ambito") == "pais").sort("puesto", nulls_last=True)
    told = rows.select("proveedor_tipo", "proveedor", "proveedor_nombre", pl.col("monto").cast(pl.Float64)).rows()
    person = ("PERSONA", "PERSONA") if named else (None, UNNAMED)
    assert told == [
        ("persona", *person, 300),
        ("organización", "EMPRESA", "EMPRESA", 200),
        ("otros", None, None, 100),
    ]
    top = made["indicadores"].row(0, named=True)
    assert (top["mayor_proveedor_tipo"], top["mayor_proveedor_id"], top["mayor_proveedor"]) == ("persona", *person)
    assert float(top["monto_mayor_proveedor"]) == 300


def test_naming_people_makes_another_version(store: LocalStore) -> None:
    parts = parts_of(store.index())
    quiet, loud = (build.plan(store, parts, Settings(rank_people=named)) for named in (False, True))
    assert quiet.version == store.index()["collections"]["audit"]["version"] != loud.version


def test_shares_of_suppliers_are_of_all_that_was_awarded() -> None:
    """Also of what went to nobody who is told."""
    made = _made(_concursos(nog=[0, 1]), _awarded([(0, "EMPRESA", 100, False)]))
    row = made["proveedores"].filter(pl.col("ambito") == "pais").row(0, named=True)
    assert float(row["cuota"]) == 0.5


def test_other_currencies_are_counted_and_slips_of_the_pen_take_no_time(store: LocalStore, tmp_path: Path) -> None:
    version = store.index()["months"]["2026-02"]["version"]
    shutil.copytree(store.version_folder("2026-02", version) / "tables", tmp_path / "tables")
    path = tmp_path / "tables" / "awards.parquet"
    told = parameters.load()
    before, _ = concursos.read(tmp_path, "2026-02", told)
    foreign, early = before.filter(pl.col("dias").is_not_null() & (pl.col("adjudicaciones") == 1))["nog"].head(2)
    mine = pl.col("nog") == early
    pl.read_parquet(path).with_columns(
        value_currency=pl.when(pl.col("nog") == foreign).then(pl.lit("USD")).otherwise("value_currency"),
        date=pl.when(mine).then(pl.col("date") - pl.duration(days=4000)).otherwise("date"),
    ).write_parquet(path)
    after, _ = concursos.read(tmp_path, "2026-02", told)
    rows = {row["nog"]: row for row in after.iter_rows(named=True)}
    assert (rows[foreign]["otra_moneda"], float(rows[foreign]["monto"]), rows[foreign]["adjudicado"]) == (1, 0.0, True)
    assert (rows[early]["dias"], rows[early]["adjudicado"]) == (None, True)
    assert after.filter(~pl.col("nog").is_in([foreign, early])).equals(
        before.filter(~pl.col("nog").is_in([foreign, early]))
    )


def test_the_profile_is_one_page_whatever_is_in_it(frames: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    """Long names, large amounts, all that can be listed."""
    country = frames["indicadores"].filter(pl.col("ambito") == "pais").row(-1, named=True)
    row = country | {"concursos": 9_876_543, "adjudicados": 9_876_543, "monto": Decimal("98765432109.87")}
    name = "SOCIEDAD COMERCIALIZADORA MESOAMERICANA DE MEDICAMENTOS Y MAMPOSTERÍA DEL MMMMMMMM, COMPAÑÍA LIMITADA"
    amounts = {
        "concursos": 123_456,
        "monto": Decimal("9876543210.12"),
        "cuota": Decimal("0.1234"),
        "proveedores": 9_000,
    }
    supplier = {"proveedor": "x", "proveedor_tipo": "organización", "proveedor_nombre": name} | amounts
    months = [f"2026-{month:02}" for month in range(1, 13)]
    place = "a" * 60 + "/" + "b" * 60
    drawn = pdf.draw(
        pdf.Profile(
            kind="Municipio",
            name=f"{name}, {name}",
            year=2026,
            row=row,
            country=row,
            months=[{"mes": month} | amounts for month in months],
            published=months,
            methods=[{"modalidad": f"{name} {place}"} | amounts for place in range(20)],
            suppliers=[*[supplier] * 15, supplier | {"proveedor_tipo": tables.OTHERS}],
            fields=[
                {
                    "titulo": field.title,
                    "presentes": 123_456,
                    "esperados": 999_999,
                    "cuota": Decimal("0.1235"),
                    "orden": 1,
                }
                for field in FIELDS
            ],
            version="20260429T010046-ad531b613196",
            url=f"https://ocds.guatecompras.gt/auditoria/municipio/{place}?anio=2026&version=20260429T010046-ad531b613196",
            publisher="Guatemala - Ministerio de Finanzas Públicas - DGAE",
        )
    )
    (tmp_path / "one.pdf").write_bytes(drawn)
    told = subprocess.run(["pdfinfo", tmp_path / "one.pdf"], capture_output=True, text=True, check=True).stdout
    assert [line.split()[-1] for line in told.splitlines() if line.startswith("Pages")] == ["1"]
