"""The flat tables: what each column holds, in which type, with which keys."""

import hashlib
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow.parquet as pq
import pytest

from guatecompras import tables
from guatecompras.months import TIME_ZONE
from guatecompras.ocds import mapping
from tests.ocds import sample_release
from tests.ocds.sample_rows import Json, build, event, rich
from tests.ocds.sample_rows import tables as rows_of

LOCAL = pl.Datetime("us", TIME_ZONE)


def line(document: Json) -> bytes:
    return orjson.dumps(document)


def flat(*documents: Json) -> dict[str, pl.DataFrame]:
    return tables.flatten(tables.read_documents([line(document) for document in documents]))


def sample() -> Json:
    """A record that has every path; its documents' times without the fractions that are never published."""
    text = re.sub(r"\.\d+-06:00", "-06:00", orjson.dumps(sample_release.compiled()).decode())
    found: Json = orjson.loads(text)
    return found


def local(text: str) -> datetime:
    (time,) = pl.Series([text]).str.to_datetime().dt.replace_time_zone(TIME_ZONE)
    return time


KEYS = {"ocid": "ocds-xqjsxa-30095980", "nog": 30095980}
REFERENCE = {"id": "GT-NIT-7894880", "name": "CONSTRUCTORA, SOCIEDAD ANÓNIMA"}


def test_a_record() -> None:
    (row,) = flat(sample())["records"].to_dicts()
    assert row == KEYS | {
        "id": "ocds-xqjsxa-30095980-2026-05-01T12:03:14-06:00",
        "date": local("2026-05-01 12:03:14"),
        "publishedDate": local("2026-05-02 01:00:26"),
        "dataSegmentation_id": "2026-05",
        "buyer_id": "GT-CISP-12101609",
        "buyer_name": "MUNICIPALIDAD DE SAN PEDRO CARCHÁ",
        "tender_id": "GT-NOG-30095980",
        "tender_title": "MEJORAMIENTO DE CALLE",
        "tender_status": "complete",
        "tender_statusDetails": "Adjudicado",
        "tender_datePublished": local("2026-05-01 12:03:11"),
        "tender_procuringEntity_id": "GT-GCUC-409-2",
        "tender_procuringEntity_name": "DIRECCIÓN DE OBRAS",
        "tender_procurementMethod": "direct",
        "tender_procurementMethodDetails": "Procedimientos Regulados por el artículo 44 LCE (Casos de Excepción)",
        "tender_procurementMethodRationale": "Artículo 44 de la Ley de Contrataciones del Estado: casos de excepción",
        "tender_mainProcurementCategory": "works",
        "tender_additionalProcurementCategories": "goods",
        "tender_categories": "3 Construcción y materiales afines",
        "tender_tenderType_id": "1",
        "tender_tenderType_description": "Público",
        "tender_subMethod_id": "22",
        "tender_subMethod_description": "Contratación de Servicios Básicos (Art. 44 inciso g)",
        "tender_submissionMethod": "electronicSubmission",
        "tender_tenderPeriod_startDate": local("2026-05-01 12:03:11"),
        "tender_tenderPeriod_endDate": local("2026-05-12 10:00:00"),
        "tender_value_amount": Decimal("90000.50"),
        "tender_value_currency": "GTQ",
        "tender_numberOfTenderers": 1,
    }


def test_parties_and_their_roles() -> None:
    found = flat(sample())
    entity, unit, supplier = found["parties"].to_dicts()
    assert {key: value for key, value in entity.items() if value is not None} == KEYS | {
        "id": "GT-CISP-12101609",
        "name": "MUNICIPALIDAD DE SAN PEDRO CARCHÁ",
        "identifier_scheme": "GT-CISP",
        "identifier_id": "12101609",
        "identifier_legalName": "MUNICIPALIDAD DE SAN PEDRO CARCHÁ",
        "additionalIdentifiers": "GT-NIT 4132726",
        "details_type_id": "1",
        "details_type_description": "Sector Público",
        "details_entityType_id": "6",
        "details_entityType_description": "Gobiernos Locales",
        "details_level_id": "59",
        "details_level_description": "Municipalidad",
    }
    assert (unit["memberOf_id"], unit["memberOf_name"]) == ("GT-CISP-12101609", "MUNICIPALIDAD DE SAN PEDRO CARCHÁ")
    assert unit["additionalContactPoints"] == "Obras obras@example.gt 7950 0002"
    assert unit["contactPoint_faxNumber"] == "7950 0001"
    assert unit["address_streetAddress"] == "1a. calle 2-33, zona 1"
    assert supplier["details_legalEntityTypeDetail_description"] == "SOCIEDAD ANÓNIMA"
    assert found["party_roles"].to_dicts() == [
        KEYS | {"party_id": "GT-CISP-12101609", "role": "buyer"},
        KEYS | {"party_id": "GT-GCUC-409-2", "role": "procuringEntity"},
        KEYS | {"party_id": "GT-NIT-7894880", "role": "tenderer"},
        KEYS | {"party_id": "GT-NIT-7894880", "role": "supplier"},
    ]


