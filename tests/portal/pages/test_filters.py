"""The filters of Explorar: what a form may say, what an address says."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.datastructures import QueryParams

from portal.filters import Filters, Sort
from portal.pages import filters
from portal.pages.filters import asked


def test_every_filter_of_the_api_can_be_read_on_the_page() -> None:
    assert set(filters.FIELDS) == set(Filters.model_fields)
    assert set(filters.SORTS) == set(Sort.__args__)


def test_what_people_write_is_taken() -> None:
    told = asked(QueryParams("monto_min=Q90,000.50&unspsc=43 Tecnologías&q= papel &estatus=3&estatus=3&categoria="))
    assert not told.errors
    assert told.everything() == {"q": "papel", "monto_min": 90000.5, "unspsc": ["43"], "estatus": [3]}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("monto_min=mucho", "monto_min"),
        ("monto_min=-1", "monto_min"),
        ("monto_max=1e99", "monto_max"),
        ("unspsc=4x", "unspsc"),
        ("estatus=9999", "estatus"),
        ("objeto=armas", "objeto"),
        ("mes=2026-13", "mes"),
        ("convocado_desde=31/12/2026", "convocado_desde"),
        ("convocado_desde=2026-12-31&convocado_hasta=2026-01-01", "convocado_hasta"),
        ("monto_min=10&monto_max=5", "monto_max"),
        ("sort=azar", "sort"),
        ("q=" + "x" * 201, "q"),
    ],
)
def test_what_cannot_be_read_is_told_beside_its_field(query: str, name: str) -> None:
    told = asked(QueryParams(f"{query}&departamento=PETEN"))
    assert list(told.errors) == [name]
    assert told.errors[name].startswith(filters.FIELDS[name].label)
    assert told.everything()["departamento"] == ["PETEN"]


def test_addresses_lead_on_and_back() -> None:
    told = asked(QueryParams("q=papel&estatus=3&sort=-monto"))
    more = dict(parse_qsl(urlsplit(told.address(modalidad=1)).query))
    assert more == {"q": "papel", "estatus": "3", "modalidad": "1", "sort": "-monto"}
    assert parse_qsl(urlsplit(told.address(estatus=4)).query).count(("estatus", "4")) == 1
    assert told.address(estatus=3) == told.address()
    chip = next(chip for chip in told.chips() if chip.label == "Estatus")
    assert chip.value == "Adjudicado"
    assert dict(parse_qsl(urlsplit(chip.without).query)) == {"q": "papel", "sort": "-monto"}


def test_a_name_gives_way_to_the_id_that_is_meant() -> None:
    told = asked(QueryParams("comprador=hospital&q=papel")).meaning("comprador", "unidad", "GT-GCUC-52-4")
    assert told.everything() == {"q": "papel", "unidad": "GT-GCUC-52-4"}
