"""What is public stays, and what the source says otherwise without an event comes as one more release."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import ocdsmerge
import orjson
import polars as pl
import pytest

from guatecompras.changes.diff import applied
from guatecompras.ocds.corrections import PUBLISHER, SILENT, Settled, compiled, settle
from guatecompras.ocds.merge import default_merger
from guatecompras.ocds.profile import compiled_schema
from guatecompras.ocds.validation import Validator
from tests.ocds.sample_rows import (
    NOG,
    Json,
    Row,
    award,
    build,
    contract,
    document,
    entity,
    event,
    offer,
    supplier,
    tables,
)

DETECTED = "2026-11-25T01:02:03-06:00"
EVENTS = [
    event("publicacion", "2026-05-01 12:00:00"),
    event("recepcion_ofertas", "2026-05-10 10:00:00", 2),
    event("adjudicacion", "2026-05-15 16:00:00", 3),
    event("contrato", "2026-05-20 08:00:00", 3),
]
ROWS: dict[str, list[Row]] = {
    "concursos": [{"categorias": [1, 2], "recepcion_ofertas": "electronica"}],
    "eventos": EVENTS,
    "partes": [entity(), supplier(), supplier("1234567", nombre="SOMBRAS")],
    "renglones": [{"renglon_id": "1"}, {"renglon_id": "2", "orden": 2, "descripcion": "Foco"}],
    "ofertas": [offer(), offer("O2", "GT-NIT-1234567", monto="120.00")],
    "adjudicaciones": [award()],
    "contratos": [contract()],
    "documentos": [
        document(),
        document("D2", titulo="Bases", url="http://www.guatecompras.gt/concursos/files/1/b.pdf"),
    ],
}

Edit = Callable[[dict[str, list[Row]]], None]


def _built(edit: Edit | None = None) -> pl.DataFrame:
    rows = deepcopy(ROWS)
    if edit:
        edit(rows)
    return build(tables(**rows))


def _public(releases: pl.DataFrame, same: bool = False) -> pl.DataFrame:
    return releases.select("nog", "json", same=pl.lit(same))


def _settled(built: pl.DataFrame, public: pl.DataFrame, detected: str = DETECTED) -> Settled:
    return settle(built, public, default_merger(), detected)


def _documents(settled: Settled) -> list[Json]:
    return [orjson.loads(text) for text in settled.releases["json"]]


def _compiled(releases: list[Json]) -> Json:
    return {key: value for key, value in compiled(releases, default_merger()).items() if key not in _OWN}


_OWN = {"id", "date", "publishedDate", "tag"}


def _set(table: str, place: int, **values: Any) -> Edit:
    return lambda rows: rows[table][place].update(values)


def _drop(table: str, place: int) -> Edit:
    return lambda rows: rows[table].pop(place) and None


# What was edited: the edit, the correction's tags, and the edits told: path -> (before, after).
EDITS: dict[str, tuple[Edit, list[str], dict[str, tuple[Any, Any]]]] = {
    "a title": (
        _set("concursos", 0, descripcion="COMPRA DE FOCOS"),
        ["tenderUpdate", "awardUpdate", "contractUpdate"],  # awards and contracts carry it too
        {
            "tender/title": ("COMPRA DE LÁMPARAS", "COMPRA DE FOCOS"),
            "awards[GT-ADJ-100-7894880]/title": ("COMPRA DE LÁMPARAS", "COMPRA DE FOCOS"),
        },
    ),
    "an amount": (
        _set("adjudicaciones", 0, monto="99.50"),
        ["awardUpdate"],
        {"awards[GT-ADJ-100-7894880]/value/amount": (100, 99.5)},
    ),
    "an amount that is gone": (
        _set("contratos", 0, monto=None, moneda=None),
        ["contractUpdate"],
        {},
    ),
    "a new document": (
        lambda rows: rows["documentos"].append(document("D9", titulo="Nuevo", url="http://www.guatecompras.gt/n.pdf")),
        ["tenderUpdate"],
        {},
    ),
    "an offer that is gone": (
        _drop("ofertas", 1),
        ["tenderUpdate"],
        {"bids/details[O2]/status": ("valid", "withdrawn")},
    ),
    "an award and its contract that are gone": (
        lambda rows: rows.update(adjudicaciones=[], contratos=[]),
        ["tenderUpdate", "awardUpdate", "contractUpdate"],
        {"awards[GT-ADJ-100-7894880]/status": ("active", "cancelled")},
    ),
    "what cannot be cleared": (
        _set("concursos", 0, categorias=None, fecha_cro=None, recepcion_ofertas=None),
        ["tenderUpdate"],
        {"tender/tenderPeriod/endDate": ("2026-05-10T10:00:00-06:00", None)},
    ),
    "a date": (
        _set("concursos", 0, fecha_cro="2026-05-11 10:00:00"),
        ["tenderUpdate"],
        {"tender/tenderPeriod/endDate": ("2026-05-10T10:00:00-06:00", "2026-05-11T10:00:00-06:00")},
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_without_an_event_is_one_more_release_and_is_told(what: str) -> None:
    edit, tags, told = EDITS[what]
    before = _built()
    settled = _settled(_built(edit), _public(before))
    documents = _documents(settled)
    assert settled.releases["json"].to_list()[:-1] == before["json"].to_list(), "what was public is as it was"
    correction = documents[-1]
    assert settled.corrections == [correction["id"]]
    assert correction["date"] == correction["publishedDate"] == DETECTED
    assert correction["tag"] == tags
    assert Validator("correction").clear(settled.releases["json"][-1].encode())
    # The edits are exactly what the correction changes.
    old, new = _compiled(documents[:-1]), _compiled(documents)
    rows = settled.edits.select("path", "before", "after").rows()
    assert {path for path, _, _ in rows} & _OWN == {"id", "date", "publishedDate"}
    assert applied(old, [row for row in rows if row[0] not in _OWN]) == new
    assert set(settled.edits["cause"]) == {SILENT}
    assert set(settled.edits["release"]) == {correction["id"]}
    found = {path: tuple(text and orjson.loads(text) for text in texts) for path, *texts in rows}
    assert told.items() <= found.items()


@pytest.mark.parametrize("what", EDITS)
def test_what_was_corrected_is_not_corrected_again(what: str) -> None:
    after = _built(EDITS[what][0])
    once = _settled(after, _public(_built()))
    again = _settled(after, _public(once.releases), "2026-12-01T00:00:00-06:00")
    assert again.releases["json"].to_list() == once.releases["json"].to_list()
    assert again.corrections == []
    assert again.edits.is_empty()


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_that_is_taken_back_is_one_more_correction(what: str) -> None:
    once = _settled(_built(EDITS[what][0]), _public(_built()))
    back = _settled(_built(), _public(once.releases), "2026-12-01T00:00:00-06:00")
    documents = _documents(back)
    assert len(back.corrections) == (0 if what == "a new document" else 1), (
        "a document that is gone cannot be taken out"
    )
    if back.corrections:
        assert _compiled(documents) == _compiled(documents[:-2])


def test_the_compiled_record_is_what_ocdsmerge_makes_of_it() -> None:
    for edit, _, _ in EDITS.values():
        documents = _documents(_settled(_built(edit), _public(_built())))
        theirs = ocdsmerge.Merger(compiled_schema()).create_compiled_release(deepcopy(documents))
        ours = compiled(documents, default_merger())
        assert {key: value for key, value in theirs.items() if value not in ({}, [])}.keys() == ours.keys()
        assert ours["awards"] == theirs["awards"]
        assert ours["tender"] == theirs["tender"]


def test_an_edit_with_an_event_is_that_events_release() -> None:
    def amended(rows: dict[str, list[Row]]) -> None:
        rows["concursos"][0]["descripcion"] = "COMPRA DE FOCOS"
        rows["eventos"].append(event("modificacion", "2026-05-25 08:00:00", 3))

    before, after = _built(), _built(amended)
    settled = _settled(after, _public(before))
    assert settled.corrections == []
    assert settled.edits.is_empty()
    assert settled.releases["json"].to_list() == [*before["json"], after["json"][-1]]
    assert _compiled(_documents(settled)) == _compiled([orjson.loads(text) for text in after["json"]])


def test_an_event_that_got_another_date_is_not_told_twice() -> None:
    def later(rows: dict[str, list[Row]]) -> None:
        rows["eventos"][3] = event("contrato", "2026-05-21 09:00:00", 3)

    before = _built()
    settled = _settled(_built(later), _public(before))
    assert settled.releases["json"].to_list() == before["json"].to_list()
    assert settled.corrections == []


def test_an_event_that_is_gone_stays_public_and_what_it_said_is_corrected() -> None:
    before = _built()
    settled = _settled(_built(_drop("eventos", 3)), _public(before))
    documents = _documents(settled)
    assert settled.releases["json"].to_list()[:-1] == before["json"].to_list()
    # Without its event the contract is no longer public as far as the source says.
    assert documents[-1]["contracts"][0]["status"] == "cancelled"


def test_an_edit_of_the_past_alone_changes_nothing_and_is_told() -> None:
    def earlier_status(rows: dict[str, list[Row]]) -> None:
        rows["eventos"][1]["estatus_concurso"] = 3

    before = _built()
    settled = _settled(_built(earlier_status), _public(before))
    assert settled.releases["json"].to_list() == before["json"].to_list()
    assert settled.corrections == []
    assert set(settled.edits["release"]) == {before["id"][1]}
    assert "tender/status" in settled.edits["path"].to_list()


def test_a_late_event_before_a_correction_is_corrected_over() -> None:
    """What the correction said stands after the event; where the source says otherwise, one more says so."""
    once = _settled(_built(_set("concursos", 0, descripcion="COMPRA DE FOCOS")), _public(_built()))

    def late(rows: dict[str, list[Row]]) -> None:
        rows["concursos"][0]["descripcion"] = "COMPRA DE VELAS"
        rows["eventos"].append(event("modificacion", "2026-05-25 08:00:00", 3))

    twice = _settled(_built(late), _public(once.releases), "2026-12-01T00:00:00-06:00")
    titles = [document["tender"]["title"] for document in _documents(twice)]
    assert titles[-3:] == ["COMPRA DE VELAS", "COMPRA DE FOCOS", "COMPRA DE VELAS"]
    assert len(twice.corrections) == 1


def test_a_correction_comes_last_whatever_the_clock_says() -> None:
    settled = _settled(_built(EDITS["an amount"][0]), _public(_built()), "2020-01-01T00:00:00-06:00")
    documents = _documents(settled)
    assert documents[-1]["id"] in settled.corrections
    assert documents[-1]["date"] == documents[-2]["date"]
    assert documents[-1]["publishedDate"] == "2020-01-01T00:00:00-06:00"
    assert (
        ocdsmerge.Merger(compiled_schema()).create_compiled_release(documents)["awards"][0]["value"]["amount"] == 99.5
    )


def test_two_corrections_of_one_second_have_two_ids() -> None:
    once = _settled(_built(EDITS["an amount"][0]), _public(_built()))
    twice = _settled(_built(EDITS["a title"][0]), _public(once.releases))
    assert twice.releases["id"].is_unique().all()
    assert len(twice.corrections) == 1


def test_what_our_code_says_otherwise_of_the_same_rows_is_the_publishers() -> None:
    before = _built()
    public = _public(before, same=True).with_columns(
        pl.col("json").str.replace("COMPRA DE LÁMPARAS", "Compra de lámparas")
    )
    settled = _settled(before, public)
    assert len(settled.corrections) == 1
    assert set(settled.edits["cause"]) == {PUBLISHER}


def test_nogs_that_nobody_edited_pass_as_they_are() -> None:
    rows = tables(concursos=[{}, {"nog": NOG + 1}])
    built = build(rows)
    public = _public(built.filter(pl.col("nog") == NOG))
    settled = _settled(built, public)
    assert settled.releases is built
    assert settled.public == settled.corrections == []


def test_no_null_gets_into_a_record() -> None:
    settled = _settled(_built(EDITS["an amount that is gone"][0]), _public(_built()))
    documents = _documents(settled)
    assert documents[-1]["contracts"][0]["value"] == {"amount": None, "currency": None}
    text = orjson.dumps(compiled(documents, default_merger()))
    assert b"null" not in text
    assert Validator("compiled").clear(text)
