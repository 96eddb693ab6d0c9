"""A real municipality's 28 months, from its tables to flat tables: nothing is lost on the way."""

import csv
import shutil
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from guatecompras.formats.archive import read_lines
from tests.real.conftest import ANTIGUA, Built, built

pytestmark = pytest.mark.skipif(not ANTIGUA.is_dir(), reason="the shared data are not here")


def lines(table: str) -> list[dict[str, str]]:
    with (ANTIGUA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def together(months: list[Built], table: str) -> pl.DataFrame:
    return pl.concat(built.frames[table] for built in months)


def test_28_months_431_records_312_awards_none_lost(antigua: list[Built]) -> None:
    assert len(antigua) == 28
    concursos, awards, events = lines("concursos"), lines("adjudicaciones"), lines("eventos")
    assert (len(concursos), len(awards)) == (431, 312)
    assert together(antigua, "records").height == sum(month.made.counts["records"] for month in antigua) == 431
    assert together(antigua, "awards").height == 312
    assert together(antigua, "releases").height == len(events)
    assert sum(month.made.counts["concursos"] for month in antigua) == 431
    assert sum(month.made.counts["rejected"] for month in antigua) == 0


def test_nothing_of_a_row_is_left_out(antigua: list[Built]) -> None:
    rejects = pl.concat(month.made.rejects for month in antigua)
    assert rejects.is_empty(), rejects


def test_every_nog_is_in_the_month_of_its_call(antigua: list[Built]) -> None:
    home = {int(row["nog"]): row["fecha_publicacion"][:7] for row in lines("concursos")}
    found = {nog: str(built.month) for built in antigua for nog in built.frames["records"]["nog"]}
    assert found == home
    segments = together(antigua, "records").select("nog", "dataSegmentation_id")
    assert dict(segments.rows()) == home


def test_every_award_has_its_id_supplier_date_and_exact_amount(antigua: list[Built]) -> None:
    awards, suppliers = together(antigua, "awards"), together(antigua, "award_suppliers")
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


def test_titles_and_numbers_of_tenderers(antigua: list[Built]) -> None:
    records = {row["nog"]: row for row in together(antigua, "records").iter_rows(named=True)}
    opened = {row["nog"] for row in lines("eventos") if row["estatus_concurso"] != "1"}
    for row in lines("concursos"):
        record = records[int(row["nog"])]
        assert record["tender_title"] == " ".join(row["descripcion"].split())
        expected = int(row["numero_oferentes"] or 0) if row["nog"] in opened else 0
        assert (record["tender_numberOfTenderers"] or 0) == expected, row["nog"]
        assert record["buyer_id"] == record["tender_procuringEntity_id"] == "GT-CISP-12100301"


def test_suppliers_keep_their_number_and_their_registered_name(antigua: list[Built]) -> None:
    parties = together(antigua, "parties").filter(pl.col("identifier_scheme") == "GT-NIT")
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


def test_every_event_is_a_release_in_the_order_of_its_nog(antigua: list[Built]) -> None:
    releases = together(antigua, "releases")
    assert releases["id"].is_unique().all()
    ours, theirs = defaultdict(list), defaultdict(list)
    for nog, date in releases.select("nog", pl.col("date").dt.to_string("%Y-%m-%d %H:%M:%S")).iter_rows():
        ours[nog].append(date)
    for row in lines("eventos"):
        theirs[int(row["nog"])].append(row["fecha_evento"][:19])
    assert ours == {nog: sorted(dates) for nog, dates in theirs.items()}
    statuses = dict(together(antigua, "records").select("nog", "tender_statusDetails").rows())
    assert sum(status == "Adjudicado" for status in statuses.values()) > 200


def test_without_the_log_the_records_are_the_same(antigua: list[Built], tmp_path: Path) -> None:
    """What its rows' own dates tell leads to the same state of all 431, and to the same awards; only the log knows the rest."""
    source = tmp_path / "source"
    source.mkdir()
    for table in ("concursos", "partes", "adjudicaciones"):
        shutil.copy(ANTIGUA / f"{table}.csv", source)
    found = list(built(f"csv:{source}", "2024-01..2026-04", tmp_path / "built"))
    assert _states(found) == _states(antigua)
    tags = [Counter(together(months, "releases")["tag"]) for months in (antigua, found)]
    assert tags[1]["award"] == tags[0]["award"] == 307
    assert tags[1]["tender"] == 431
    assert sum(tags[1].values()) == 870


def _states(months: list[Built]) -> dict[str, Any]:
    """The compiled records by their ocid, without what dates them."""
    records = [orjson.loads(line) for month in months for line in read_lines(month.made.records)]
    return {
        record["ocid"]: {key: value for key, value in record.items() if key not in {"id", "date", "publishedDate"}}
        for record in records
    }
