"""A real municipality's 28 months, from its tables to flat tables: nothing is lost on the way."""

import csv
import os
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from guatecompras import snapshot, tables
from guatecompras.formats.archive import read_lines
from guatecompras.months import Month, parse_months
from guatecompras.ocds import cohort
from guatecompras.settings import Settings
from resources.sources.uri import open_source

SHARED = Path(os.environ.get("GUATECOMPRAS_SHARED") or Path(__file__).parents[2].parent / "shared")
FOLDER = SHARED / "data" / "antigua"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared data are not here")


def lines(table: str) -> list[dict[str, str]]:
    with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def published(folder: Path) -> Iterator[tuple[Month, cohort.Cohort, dict[str, pl.DataFrame]]]:
    source = open_source(f"csv:{FOLDER}")
    for month in parse_months(["2024-01..2026-04"]):
        home = folder / str(month)
        with source.open(month) as reading:
            taken = snapshot.take(reading, month, home / "source")
        made = cohort.build(taken, home / "ocds", Settings())
        flat = tables.flatten(tables.read_documents(list(read_lines(made.records))))
        yield month, made, flat | {"releases": pl.read_parquet(made.releases_table)}


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Month, cohort.Cohort, dict[str, pl.DataFrame]]]:
    return list(published(tmp_path_factory.mktemp("antigua")))


Months = list[tuple[Month, cohort.Cohort, dict[str, pl.DataFrame]]]


def together(months: Months, table: str) -> pl.DataFrame:
    return pl.concat(flat[table] for _, _, flat in months)


def test_28_months_431_records_312_awards_none_lost(months: Months) -> None:
    assert len(months) == 28
    concursos, awards, events = lines("concursos"), lines("adjudicaciones"), lines("eventos")
    assert (len(concursos), len(awards)) == (431, 312)
    assert together(months, "records").height == sum(made.counts["records"] for _, made, _ in months) == 431
    assert together(months, "awards").height == 312
    assert together(months, "releases").height == len(events)
    assert sum(made.counts["concursos"] for _, made, _ in months) == 431
    assert sum(made.counts["rejected"] for _, made, _ in months) == 0


def test_nothing_of_a_row_is_left_out(months: Months) -> None:
    rejects = pl.concat(made.rejects for _, made, _ in months)
    assert rejects.is_empty(), rejects


def test_every_nog_is_in_the_month_of_its_call(months: Months) -> None:
    home = {int(row["nog"]): row["fecha_publicacion"][:7] for row in lines("concursos")}
    found = {nog: str(month) for month, _, flat in months for nog in flat["records"]["nog"]}
    assert found == home
    segments = together(months, "records").select("nog", "dataSegmentation_id")
    assert dict(segments.rows()) == home


def test_every_award_has_its_id_supplier_date_and_exact_amount(months: Months) -> None:
    awards, suppliers = together(months, "awards"), together(months, "award_suppliers")
    ours = awards.join(suppliers.select(id="award_id", supplier="id"), on="id").select(
        "nog", "id", "supplier", "value_amount", "value_currency", pl.col("date").dt.to_string("%Y-%m-%d %H:%M:%S")
    )
    theirs = [
        (
            int(row["nog"]),
            row["adjudicacion_id"],
            row["proveedor"],
            Decimal(row["monto"]).quantize(Decimal("0.01")),
            row["moneda"],
            row["fecha_adjudicacion"][:19],
        )
        for row in lines("adjudicaciones")
    ]
    assert sorted(ours.rows()) == sorted(theirs)
    assert awards["value_amount"].sum() == sum((row[3] for row in theirs), Decimal())
    assert set(awards["status"]) == {"active"}


def test_titles_and_numbers_of_tenderers(months: Months) -> None:
    records = {row["nog"]: row for row in together(months, "records").iter_rows(named=True)}
    opened = {row["nog"] for row in lines("eventos") if row["estatus_concurso"] != "1"}
    for row in lines("concursos"):
        record = records[int(row["nog"])]
        assert record["tender_title"] == " ".join(row["descripcion"].split())
        expected = int(row["numero_oferentes"] or 0) if row["nog"] in opened else 0
        assert (record["tender_numberOfTenderers"] or 0) == expected, row["nog"]
        assert record["buyer_id"] == record["tender_procuringEntity_id"] == "GT-CISP-12100301"


def test_suppliers_keep_their_number_and_their_registered_name(months: Months) -> None:
    parties = together(months, "parties").filter(pl.col("identifier_scheme") == "GT-NIT")
    registered = {
        (row["nog"], row["identificador"]): row["nombre"] for row in lines("partes") if row["esquema"] == "GT-NIT"
    }
    assert parties.height == len(registered)
    for nog, number, name, legal in parties.select("nog", "identifier_id", "name", "identifier_legalName").iter_rows():
        whole = " ".join(registered[str(nog), number].split())
        assert (legal or name) == whole
        # Persons' names have five fields; what has none is a company or is written as it is read.
        assert (legal is not None) == (whole.count(",") == 4), whole
        assert not legal or sorted(name.split()) == sorted(whole.replace(",", " ").split())


def test_every_event_is_a_release_in_the_order_of_its_nog(months: Months) -> None:
    releases = together(months, "releases")
    assert releases["id"].is_unique().all()
    ours, theirs = defaultdict(list), defaultdict(list)
    for nog, date in releases.select("nog", pl.col("date").dt.to_string("%Y-%m-%d %H:%M:%S")).iter_rows():
        ours[nog].append(date)
    for row in lines("eventos"):
        theirs[int(row["nog"])].append(row["fecha_evento"][:19])
    assert ours == {nog: sorted(dates) for nog, dates in theirs.items()}
    statuses = dict(together(months, "records").select("nog", "tender_statusDetails").rows())
    assert sum(status == "Adjudicado" for status in statuses.values()) > 200
