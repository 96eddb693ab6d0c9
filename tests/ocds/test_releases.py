"""What one NOG's rows are published as, case by case; and what holds for any rows."""

import re
from collections import Counter
from functools import cache
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guatecompras import catalogs
from guatecompras.contract import CONTACT, TABLES
from guatecompras.ocds import mapping
from guatecompras.ocds.documents import addresses
from guatecompras.ocds.releases import RELEASE_COLUMNS, Directory
from guatecompras.ocds.validation import Validator
from tests.ocds.sample_rows import (
    Json,
    Row,
    Rows,
    award,
    build,
    contract,
    document,
    entity,
    event,
    offer,
    published,
    rich,
    supplier,
    table,
    tables,
    unit,
    values,
)

PUBLICATION = event("publicacion", "2026-05-01 12:00:00")
OPENING = event("recepcion_ofertas", "2026-05-10 10:00:00", 2)
AWARD = event("adjudicacion", "2026-05-15 16:00:00", 3)


def ids(release: Json, path: str) -> list[Any]:
    return [value for found, value in values(release) if found == path]


def party(release: Json, identity: str) -> Json:
    (found,) = [party for party in release["parties"] if party["id"] == identity]
    return found


def roles(release: Json) -> dict[str, list[str]]:
    return {party["id"]: party["roles"] for party in release["parties"]}


# ------------------------------------------------------------------------------------------------ identifiers and dates


def test_the_smallest_release_whole() -> None:
    assert published() == [
        {
            "ocid": "ocds-xqjsxa-100",
            "id": "GT-NOG-100-T639132336000000000",
            "date": "2026-05-01T12:00:00-06:00",
            "publishedDate": "2026-05-01T12:00:00-06:00",
            "language": "es",
            "tag": ["tender"],
            "initiationType": "tender",
            "parties": [
                {
                    "id": "GT-CISP-12100301",
                    "name": "MUNICIPALIDAD DE ANTIGUA GUATEMALA",
                    "identifier": {"scheme": "GT-CISP", "id": "12100301"},
                    "additionalIdentifiers": [{"scheme": "GT-GCUC", "id": "97-0"}],
                    "roles": ["buyer", "procuringEntity"],
                }
            ],
            "buyer": {"id": "GT-CISP-12100301", "name": "MUNICIPALIDAD DE ANTIGUA GUATEMALA"},
            "tender": {
                "id": "GT-NOG-100",
                "title": "COMPRA DE LÁMPARAS",
                "status": "active",
                "statusDetails": "Vigente",
                "datePublished": "2026-05-01T12:00:00-06:00",
                "procuringEntity": {"id": "GT-CISP-12100301", "name": "MUNICIPALIDAD DE ANTIGUA GUATEMALA"},
                "procurementMethod": "open",
                "procurementMethodDetails": "Compra Directa con Oferta Electrónica (Art. 43 LCE Inciso b)",
                "tenderPeriod": {"startDate": "2026-05-01T12:00:00-06:00", "endDate": "2026-05-10T10:00:00-06:00"},
                "numberOfTenderers": 0,
            },
            "sources": [
                {
                    "id": "GUATECOMPRAS",
                    "name": "Sistema de Información de Contrataciones y Adquisiciones del Estado",
                    "url": "https://www.guatecompras.gt",
                }
            ],
            "dataSegmentation": {
                "id": "2026-05",
                "criteria": ["añoPublicaciónConvocatoria", "mesPublicaciónConvocatoria"],
            },
        }
    ]


def test_the_columns_beside_the_text_say_the_same() -> None:
    made = build(rich())
    assert tuple(made.columns) == RELEASE_COLUMNS
    for row in made.iter_rows(named=True):
        release = orjson.loads(row["json"])
        assert {name: release[name] for name in ("ocid", "id", "date", "publishedDate", "tag")} == {
            name: row[name] for name in ("ocid", "id", "date", "publishedDate", "tag")
        }
        assert release["ocid"] == f"ocds-xqjsxa-{row['nog']}"


def test_ticks_of_the_local_registration() -> None:
    (release,) = published(
        eventos=[event("publicacion", "2026-04-01 11:01:29", fecha_registro="2026-04-02 01:00:31.7254118")]
    )
    assert release["id"] == "GT-NOG-100-T639106884317254118"
    assert release["date"] == "2026-04-01T11:01:29-06:00"
    assert release["publishedDate"] == "2026-04-02T01:00:31-06:00"


def test_events_with_the_same_ticks_get_different_and_stable_ids() -> None:
    at = "2026-05-01 12:00:00"
    first = 639132336000000000
    three = [event("publicacion", at), event("modificacion", at), event("cambio_estatus", at)]
    found = [release["id"] for release in published(eventos=three)]
    # Ids go by the events' own ids, as do events of one moment: cambio_estatus, modificacion, publicacion.
    assert found == [f"GT-NOG-100-T{first + place}" for place in range(3)]
    assert found == [release["id"] for release in published(eventos=three[::-1])]
    # Also where they did not happen in that order.
    at_once = {"fecha_registro": "2026-05-02 12:00:00"}
    found = published(
        eventos=[
            event("publicacion", at, evento_id="b", **at_once),
            event("modificacion", "2026-05-01 13:00:00", evento_id="a", **at_once),
        ]
    )
    assert [release["id"][-1] for release in found] == ["1", "0"]
    # The next one's own ticks are taken: it moves on.
    pushed = [event("publicacion", at), event("modificacion", at, evento_id="z"), event("anulacion", at)]
    pushed[2]["fecha_registro"] = "2026-05-01 12:00:00.0000001"
    found = [release["id"] for release in published(eventos=pushed)]
    assert sorted(found) == [f"GT-NOG-100-T{first + place}" for place in range(3)]
    # Other NOGs are not concerned.
    other = published(concursos=[{}, {"nog": 101}])
    assert [release["id"] for release in other] == [f"GT-NOG-100-T{first}", f"GT-NOG-101-T{first}"]


def test_an_id_stays_when_more_happens_later() -> None:
    at = "2026-05-01 12:00:00"
    before = [event("publicacion", at), event("modificacion", at)]
    after = [*before, OPENING, AWARD]
    assert published(eventos=after)[:2] == published(eventos=before)


def test_releases_are_in_order_of_date_to_the_second() -> None:
    early = event("modificacion", "2026-05-02 08:00:00.900", fecha_registro="2026-05-02 09:00:00")
    late = event("cambio_estatus", "2026-05-02 08:00:00.100", fecha_registro="2026-05-02 10:00:00")
    found = published(eventos=[PUBLICATION, late, early])
    assert [release["publishedDate"][11:16] for release in found] == ["12:00", "09:00", "10:00"]


def test_a_nog_without_events_is_published_by_its_own_date() -> None:
    (release,) = published(eventos=[], concursos=[{"fecha_actualizacion": "2026-05-03 01:00:00"}])
    assert release["tag"] == ["tender"]
    assert release["date"] == release["publishedDate"] == "2026-05-01T12:00:00-06:00"


def without_log(**given: list[Row]) -> list[tuple[list[str], str, str]]:
    """Tags, date and status of the releases of a concurso without any event."""
    given["concursos"] = [given.get("concursos", [{}])[0]]
    found = published(eventos=[], **given)
    assert all(release["date"] == release["publishedDate"] for release in found)
    return [(release["tag"], release["date"][:19], release["tender"]["statusDetails"]) for release in found]


def test_without_a_log_the_dates_of_rows_tell_the_history() -> None:
    found = without_log(
        concursos=[{"estatus_concurso": 10, "fecha_actualizacion": "2026-06-01 08:00:00"}],
        partes=[entity(), supplier(), supplier("1234567")],
        ofertas=[offer(), offer("O2", "GT-NIT-1234567")],
        documentos=[
            document("D1", fecha_publicacion="2026-04-30 12:00:00"),
            document("D2", fecha_publicacion="2026-05-03 09:00:00.25"),
            document("D3", fecha_publicacion="2026-05-03 09:00:00.50"),
        ],
        adjudicaciones=[
            award(),
            award("A2", "GT-NIT-1234567", estado="inhabilitado", fecha_estado="2026-05-18 09:00:00"),
        ],
        contratos=[contract(fecha_registro="2026-05-22 10:00:00")],
    )
    assert found == [
        (["tender"], "2026-05-01T12:00:00", "Vigente"),
        (["tenderUpdate"], "2026-05-03T09:00:00", "Vigente"),
        (["tenderUpdate"], "2026-05-10T10:00:00", "Evaluación"),
        (["award"], "2026-05-15T15:00:00", "Adjudicado"),
        (["awardCancellation"], "2026-05-18T09:00:00", "Adjudicado"),
        (["contract"], "2026-05-22T10:00:00", "Adjudicado"),
        (["tenderUpdate"], "2026-06-01T08:00:00", "Finalizado adjudicado cedido"),
    ]