def test_items_and_attributes() -> None:
    found = flat(sample())
    item = "0123456789ABCDEF0123456789ABCDEF"
    assert found["items"].to_dicts() == [
        KEYS
        | {
            "id": item,
            "description": "Concreto",
            "classification_scheme": "UNSPSC",
            "classification_id": "30111505",
            "quantity": Decimal("12.2500"),
            "unit_name": "Metro cúbico",
            "unit_value_amount": Decimal("850.00"),
            "unit_value_currency": "GTQ",
        }
    ]
    assert found["item_attributes"].to_dicts() == [
        KEYS | {"item_id": item, "id": "FEDCBA9876543210", "name": "Resistencia", "value": "4000 psi"}
    ]


def test_bids_awards_and_contracts() -> None:
    found = flat(sample())
    value = {"value_amount": Decimal("89960.00"), "value_currency": "GTQ"}
    assert found["bids"].to_dicts() == [
        KEYS
        | {"id": "AA00", "date": local("2026-05-12 09:00:00"), "status": "valid"}
        | {"tenderers_id": REFERENCE["id"], "tenderers_name": REFERENCE["name"]}
        | value
    ]
    award = "GT-ADJ-30095980-7894880"
    assert found["awards"].to_dicts() == [
        KEYS
        | {"id": award, "title": "MEJORAMIENTO DE CALLE", "status": "active", "statusDetails": "Habilitado"}
        | {"date": local("2026-05-20 15:00:00")}
        | value
    ]
    assert found["award_suppliers"].to_dicts() == [KEYS | {"award_id": award} | REFERENCE]
    (contract,) = found["contracts"].to_dicts()
    assert contract == KEYS | value | {
        "id": "NOG-30095980-CON-AA01",
        "awardID": award,
        "title": "MEJORAMIENTO DE CALLE",
        "contractNumber": "DAJ-040-2026",
        "status": "active",
        "statusDetails": "Vigente",
        "dateSigned": local("2026-06-01 00:00:00"),
        "period_startDate": local("2026-06-02 00:00:00"),
        "period_endDate": local("2026-12-31 23:59:59"),
    }


def test_documents_of_the_tender_and_of_contracts() -> None:
    found = flat(sample())
    document = {
        "id": "0A1B2C3D4E5F60718293A4B5C6D7E8F9",
        "documentTypeDetails": "Bases, especificaciones generales o términos de referencia",
        "url": "https://www.guatecompras.gt/concursos/files/6020/30095980@Boleta%20de%20SNIP.pdf",
        "format": "application/pdf",
        "language": "es",
        "datePublished": local("2026-05-01 12:03:11"),
    }
    assert found["documents"].to_dicts() == [KEYS | document | {"documentType": "biddingDocuments", "title": "Bases"}]
    assert found["contract_documents"].to_dicts() == [
        KEYS
        | document
        | {"contract_id": "NOG-30095980-CON-AA01", "documentType": "contractSigned", "title": "Contrato"}
    ]


def test_longer_lists_are_joined_and_first_entries_taken() -> None:
    document = sample()
    tender = document["tender"]
    tender["categories"] = [{"id": "3", "description": "Construcción"}, {"id": "14"}]
    tender["submissionMethod"] = ["electronicSubmission", "written"]
    document["parties"][0]["additionalIdentifiers"].append({"scheme": "GT-GCUC", "id": "409-0"})
    document["parties"][1]["additionalContactPoints"] += [{"email": "a@example.gt"}]
    document["bids"]["details"][0]["tenderers"].append({"id": "GT-NIT-2", "name": "DOS"})
    document["awards"][0]["suppliers"].append({"id": "GT-NIT-2"})
    found = flat(document)
    (record,) = found["records"].to_dicts()
    assert record["tender_categories"] == "3 Construcción; 14"
    assert record["tender_submissionMethod"] == "electronicSubmission; written"
    assert found["parties"]["additionalIdentifiers"][0] == "GT-NIT 4132726; GT-GCUC 409-0"
    assert found["parties"]["additionalContactPoints"][1] == "Obras obras@example.gt 7950 0002; a@example.gt"
    assert found["bids"]["tenderers_id"].to_list() == ["GT-NIT-7894880"]
    assert found["award_suppliers"]["id"].to_list() == ["GT-NIT-7894880", "GT-NIT-2"]


