import polars as pl
import pytest

from guatecompras import catalogs
from guatecompras.contract import TABLES
from guatecompras.ocds import profile

TEXT_KEYS = {
    "tipos_documento": "literal",
    "monedas": "code",
    "extensiones_archivo": "extension",
    "objetos": "literal",
    "recepcion": "literal",
    "eventos": "tipo",
    "unspsc_segmentos": "code",
}


@pytest.mark.parametrize("name", catalogs.NAMES)
def test_keys_are_unique_and_texts_are_clean(name: str) -> None:
    table = catalogs.table(name)
    key = ["tabla", "literal"] if name == "estados" else [TEXT_KEYS.get(name, "id")]
    assert not table.select(key).is_duplicated().any()
    assert not table.select(key).null_count().row(0).count(1)
    for column in table.select(pl.col(pl.String)):
        for value in column.drop_nulls():
            assert value == " ".join(value.split())


def test_ids_are_numbers() -> None:
    assert catalogs.table("modalidades").schema["id"] == pl.Int64
    assert catalogs.table("sub_modalidades").schema["modalidad"] == pl.Int64
    assert catalogs.mapping("estatus", "id", "opened")[2] == 1


def test_known_rows() -> None:
    methods = catalogs.mapping("modalidades", "id", "method")
    assert (methods[1], methods[44], methods[7], methods[19], methods[8]) == (
        "open",
        "direct",
        "limited",
        "selective",
        "direct",
    )
    statuses = catalogs.mapping("estatus", "id", "tender_status")
    assert (statuses[2], statuses[4], statuses[20], statuses[8]) == ("active", "cancelled", "unsuccessful", "complete")
    documents = catalogs.mapping("tipos_documento", "literal", "document_type")
    assert documents["Bases, especificaciones generales o términos de referencia"] == "biddingDocuments"
    assert "Dictamen técnico" not in documents
    assert catalogs.mapping("extensiones_archivo", "extension", "media_type")["pdf"] == "application/pdf"


def test_offers_stay_sealed_until_the_opening() -> None:
    opened = catalogs.table("estatus").filter(pl.col("opened") == 0)["id"].to_list()
    assert opened == [1, 6, 7, 14, 18, 19]


def test_what_is_not_open_says_why() -> None:
    closed = catalogs.table("modalidades").filter(pl.col("method") != "open")
    assert closed.filter(pl.col("rationale").is_null())["id"].to_list() == [8, 31]  # old codes: the law has changed
    assert catalogs.table("modalidades").filter(pl.col("method") == "open")["rationale"].unique().to_list() == [None]


def test_codes_cover_what_the_contract_names() -> None:
    for table in TABLES.values():
        for column in table.columns:
            if isinstance(column.codes, str):
                values = catalogs.codes(column.codes)
                assert {type(value) for value in values} == {str if column.kind == "text" else int}


def test_literals_of_the_contract_all_have_a_code() -> None:
    def codes(table: str, column: str) -> set[str]:
        return set(TABLES[table].column(column).codes or ())

    assert set(catalogs.mapping("objetos", "literal", "code")) == codes("concursos", "objeto")
    assert set(catalogs.mapping("recepcion", "literal", "code")) == codes("concursos", "recepcion_ofertas")
    assert set(catalogs.table("eventos")["tipo"]) == codes("eventos", "tipo")
    for (name,), rows in catalogs.table("estados").group_by("tabla"):
        assert set(rows["literal"]) == codes(str(name), "estado")


@pytest.mark.parametrize(
    ("catalog", "column", "codelist"),
    [
        ("modalidades", "method", "method"),
        ("estatus", "tender_status", "tenderStatus"),
        ("objetos", "code", "procurementCategory"),
        ("eventos", "tag_first", "releaseTag"),
        ("eventos", "tag_again", "releaseTag"),
    ],
)
def test_codes_are_in_the_profile(catalog: str, column: str, codelist: str) -> None:
    assert set(catalogs.table(catalog)[column]) <= set(profile.closed_codes()[codelist])


def test_states_are_in_the_profile() -> None:
    lists = {"ofertas": "bidStatus", "adjudicaciones": "awardStatus", "contratos": "contractStatus"}
    for (name,), rows in catalogs.table("estados").group_by("tabla"):
        assert set(rows["code"]) <= set(profile.closed_codes()[lists[str(name)]])


def test_unknown_names() -> None:
    with pytest.raises(KeyError, match="no catalog 'nada'"):
        catalogs.table("nada")
    with pytest.raises(KeyError):
        catalogs.codes("eventos")