def test_without_a_log_each_release_shows_what_was_dated_by_then() -> None:
    found = published(
        eventos=[],
        concursos=[{"estatus_concurso": 3}],
        partes=[entity(), supplier()],
        ofertas=[offer()],
        adjudicaciones=[award()],
        contratos=[contract()],
    )
    assert [ids(release, "bids/details/id") for release in found] == [[], ["O1"], ["O1"], ["O1"]]
    assert [len(ids(release, "awards/id")) for release in found] == [0, 0, 1, 1]
    assert [len(ids(release, "contracts/id")) for release in found] == [0, 0, 0, 1]


def test_without_a_log_an_open_call_is_one_release() -> None:
    assert without_log(ofertas=[offer()], partes=[entity(), supplier()]) == [
        (["tender"], "2026-05-01T12:00:00", "Vigente")
    ]


def test_without_a_log_a_cancelled_call_is_cancelled_at_the_last_change() -> None:
    found = without_log(
        concursos=[{"estatus_concurso": 11, "fecha_cro": None, "fecha_actualizacion": "2026-05-08 07:00:00"}]
    )
    assert found == [
        (["tender"], "2026-05-01T12:00:00", "Vigente"),
        (["tenderCancellation"], "2026-05-08T07:00:00", "Anulado (sin concurso)"),
    ]


def test_without_a_log_a_row_that_comes_later_leaves_the_releases_before_as_they_were() -> None:
    given: dict[str, list[Row]] = {"concursos": [{"estatus_concurso": 3}], "partes": [entity(), supplier()]}
    before = published(eventos=[], adjudicaciones=[award()], **given)
    after = published(eventos=[], adjudicaciones=[award()], contratos=[contract()], **given)
    assert after[:-1] == before
    assert after[-1]["tag"] == ["contract"]


def test_a_log_tells_its_own_concursos_only() -> None:
    rows = tables(concursos=[{}, {"nog": 200}], eventos=[PUBLICATION, event("modificacion", "2026-05-02 08:00:00")])
    assert build(rows)["nog"].to_list() == [100, 100, 200]


# ----------------------------------------------------------------------------------------------- what belongs to which


def test_documents_belong_from_their_own_date_on() -> None:
    found = published(
        eventos=[PUBLICATION, event("modificacion", "2026-05-03 08:00:00", fecha_registro="2026-05-03 09:00:00")],
        documentos=[
            document("D1"),
            document("D2", fecha_publicacion="2026-05-03 09:00:00"),
            document("D3", fecha_publicacion="2026-05-03 09:00:01"),
            document("D4", fecha_publicacion=None),
        ],
    )
    assert [ids(release, "tender/documents/id") for release in found] == [["D1", "D4"], ["D1", "D2", "D4"]]


def test_offers_are_sealed_until_a_status_past_vigente_and_then_stay() -> None:
    suspended = event("cambio_estatus", "2026-05-10 11:00:00", 18)
    reopened = event("cambio_estatus", "2026-05-12 10:00:00", 1)
    found = published(
        partes=[entity(), supplier()],
        eventos=[PUBLICATION, suspended, event("cambio_estatus", "2026-05-11 10:00:00", 2), reopened],
        ofertas=[offer("O1"), offer("O2", fecha="2026-05-12 09:00:00"), offer("O3", fecha="2026-05-13 09:00:00")],
    )
    assert [ids(release, "bids/details/id") for release in found] == [[], [], ["O1"], ["O1", "O2"]]
    assert [release["tender"]["numberOfTenderers"] for release in found] == [0, 0, 1, 1]
    assert [len(release["parties"]) for release in found] == [1, 1, 2, 2]


@pytest.mark.parametrize("status", catalogs.table("estatus")["id"].to_list())
def test_which_statuses_open_the_offers(status: int) -> None:
    found = published(
        partes=[entity(), supplier()],
        eventos=[PUBLICATION, event("cambio_estatus", "2026-05-11 10:00:00", status)],
        ofertas=[offer()],
    )
    # Vigente, two without a name, Subastando, Suspendido, En espera de prórroga.
    assert ("bids" in found[1]) == (status not in (1, 6, 7, 14, 18, 19))


def test_a_status_that_the_source_lost_is_the_one_before() -> None:
    found = published(eventos=[PUBLICATION, OPENING, event("modificacion", "2026-05-11 10:00:00", None)])
    assert [release["tender"]["statusDetails"] for release in found] == ["Vigente", "Evaluación", "Evaluación"]
    (lost,) = published(eventos=[event("publicacion", "2026-05-01 12:00:00", None)])
    assert "status" not in lost["tender"]
    assert "statusDetails" not in lost["tender"]


def award_states(found: list[Json]) -> list[list[str]]:
    return [ids(release, "awards/status") for release in found]


def test_awards_are_active_until_they_are_disabled() -> None:
    history = [PUBLICATION, OPENING, AWARD, event("cambio_estatus", "2026-05-20 08:00:00", 2)]
    disabled = award(estado="inhabilitado", fecha_estado="2026-05-20 08:00:00")
    found = published(partes=[entity(), supplier()], eventos=history, adjudicaciones=[disabled])
    assert award_states(found) == [[], [], ["active"], ["cancelled"]]
    assert ids(found[2], "awards/statusDetails") + ids(found[3], "awards/statusDetails") == [
        "Habilitado",
        "Inhabilitado",
    ]


def test_without_fecha_estado_the_first_later_inhabilitacion_counts() -> None:
    parties = [entity(), supplier(), supplier("15830195")]
    history = [PUBLICATION, OPENING, AWARD]
    first, second = (event("inhabilitacion", f"2026-05-{day} 08:00:00", 3) for day in (16, 25))
    again = event("adjudicacion", "2026-05-20 16:00:00", 3)
    gone = award(estado="inhabilitado")
    other = award(
        "A2", "GT-NIT-15830195", fecha_adjudicacion="2026-05-20 15:00:00", monto="99.00", estado="inhabilitado"
    )
    found = published(partes=parties, eventos=[*history, first, again, second], adjudicaciones=[gone, other])
    assert award_states(found) == [
        [],
        [],
        ["active"],
        ["cancelled"],
        ["cancelled", "active"],
        ["cancelled", "cancelled"],
    ]
    # With neither date nor event nothing says that it ever stood.
    assert award_states(published(partes=parties, eventos=history, adjudicaciones=[gone])) == [[], [], ["cancelled"]]


def test_an_award_without_a_date_shows_in_the_last_release() -> None:
    undated = award(fecha_adjudicacion=None)
    found = published(partes=[entity(), supplier()], eventos=[PUBLICATION, OPENING, AWARD], adjudicaciones=[undated])
    assert award_states(found) == [[], [], ["active"]]
    assert "date" not in found[2]["awards"][0]


def test_award_ids() -> None:
    foreign = "GT-GCID-CO-0D13AF"
    found = published(
        eventos=[PUBLICATION, AWARD],
        adjudicaciones=[
            award("A1"),
            award("A2", foreign),
            award("A3", fecha_adjudicacion="2026-05-15 15:30:00"),
            # Another register's organisation with the same number is another award too.
            award("A4", "GT-GCID-7894880", fecha_adjudicacion="2026-05-15 15:45:00"),
        ],
    )
    assert ids(found[1], "awards/id") == [
        "GT-ADJ-100-7894880",
        "GT-ADJ-100-CO-0D13AF",
        "GT-ADJ-100-7894880-2",
        "GT-ADJ-100-7894880-3",
    ]


def test_a_contract_is_never_without_its_award() -> None:
    early = contract(fecha_registro="2026-05-11 00:00:00", fecha_suscripcion="2026-05-11 00:00:00")
    found = published(
        partes=[entity(), supplier()],
        eventos=[PUBLICATION, event("cambio_estatus", "2026-05-12 00:00:00", 2), AWARD],
        adjudicaciones=[award()],
        contratos=[early],
    )
    assert ["contracts" in release for release in found] == [False, False, True]
    assert found[2]["contracts"][0]["awardID"] == found[2]["awards"][0]["id"] == "GT-ADJ-100-7894880"


def contract_states(contratos: list[Row], *events: Row) -> list[list[str]]:
    found = published(
        partes=[entity(), supplier()],
        eventos=[PUBLICATION, AWARD, *events],
        adjudicaciones=[award()],
        contratos=contratos,
    )
    return [ids(release, "contracts/status") for release in found]


