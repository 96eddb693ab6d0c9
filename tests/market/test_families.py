"""The market against a plain reading of the published records, its silence at both sides of each limit, and its collection."""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import orjson
import polars as pl
import pytest

from guatecompras.formats.archive import read_lines
from guatecompras.gathered.collect import Collected, bring
from guatecompras.gathered.parts import parts_of
from guatecompras.gathered.verify import verify_collections
from guatecompras.market import collection, families, lots
from guatecompras.market.columns import TABLES
from guatecompras.market.families import Market
from guatecompras.stores import LocalStore
from tests.publications import published

Json = dict[str, Any]
FIGURES = [column.name for column in TABLES["familias"].columns]


def _bring(store: LocalStore) -> Collected:
    (found,) = bring(store, lambda parts: [collection.plan(store, parts)])
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """Two months that are large enough for medians, with their market. Not to be changed."""
    place = LocalStore(tmp_path_factory.mktemp("market") / "store")
    for month in ("2026-01", "2026-02"):
        published(place, 1, month, 400)
    _bring(place)
    return place


def _table(store: LocalStore, name: str) -> list[Json]:
    version = store.index()["collections"]["market"]["version"]
    path = store.collection_folder(f"market/{version}") / collection.file_name(name, "parquet")
    return list(pl.read_parquet(path).iter_rows(named=True))


@pytest.fixture(scope="module")
def records(store: LocalStore) -> list[Json]:
    """All that is public, as documents."""
    found = []
    for part in parts_of(store.index()):
        name = f"{part.month}_records.jsonl.gz"
        found += [orjson.loads(line) for line in read_lines(part.folder(store, [name]) / name)]
    return found


def _families(record: Json) -> set[str]:
    return {item["classification"]["id"][:4] for item in record["tender"].get("items", [])}


def _active(record: Json) -> list[Json]:
    return [award for award in record.get("awards", []) if award["status"] == "active"]


def _amount(record: Json) -> float | None:
    awards = [award["value"] for award in _active(record)]
    if not awards or any(value["currency"] != "GTQ" for value in awards):
        return None
    return round(sum(value["amount"] for value in awards), 2)