def test_a_record_that_has_little() -> None:
    found = flat({"ocid": "ocds-xqjsxa-7", "id": "x", "tender": {"id": "GT-NOG-7"}}, sample())
    assert {name: frame.height for name, frame in found.items()} == {
        "records": 2,
        "parties": 3,
        "party_roles": 4,
        "items": 1,
        "item_attributes": 1,
        "documents": 1,
        "bids": 1,
        "awards": 1,
        "award_suppliers": 1,
        "contracts": 1,
        "contract_documents": 1,
    }
    bare = found["records"].row(0, named=True)
    assert {key: value for key, value in bare.items() if value is not None} == {
        "ocid": "ocds-xqjsxa-7",
        "nog": 7,
        "id": "x",
        "tender_id": "GT-NOG-7",
    }


@pytest.mark.parametrize("amount", ["17940", "89959.59", "0.1", "999999999999.99", "0", "1000", "0.07"])
def test_amounts_are_exact(amount: str) -> None:
    document = line(sample()).replace(b'"amount":90000.5', b'"amount":%s' % amount.encode())
    (record,) = tables.flatten(tables.read_documents([document]))["records"].to_dicts()
    assert record["tender_value_amount"] == Decimal(amount)


@pytest.mark.parametrize("quantity", ["12.25", "0.0001", "99999999999.9999", "1"])
def test_quantities_are_exact(quantity: str) -> None:
    document = line(sample()).replace(b'"quantity":12.25', b'"quantity":%s' % quantity.encode())
    assert tables.flatten(tables.read_documents([document]))["items"]["quantity"].to_list() == [Decimal(quantity)]


# In 2006 the time zone had a summer time, which what is published does not know; the hour of 1 October came twice.
@pytest.mark.parametrize(
    "time", ["2026-05-01 23:59:59", "2006-06-15 10:30:00", "2006-10-01 00:30:00", "1995-01-01 00:00:00"]
)
def test_times_are_those_on_the_wall(time: str) -> None:
    document = sample()
    document["contracts"][0]["dateSigned"] = document["date"] = f"{time.replace(' ', 'T')}-06:00"
    found = flat(document)
    for table, column in (("contracts", "dateSigned"), ("records", "date")):
        assert found[table][column].dtype == LOCAL
        assert found[table][column].dt.to_string("%Y-%m-%d %H:%M:%S").to_list() == [time]
    made = build(rows_of(eventos=[event("publicacion", time)]))
    assert tables.releases_table(made, "")["date"].dt.to_string("%Y-%m-%d %H:%M:%S").to_list() == [time]


def test_the_table_of_releases() -> None:
    made = build(rich())
    found = tables.releases_table(made, "https://example.gt/release/")
    assert found.row(3, named=True) == {
        "ocid": "ocds-xqjsxa-100",
        "nog": 100,
        "id": "GT-NOG-100-T639149472000000000",
        "date": local("2026-05-21 08:00:00"),
        "publishedDate": local("2026-05-21 08:00:00"),
        "tag": "contract",
        "url": "https://example.gt/release/GT-NOG-100-T639149472000000000",
        "sha256": hashlib.sha256(made["json"][3].encode()).hexdigest(),
    }
    assert found.columns == tables.arrow_schema("releases").names
    assert found.height == made.height


# ---------------------------------------------------------------------------------------------------------------- shape


def test_every_column_of_the_mapping_is_there_in_its_type() -> None:
    found = flat(sample())
    kinds = {"date-time": LOCAL, "number": pl.Decimal(18, 2), "integer": pl.Int64()}
    for name, frame in found.items():
        expected: dict[str, Any] = {"ocid": pl.String(), "nog": pl.Int64()}
        expected |= {column: pl.String() for _, column in tables.SPECS[name].parents}
        for field in mapping.table_columns(name):
            expected[field.column] = kinds.get(field.format) or kinds.get(field.type) or pl.String()
        if name == "items":
            expected["quantity"] = pl.Decimal(18, 4)
        assert dict(frame.schema) == expected, name
        schema = tables.arrow_schema(name)
        assert schema.names == frame.columns
        empty = pl.from_arrow(schema.empty_table())
        assert isinstance(empty, pl.DataFrame)
        assert empty.schema == frame.schema, name