def test_contracts_show_when_they_are_registered_and_end_in_their_time() -> None:
    later = [event("contrato", f"2026-{month}-01 08:00:00", 3) for month in ("06", "07", "08")]
    done = contract(
        estado="terminado", fecha_registro="2026-06-01 08:00:00", vigencia_fin="2026-07-31 23:59:59", monto="1.00"
    )
    assert contract_states([done], *later) == [[], [], ["active"], ["active"], ["terminated"]]
    endless = contract(estado="terminado")
    assert contract_states([endless], *later) == [[], [], *[["terminated"]] * 3]


def test_contracts_are_annulled_by_the_first_later_anulacion() -> None:
    events = [
        event("anulacion", "2026-05-18 08:00:00", 3),
        event("contrato", "2026-05-21 08:00:00", 3),
        event("anulacion", "2026-06-01 08:00:00", 3),
    ]
    assert contract_states([contract(estado="anulado")], *events) == [[], [], [], ["active"], ["cancelled"]]
    assert contract_states([contract(estado="anulado")], events[1]) == [[], [], ["cancelled"]]


def test_contract_ids_and_all_a_contract_says() -> None:
    kept = contract("NOG-100-CON-AB12", numero_contrato="DAJ-040-2026", monto="89959.59")
    kept |= {"vigencia_inicio": "2026-05-22 00:00:00", "vigencia_fin": "2026-12-31 23:59:59"}
    found = published(
        partes=[entity(), supplier()],
        eventos=[PUBLICATION, AWARD, event("contrato", "2026-05-21 08:00:00", 3)],
        adjudicaciones=[award()],
        contratos=[kept, contract("77", fecha_suscripcion="2026-05-20 00:00:01", monto=None)],
        documentos=[
            document("D1"),
            document("D2", contrato_id="77", tipo="Documentos de respaldo"),
            document("D3", contrato_id="77", fecha_publicacion="2026-05-22 00:00:00"),
        ],
    )
    first, second = found[2]["contracts"]
    assert first == {
        "id": "NOG-100-CON-AB12",
        "awardID": "GT-ADJ-100-7894880",
        "title": "COMPRA DE LÁMPARAS",
        "contractNumber": "DAJ-040-2026",
        "status": "active",
        "statusDetails": "Vigente",
        "dateSigned": "2026-05-20T00:00:00-06:00",
        "period": {"startDate": "2026-05-22T00:00:00-06:00", "endDate": "2026-12-31T23:59:59-06:00"},
        "value": {"amount": 89959.59, "currency": "GTQ"},
    }
    assert second["id"] == "NOG-100-CON-28DD2C7955CE926456240B2FF0100BDE"  # MD5 of "77"
    assert "value" not in second
    assert [(item["id"], item["documentType"]) for item in second["documents"]] == [("D2", "contractSigned")]
    assert ids(found[2], "tender/documents/id") == ["D1"]


# --------------------------------------------------------------------------------------------------------------- tags

_AT = "2026-05-15 16:00:00"


def tags(*events: Row, **more: list[Row]) -> list[list[str]]:
    return [release["tag"] for release in published(eventos=list(events), partes=[entity(), supplier()], **more)]


@pytest.mark.parametrize(
    ("kind", "first", "again"),
    [
        ("publicacion", "tenderUpdate", "tenderUpdate"),
        ("modificacion", "tenderAmendment", "tenderAmendment"),
        ("cambio_estatus", "tenderUpdate", "tenderUpdate"),
        (None, "tenderUpdate", "tenderUpdate"),
        ("recepcion_ofertas", "tenderUpdate", "tenderUpdate"),
        ("adjudicacion", "award", "awardUpdate"),
        ("inhabilitacion", "awardCancellation", "awardCancellation"),
        ("contrato", "contract", "contractUpdate"),
        ("anulacion", "tenderCancellation", "tenderCancellation"),
    ],
)
def test_tags_of_every_kind_of_event(kind: str | None, first: str, again: str) -> None:
    status = 4 if kind == "anulacion" else 3
    events = [event(kind, "2026-05-22 16:00:00", status), event(kind, "2026-05-23 16:00:00", status)]
    rows = {"adjudicaciones": [award()], "contratos": [contract()]}
    assert tags(PUBLICATION, *events, **rows) == [["tender"], [first], [again]]


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("publicacion", 1, ["tender"]),
        ("modificacion", 1, ["tender", "tenderAmendment"]),
        ("cambio_estatus", 2, ["tender"]),
        ("cambio_estatus", 4, ["tender", "tenderCancellation"]),
        ("anulacion", 11, ["tender", "tenderCancellation"]),
        ("adjudicacion", 3, ["tender", "award"]),
        ("contrato", 3, ["tender", "contract"]),
    ],
)
def test_the_first_release_is_a_tender_whatever_happened(kind: str, status: int, expected: list[str]) -> None:
    rows = {"adjudicaciones": [award()], "contratos": [contract()]}
    assert tags(event(kind, "2026-05-22 16:00:00", status), **rows) == [expected]


def test_an_award_tag_needs_an_award() -> None:
    late = award(fecha_adjudicacion="2026-05-16 08:00:00")
    again = event("adjudicacion", "2026-05-17 08:00:00", 3)
    # The second event is the first that shows an award.
    assert tags(PUBLICATION, AWARD, again, adjudicaciones=[late]) == [["tender"], ["tenderUpdate"], ["award"]]
    assert tags(PUBLICATION, event("contrato", _AT, 3), adjudicaciones=[award()]) == [["tender"], ["tenderUpdate"]]
    assert tags(PUBLICATION, event("inhabilitacion", _AT, 5)) == [["tender"], ["tenderUpdate"]]


@pytest.mark.parametrize(
    ("status", "tag"),
    [(4, "tenderCancellation"), (11, "tenderCancellation"), (15, "tenderCancellation"), (16, "tenderCancellation")]
    + [(status, "tenderUpdate") for status in (1, 2, 3, 5, 12, 18, 20)],
)
def test_a_change_to_a_cancelled_status_cancels(status: int, tag: str) -> None:
    assert tags(PUBLICATION, event("cambio_estatus", _AT, status)) == [["tender"], [tag]]


def test_what_is_annulled_while_the_tender_stands_is_the_contract() -> None:
    rows = {"adjudicaciones": [award()], "contratos": [contract(estado="anulado")]}
    contracted, annulled = event("contrato", "2026-05-21 08:00:00", 3), event("anulacion", "2026-06-01 08:00:00", 3)
    assert tags(PUBLICATION, contracted, annulled, **rows)[1:] == [["contract"], ["contractTermination"]]


# ------------------------------------------------------------------------------------------------------------- parties


def test_unit_and_entity() -> None:
    (release,) = published(
        concursos=[{"unidad_compradora": 2}],
        partes=[entity(nit="4132726"), unit(miembro_de="GT-CISP-12100301")],
    )
    assert release["buyer"] == {"id": "GT-CISP-12100301", "name": "MUNICIPALIDAD DE ANTIGUA GUATEMALA"}
    assert release["tender"]["procuringEntity"] == {"id": "GT-GCUC-97-2", "name": "DIRECCIÓN DE OBRAS"}
    assert roles(release) == {"GT-CISP-12100301": ["buyer"], "GT-GCUC-97-2": ["procuringEntity"]}
    assert party(release, "GT-CISP-12100301")["additionalIdentifiers"] == [
        {"scheme": "GT-NIT", "id": "4132726"},
        {"scheme": "GT-GCUC", "id": "97-0"},
    ]
    assert party(release, "GT-GCUC-97-2")["memberOf"] == [
        {"id": "GT-CISP-12100301", "name": "MUNICIPALIDAD DE ANTIGUA GUATEMALA"}
    ]
    assert "memberOf" not in party(release, "GT-CISP-12100301")


def test_a_unit_that_does_not_say_whose_it_is_belongs_to_the_buyer() -> None:
    (release,) = published(concursos=[{"unidad_compradora": 2}], partes=[entity(), unit()])
    assert party(release, "GT-GCUC-97-2")["memberOf"][0]["id"] == "GT-CISP-12100301"


def test_the_buyer_is_the_entity_that_the_unit_belongs_to() -> None:
    first, second = entity(identificador="11130001", nombre="UNO"), entity(identificador="11130002", nombre="DOS")
    (release,) = published(
        concursos=[{"unidad_compradora": 2}], partes=[first, second, unit(miembro_de="GT-CISP-11130002")]
    )
    assert release["buyer"]["id"] == "GT-CISP-11130002"
    # The other one buys with it.
    assert roles(release) == {
        "GT-CISP-11130002": ["buyer"],
        "GT-GCUC-97-2": ["procuringEntity"],
        "GT-CISP-11130001": ["buyer"],
    }
    assert "additionalIdentifiers" not in party(release, "GT-CISP-11130001")


