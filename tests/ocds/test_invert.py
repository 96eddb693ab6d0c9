"""Official OCDS -> rows of the contract, on small processes worked out by hand."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guatecompras.contract import TABLES
from guatecompras.ocds.invert import Process, fold, gather, invert, local_time, month_of, nog_of, ticks_time

NOG = 30319447
OCID = f"ocds-xqjsxa-{NOG}"
RELEASES = "https://ocds.guatecompras.gt/release"


def compiled(**changes: Any) -> dict[str, Any]:
    """An awarded process with one of everything, as the monthly files have it."""
    return {
        "ocid": OCID,
        "id": f"{OCID}-2026-05-20T10:00:00-06:00",
        "date": "2026-05-20T10:00:00-06:00",
        "publishedDate": "2026-05-21T01:00:30-06:00",
        "tag": ["compiled"],
        "parties": [
            {
                "id": "GT-CISP-12101609",
                "name": "MUNICIPALIDAD DE SAN PEDRO CARCHA",
                "identifier": {"scheme": "GT-CISP", "id": "12101609"},
                "roles": ["buyer"],
                "address": {"streetAddress": "1a calle", "locality": "SAN PEDRO CARCHA", "countryName": "GUATEMALA"},
                "contactPoint": {"name": "Compras", "email": "a@b.gt", "telephone": "2", "faxNumber": "3"},
                "additionalContactPoints": [{"name": "Ana", "email": "ana@b.gt"}],
                "details": {"type": {"id": "0"}, "level": {"id": "59", "description": "Municipalidad"}},
            },
            {
                "id": "GT-GCUC-409-2",
                "name": "COMPRAS",
                "identifier": {"scheme": "GT-GCUC", "id": "409-2"},
                "roles": ["buyer"],
                "memberOf": [{"id": "GT-CISP-12101609", "name": "MUNICIPALIDAD DE SAN PEDRO CARCHA"}],
            },
            {
                "id": "GT-NIT-7894880",
                "name": "PEREZ,,JUAN",
                "identifier": {"scheme": "GT-NIT", "id": "7894880"},
                "roles": ["tenderer", "supplier"],
                "details": {"legalEntityTypeDetail": {"id": "0", "description": "INDIVIDUAL"}},
            },
        ],
        "buyer": {"id": "GT-NIT-4132726", "name": "MUNICIPALIDAD DE SAN PEDRO CARCHA"},
        "tender": {
            "id": f"GT-NOG-{NOG}",
            "title": " Compra de  tubos ",
            "status": "complete",
            "statusDetails": "Adjudicado",
            "datePublished": "2026-05-01T12:03:11-06:00",
            "procurementMethod": "open",
            "procurementMethodDetails": "arrendamientos por  Cotización (Art.43 inciso d)",
            "mainProcurementCategory": "goods",
            "additionalProcurementCategories": ["services", "works"],
            "submissionMethod": ["written"],
            "tenderPeriod": {
                "startDate": "2026-05-01T12:03:11-06:00",
                "endDate": "2026-05-10T10:00:00-06:00",
            },
            "numberOfTenderers": 1,
            "tenderers": [{"id": "GT-NIT-7894880", "name": "PEREZ,,JUAN"}],
            "items": [
                {
                    "id": "I1",
                    "description": "Tubo",
                    "classification": {"scheme": "UNSPSC", "id": "40171500"},
                    "quantity": {"source": "270.0", "parsedValue": 270},
                    "unit": {"name": "Unidad"},
                    "attributes": [
                        {"id": "A1", "name": "Color", "value": "Azul"},
                        {"id": "A2", "name": "Largo", "value": "2"},
                    ],
                },
                {"id": "I2", "description": "Codo", "quantity": "1.50"},
            ],
            "documents": [
                {
                    "id": "D1",
                    "documentType": "purchaseRequest",
                    "documentTypeDetails": "Boleta de SNIP",
                    "title": "Boleta de SNIP",
                    "url": "http://www.guatecompras.gt/concursos/files/1/x@a%20b.PDF",
                    "format": "application/pdf",
                    "datePublished": "2026-05-01T12:03:11-06:00",
                },
                {
                    "id": "D2",
                    "documentType": "tenderNotice",
                    "title": "Aviso",
                    "url": "http://x.gt/sin",
                    "format": "docx",
                },
            ],
        },
        "bids": {
            "details": [
                {
                    "id": "B1",
                    "date": "2026-05-09T09:00:00-06:00",
                    "status": "valid",
                    "tenderers": [{"id": "GT-NIT-7894880", "name": "PEREZ,,JUAN"}],
                    "value": {"amount": "17940.0", "currency": "GTQ"},
                }
            ]
        },
        "awards": [
            {
                "id": f"GT-ADJ-{NOG}-7894880",
                "status": "cancelled",
                "statusDetails": "Inhabilitado",
                "date": "2026-05-15T08:00:00-06:00",
                "value": {"amount": "17940.0", "currency": "GTQ"},
                "suppliers": [{"id": "GT-NIT-7894880", "name": "PEREZ,,JUAN"}],
            }
        ],
        "contracts": [
            {
                "id": f"NOG-{NOG}-CON-ABC",
                "awardID": f"GT-ADJ-{NOG}-7894880",
                "contractNumber": "DAJ-040-2026",
                "status": "active",
                "statusDetails": "Adjudicado",
                "dateSigned": "2026-05-19T00:00:00-06:00",
                "period": {"startDate": "2026-05-20T00:00:00-06:00", "endDate": "2026-12-31T00:00:00-06:00"},
                "value": {"amount": "17940.0", "currency": "GTQ"},
                "documents": [
                    {
                        "id": "D3",
                        "documentType": "contractSigned",
                        "title": "Suscripción de contrato",
                        "url": "http://x.gt/c.pdf",
                        "datePublished": "2026-05-20T09:00:00-06:00",
                    }
                ],
            }
        ],
    } | changes


def link(ticks: int, date: str, *tags: str) -> dict[str, Any]:
    return {"url": f"{RELEASES}/GT-NOG-{NOG}-T{ticks}", "date": date, "tag": list(tags)}


TICKS = (639132804262184908, 639133668262184909, 639134532262184910, 639135396262184911)
LINKS = [
    link(TICKS[0], "2026-05-01T12:03:14-06:00", "tender"),
    link(TICKS[1], "2026-05-12T08:00:00-06:00", "tender"),
    link(TICKS[2], "2026-05-15T08:00:05-06:00", "tender", "award"),
    link(TICKS[3], "2026-05-20T10:00:00-06:00", "tender", "award", "contract"),
]


def rows(table: str, *units: Any) -> list[dict[str, Any]]:
    return invert([gather(units)])[table].to_dicts()


def record(**changes: Any) -> dict[str, Any]:
    return {"ocid": OCID, "releases": LINKS, "compiledRelease": compiled()} | changes


def given_values(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def test_concurso() -> None:
    (row,) = rows("concursos", record())
    assert given_values(row) == {
        "nog": str(NOG),
        "descripcion": " Compra de  tubos ",
        "entidad_compradora": "409",
        "unidad_compradora": "2",
        "modalidad": "36",
        "recepcion_ofertas": "papel",
        "objeto": "bienes",
        "objetos_adicionales": "servicios,obras",
        "numero_oferentes": "1",
        "fecha_publicacion": "2026-05-01T12:03:11",
        "fecha_cro": "2026-05-10T10:00:00",
        "estatus_concurso": "3",
        "fecha_actualizacion": "2026-05-20T10:00:00",
    }


def test_linked_releases_become_events_with_the_ticks_of_their_ids() -> None:
    # Handed over out of order; the second comes after the close of offers and before the award.
    found = rows("eventos", record(releases=LINKS[::-1]))
    ids = [f"GT-NOG-{NOG}-T{ticks}" for ticks in TICKS]
    assert [tuple(row.values()) for row in found] == [
        (ids[0], str(NOG), "publicacion", "1", "2026-05-01T12:03:14", "2026-05-02T01:00:26.2184908"),
        (ids[1], str(NOG), "cambio_estatus", "2", "2026-05-12T08:00:00", "2026-05-03T01:00:26.2184909"),
        (ids[2], str(NOG), "adjudicacion", "3", "2026-05-15T08:00:05", "2026-05-04T01:00:26.2184910"),
        (ids[3], str(NOG), "contrato", "3", "2026-05-20T10:00:00", "2026-05-05T01:00:26.2184911"),
    ]


def test_a_release_without_ticks_is_registered_when_the_state_was_published() -> None:
    (row,) = rows("eventos", record(releases=[{"url": f"{RELEASES}/x-1", "date": "2026-05-20T10:00:00-06:00"}]))
    assert (row["evento_id"], row["fecha_registro"], row["estatus_concurso"]) == ("x-1", "2026-05-21T01:00:30", "3")


def test_a_compiled_release_alone_is_one_event() -> None:
    (row,) = rows("eventos", compiled())
    assert row == {
        "evento_id": f"{OCID}-2026-05-20T10:00:00-06:00",
        "nog": str(NOG),
        "tipo": "publicacion",
        "estatus_concurso": "3",
        "fecha_evento": "2026-05-20T10:00:00",
        "fecha_registro": "2026-05-21T01:00:30",
    }


def test_parties() -> None:
    entity, unit, supplier = map(given_values, rows("partes", record()))
    assert entity == {
        "nog": str(NOG),
        "esquema": "GT-CISP",
        "identificador": "12101609",
        "nombre": "MUNICIPALIDAD DE SAN PEDRO CARCHA",
        "nit": "4132726",
        "direccion": "1a calle",
        "municipio": "SAN PEDRO CARCHA",
        "pais": "GUATEMALA",
        "contacto_nombre": "Compras",
        "contacto_correo": "a@b.gt",
        "contacto_telefono": "2",
        "contacto_fax": "3",
        "contactos_adicionales": '[{"nombre":"Ana","correo":"ana@b.gt","telefono":null}]',
        "tipo_id": "0",
        "nivel_id": "59",
        "nivel": "Municipalidad",
    }
    assert unit["miembro_de"] == "GT-CISP-12101609"
    assert (supplier["tipo_persona_id"], supplier["tipo_persona"]) == ("0", "INDIVIDUAL")
    assert "nit" not in supplier


def test_buyer_and_bidders_missing_from_parties_keep_their_names() -> None:
    found = rows("partes", compiled(parties=None))
    assert [(row["esquema"], row["identificador"], row["nombre"]) for row in found] == [
        ("GT-NIT", "4132726", "MUNICIPALIDAD DE SAN PEDRO CARCHA"),
        ("GT-NIT", "7894880", "PEREZ,,JUAN"),
    ]
    (concurso,) = rows("concursos", compiled(parties=None))
    assert (concurso["entidad_compradora"], concurso["unidad_compradora"]) == (None, "0")


def test_the_rest_of_the_tables() -> None:
    tables = invert([gather([record()])])
    assert tables["renglones"].rows() == [
        (str(NOG), "I1", "1", "Tubo", "40171500", "270.0", "Unidad", None, None),
        (str(NOG), "I2", "2", "Codo", None, "1.50", None, None, None),
    ]
    assert tables["caracteristicas"].rows() == [
        (str(NOG), "I1", "A1", "1", "Color", "Azul"),
        (str(NOG), "I1", "A2", "2", "Largo", "2"),
    ]
    assert tables["ofertas"].rows() == [
        (str(NOG), "B1", "GT-NIT-7894880", "17940.0", "GTQ", "2026-05-09T09:00:00", "valida")
    ]
    assert tables["adjudicaciones"].rows() == [
        (
            str(NOG),
            f"GT-ADJ-{NOG}-7894880",
            "GT-NIT-7894880",
            "17940.0",
            "GTQ",
            "2026-05-15T08:00:00",
            "inhabilitado",
            None,
        )
    ]
    (contract,) = tables["contratos"].to_dicts()
    assert given_values(contract) == {
        "nog": str(NOG),
        "contrato_id": f"NOG-{NOG}-CON-ABC",
        "adjudicacion_id": f"GT-ADJ-{NOG}-7894880",
        "numero_contrato": "DAJ-040-2026",
        "fecha_suscripcion": "2026-05-19T00:00:00",
        "vigencia_inicio": "2026-05-20T00:00:00",
        "vigencia_fin": "2026-12-31T00:00:00",
        "monto": "17940.0",
        "moneda": "GTQ",
        "estado": "vigente",
    }
    documents = tables["documentos"].select("documento_id", "contrato_id", "tipo", "extension").rows()
    assert documents == [
        ("D3", f"NOG-{NOG}-CON-ABC", "Suscripción de contrato", "pdf"),
        ("D1", None, "Boleta de SNIP", "PDF"),
        ("D2", None, "tenderNotice", "docx"),
    ]


def release(date: str, ticks: int, **changes: Any) -> dict[str, Any]:
    return {
        "ocid": OCID,
        "id": f"GT-NOG-{NOG}-T{ticks}",
        "date": date,
        "tag": ["tender"],
        "tender": {"id": f"GT-NOG-{NOG}", "statusDetails": "Vigente", "datePublished": "2026-05-01T12:03:11-06:00"},
    } | changes


def test_full_releases_are_folded_and_give_their_own_status() -> None:
    award = {"id": "A", "date": "2026-05-08T00:00:00-06:00", "suppliers": [{"id": "GT-NIT-1"}]}
    units = [
        release("2026-05-09T00:00:00-06:00", 639139716000000003, tag=["tender", "award"],
                tender={"statusDetails": "No adjudicado"}, awards=[award | {"status": "cancelled"}]),
        release("2026-05-01T12:03:11-06:00", 639132804262184908),
        release("2026-05-08T00:00:00-06:00", 639138852000000002, tag=["tender", "award"],
                tender={"statusDetails": "Adjudicado", "title": "B"}, awards=[award | {"status": "active"}]),
        release("2026-05-05T00:00:00-06:00", 639136260000000001,
                tender={"statusDetails": "Evaluación", "title": "A", "documents": [{"id": "D"}]}),
    ]  # fmt: skip
    tables = invert([gather(units)])
    events = tables["eventos"].select("tipo", "estatus_concurso").rows()
    assert events == [("publicacion", "1"), ("cambio_estatus", "2"), ("adjudicacion", "3"), ("cambio_estatus", "20")]
    (concurso,) = tables["concursos"].to_dicts()
    assert (concurso["descripcion"], concurso["estatus_concurso"]) == ("B", "20")
    assert concurso["fecha_publicacion"] == "2026-05-01T12:03:11"
    assert tables["documentos"]["documento_id"].to_list() == ["D"]
    awards = tables["adjudicaciones"].select("estado", "fecha_estado").rows()
    assert awards == [("inhabilitado", "2026-05-09T00:00:00")]


def test_the_same_release_twice_is_one_event() -> None:
    one = release("2026-05-01T12:03:11-06:00", 639132804262184908)
    assert len(rows("eventos", one, one)) == 1
    assert len(rows("eventos", record(), one)) == len(LINKS)


def test_the_last_of_several_records_counts() -> None:
    later = record(compiledRelease=compiled(tender={"title": "otro"}), releases=LINKS[:1])
    assert [row["descripcion"] for row in rows("concursos", record(), later)] == ["otro"]
    assert len(rows("eventos", record(), later)) == 1


def test_unknown_literals_pass_for_the_arrival_checks_to_name() -> None:
    tender = {"procurementMethodDetails": "Trueque", "statusDetails": "En pausa", "submissionMethod": ["paloma"],
              "mainProcurementCategory": "ideas"}  # fmt: skip
    (row,) = rows("concursos", compiled(tender=tender))
    found = [row[name] for name in ("modalidad", "estatus_concurso", "recepcion_ofertas", "objeto")]
    assert found == ["Trueque", "En pausa", "paloma", "ideas"]


def test_wrong_types_become_text() -> None:
    odd = compiled(
        parties={"id": "GT-CISP-1", "name": 5, "address": "calle 5"},
        tender={"title": {"es": "x"}, "items": ["uno", None, 7], "documents": "D", "id": 3},
        bids=[1],
        awards=[{"id": "A", "value": 12, "suppliers": "GT-NIT-1"}],
    )
    tables = invert([gather([odd])])
    assert tables["concursos"]["descripcion"].to_list() == ['{"es":"x"}']
    assert tables["partes"].select("esquema", "identificador", "nombre", "direccion").row(0) == (
        "GT-CISP",
        "1",
        "5",
        "calle 5",
    )
    assert tables["renglones"]["renglon_id"].to_list() == ["uno", "7"]
    assert tables["documentos"]["documento_id"].to_list()[-1] == "D"
    assert tables["adjudicaciones"].select("proveedor", "monto", "moneda").rows() == [("GT-NIT-1", "12", None)]


@pytest.mark.parametrize("junk", [5, "texto", ["a"], True])
def test_what_is_no_object_is_a_row_without_nog(junk: Any) -> None:
    (row,) = rows("concursos", junk)
    assert row["nog"] is None
    assert row["descripcion"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-05-01T12:03:11-06:00", "2026-05-01T12:03:11"),
        ("2026-05-15T04:12:40.149946-06:00", "2026-05-15T04:12:40.149946"),
        ("2026-06-01T02:00:00Z", "2026-05-31T20:00:00"),
        ("2026-05-31T20:00:00-05:00", "2026-05-31T19:00:00"),
        ("2026-05-31T20:00:00", "2026-05-31T20:00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("mañana", "mañana"),
        (5, "5"),
        (None, None),
    ],
)
def test_local_time(value: Any, expected: str | None) -> None:
    assert local_time(value) == expected


def test_months_are_local_and_plausible() -> None:
    assert month_of("2026-05-31T20:00:00") == "2026-05"
    assert month_of("0001-01-01T00:00:00") is None
    assert month_of("mañana") is None
    assert month_of(None) is None


def test_ticks() -> None:
    assert ticks_time("GT-NOG-29813743-T639106884317254118") == "2026-04-02T01:00:31.7254118"
    assert ticks_time("https://x/GT-NOG-1-T639106884310000000") == "2026-04-02T01:00:31.0000000"
    assert ticks_time("GT-NOG-1-T9999999999999999999") is None
    assert ticks_time("GT-NOG-1") is None


@pytest.mark.parametrize(
    ("ocid", "tender", "expected"),
    [
        ("ocds-xqjsxa-30095980", None, "30095980"),
        ("ocds-xqjsxa-", "GT-NOG-7", "7"),
        (None, None, None),
        ("sin número", None, "sin número"),
        # What would be read as a number by mistake is marked.
        ("1e3", None, "ocid 1e3"),
    ],
)
def test_nog(ocid: Any, tender: Any, expected: str | None) -> None:
    assert nog_of(ocid, tender) == expected


def test_fold_keeps_what_the_newer_snapshot_lacks() -> None:
    older = {"a": 1, "list": [{"id": "x", "n": 1}, {"id": "y"}], "plain": ["p"], "gone": "stays"}
    newer = {"a": 2, "list": [{"id": "x", "m": 2}, {"id": "z"}], "plain": ["q"], "gone": None}
    assert fold(older, newer) == {
        "a": 2,
        "list": [{"id": "x", "n": 1, "m": 2}, {"id": "y"}, {"id": "z"}],
        "plain": ["q"],
        "gone": "stays",
    }


WORDS = """
ocid id date tag url releases compiledRelease parties identifier scheme roles memberOf address details buyer
tender title status statusDetails datePublished items attributes quantity unit value amount documents format
bids tenderers awards suppliers contracts period additionalContactPoints submissionMethod tenderPeriod
publishedDate
"""
KEYS = st.sampled_from(WORDS.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([OCID, "GT-NIT-1", "compiled"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)


@settings(max_examples=200)
@given(st.lists(JSON, max_size=3), st.dictionaries(KEYS, JSON, max_size=4))
def test_any_json_gives_frames_of_the_contract(units: list[Any], changes: dict[str, Any]) -> None:
    found = invert([gather(units), gather([compiled(**changes)]), Process()])
    assert {name: frame.columns for name, frame in found.items()} == {
        name: list(t.schema) for name, t in TABLES.items()
    }
    assert {dtype for frame in found.values() for dtype in frame.dtypes} == {pl.String()}