def test_every_table_has_its_parents_keys_and_says_what_it_is() -> None:
    assert set(tables.NAMES) == {
        "records", "parties", "party_roles", "items", "item_attributes", "documents", "bids", "awards",
        "award_suppliers", "contracts", "contract_documents", "releases",
    }  # fmt: skip
    for name in tables.NAMES:
        schema = tables.arrow_schema(name)
        assert schema.names[:2] == ["ocid", "nog"]
        assert len(set(schema.names)) == len(schema.names)
        for field in schema:
            metadata = {key.decode(): value.decode() for key, value in field.metadata.items()}
            assert metadata.keys() == {"title", "description", "path"}
            assert metadata["title"]
            assert metadata["path"]
        assert tables.SPECS[name].description
    assert tables.arrow_schema("item_attributes").field("item_id").metadata[b"path"] == b"tender/items/id"


def test_every_leaf_of_the_document_schema_is_in_a_table_or_constant() -> None:
    declared = {field.path for field in mapping.fields()}
    read = set(_paths(tables.document_schema()))
    assert read == declared


def _paths(schema: Any, parent: str = "") -> list[str]:
    found = []
    for field in schema:
        path = f"{parent}/{field.name}".strip("/")
        found.append(path)
        kind = field.type.value_type if hasattr(field.type, "value_type") else field.type
        if kind.num_fields:
            found += _paths([kind.field(place) for place in range(kind.num_fields)], path)
    return found


def test_nothing_gives_empty_tables_with_all_columns(tmp_path: Path) -> None:
    full = flat(sample())
    for lines in ([], [b"\n"], [b""]):
        empty = tables.flatten(tables.read_documents(lines))
        assert {name: frame.schema for name, frame in empty.items()} == {
            name: frame.schema for name, frame in full.items()
        }
        assert all(frame.is_empty() for frame in empty.values())
    with tables.TableSet(tmp_path) as writing:
        writing.write(empty)
    for name in tables.NAMES:
        file = pq.ParquetFile(tmp_path / f"{name}.parquet")
        assert file.schema_arrow.equals(tables.arrow_schema(name), check_metadata=True)
        assert file.metadata.num_rows == writing.rows[name] == 0


def test_rows_counts_and_order_are_the_documents(tmp_path: Path) -> None:
    made = build(rich())
    documents = [orjson.loads(text) for text in made.group_by("nog", maintain_order=True).last()["json"]]
    with tables.TableSet(tmp_path / "new" / "folder") as writing:
        for document in documents:
            writing.write(flat(document))
        writing.write({"releases": tables.releases_table(made, "")})
    counted = {
        "records": len(documents),
        "parties": sum(len(one["parties"]) for one in documents),
        "party_roles": sum(len(party["roles"]) for one in documents for party in one["parties"]),
        "items": sum(len(one["tender"].get("items", [])) for one in documents),
        "item_attributes": 1,
        "documents": 2,
        "bids": 2,
        "awards": 3,
        "award_suppliers": 3,
        "contracts": 1,
        "contract_documents": 2,
        "releases": made.height,
    }
    assert writing.rows == counted
    for name, path in writing.files.items():
        frame = pl.read_parquet(path)
        assert frame.height == counted[name]
        assert frame["nog"].is_sorted()
        assert frame["ocid"].to_list() == [f"ocds-xqjsxa-{nog}" for nog in frame["nog"]]
    together = flat(*documents)
    assert all(pl.read_parquet(writing.files[name]).equals(frame) for name, frame in together.items())
    assert pl.read_parquet(writing.files["awards"])["id"].to_list() == [
        award["id"] for one in documents for award in one.get("awards", [])
    ]


def test_a_failure_leaves_no_table(tmp_path: Path) -> None:
    with pytest.raises(KeyError), tables.TableSet(tmp_path, ["awards"]) as writing:  # noqa: PT012
        writing.write({"awards": flat(sample())["awards"]})
        writing.write({"bids": flat(sample())["bids"]})
    assert list(tmp_path.iterdir()) == []