def directory(*parties: Row, **concurso: Any) -> Directory:
    """What the month knows from another NOG."""
    return Directory.of(
        table("concursos", [{"nog": 7} | concurso]).lazy(),
        table("partes", [{"nog": 7} | row for row in parties]).lazy(),
    )


def test_a_missing_unit_is_looked_up_else_named_by_its_number() -> None:
    concursos = [{"unidad_compradora": 2}]
    (bare,) = published(concursos=concursos, partes=[entity()])
    assert bare["tender"]["procuringEntity"] == {"id": "GT-GCUC-97-2"}
    assert party(bare, "GT-GCUC-97-2") == {
        "id": "GT-GCUC-97-2",
        "identifier": {"scheme": "GT-GCUC", "id": "97-2"},
        "memberOf": [{"id": "GT-CISP-12100301", "name": "MUNICIPALIDAD DE ANTIGUA GUATEMALA"}],
        "roles": ["procuringEntity"],
    }
    known = directory(unit(municipio='LA "ANTIGUA"', nog=7))
    (found,) = published(known, concursos=concursos, partes=[entity()])
    assert found["tender"]["procuringEntity"] == {"id": "GT-GCUC-97-2", "name": "DIRECCIÓN DE OBRAS"}
    assert party(found, "GT-GCUC-97-2")["address"] == {"locality": 'LA "ANTIGUA"'}


def test_a_missing_entity_is_looked_up_else_named_by_its_number() -> None:
    (found,) = published(directory(entity(nit="4132726")), partes=[])
    assert found["buyer"] == found["tender"]["procuringEntity"]
    assert found["buyer"] == {"id": "GT-CISP-12100301", "name": "MUNICIPALIDAD DE ANTIGUA GUATEMALA"}
    assert len(party(found, "GT-CISP-12100301")["additionalIdentifiers"]) == 2
    (other,) = published(directory(entity(), entidad_compradora=98), partes=[])
    assert other["buyer"] == other["tender"]["procuringEntity"] == {"id": "GT-GCUC-97-0"}
    assert other["parties"] == [
        {
            "id": "GT-GCUC-97-0",
            "identifier": {"scheme": "GT-GCUC", "id": "97-0"},
            "roles": ["buyer", "procuringEntity"],
        }
    ]


def test_with_nobody_known_both_are_named_by_their_numbers() -> None:
    (release,) = published(concursos=[{"unidad_compradora": 2}], partes=[])
    assert release["buyer"] == {"id": "GT-GCUC-97-0"}
    assert release["tender"]["procuringEntity"] == {"id": "GT-GCUC-97-2"}
    assert party(release, "GT-GCUC-97-2")["memberOf"] == [{"id": "GT-GCUC-97-0"}]


def test_unit_0_is_the_entity_unless_it_has_a_row_of_its_own() -> None:
    own = unit("97-0", nombre="ANTIGUA")
    (without,) = published(partes=[own])
    assert without["buyer"] == without["tender"]["procuringEntity"] == {"id": "GT-GCUC-97-0", "name": "ANTIGUA"}
    (both,) = published(partes=[entity(), own])
    assert (both["buyer"]["id"], both["tender"]["procuringEntity"]["id"]) == ("GT-CISP-12100301", "GT-GCUC-97-0")


def test_a_buyer_without_a_number_is_found_by_what_there_is() -> None:
    nameless = [{"entidad_compradora": None}]
    (by_entity,) = published(concursos=nameless, partes=[entity()])
    assert by_entity["buyer"]["id"] == "GT-CISP-12100301"
    assert "additionalIdentifiers" not in by_entity["parties"][0]
    (by_unit,) = published(concursos=nameless, partes=[unit()])
    assert by_unit["buyer"]["id"] == by_unit["tender"]["procuringEntity"]["id"] == "GT-GCUC-97-2"
    assert "memberOf" not in by_unit["parties"][0]
    buyer = supplier("4132726", nombre="MUNICIPALIDAD")
    rows = {"partes": [buyer, supplier()], "eventos": [PUBLICATION, OPENING], "ofertas": [offer()]}
    by_nit = published(concursos=nameless, **rows)[1]
    assert by_nit["buyer"] == {"id": "GT-NIT-4132726", "name": "MUNICIPALIDAD"}
    assert roles(by_nit) == {"GT-NIT-4132726": ["buyer", "procuringEntity"], "GT-NIT-7894880": ["tenderer"]}
    in_month = published(directory(entity(nit="4132726")), concursos=nameless, **rows)[1]
    assert in_month["buyer"] == {"id": "GT-CISP-12100301", "name": "MUNICIPALIDAD DE ANTIGUA GUATEMALA"}
    assert roles(in_month) == {"GT-CISP-12100301": ["buyer", "procuringEntity"], "GT-NIT-7894880": ["tenderer"]}


def test_where_nobody_can_be_the_buyer_none_is_made_up() -> None:
    found = published(
        concursos=[{"entidad_compradora": None}],
        partes=[supplier()],
        eventos=[PUBLICATION, OPENING],
        ofertas=[offer()],
    )
    assert not any("buyer" in release or "procuringEntity" in release["tender"] for release in found)
    assert roles(found[1]) == {"GT-NIT-7894880": ["tenderer"]}


def test_roles_of_suppliers_and_when_they_appear() -> None:
    found = published(
        partes=[entity(), supplier(), supplier("15830195"), supplier("111", nombre="JURADO")],
        eventos=[PUBLICATION, OPENING, AWARD],
        ofertas=[offer("O1"), offer("O2", "GT-NIT-15830195")],
        adjudicaciones=[award()],
    )
    buyer = {"GT-CISP-12100301": ["buyer", "procuringEntity"]}
    assert roles(found[0]) == buyer
    assert roles(found[1]) == buyer | {"GT-NIT-15830195": ["tenderer"], "GT-NIT-7894880": ["tenderer"]}
    assert roles(found[2])["GT-NIT-7894880"] == ["tenderer", "supplier"]


def test_an_entity_that_offers_is_no_buyer_before() -> None:
    seller = entity(identificador="21100080", nombre="INDE")
    found = published(
        partes=[entity(), seller], eventos=[PUBLICATION, OPENING], ofertas=[offer(proveedor="GT-CISP-21100080")]
    )
    assert list(roles(found[0])) == ["GT-CISP-12100301"]
    assert roles(found[1])["GT-CISP-21100080"] == ["tenderer"]


def test_a_supplier_without_a_row_has_at_least_its_number() -> None:
    found = published(
        eventos=[PUBLICATION, OPENING], ofertas=[offer(proveedor="GT-GCID-CO-0D13"), offer("O2", "GT-NIT-5")]
    )
    assert party(found[1], "GT-GCID-CO-0D13") == {
        "id": "GT-GCID-CO-0D13",
        "identifier": {"scheme": "GT-GCID", "id": "CO-0D13"},
        "roles": ["tenderer"],
    }
    assert found[1]["bids"]["details"][0]["tenderers"] == [{"id": "GT-GCID-CO-0D13"}]


def test_only_who_is_always_there_has_members() -> None:
    group = supplier("1", nombre="GRUPO")
    member = supplier("2", miembro_de="GT-NIT-1")
    found = published(
        partes=[entity(), group, member],
        eventos=[PUBLICATION, OPENING],
        ofertas=[offer("O1", "GT-NIT-2"), offer("O2", "GT-NIT-1", fecha="2026-06-01 00:00:00")],
    )
    assert "memberOf" not in party(found[1], "GT-NIT-2")
    (alone,) = published(partes=[entity(miembro_de="GT-CISP-12100301")])
    assert "memberOf" not in alone["parties"][0]


def test_a_suppliers_own_nit_is_not_said_twice() -> None:
    found = published(
        partes=[entity(), supplier(nit="7894880"), supplier("2", nit="3")],
        eventos=[PUBLICATION, OPENING],
        ofertas=[offer(), offer("O2", "GT-NIT-2")],
    )
    assert "additionalIdentifiers" not in party(found[1], "GT-NIT-7894880")
    assert party(found[1], "GT-NIT-2")["additionalIdentifiers"] == [{"scheme": "GT-NIT", "id": "3"}]


