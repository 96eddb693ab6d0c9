"""A month's search files hold what its tables and documents say."""

from pathlib import Path

import orjson
import polars as pl
import pytest
from zlib_ng import zlib_ng

from guatecompras.errors import GuatecomprasError
from guatecompras.formats import archive
from guatecompras.search import build, schema
from guatecompras.stores import LocalStore
from tests.publications import built


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> build.Parts:
    work = built(LocalStore(tmp_path_factory.mktemp("search") / "store"), seed=5, size=120)
    flat, made = work.tables(), work.ocds()
    return build.Parts({name: flat.path(name) for name in build.TABLES}, made.path("records"), made.path("releases"))


@pytest.fixture(scope="module")
def folder(parts: build.Parts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("files")
    build.build(parts, home / schema.FOLDER, gone=[7, 8])
    return home


@pytest.mark.parametrize("file", ["records", "releases"])
def test_each_document_is_where_its_row_says(parts: build.Parts, folder: Path, file: str) -> None:
    path = getattr(parts, file)
    blocks = pl.DataFrame(build.read(folder, "blocks")).filter(pl.col("file") == file)
    table = pl.DataFrame(build.read(folder, "concursos" if file == "records" else "releases"))
    packed, found = path.read_bytes(), []
    for block, offset, length in table.select("block", "offset", "length").iter_rows():
        plain = b""
        while len(plain) < offset + length:  # a document may go on in the next block
            plain += zlib_ng.decompressobj(-15).decompress(packed[blocks["start"][block] :])
            block += 1  # noqa: PLW2901
        found.append(plain[offset : offset + length])
    assert sorted(found) == sorted(archive.read_lines(path))
    assert [orjson.loads(one)["ocid"].rpartition("-")[2] for one in found] == [str(nog) for nog in table["nog"]]


def test_rows_are_in_order_of_call_and_say_what_the_record_says(parts: build.Parts, folder: Path) -> None:
    rows = pl.DataFrame(build.read(folder, "concursos"))
    assert rows.select("called", "nog").rows() == sorted(rows.select("called", "nog").rows())
    records = {one["ocid"].rpartition("-")[2]: one for one in map(orjson.loads, archive.read_lines(parts.records))}
    assert len(records) == rows.height > 100
    for row in rows.iter_rows(named=True):
        told = records[str(row["nog"])]
        active = [one for one in told.get("awards", []) if one["status"] == "active"]
        assert row["title"] == told["tender"]["title"]
        assert row["buyer"] == told["buyer"]["id"]
        assert row["unit"] == told["tender"]["procuringEntity"]["id"]
        unit = next(party for party in told["parties"] if party["id"] == row["unit"])
        numbers = {one["id"] for one in [unit["identifier"], *unit.get("additionalIdentifiers", [])]}
        assert f"{row['entidad']}-{row['unidad']}" in numbers
        assert row["awards"] == len(active)
        assert row["items"] == len(told["tender"].get("items", []))
        if active:
            assert row["awarded_amount"] == pytest.approx(sum(one["value"]["amount"] for one in active))


def test_terms_lead_to_the_rows_that_have_them(parts: build.Parts, folder: Path) -> None:
    nogs = build.read(folder, "concursos")["nog"].to_pylist()
    terms = dict(pl.DataFrame(build.read(folder, "terms")).iter_rows())
    assert list(terms) == sorted(terms, key=str.encode)
    items = pl.read_parquet(parts.tables["items"]).drop_nulls("classification_id")
    for code, wanted in items.group_by("classification_id").agg("nog").iter_rows():
        assert {nogs[row] for row in terms[f"u{code}"]} == set(wanted)


def test_what_an_award_is_worth_is_shared_by_its_suppliers(folder: Path) -> None:
    rows, deals = (pl.DataFrame(build.read(folder, name)) for name in ("concursos", "deals"))
    home = rows.filter(pl.col("currency") == "GTQ")
    assert deals["amount"].sum() == pytest.approx(home["awarded_amount"].drop_nulls().sum())
    assert deals.select("row", "party").rows() == sorted(deals.select("row", "party").rows())


def test_what_is_gone_is_listed_in_order(folder: Path) -> None:
    assert build.gone(folder) == [7, 8]


def test_the_same_month_gives_the_same_bytes(parts: build.Parts, folder: Path, tmp_path: Path) -> None:
    build.build(parts, tmp_path / schema.FOLDER, gone=[8, 7])
    for name in schema.FILES:
        assert (tmp_path / schema.file_name(name)).read_bytes() == (folder / schema.file_name(name)).read_bytes()


def test_documents_that_do_not_stand_alone_are_refused(parts: build.Parts, tmp_path: Path) -> None:
    lines = b"".join(archive.read_chunks(parts.releases))
    with archive.gzip_lines_writer(tmp_path / "primed.gz") as stream:
        stream.write(lines * 20)
    with pytest.raises(GuatecomprasError, match=r"primed\.gz"):
        build.build(build.Parts(parts.tables, parts.records, tmp_path / "primed.gz"), tmp_path / "out")


def test_a_document_too_many_is_told(parts: build.Parts, tmp_path: Path) -> None:
    lines = b"".join(archive.read_chunks(parts.records))
    with archive.gzip_lines_writer(tmp_path / "more.gz", alone=True) as stream:
        stream.write(lines + b"{}\n")
    with pytest.raises(GuatecomprasError, match=r"the table says \d+ records, their file has \d+"):
        build.build(build.Parts(parts.tables, tmp_path / "more.gz", parts.releases), tmp_path / "out")
