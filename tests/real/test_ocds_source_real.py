"""The OCDS source on the two real releases of the official API."""

import os
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from guatecompras.arrivals import ARRIVAL_ORDER, Arrivals
from guatecompras.contract import TABLES
from guatecompras.months import Month
from resources.sources.ocds import OcdsSource

SHARED = Path(os.environ.get("GUATECOMPRAS_SHARED", Path(__file__).parents[2].parent / "shared"))
RELEASES = SHARED / "data" / "releases"

pytestmark = pytest.mark.skipif(not RELEASES.is_dir(), reason="the shared data is not here")


def tables(month: str, path: Path = RELEASES) -> dict[str, pl.DataFrame]:
    with OcdsSource.from_uri(f"ocds:{path}").open(Month.parse(month)) as reading:
        return {
            name: pl.concat(
                [pl.DataFrame(schema=dict.fromkeys(TABLES[name].schema, pl.String())), *reading.batches(name)]
            )
            for name in TABLES
        }


def test_months() -> None:
    source = OcdsSource.from_uri(f"ocds:{RELEASES}")
    assert source.watermarks() == {
        "2026-04": datetime(2026, 4, 1, 11, 1, 29),  # noqa: DTZ001
        "2026-06": datetime(2026, 6, 5, 11, 11, 9),  # noqa: DTZ001
    }
    assert tables("2026-04")["concursos"]["nog"].to_list() == ["29813743"]
    assert tables("2026-06")["concursos"]["nog"].to_list() == ["30714915"]
    assert all(frame.is_empty() for frame in tables("2026-05").values())


def test_a_municipality_that_builds() -> None:
    found = tables("2026-04", RELEASES / "29813743.json")
    (concurso,) = found["concursos"].to_dicts()
    assert {name: value for name, value in concurso.items() if value is not None} == {
        "nog": "29813743",
        "descripcion": (
            "CONSTRUCCION EDIFICIO COMUNITARIO CASERIO TRAMPA DE COYOTE, ALDEA SOCHEL CONCEPCION TUTUAPA, SAN MARCOS"
        ),
        "entidad_compradora": "342",
        "unidad_compradora": "2",
        "modalidad": "4",
        "recepcion_ofertas": "electronica",
        "objeto": "obras",
        "numero_oferentes": "0",
        "fecha_publicacion": "2026-04-01T11:01:28",
        "estatus_concurso": "1",
        "fecha_actualizacion": "2026-04-01T11:01:29",
    }
    assert found["eventos"].rows() == [
        (
            "GT-NOG-29813743-T639106884317254118",
            "29813743",
            "publicacion",
            "1",
            "2026-04-01T11:01:29",
            "2026-04-02T01:00:31.7254118",
        )
    ]
    assert found["partes"].select(
        "esquema", "identificador", "nit", "miembro_de", "nivel_id", "tipo_entidad_id"
    ).rows() == [
        ("GT-CISP", "12101206", "6200060", None, "59", "6"),
        ("GT-GCUC", "342-2", None, "GT-CISP-12101206", None, "6"),
    ]
    assert found["renglones"].select("descripcion", "unspsc", "cantidad", "unidad_medida").rows() == [
        ("CONSTRUCCION EDIFICIO COMUNITARIO", "81101513", "100.0", "Metro Cuadrado")
    ]
    assert found["documentos"].height == 20
    assert set(found["documentos"]["extension"]) == {"pdf"}
    assert found["documentos"]["tipo"][0] == "Boleta de SNIP"


def test_a_package_without_metadata_and_with_parsed_quantities() -> None:
    found = tables("2026-06", RELEASES / "30714915.json")
    assert found["concursos"].select("entidad_compradora", "unidad_compradora", "modalidad", "objeto").row(0) == (
        "52",
        "15",
        "1",
        "servicios",
    )
    assert found["concursos"]["descripcion"][0].startswith("EVENTO: \t641-2026<br />CÓDIGO IGSS")
    assert found["renglones"]["cantidad"].to_list() == ["270.0"]
    assert found["eventos"]["fecha_registro"].to_list() == ["2026-06-06T01:00:33.4632707"]
    assert found["partes"]["nit"].to_list() == ["2342855", None]
    assert found["documentos"]["documento_id"].to_list() == [
        "EBE9E5D60F31543B0DE2B228AE32CEDA",
        "9C1157409C996FDFBE9FF0EE7011423B",
        "40A220E14858F69A19C5E689EC2C0756",
        "F5F4154A259240D110F45A651399C1A8",
    ]
    assert found["caracteristicas"].select("orden", "nombre", "valor").rows() == [
        ("1", "Tipo de obligatoriedad", "Obligatorio salvo excepciones"),
        ("2", "Características", " Tipo: Servicio; "),
    ]


@pytest.mark.parametrize("month", ["2026-04", "2026-06"])
def test_every_row_holds_the_contract(month: str) -> None:
    arrivals = Arrivals(Month.parse(month))
    with OcdsSource.from_uri(f"ocds:{RELEASES}").open(Month.parse(month)) as reading:
        for name in ARRIVAL_ORDER:
            list(arrivals.admit(name, reading.batches(name)))
    assert arrivals.rejects().is_empty()
    assert arrivals.admitted == arrivals.delivered