@pytest.mark.parametrize(
    ("registered", "kind", "name"),
    [
        ("RODAS,RODRÍGUEZ,,RONY,EFRAÍN", None, "RONY EFRAÍN RODAS RODRÍGUEZ"),
        ("RODAS,RODRÍGUEZ,,RONY,EFRAÍN", "INDIVIDUAL", "RONY EFRAÍN RODAS RODRÍGUEZ"),
        ("PÉREZ,,DE LEÓN,ANA,", None, "ANA PÉREZ DE LEÓN"),
        ("DE LEÓN,ZAMORA,,AMANDA", "individual", "AMANDA DE LEÓN ZAMORA"),
        ("DE  LEÓN,ZAMORA,,\tAMANDA ", None, "AMANDA DE LEÓN ZAMORA"),
        ("GLOBAL, SOCIEDAD ANONIMA", "SOCIEDAD ANÓNIMA", None),
        ("SUMINISTRO INTERNACIONAL,SOCIEDAD ANONIMA", None, None),
        ("TINTAS, PAPELES, LIBROS, Y MÁS, SOCIEDAD ANÓNIMA", None, None),
        ("TINTAS,PAPELES,LIBROS,MÁS,S.A.", None, None),
        ("TINTAS,PAPELES,LIBROS,MÁS,COMPAÑÍA LIMITADA", None, None),
        ("UNO,DOS,TRES,CUATRO,CINCO", "SOCIEDAD ANÓNIMA", None),
        ("UNO,DOS,TRES,CUATRO,CINCO,SEIS", None, None),
        (",,,,", None, None),
        ("JUAN PÉREZ", "INDIVIDUAL", None),
    ],
)
def test_names_of_persons_and_companies(registered: str, kind: str | None, name: str | None) -> None:
    found = published(
        partes=[entity(), supplier(nombre=registered, tipo_persona=kind)],
        eventos=[PUBLICATION, OPENING, AWARD],
        ofertas=[offer()],
        adjudicaciones=[award()],
    )[2]
    clean = " ".join(registered.split()).replace(", AMANDA", ",AMANDA") if name else registered
    if "\t" in registered:  # a space after the comma: not how persons are registered
        name, clean = None, "DE LEÓN,ZAMORA,, AMANDA"
    whole = party(found, "GT-NIT-7894880")
    assert whole["name"] == (name or clean)
    assert whole["identifier"].get("legalName") == (clean if name else None)
    references = [value for path, value in values(found) if path in ("tender/tenderers", "awards/suppliers")]
    assert references == [[{"id": "GT-NIT-7894880", "name": name or clean}]] * 2


def test_entities_keep_their_commas() -> None:
    (release,) = published(partes=[entity(nombre="UNO,DOS,TRES,CUATRO,CINCO")])
    assert release["buyer"]["name"] == "UNO,DOS,TRES,CUATRO,CINCO"


def test_details_of_code_0() -> None:
    (release,) = published(
        partes=[
            entity(
                tipo_id="0", tipo=None, tipo_entidad_id="0", tipo_entidad=" ", nivel_id="5", nivel=None,
                tipo_persona_id="0", tipo_persona="INDIVIDUAL",
            )
        ]
    )  # fmt: skip
    assert release["parties"][0]["details"] == {
        "level": {"id": "5"},
        "legalEntityTypeDetail": {"id": "0", "description": "INDIVIDUAL"},
    }


def test_contacts_each_once_and_none_empty() -> None:
    one = {"nombre": "Ana", "correo": None, "telefono": "1"}
    empty = {"nombre": " ", "correo": None, "telefono": None}
    (release,) = published(partes=[entity(contactos_adicionales=[one, empty, one, one | {"telefono": '2"'}])])
    assert release["parties"][0]["additionalContactPoints"] == [
        {"name": "Ana", "telephone": "1"},
        {"name": "Ana", "telephone": '2"'},
    ]
    assert "additionalContactPoints" not in published(partes=[entity(contactos_adicionales=[empty])])[0]["parties"][0]


# ----------------------------------------------------------------------------------------------------------- documents


@pytest.mark.parametrize(
    ("extension", "url", "media_type"),
    [
        ("pdf", "http://x.gt/a", "application/pdf"),
        ("PDF", "http://x.gt/a", "application/pdf"),
        (" .DocX ", "http://x.gt/a", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("xls", "http://x.gt/a.pdf", "application/vnd.ms-excel"),
        (None, "http://x.gt/a.JPG", "image/jpeg"),
        (None, "http://x.gt/a.pdf?v=1", "application/pdf"),
        ("desconocida", "http://x.gt/a.rar", "application/vnd.rar"),
        ("xyz", "http://x.gt/a", None),
        (None, "http://x.gt/a", None),
    ],
)
def test_media_types(extension: str | None, url: str, media_type: str | None) -> None:
    (release,) = published(documentos=[document(extension=extension, url=url)])
    assert release["tender"]["documents"][0].get("format") == media_type


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("Solicitud o requerimiento de bien, servicio o suministro", "purchaseRequest"),
        ("Bases, especificaciones generales o términos de referencia", "biddingDocuments"),
        ("Proyecto de Especificaciones Técnicas ", "technicalSpecifications"),
        ("Anuncio, convocatoria  o invitación", "tenderNotice"),
        ("Documentos de respaldo", None),
        ("Otra cosa", None),
    ],
)
def test_document_types(kind: str, code: str | None) -> None:
    (release,) = published(documentos=[document(tipo=kind)])
    (found,) = release["tender"]["documents"]
    assert found.get("documentType") == code
    assert found["documentTypeDetails"] == " ".join(kind.split())


@pytest.mark.parametrize(
    ("url", "published_url"),
    [
        ("http://www.guatecompras.gt/concursos/files/6143/1@SIAF%204.pdf",
         "https://www.guatecompras.gt/concursos/files/6143/1%40SIAF%204.pdf"),
        ("HTTP://Guatecompras.gt/a b.pdf", "https://www.guatecompras.gt/a%20b.pdf"),
        ("http://www.guatecompras.gt:80/a", "https://www.guatecompras.gt/a"),
        ("http://www.guatecompras.gt", "https://www.guatecompras.gt"),
        ("https://www.guatecompras.gt/a", "https://www.guatecompras.gt/a"),
        ("www.guatecompras.gt/a", "https://www.guatecompras.gt/a"),
        ("http://www.guatecompras.gt.example.com/a", "http://www.guatecompras.gt.example.com/a"),
        ("http://example.gt/a", "http://example.gt/a"),
        ("HTTPS://example.gt/A", "https://example.gt/A"),
        ("http://example.gt/diseño señal.pdf", "http://example.gt/dise%C3%B1o%20se%C3%B1al.pdf"),
        ("http://example.gt/100%.pdf", "http://example.gt/100%25.pdf"),
        ("http://example.gt/5%2.pdf", "http://example.gt/5%252.pdf"),
        ("http://example.gt/%e1%zz", "http://example.gt/%e1%25zz"),
        ("http://example.gt/%", "http://example.gt/%25"),
        ('http://example.gt/"a"\\b', "http://example.gt/%22a%22%5Cb"),
        ("http://example.gt/[a]{b}|<c>^`", "http://example.gt/%5Ba%5D%7Bb%7D%7C%3Cc%3E%5E%60"),
        ("http://example.gt/a#b#c", "http://example.gt/a#b%23c"),
        ("http://www.guatecompras.gt/concursos/files/1/ANEXO #1.pdf",
         "https://www.guatecompras.gt/concursos/files/1/ANEXO%20%231.pdf"),
        ("  http://example.gt/a  ", "http://example.gt/a"),
    ],
)  # fmt: skip
def test_addresses(url: str, published_url: str) -> None:
    (release,) = published(documentos=[document(url=url)])
    assert release["tender"]["documents"][0]["url"] == published_url
    validator = Validator("release")
    assert validator.clear(orjson.dumps(release)), validator.errors(orjson.dumps(release))


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_any_address_on_a_host_is_valid_once_and_for_all(paths: list[str]) -> None:
    made = addresses(pl.Series([f"http://www.guatecompras.gt/{path}" for path in paths]))
    assert all(re.fullmatch(r"https://www\.guatecompras\.gt/([A-Za-z0-9._~:/?!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*", url)
               for url in made)  # fmt: skip
    assert addresses(made).to_list() == made.to_list()


# ------------------------------------------------------------------------------------------------- amounts and numbers


@pytest.mark.parametrize(
    ("amount", "text"),
    [("17940.00", "17940"), ("89959.59", "89959.59"), ("0.10", "0.1"), ("1000.00", "1000"), ("999999999999.99",) * 2,
     ("0.00", "0")],
)  # fmt: skip
def test_amounts_are_exact(amount: str, text: str) -> None:
    made = build(
        tables(partes=[entity(), supplier()], eventos=[PUBLICATION, AWARD], adjudicaciones=[award(monto=amount)])
    )
    assert f'"value":{{"amount":{text},"currency":"GTQ"}}' in made["json"][1]


