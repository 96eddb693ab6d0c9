"""Each report says what a plain reading of the published records says; and filters narrow it as they say."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from guatecompras.formats import archive
from guatecompras.reports import filters, running
from guatecompras.reports.registry import REPORTS
from guatecompras.reports.report import KINDS
from guatecompras.search import words
from guatecompras.stores import LocalStore
from tests.publications import published

Json = dict[str, Any]
MONTHS = ("2026-01", "2026-02")
CALLED_OFF = {"Prescindido", "Anulado (sin concurso)", "Improbado", "Terminado Cancelado"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    store = LocalStore(tmp_path_factory.mktemp("reports") / "store")
    versions = {month: published(store, 9, month, size=200)["version"] for month in MONTHS}
    return {month: store.version_folder(month, version) for month, version in versions.items()}


@pytest.fixture(scope="module")
def records(folders: dict[str, Path]) -> list[Json]:
    return [
        orjson.loads(line)
        for month, folder in folders.items()
        for line in archive.read_lines(folder / f"{month}_records.jsonl.gz")
    ]


Run = Callable[..., pl.DataFrame]


@pytest.fixture
def run(folders: dict[str, Path], tmp_path: Path) -> Run:
    def made(report: str, **asked: str) -> pl.DataFrame:
        given = {"mes": "todos"} | asked
        kept = tmp_path / "rows.parquet"
        running.run(REPORTS[report], given, list(folders), lambda month, _: folders[month], kept)
        return pl.read_parquet(kept)

    return made


def _nog(record: Json) -> int:
    return int(record["ocid"].rpartition("-")[2])


def _active(record: Json) -> list[Json]:
    return [award for award in record.get("awards", []) if award["status"] == "active"]


def _shares(record: Json) -> Iterator[tuple[str, float]]:
    for award in _active(record):
        for supplier in award["suppliers"]:
            yield supplier["id"], round(award["value"]["amount"] / len(award["suppliers"]), 2)


def _status(record: Json) -> str:
    return str(record["tender"]["statusDetails"])


@pytest.mark.parametrize("report", REPORTS)
def test_every_report_has_the_columns_and_kinds_that_it_declares(run: Run, report: str) -> None:
    found = run(report)
    assert found.height > 0
    assert dict(found.schema) == {one.name: KINDS[one.kind] for one in REPORTS[report].columns}
    assert all(one.meaning for one in REPORTS[report].columns)


@pytest.mark.parametrize(
    ("report", "holds"),
    [
        ("concursos-publicados", lambda _: True),
        ("concursos-desiertos", lambda record: _status(record) == "Desierto"),
        ("concursos-anulados", lambda record: _status(record) in CALLED_OFF),
        ("concursos-vigentes", lambda record: _status(record) == "Vigente"),
    ],
)
def test_lists_have_the_concursos_that_they_name(
    run: Run, records: list[Json], report: str, holds: Callable[[Json], bool]
) -> None:
    wanted = {_nog(record): record for record in records if holds(record)}
    found = run(report)
    assert sorted(found["nog"]) == sorted(wanted)
    for row in found.iter_rows(named=True):
        record = wanted[row["nog"]]
        assert row["descripcion"] == record["tender"]["title"]
        assert row["entidad"] == record["buyer"]["name"]
        assert row["fecha_publicacion"] == datetime.fromisoformat(record["tender"]["datePublished"])
        assert row["adjudicaciones"] == len(_active(record))
        paid = sum(award["value"]["amount"] for award in _active(record) if award["value"]["currency"] == "GTQ")
        assert float(row["monto_adjudicado"] or 0) == pytest.approx(paid)


def test_awards_are_one_row_a_supplier(run: Run, records: list[Json]) -> None:
    found = run("concursos-adjudicados")
    told = sorted((row["nog"], row["proveedor"], float(row["monto"])) for row in found.iter_rows(named=True))
    assert told == sorted((_nog(record), *share) for record in records for share in _shares(record))


@pytest.mark.parametrize(
    ("report", "column", "value"),
    [
        ("por-estatus", "estatus", _status),
        ("por-modalidad", "modalidad", lambda record: record["tender"]["procurementMethodDetails"]),
        ("por-entidad", "entidad", lambda record: record["buyer"]["name"]),
        ("numero-de-oferentes", "oferentes", lambda record: record["tender"].get("numberOfTenderers")),
    ],
)
def test_counts_add_up(run: Run, records: list[Json], report: str, column: str, value: Callable[[Json], Any]) -> None:
    found = run(report).group_by(column).agg(pl.col("concursos").sum(), pl.col("adjudicados").sum())
    wanted = Counter(value(record) for record in records)
    assert dict(found.select(column, "concursos").iter_rows()) == wanted
    assert found["adjudicados"].sum() == sum(bool(_active(record)) for record in records)


def test_a_concurso_of_several_kinds_counts_in_each(run: Run, records: list[Json]) -> None:
    families = Counter(
        family
        for record in records
        for family in {
            item["classification"]["id"][:4] for item in record["tender"].get("items", []) if "classification" in item
        }
    )
    found = run("por-familia-unspsc")
    assert dict(found.select("familia", "concursos").iter_rows()) == families
    assert found["segmento"].null_count() == 0
    categories = Counter(one["id"] for record in records for one in record["tender"].get("categories", []))
    told = run("por-categoria").drop_nulls("categoria")
    assert {row["categoria"].split(" ")[0]: row["concursos"] for row in told.iter_rows(named=True)} == categories


def test_suppliers_by_amount_as_the_official_report(run: Run, records: list[Json]) -> None:
    sums, counts = defaultdict(float), Counter[str]()
    for record in records:
        for supplier, amount in _shares(record):
            sums[supplier.removeprefix("GT-NIT-")] += amount
            counts[supplier.removeprefix("GT-NIT-")] += 1
    found = run("proveedores-por-monto")
    assert found.columns == ["NIT", "NOMBRE", "TOTAL", "CANTIDAD"]
    assert dict(found.select("NIT", "CANTIDAD").iter_rows()) == counts
    assert {row["NIT"]: float(row["TOTAL"]) for row in found.iter_rows(named=True)} == pytest.approx(
        dict(sums), abs=0.01
    )
    assert found["TOTAL"].to_list() == sorted(found["TOTAL"], reverse=True)


@pytest.mark.parametrize(("rango", "least", "most"), [("0", 0, 90_000), ("1", 90_000, 900_000), ("2", 900_000, 1e18)])
def test_ranges_are_of_each_award_and_parted_at_the_laws_amounts(
    run: Run, records: list[Json], rango: str, least: float, most: float
) -> None:
    wanted = sum(least < amount <= most for record in records for _, amount in _shares(record))
    assert run("proveedores-por-monto", rango=rango)["CANTIDAD"].sum() == wanted


def test_with_and_without_nit_are_all(run: Run) -> None:
    every = run("proveedores-por-monto")["NIT"].len()
    parts = [run("proveedores-por-monto", tipo_proveedor=one)["NIT"].len() for one in ("0", "1")]
    assert sum(parts) == every
    kinds = run("proveedores-por-monto", organizacion="individual")["NIT"].len()
    assert 0 < kinds < every


def test_offers_say_who_was_awarded(run: Run, records: list[Json]) -> None:
    found = run("ofertas-por-concurso")
    bids = [(_nog(record), bid) for record in records for bid in record.get("bids", {}).get("details", [])]
    assert found.height == len(bids)
    won = {(_nog(record), supplier) for record in records for supplier, _ in _shares(record)}
    for row in found.iter_rows(named=True):
        assert (row["adjudicado"] == "Sí") == ((row["nog"], row["proveedor"]) in won)


def test_days_are_counted_between_the_steps(run: Run, records: list[Json]) -> None:
    by_nog = {_nog(record): record for record in records}
    found = run("tiempos")
    assert found.height == len(records)
    for row in found.drop_nulls("dias_a_adjudicacion").iter_rows(named=True):
        record = by_nog[row["nog"]]
        first = min(datetime.fromisoformat(award["date"]) for award in _active(record))
        days = (first - datetime.fromisoformat(record["tender"]["datePublished"])).total_seconds() / 86_400
        assert float(row["dias_a_adjudicacion"]) == pytest.approx(days, abs=0.01)


def test_contracts_are_those_published(run: Run, records: list[Json]) -> None:
    wanted = sorted((_nog(record), one["contractNumber"]) for record in records for one in record.get("contracts", []))
    assert sorted(run("contratos").select("nog", "numero").iter_rows()) == wanted


# Filters.


def test_each_filter_keeps_what_it_names(run: Run, records: list[Json]) -> None:
    everything = {_nog(record): record for record in records}

    def found(**asked: str) -> set[int]:
        return set(run("concursos-publicados", **asked)["nog"])

    def wanted(holds: Callable[[Json], bool]) -> set[int]:
        return {nog for nog, record in everything.items() if holds(record)}

    tender = {nog: record["tender"] for nog, record in everything.items()}
    assert found(estatus="3") == wanted(lambda r: _status(r) == "Adjudicado")
    assert found(modalidad="1", estatus="5") == wanted(
        lambda r: "43 LCE Inciso b" in r["tender"]["procurementMethodDetails"] and _status(r) == "Desierto"
    )
    assert found(recepcion="papel") == wanted(lambda r: "written" in r["tender"].get("submissionMethod", []))
    assert found(categoria="9") == wanted(lambda r: "9" in [c["id"] for c in r["tender"].get("categories", [])])
    assert found(q="adquisiciones") == wanted(lambda r: "adquisicion" in words.of(r["tender"]["title"]))
    assert found(tipo_concurso="1") == wanted(lambda r: r["tender"].get("tenderType", {}).get("id") == "1")
    nog = next(iter(tender))
    assert found(nog=str(nog)) == {nog}
    assert found(mes="2026-02") == wanted(lambda r: r["tender"]["datePublished"].startswith("2026-02"))
    assert found(mes="", anio="2026") == set(everything)
    assert found(mes="", desde="2026-01-10", hasta="2026-01-20") == wanted(
        lambda r: "2026-01-10" <= r["tender"]["datePublished"][:10] <= "2026-01-20"
    )
    assert found(fecha="cierre", desde="2026-02-01") == wanted(
        lambda r: r["tender"].get("tenderPeriod", {}).get("endDate", "")[:10] >= "2026-02-01"
    )
    assert found(fecha="adjudicacion", hasta="2026-01-31") == wanted(
        lambda r: bool(_active(r)) and max(award["date"] for award in _active(r))[:10] <= "2026-01-31"
    )
    record = everything[nog]
    unit = next(one for one in record["parties"] if one["id"] == record["tender"]["procuringEntity"]["id"])
    told = [unit["identifier"], *unit.get("additionalIdentifiers", [])]
    entity, number = next(one["id"] for one in told if one["scheme"] == "GT-GCUC").split("-")
    assert nog in found(entidad=entity, unidad=number) <= found(entidad=entity)
    region = unit["address"]["region"]
    assert nog in found(departamento=region.lower())


def test_without_a_period_it_is_the_last_month(run: Run, records: list[Json]) -> None:
    found = set(run("concursos-publicados", mes="")["nog"])
    assert found == {_nog(record) for record in records if record["tender"]["datePublished"].startswith("2026-02")}


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"mes": "2026-13"}, "mes"),
        ({"mes": "2019-01"}, "mes"),
        ({"anio": "1999"}, "anio"),
        ({"anio": "2031", "mes": ""}, "anio"),
        ({"desde": "2026-02-02", "hasta": "2026-02-01"}, "hasta"),
        ({"desde": "x"}, "desde"),
        ({"unidad": "1"}, "unidad"),
        ({"estatus": "99"}, "estatus"),
        ({"estatus": "٣"}, "estatus"),
        ({"entidad": "-1"}, "entidad"),
        ({"fecha": "hoy"}, "fecha"),
        ({"q": "x" * 201}, "q"),
        ({"precio": "1"}, "precio"),
        ({"rango": "1"}, "rango"),
    ],
)
def test_what_cannot_be_asked_says_which_and_why(run: Run, asked: dict[str, str], name: str) -> None:
    with pytest.raises(filters.FilterError) as refused:
        run("concursos-publicados", **asked)
    assert refused.value.name == name
    assert refused.value.reason


def test_only_so_many_months_where_that_is_said(folders: dict[str, Path], tmp_path: Path) -> None:
    asked = {"mes": "todos"}
    with pytest.raises(filters.FilterError, match="1 como máximo"):
        running.run(
            REPORTS["tiempos"], asked, list(folders), lambda month, _: folders[month], tmp_path / "x", most_months=1
        )


@pytest.mark.parametrize("text", ["' OR 1=1", "(", "[a-z", "\\", "%", "a" * 200, "🏥"])
def test_any_text_is_only_a_text(run: Run, text: str) -> None:
    assert run("concursos-publicados", q=text).height >= 0
    assert run("concursos-publicados", departamento=text).height == 0
