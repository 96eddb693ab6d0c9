"""The month's record package: its envelope, its records with their linked releases, and what other tools make of it."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import polars as pl
import pytest
from ocdskit.combine import combine_record_packages
from ocdskit.util import detect_format, is_linked_release, is_record, is_record_package

from guatecompras import snapshot
from guatecompras.formats.archive import read_lines
from guatecompras.months import Month
from guatecompras.ocds import cohort
from guatecompras.ocds.packages import package_head, record_lines
from guatecompras.ocds.profile import extensions, record_package_schema
from guatecompras.settings import Settings
from guatecompras.tables import TableSet, releases_table
from tests.ocds.sample_rows import Json, Reading, build, event, rich, tables

CONFIG = Settings(base_url="https://example.gt/ocds/")
URI = "https://example.gt/ocds/file/json/2026/05"
DATED = "2026-06-01T08:00:00-06:00"


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> cohort.Cohort:
    folder = tmp_path_factory.mktemp("mayo")
    taken = snapshot.take(Reading(rich()), Month(2026, 5), folder / "source")
    return cohort.build(taken, folder / "ocds", CONFIG)


@pytest.fixture(scope="module")
def package(month: cohort.Cohort) -> Json:
    records = record_lines(read_lines(month.records), month.releases_table)
    return package_head(URI, DATED, CONFIG) | {"records": [orjson.loads(record) for record in records]}


def test_the_envelope() -> None:
    names = [extension["name"] for extension in extensions()]
    assert len(names) > 5
    assert package_head(URI, DATED, CONFIG) == {
        "uri": URI,
        "publisher": {
            "name": "Guatemala - Ministerio de Finanzas Públicas - DGAE",
            "uri": "https://www.guatecompras.gt",
        },
        "publishedDate": DATED,
        "version": "1.1",
        "extensions": [f"https://example.gt/ocds/extensions/{name}/extension.json" for name in names],
        "license": "https://creativecommons.org/licenses/by/4.0",
        "publicationPolicy": "https://www.guatecompras.gt/descargas/politica_publicacion.pdf",
    }


def test_the_package_keeps_the_profile(package: Json) -> None:
    validator = jsonschema.Draft4Validator(record_package_schema(), format_checker=jsonschema.FormatChecker())
    assert [error.message for error in validator.iter_errors(package)] == []
    assert len(package["records"]) == 3


def test_links_are_the_releases(month: cohort.Cohort, package: Json) -> None:
    releases: dict[str, list[Json]] = {}
    for line in read_lines(month.releases):
        release = orjson.loads(line)
        link = {"url": f"https://example.gt/ocds/release/{release['id']}"} | {k: release[k] for k in ("date", "tag")}
        releases.setdefault(release["ocid"], []).append(link)
    compiled = [orjson.loads(line) for line in read_lines(month.records)]
    assert package["records"] == [
        {"ocid": record["ocid"], "releases": releases[record["ocid"]], "compiledRelease": record} for record in compiled
    ]
    assert all(re.fullmatch(r".*-T\d{18}", link["url"]) for links in releases.values() for link in links)


def test_several_tags_are_several_tags(tmp_path: Path) -> None:
    made = build(tables(eventos=[event("modificacion", "2026-05-01 12:00:00")]))
    with TableSet(tmp_path, ["releases"]) as table:
        table.write({"releases": releases_table(made, "https://x.gt/")})
    (record,) = record_lines([b'{"ocid":"ocds-xqjsxa-100"}'], table.files["releases"])
    assert orjson.loads(record)["releases"][0]["tag"] == ["tender", "tenderAmendment"]


def test_ocdskit_takes_it_for_what_it_is(package: Json, tmp_path: Path) -> None:
    path = tmp_path / "2026-05_Guatecompras.json"
    path.write_bytes(orjson.dumps(package))
    assert detect_format(str(path)) == ("record package", False, False)
    assert is_record_package(package)
    assert all(is_record(record) for record in package["records"])
    assert all(is_linked_release(link) for record in package["records"] for link in record["releases"])
    together: dict[str, Any] = combine_record_packages([package, package], uri=URI, published_date=DATED)
    assert together["records"] == package["records"] * 2
    assert sorted(together["extensions"]) == sorted(package["extensions"])


# ------------------------------------------------------------------------------------------------------ what must match


def table_of(ocids: list[str], path: Path) -> Path:
    made = build(tables(concursos=[{"nog": int(ocid)} for ocid in ocids]))
    with TableSet(path, ["releases"]) as table:
        table.write({"releases": releases_table(made, "https://x.gt/")})
    return table.files["releases"]


def lines_of(*ocids: str) -> list[bytes]:
    return [b'{"ocid":"ocds-xqjsxa-%s"}' % ocid.encode() for ocid in ocids]


def test_compiled_releases_are_passed_on_as_they_are(tmp_path: Path) -> None:
    odd = [b'{"id":"x", "ocid": "ocds-xqjsxa-100" }\n', b'{"ocid":"ocds-xqjsxa-101","a":1.50}\n']
    found = list(record_lines(odd, table_of(["100", "101"], tmp_path)))
    assert found[0].endswith(b',"compiledRelease":{"id":"x", "ocid": "ocds-xqjsxa-100" }}')
    assert found[1].endswith(b',"compiledRelease":{"ocid":"ocds-xqjsxa-101","a":1.50}}')


@pytest.mark.parametrize(
    ("records", "releases", "message"),
    [
        (["100", "101"], ["100"], "has no releases"),
        (["101"], ["100", "101"], "out of order at ocds-xqjsxa-100"),
        (["101", "100"], ["100", "101"], "out of order"),
        (["10"], ["100"], "out of order"),
        (["100"], ["100", "101"], "the releases of ocds-xqjsxa-101 have no record"),
        ([], ["100"], "have no record"),
    ],
)
def test_records_and_releases_must_be_of_the_same_processes(
    records: list[str], releases: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        list(record_lines(lines_of(*records), table_of(releases, tmp_path)))


def test_no_records(tmp_path: Path) -> None:
    empty = build(tables()).clear()
    with TableSet(tmp_path, ["releases"]) as table:
        table.write({"releases": releases_table(empty, "https://x.gt/")})
    assert list(record_lines([], table.files["releases"])) == []


def test_releases_of_one_process_in_several_batches(tmp_path: Path) -> None:
    """More releases than a reader holds at once, of one process and of many."""
    rows = 40_000
    frame = pl.DataFrame(
        {
            "nog": [100] * rows + [101],
            "ocid": ["ocds-xqjsxa-100"] * rows + ["ocds-xqjsxa-101"],
            "id": [f"GT-NOG-100-T{n}" for n in range(rows + 1)],
            "date": ["2026-05-01T12:00:00-06:00"] * (rows + 1),
            "publishedDate": ["2026-05-01T12:00:00-06:00"] * (rows + 1),
            "tag": [["tender"]] * (rows + 1),
            "json": ["{}"] * (rows + 1),
        }
    )
    with TableSet(tmp_path, ["releases"]) as table:
        table.write({"releases": releases_table(frame, "")})
    first, second = (orjson.loads(line) for line in record_lines(lines_of("100", "101"), table.files["releases"]))
    assert [link["url"] for link in first["releases"]] == frame["id"][:rows].to_list()
    assert len(second["releases"]) == 1