def test_quantities_are_exact() -> None:
    rows = [{"renglon_id": str(place), "orden": place, "cantidad": text} for place, text in
            enumerate(["12.2500", "0.0001", "100.0000", "99999999999.9999", None])]  # fmt: skip
    text = build(tables(renglones=rows))["json"][0]
    assert re.findall(r'"quantity":([^,}]+)', text) == ["12.25", "0.0001", "100", "99999999999.9999"]


def test_a_bid_of_nothing_has_no_value() -> None:
    offers = [offer("O1", monto="0.00"), offer("O2", monto=None), offer("O3", monto="0.01", moneda=None)]
    found = published(partes=[entity(), supplier()], eventos=[PUBLICATION, OPENING], ofertas=offers)
    assert [bid.get("value") for bid in found[1]["bids"]["details"]] == [
        None,
        None,
        {"amount": 0.01, "currency": "GTQ"},
    ]


def test_an_estimated_value_and_unit_prices() -> None:
    (release,) = published(
        concursos=[{"valor_estimado": "90000.50", "moneda": "USD"}],
        renglones=[{"renglon_id": "R", "precio_unitario": "850.00", "unidad_medida": "Metro", "unspsc": "30111505"}],
    )
    assert release["tender"]["value"] == {"amount": 90000.5, "currency": "USD"}
    assert release["tender"]["items"] == [
        {
            "id": "R",
            "description": "Lámpara",
            "classification": {"scheme": "UNSPSC", "id": "30111505"},
            "quantity": 1,
            "unit": {"name": "Metro", "value": {"amount": 850, "currency": "GTQ"}},
        }
    ]
    assert "value" not in published(concursos=[{"moneda": "USD"}])[0]["tender"]


def test_items_and_attributes_in_their_order() -> None:
    (release,) = published(
        renglones=[{"renglon_id": "A", "orden": 2}, {"renglon_id": "B", "orden": 1}],
        caracteristicas=[
            {"renglon_id": "B", "caracteristica_id": "2", "orden": 2, "valor": "<br />Azul&nbsp;marino"},
            {"renglon_id": "B", "caracteristica_id": "1", "orden": 1},
        ],
    )
    assert ids(release, "tender/items/id") == ["B", "A"]
    assert release["tender"]["items"][0]["attributes"] == [
        {"id": "1", "name": "Color", "value": "Rojo"},
        {"id": "2", "name": "Color", "value": "Azul marino"},
    ]
    assert "attributes" not in release["tender"]["items"][1]


def tenderers(offers_known: bool = True, **given: list[Row]) -> list[int | None]:
    found = published(None, offers_known, eventos=[PUBLICATION, OPENING], **given)
    return [release["tender"].get("numberOfTenderers") for release in found]


def test_number_of_tenderers() -> None:
    counted = [{"numero_oferentes": 3}]
    two = [offer("O1"), offer("O2"), offer("O3", "GT-NIT-5")]
    assert tenderers(ofertas=two) == [0, 2]  # suppliers, not offers
    assert tenderers(ofertas=two, concursos=counted) == [0, 2]
    assert tenderers(concursos=counted) == [0, 3]
    assert tenderers() == [0, 0]
    assert tenderers(False) == [0, None]
    assert tenderers(False, concursos=counted) == [0, 3]
    # Offers that are not public yet are not counted, whatever the source says it counts.
    assert tenderers(ofertas=[offer(fecha="2026-06-01 00:00:00")], concursos=counted) == [0, 0]


# ------------------------------------------------------------------------------------------------- the call for tenders


def test_the_close_of_reception_is_always_published() -> None:
    found = published(eventos=[PUBLICATION, OPENING])
    assert {release["tender"]["tenderPeriod"]["endDate"] for release in found} == {"2026-05-10T10:00:00-06:00"}
    assert published(concursos=[{"fecha_cro": None}])[0]["tender"]["tenderPeriod"] == {
        "startDate": "2026-05-01T12:00:00-06:00"
    }


@pytest.mark.parametrize(
    ("modalidad", "sub", "method", "rationale"),
    [
        (1, None, "open", None),
        (4, None, "open", None),
        (44, None, "direct", "Artículo 43, inciso c), de la Ley de Contrataciones del Estado: proveedor único"),
        (6, None, "direct", "Artículo 44 de la Ley de Contrataciones del Estado: casos de excepción"),
        (6, 22, "direct",
         "Artículo 44, inciso g), de la Ley de Contrataciones del Estado: contratación de servicios básicos"),
        (19, None, "selective", None),
        (15, None, "limited", None),
        (None, None, None, None),
    ],
)  # fmt: skip
def test_method_by_modality(modalidad: int | None, sub: int | None, method: str | None, rationale: str | None) -> None:
    (release,) = published(concursos=[{"modalidad": modalidad, "sub_modalidad": sub}])
    tender = release["tender"]
    assert tender.get("procurementMethod") == method
    if rationale:
        assert tender["procurementMethodRationale"] == rationale
    assert ("procurementMethodRationale" in tender) == (method not in ("open", None))
    literals = catalogs.mapping("modalidades", "id", "literal")
    assert tender.get("procurementMethodDetails") == literals.get(modalidad)
    assert tender.get("subMethod", {}).get("id") == (str(sub) if sub else None)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(1, "active", "Vigente"), (2, "active", "Evaluación"), (3, "complete", "Adjudicado"), (4, "cancelled", "Prescindido"),
     (5, "unsuccessful", "Desierto"), (20, "unsuccessful", "No adjudicado"), (18, "active", "Suspendido")],
)  # fmt: skip
def test_statuses(status: int, code: str, words: str) -> None:
    (release,) = published(eventos=[event("publicacion", "2026-05-01 12:00:00", status)])
    assert (release["tender"]["status"], release["tender"]["statusDetails"]) == (code, words)


def test_categories_and_objects() -> None:
    (release,) = published(
        concursos=[
            {
                "objeto": "obras",
                "objetos_adicionales": " bienes ,obras,,servicios,bienes,nada",
                "categorias": [14, 3, 14, 99],
                "recepcion_ofertas": "papel",
                "tipo_concurso": 2,
            }
        ]
    )
    tender = release["tender"]
    assert tender["mainProcurementCategory"] == "works"
    assert tender["additionalProcurementCategories"] == ["goods", "services"]
    assert [category["id"] for category in tender["categories"]] == ["14", "3"]
    assert tender["submissionMethod"] == ["written"]
    assert tender["tenderType"] == {"id": "2", "description": "Restringido"}
    (bare,) = published(concursos=[{"objetos_adicionales": "nada", "categorias": []}])
    assert not {"additionalProcurementCategories", "categories", "mainProcurementCategory"} & bare["tender"].keys()
    (others,) = published(concursos=[{"objeto": None, "objetos_adicionales": "servicios"}])
    assert others["tender"]["additionalProcurementCategories"] == ["services"]


def test_titles_are_clean() -> None:
    title = 'EVENTO: \t641<br />  CÓDIGO&nbsp;"IGSS" &amp; C:\\x<BR>\r\n ÚLTIMO\u200b 🏗️ '
    found = published(
        concursos=[{"descripcion": title}],
        partes=[entity(), supplier()],
        eventos=[PUBLICATION, AWARD, event("contrato", "2026-05-21 08:00:00", 3)],
        adjudicaciones=[award()],
        contratos=[contract()],
    )
    clean = 'EVENTO: 641 CÓDIGO "IGSS" & C:\\x ÚLTIMO 🏗️'
    release = found[2]
    assert release["tender"]["title"] == release["awards"][0]["title"] == release["contracts"][0]["title"] == clean
    (empty,) = published(concursos=[{"descripcion": "<br/> \t"}])
    assert "title" not in empty["tender"]


# ------------------------------------------------------------------------------------------------------------- mapping


def published_paths(made: pl.DataFrame) -> dict[str, Counter[str]]:
    """Path -> the values it has in all releases, as JSON text."""
    found: dict[str, Counter[str]] = {}
    for text in made["json"]:
        for path, value in values(orjson.loads(text)):
            found.setdefault(path, Counter())[orjson.dumps(value).decode()] += 1
    return found


@cache
def as_it_is() -> dict[str, Counter[str]]:
    return published_paths(build(rich()))


def test_a_rich_example_has_every_path_of_the_mapping_and_no_other() -> None:
    assert as_it_is().keys() == {field.path for field in mapping.fields()}