def _days(record: Json) -> float | None:
    if not _active(record):
        return None
    first = min(datetime.fromisoformat(award["date"]) for award in _active(record))
    minutes = int((first - datetime.fromisoformat(record["tender"]["datePublished"])).total_seconds() // 60)
    return minutes / 1440 if minutes >= 0 else None


def _bidders(record: Json) -> int | None:
    tender = record["tender"]
    offered = tender.get("numberOfTenderers")
    free = tender.get("procurementMethod") in ("open", "selective")
    return offered if _active(record) and free and offered else None


def _quartiles(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    if len(values) < 5:
        return None, None, None
    first, second, third = quantiles(values, n=4, method="inclusive")
    return first, second, third


def _sellers(group: Iterable[Json]) -> Mapping[str, float]:
    """Supplier -> what it was awarded in concursos of one family."""
    sums: dict[str, float] = defaultdict(float)
    for record in group:
        for award in _active(record):
            for supplier in award["suppliers"]:
                alone = len(_families(record)) == 1 and award["value"]["currency"] == "GTQ"
                sums[supplier["id"]] += award["value"]["amount"] / len(award["suppliers"]) if alone else 0
    return sums


def _counted(group: list[Json]) -> Json:
    """What the table should say of a family, read plainly."""
    alone = [record for record in group if len(_families(record)) == 1]
    paid = [amount for record in alone if (amount := _amount(record))]
    shared = [_amount(record) or 0 for record in group if len(_families(record)) > 1]
    bidders = [count for record in group if (count := _bidders(record))]
    days = [found for record in group if (found := _days(record)) is not None]
    sums = _sellers(group)
    total = sum(sums.values())
    told: Json = {
        "concursos": len(group),
        "adjudicados": sum(bool(_active(record)) for record in group),
        "compradores": len({record["buyer"]["id"] for record in group}),
        "proveedores": len(sums),
        "monto": sum(paid),
        "monto_compartido": sum(shared),
        "con_monto": len(paid),
        "concentracion": sum((value / total * 100) ** 2 for value in sums.values()) if len(paid) >= 10 else None,
        "con_oferentes": len(bidders),
        "oferentes_mediana": median(bidders) if len(bidders) >= 5 else None,
        "un_solo_oferente": bidders.count(1) / len(bidders) if len(bidders) >= 10 else None,
        "con_dias": len(days),
    }
    told |= dict(zip(("monto_p25", "monto_mediana", "monto_p75"), _quartiles(paid), strict=True))
    return told | dict(zip(("dias_p25", "dias_mediana", "dias_p75"), _quartiles(days), strict=True))


def test_families_are_counted_as_who_reads_the_records_would(store: LocalStore, records: list[Json]) -> None:
    groups: dict[str, list[Json]] = defaultdict(list)
    for record in records:
        for family in _families(record):
            groups[family].append(record)
    rows = {row["familia"]: row for row in _table(store, "familias") if row["ventana"] == "todo"}
    assert rows.keys() == groups.keys()
    exact = {"monto": 0.01, "monto_compartido": 0.01, "concentracion": 0.51, "un_solo_oferente": 1e-4}
    for family, group in groups.items():
        for name, value in _counted(group).items():
            found = rows[family][name]
            near = 0.051 if name.startswith("dias") else exact.get(name, 0.0051)
            assert (found is None) == (value is None), (family, name)
            if value is not None:
                assert float(found) == pytest.approx(value, abs=near), (family, name)
    assert sum(row["con_monto"] >= 10 for row in rows.values()) > 5
    assert any(row["monto_mediana"] is None for row in rows.values())


def test_both_windows_say_the_same_while_there_are_few_months(store: LocalStore) -> None:
    windows: dict[str, list[Json]] = defaultdict(list)
    for row in _table(store, "familias"):
        windows[row.pop("ventana")].append(row)
    assert windows["todo"] == windows["24m"]


def test_modalidades_and_months_add_up_to_the_family(store: LocalStore) -> None:
    whole = {row["familia"]: row for row in _table(store, "familias") if row["ventana"] == "todo"}
    for table, wanted in (("modalidades", lambda row: row["ventana"] == "todo"), ("meses", lambda row: True)):
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for row in filter(wanted, _table(store, table)):
            sums[row["familia"]][0] += row["concursos"]
            sums[row["familia"]][1] += row["adjudicados"]
        assert sums == {family: [row["concursos"], row["adjudicados"]] for family, row in whole.items()}
    assert sum(row["monto"] for row in _table(store, "meses")) == sum(row["monto"] for row in whole.values())


def test_who_sells_is_ranked_but_persons_are_together_and_nameless(store: LocalStore, records: list[Json]) -> None:
    persons = {
        party["id"]
        for record in records
        for party in record["parties"]
        if (party.get("details") or {}).get("legalEntityTypeDetail", {}).get("description") == "INDIVIDUAL"
    }
    assert persons
    rows = _table(store, "proveedores")
    assert not persons & {row["id"] for row in rows}
    together = [row for row in rows if row["id"] is None]
    assert {row["nombre"] for row in together} == {families.PERSONS}
    assert len(together) == len({row["familia"] for row in together})
    assert any(row["proveedores"] > 1 for row in together)
    by_family: dict[str, list[Json]] = defaultdict(list)
    for row in rows:
        by_family[row["familia"]].append(row)
    for ranked in by_family.values():
        assert [row["puesto"] for row in ranked] == list(range(1, len(ranked) + 1))
        assert [row["monto"] for row in ranked] == sorted((row["monto"] for row in ranked), reverse=True)


def _market(rows: Sequence[Json], first: str = "2026-01", last: str = "2026-12", absent: str = "") -> Market:
    """A market of lots that are written down, of the months from `first` to `last` but for one; what is not said is usual."""
    usual = {
        "familia": 4213, "familias": 1, "mes": lots.month_number(first), "modalidad": 1, "comprador": "GT-CISP-1",
        "abierto": True, "adjudicado": True, "centavos": 100_00, "oferentes": 2, "dias": 3.0,
    }  # fmt: skip
    told = pl.LazyFrame([usual | {"nog": nog} | row for nog, row in enumerate(rows)], schema=lots.LOTS)
    wins = told.select(
        "familia", "mes", "nog", "centavos", proveedor=pl.format("GT-NIT-{}", "nog"), persona=pl.lit(value=False)
    )
    names = pl.DataFrame(schema={"id": pl.String, "nombre": pl.String})
    wares = pl.DataFrame(schema={"familia": pl.UInt16, "renglon": pl.String, "concursos": pl.Int64})
    months = range(lots.month_number(first), lots.month_number(last) + 1)
    return Market(told, wins, names, wares, [month for month in months if lots.month_name(month) != absent])


@pytest.mark.parametrize("fewest", [families.FEWEST, families.FEWEST_FOR_SHARES])
def test_what_is_of_few_is_not_told(fewest: int) -> None:
    of = {families.FEWEST: ("monto_mediana", "monto_p25", "monto_p75", "oferentes_mediana", "dias_mediana", "dias_p75")}
    silent = of.get(fewest, ("un_solo_oferente", "concentracion"))
    for count in (fewest - 1, fewest):
        row = families.families(_market([{}] * count)).row(0, named=True)
        assert [row["con_monto"], row["con_oferentes"], row["con_dias"]] == [count] * 3
        assert {name: row[name] is None for name in silent} == dict.fromkeys(silent, count < fewest)


def test_only_what_can_be_compared_is(records: list[Json]) -> None:
    """Amounts of other currencies, of several families, and bidders where not everybody may offer."""
    odd = [
        {"familias": 2, "centavos": 999_00},
        {"centavos": None},
        {"abierto": False},
        {"adjudicado": False, "dias": None},
    ]
    row = families.families(_market([{}] * 5 + odd)).row(0, named=True)
    assert (row["concursos"], row["con_monto"], row["con_oferentes"], row["con_dias"]) == (9, 7, 7, 8)
    assert (float(row["monto"]), float(row["monto_compartido"])) == (700, 999)


def test_concentration_is_that_of_the_definition() -> None:
    assert families.families(_market([{}] * 10)).row(0, named=True)["concentracion"] == 1000
    one = families.families(_market([{"centavos": 0}] * 9 + [{}] * 10)).row(0, named=True)
    assert one["concentracion"] == 1000
    most = families.families(_market([{"centavos": 9_000_00}] + [{}] * 10)).row(0, named=True)
    assert most["concentracion"] == pytest.approx(8_110, abs=0.5)


def test_the_last_months_are_twenty_four() -> None:
    market = _market(
        [{"mes": lots.month_number(month)} for month in ("2024-01", "2024-02", "2026-01")], "2024-01", "2026-01"
    )
    rows = {row["ventana"]: row for row in families.families(market).iter_rows(named=True)}
    assert (rows["todo"]["concursos"], rows["todo"]["desde"], rows["todo"]["hasta"]) == (3, "2024-01", "2026-01")
    assert (rows["24m"]["concursos"], rows["24m"]["desde"], rows["24m"]["hasta"]) == (2, "2024-02", "2026-01")


def test_seasons_are_of_whole_years_and_of_enough() -> None:
    def indices(first: str, last: str, months: Sequence[str], absent: str = "") -> list[float | None]:
        market = _market([{"mes": lots.month_number(month)} for month in months], first, last, absent)
        return families.seasons(market)["indice"].to_list()

    years = [f"{year}-{month:02}" for year in (2024, 2025) for month in range(1, 13)]
    assert indices("2024-01", "2025-12", years) == [1.0] * 12
    # A year that is not whole, on either end, is not counted, and one is too few.
    assert indices("2024-02", "2025-12", years) == [None] * 12
    assert indices("2024-01", "2025-11", years) == [None] * 12
    assert indices("2023-06", "2026-05", years) == [1.0] * 12
    # Nor is one of which a month is not public.
    assert indices("2024-01", "2025-12", years, "2025-06") == [None] * 12
    # One concurso fewer than enough.
    assert indices("2024-01", "2025-12", years[:-1]) == [None] * 12
    # A month without any is one of the twelve.
    told = indices("2024-01", "2025-12", ["2024-01"] * 12 + ["2025-02"] * 12)
    assert told == [6.0, 6.0, *[0.0] * 10]


def test_the_collection_is_whole_made_once_and_the_same_anywhere(store: LocalStore, tmp_path: Path) -> None:
    assert not _bring(store).made
    assert verify_collections(store.index(), store.collection_folder)[1] == []
    entry = store.index()["collections"]["market"]
    names = {file["path"].rpartition("/")[2] for file in entry["files"]}
    assert names == {"manifest.json"} | {
        collection.file_name(table, form) for table in TABLES for form in collection.FORMS
    }
    shutil.copytree(store.root, tmp_path / "store", symlinks=True)
    other = LocalStore(tmp_path / "store")
    (tmp_path / "again").mkdir()
    again = collection.build(other, parts_of(other.index()), tmp_path / "again")
    shas = {file["path"].rpartition("/")[2]: file["sha256"] for file in entry["files"]}
    assert {file.path: file.sha256 for file in again.listed} == {
        name: sha for name, sha in shas.items() if name != "manifest.json"
    }
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == sorted(again.files)


def test_every_format_says_the_same(store: LocalStore) -> None:
    version = store.index()["collections"]["market"]["version"]
    folder = store.collection_folder(f"market/{version}")
    for table in TABLES:
        rows = _table(store, table)
        told = orjson.loads((folder / collection.file_name(table, "json")).read_bytes())
        assert [list(row) for row in told] == [list(row) for row in rows]
        read = pl.read_csv(folder / collection.file_name(table, "csv"), infer_schema=False)
        assert read.columns == [column.name for column in TABLES[table].columns]
        assert read.height == len(rows)
        for plain, row in zip(told, rows, strict=True):
            assert all(
                plain[name]
                == (float(value) if isinstance(TABLES[table].schema[name], pl.Decimal) and value is not None else value)
                for name, value in row.items()
            )