# The month is given to `build`, not read from the concursos; what a party is shown to do is decided elsewhere.
_GIVEN = {("concursos", "fecha_publicacion", "dataSegmentation/id")}
SOURCES = [
    (*source, field.path)
    for field in mapping.fields()
    for source in field.sources
    if (*source, field.path) not in _GIVEN
]
# Values that mean something, and what else they might be.
_OTHERS: dict[str, dict[Any, Any]] = {
    "modalidad": {1: 44, 6: 44},
    "sub_modalidad": {22: 23},
    "tipo_concurso": {1: 2},
    "recepcion_ofertas": {"electronica": "papel"},
    "objeto": {"obras": "servicios"},
    "objetos_adicionales": {"bienes": "servicios"},
    "moneda": {"GTQ": "HNL", "USD": "HNL", "EUR": "HNL"},
    "esquema": {"GT-CISP": "GT-GCUC", "GT-GCUC": "GT-CISP", "GT-NIT": "GT-GCID"},
    "estado": {"valida": "retirada", "habilitado": "inhabilitado", "inhabilitado": "habilitado", "vigente": "anulado"},
    "extension": {"pdf": "png"},
    "estatus_concurso": {1: 2, 2: 3, 3: 5},
    "miembro_de": {"GT-CISP-12100301": "GT-NIT-7894880"},
    "unspsc": {"30111505": None},
    "adjudicacion_id": {"A1": "A2"},
}


def _other(name: str, value: Any) -> Any:
    if value is None or value in ([], None):
        return value
    if name in _OTHERS and value in _OTHERS[name]:
        return _OTHERS[name][value]
    if name == "proveedor":
        return "GT-NIT-1"
    if name == "categorias":
        return [2]
    if name == "contactos_adicionales":
        return [{key: f"otro {text}" for key, text in contact.items()} for contact in value]
    if name == "url":
        return value.replace("docx", "xlsx").replace("@a", "@z")
    if name == "tipo":
        return "modificacion" if value in catalogs.table("eventos")["tipo"] else "Proyecto de bases"
    return f"{value}9" if isinstance(value, str) else value + 1


def changed(rows: Rows, table_name: str, column: str) -> Rows:
    frame = rows[table_name]
    kind = TABLES[table_name].column(column).kind
    if kind in ("time", "instant"):
        new = frame[column].dt.offset_by("12h")
    else:
        new = pl.Series(
            column, [_other(column, value) for value in frame[column].to_list()], dtype=frame.schema[column]
        )
    return rows | {table_name: frame.with_columns(new)}


@pytest.mark.parametrize(("table_name", "column", "path"), SOURCES)
def test_a_mapped_column_makes_its_path(table_name: str, column: str, path: str) -> None:
    before, after = as_it_is(), published_paths(build(changed(rich(), table_name, column)))
    assert before.get(path) != after.get(path)


# What a column of plain content changes is what the mapping says it makes, and nothing else.
_PLAIN = [
    (name, column.name)
    for name, table_ in TABLES.items()
    for column in table_.columns
    if (column.kind in ("text", "money", "quantity", "ints", "contacts") and column.name not in ("esquema", "estado"))
    and (name, column.name) not in mapping.UNPUBLISHED
    and (name, column.name) != ("eventos", "tipo")
]
# A kind of person decides whether a name is one that is turned around.
_DECIDES = {
    "tipo_persona": {
        path for path in (field.path for field in mapping.fields()) if path.endswith(("name", "legalName"))
    }
}


@pytest.mark.parametrize(("table_name", "column"), _PLAIN)
def test_a_column_of_content_makes_nothing_else(table_name: str, column: str) -> None:
    before, after = as_it_is(), published_paths(build(changed(rich(), table_name, column)))
    leaves = {field.path for field in mapping.fields() if "object" not in field.type}
    differing = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} & leaves
    declared = {field.path for field in mapping.fields() if (table_name, column) in field.sources}
    assert differing
    assert differing - _DECIDES.get(column, set()) <= declared


# ----------------------------------------------------------------------------------------------------- any text, any row

# All that a source may send: controls, quotes, backslashes, other planes, invisible marks.
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<&"), max_size=12) | st.sampled_from(
    ['"', "\\", '\\"', "\x00", "\x1f", "\x7f", "\x85", "\u2028", "\ufeff", "🏗️", "a\tb", "  a  b  ", 'a\\u0041"', "ñ"]
)
# Ids arrive with their white space in order and without controls.
_ID_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Cf"]) | st.sampled_from('"\\'),
    min_size=1,
    max_size=8,
)


def readable(text: str) -> str:
    """As `texts.readable` promises, for text without markup and entities."""
    blank = "\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff\\s"
    return re.sub(f"[{blank}]+", " ", text).strip(" ")


# Column -> the path that shows it as it is, in the rich example.
_SHOWN = {
    ("concursos", "descripcion"): "tender/title",
    ("partes", "direccion"): "parties/address/streetAddress",
    ("partes", "municipio"): "parties/address/locality",
    ("partes", "departamento"): "parties/address/region",
    ("partes", "pais"): "parties/address/countryName",
    ("partes", "contacto_nombre"): "parties/contactPoint/name",
    ("partes", "contacto_correo"): "parties/contactPoint/email",
    ("partes", "contacto_telefono"): "parties/contactPoint/telephone",
    ("partes", "contacto_fax"): "parties/contactPoint/faxNumber",
    ("partes", "tipo_id"): "parties/details/type/id",
    ("partes", "tipo"): "parties/details/type/description",
    ("partes", "tipo_entidad_id"): "parties/details/entityType/id",
    ("partes", "tipo_entidad"): "parties/details/entityType/description",
    ("partes", "nivel_id"): "parties/details/level/id",
    ("partes", "nivel"): "parties/details/level/description",
    ("partes", "tipo_persona_id"): "parties/details/legalEntityTypeDetail/id",
    ("partes", "tipo_persona"): "parties/details/legalEntityTypeDetail/description",
    ("renglones", "descripcion"): "tender/items/description",
    ("renglones", "unspsc"): "tender/items/classification/id",
    ("renglones", "unidad_medida"): "tender/items/unit/name",
    ("caracteristicas", "nombre"): "tender/items/attributes/name",
    ("caracteristicas", "valor"): "tender/items/attributes/value",
    ("documentos", "tipo"): "tender/documents/documentTypeDetails",
    ("documentos", "titulo"): "tender/documents/title",
    ("contratos", "numero_contrato"): "contracts/contractNumber",
}
_IDS = {
    ("renglones", "renglon_id"): "tender/items/id",
    ("caracteristicas", "caracteristica_id"): "tender/items/attributes/id",
    ("documentos", "documento_id"): "tender/documents/id",
    ("ofertas", "oferta_id"): "bids/details/id",
    ("partes", "identificador"): "parties/identifier/id",
}


def test_every_text_column_is_tried() -> None:
    free = {
        (name, column.name)
        for name, table_ in TABLES.items()
        for column in table_.columns
        if column.kind == "text" and column.codes is None
    }
    elsewhere = {
        ("partes", "nombre"),
        ("partes", "nit"),
        ("concursos", "objetos_adicionales"),
        ("documentos", "extension"),
    }
    assert free == set(_SHOWN) | elsewhere


@settings(max_examples=25)
@given(st.fixed_dictionaries(dict.fromkeys(_SHOWN, _TEXT)), _TEXT, _TEXT)
def test_any_text_is_published_as_it_reads(texts: dict[tuple[str, str], str], name: str, nit: str) -> None:
    rows = rich()
    for (table_name, column), text in texts.items():
        rows[table_name] = rows[table_name].with_columns(pl.lit(text).alias(column))
    rows["partes"] = rows["partes"].with_columns(
        nombre=pl.lit(name),
        nit=pl.lit(nit),
        contactos_adicionales=pl.lit([{"nombre": name, "correo": nit, "telefono": None}], dtype=pl.List(CONTACT)),
    )
    for extra, column in (("concursos", "objetos_adicionales"), ("documentos", "extension")):
        rows[extra] = rows[extra].with_columns(pl.lit(name).alias(column))
    made = [orjson.loads(text) for text in build(rows.copy())["json"]]
    found: dict[str, set[str]] = {}
    for release in made:
        for path, value in values(release):
            if isinstance(value, str):
                found.setdefault(path, set()).add(value)
    for key, text in texts.items():
        expected = {readable(text)} - {""}
        if key[1].endswith("_id") and readable(text) == "0" and not readable(texts[key[0], key[1].removesuffix("_id")]):
            expected = set()
        assert found.get(_SHOWN[key], set()) == expected, key
    assert found.get("parties/additionalContactPoints/email", set()) == {readable(nit)} - {""}
    assert found.get("buyer/name", set()) == {readable(name)} - {""}
    for release in made:
        assert_sound(release)


@settings(max_examples=25)
@given(st.fixed_dictionaries(dict.fromkeys(_IDS, _ID_TEXT)))
def test_any_id_is_published_as_it_is(names: dict[tuple[str, str], str]) -> None:
    nit = names["partes", "identificador"]
    item = names["renglones", "renglon_id"]
    found = published(
        partes=[entity(), supplier(nit)],
        eventos=[PUBLICATION, OPENING, AWARD, event("contrato", "2026-05-21 08:00:00", 3)],
        renglones=[{"renglon_id": item}],
        caracteristicas=[{"renglon_id": item, "caracteristica_id": names["caracteristicas", "caracteristica_id"]}],
        documentos=[document(names["documentos", "documento_id"])],
        ofertas=[offer(names["ofertas", "oferta_id"], f"GT-NIT-{nit}")],
        adjudicaciones=[award("A1", f"GT-NIT-{nit}")],
        contratos=[contract(f"NOG-100-CON-{nit}")],
    )[3]
    for key, path in _IDS.items():
        assert names[key] in ids(found, path)
    assert found["awards"][0]["id"] == f"GT-ADJ-100-{nit}"
    assert found["contracts"][0]["id"] == f"NOG-100-CON-{nit}"
    assert_sound(found)


_VALIDATOR = Validator("release")


def assert_sound(release: Json, valid: bool = False) -> None:
    """No null, nothing empty; every reference resolves; and the profile is kept."""
    assert not [path for path, value in values(release) if value is None or value in ("", [], {})]
    parties = {party["id"] for party in release.get("parties", [])}
    referred = set()
    for path, value in values(release):
        if path in ("buyer/id", "tender/procuringEntity/id", "parties/memberOf/id") or re.fullmatch(
            ".*(tenderers|suppliers)/id", path
        ):
            referred.add(value)
    assert referred <= parties
    assert set(ids(release, "contracts/awardID")) <= set(ids(release, "awards/id"))
    assert all(party["roles"] for party in release.get("parties", []))
    if valid:
        line = orjson.dumps(release)
        assert _VALIDATOR.clear(line), _VALIDATOR.errors(line)


_DAY = st.integers(1, 28).map(lambda day: f"2026-05-{day:02d} 08:00:00")
_MAYBE_DAY = st.none() | _DAY
_NIT = st.sampled_from(["GT-NIT-1", "GT-NIT-2", "GT-NIT-1-2", "GT-GCID-CO-F", "GT-CISP-12100301", "GT-GCUC-97-2"])
_MONEY = st.sampled_from([None, "0.00", "0.01", "17940.00", "89959.59"])


def _unique(key: str) -> dict[str, Any]:
    return {"max_size": 4, "unique_by": lambda row: row[key]}


@st.composite
def any_nog(draw: st.DrawFn, nog: int) -> dict[str, list[Row]]:
    """Rows of one NOG that hold the contract, whatever they are."""
    kinds = st.sampled_from([None, "publicacion", "modificacion", "cambio_estatus", "recepcion_ofertas", "adjudicacion",
                             "inhabilitacion", "contrato", "anulacion"])  # fmt: skip
    statuses = st.none() | st.sampled_from([1, 2, 3, 4, 5, 16, 18, 20])

    def rows(**columns: Any) -> st.SearchStrategy[Row]:
        return st.fixed_dictionaries({"nog": st.just(nog)} | columns)

    state = st.none() | st.sampled_from(["valida", "descalificada"])
    return {
        "concursos": [
            draw(
                rows(
                    descripcion=st.sampled_from([None, "OBRA", " <br/> "]),
                    entidad_compradora=st.just(97),
                    unidad_compradora=st.sampled_from([None, 0, 2, 3]),
                    modalidad=st.sampled_from([None, 1, 6]),
                    fecha_cro=_MAYBE_DAY,
                    categorias=st.sampled_from([None, [], [1, 2]]),
                    objetos_adicionales=st.sampled_from([None, ",", "obras"]),
                    numero_oferentes=st.none() | st.integers(0, 5),
                    valor_estimado=_MONEY,
                )
            )
        ],
        "eventos": draw(
            st.lists(
                rows(evento_id=st.sampled_from("abcdef"), tipo=kinds, estatus_concurso=statuses, fecha_evento=_DAY,
                     fecha_registro=_DAY),
                **_unique("evento_id"),
            )
        ),
        "partes": draw(
            st.lists(
                rows(
                    esquema=st.sampled_from(["GT-CISP", "GT-GCUC", "GT-NIT"]),
                    identificador=st.sampled_from(["12100301", "97-0", "97-2", "1"]),
                    nombre=st.sampled_from([None, "UNO", "A,B,,C,D", " "]),
                    nit=st.sampled_from([None, "1"]),
                    miembro_de=st.sampled_from([None, "GT-CISP-12100301", "GT-NIT-1", "GT-GCUC-97-2"]),
                    pais=st.sampled_from([None, "", "GUATEMALA"]),
                    tipo_id=st.sampled_from([None, "0", "1"]),
                ),
                max_size=4, unique_by=lambda row: (row["esquema"], row["identificador"]),
            )
        ),
        "renglones": draw(st.lists(rows(renglon_id=st.sampled_from("ab"), cantidad=_MONEY), **_unique("renglon_id"))),
        "ofertas": draw(
            st.lists(
                rows(oferta_id=st.sampled_from("abcd"), proveedor=_NIT, fecha=_MAYBE_DAY, monto=_MONEY, estado=state),
                **_unique("oferta_id"),
            )
        ),
        "adjudicaciones": draw(
            st.lists(
                rows(adjudicacion_id=st.sampled_from("abcd"), proveedor=_NIT, fecha_adjudicacion=_MAYBE_DAY,
                     monto=_MONEY, estado=st.sampled_from([None, "habilitado", "inhabilitado"]),
                     fecha_estado=_MAYBE_DAY),
                **_unique("adjudicacion_id"),
            )
        ),
        "contratos": draw(
            st.lists(
                rows(contrato_id=st.sampled_from("abcd"), adjudicacion_id=st.sampled_from("abcd"),
                     fecha_suscripcion=_MAYBE_DAY, fecha_registro=_MAYBE_DAY, vigencia_fin=_MAYBE_DAY,
                     estado=st.sampled_from([None, "vigente", "terminado", "anulado"])),
                **_unique("contrato_id"),
            )
        ),
        "documentos": draw(
            st.lists(
                rows(documento_id=st.sampled_from("abcd"), contrato_id=st.sampled_from([None, "a", "b"]),
                     tipo=st.sampled_from([None, "Boleta de SNIP"]), titulo=st.sampled_from([None, " "]),
                     extension=st.sampled_from([None, "pdf", "x"]), fecha_publicacion=_MAYBE_DAY),
                **_unique("documento_id"),
            )
        ),
    }  # fmt: skip


_KNOWN = directory(unit("97-3", nombre="TRES"))


@settings(max_examples=40)
@given(st.tuples(any_nog(100), any_nog(101)))
def test_any_rows_give_sound_releases_whatever_the_batch(nogs: tuple[dict[str, list[Row]], ...]) -> None:
    together = build(tables(**{name: [row for nog in nogs for row in nog[name]] for name in nogs[0]}), _KNOWN)
    apart = pl.concat(build(tables(**nog), _KNOWN) for nog in nogs)
    assert together.equals(apart)
    assert together["id"].is_unique().all()
    assert together["nog"].is_sorted()
    for nog, lines in (
        together.group_by("nog", maintain_order=True).agg("json", "date").select("nog", "json").iter_rows()
    ):
        found = [orjson.loads(line) for line in lines]
        assert [release["date"] for release in found] == sorted(release["date"] for release in found)
        assert found[0]["tag"][0] == "tender"
        assert all("tender" not in release["tag"] for release in found[1:])
        for release in found:
            assert release["ocid"] == f"ocds-xqjsxa-{nog}"
            assert_sound(release, valid=True)
            for path in ("parties/id", "awards/id", "contracts/id", "bids/details/id", "tender/documents/id"):
                assert len(set(ids(release, path))) == len(ids(release, path)), path
            assert ("bids" in release) == ("tenderers" in release["tender"])
            if "bids" in release:
                assert release["tender"]["numberOfTenderers"] == len(release["tender"]["tenderers"])


def test_no_rows_give_no_releases() -> None:
    empty = {name: table(name, []) for name in TABLES}
    made = build(empty)
    assert made.height == 0
    assert tuple(made.columns) == RELEASE_COLUMNS
