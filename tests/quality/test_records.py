"""Checks of a process on two processes made by hand: whole they pass, and each contradiction is found where it is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from guatecompras import catalogs, quality
from guatecompras.errors import GuatecomprasError
from guatecompras.quality import records
from guatecompras.quality.rules import Rule
from tests.quality.small_month import BY_ID, Rows
from tests.quality.small_month import at as _at
from tests.quality.small_month import month as _month

Fault = Callable[[Rows], None]
QUOTATION = "Cotización (Art. 38 LCE)"
TENDER = "Licitación Pública (Art. 17 LCE)"
DIRECT = "Compra Directa con Oferta Electrónica (Art. 43 LCE Inciso b)"
WINNER, LOSER, UNIT, ENTITY = "GT-NIT-7894880", "GT-NIT-576937K", "GT-GCUC-342-2", "GT-CISP-342"
WINNER_NAME, LOSER_NAME = "CONSTRUCTORA EL ÁLAMO, SOCIEDAD ANÓNIMA", "ANA LUCÍA PÉREZ GÓMEZ"
AWARD, CONTRACT = "GT-ADJ-11-7894880", "NOG-11-CON-1"


def _key(nog: int) -> dict[str, Any]:
    return {"ocid": f"ocds-xqjsxa-{nog}", "nog": nog}


def _money(amount: float, prefix: str = "value") -> dict[str, Any]:
    return {f"{prefix}_amount": amount, f"{prefix}_currency": "GTQ"}


def _record(nog: int, **values: Any) -> dict[str, Any]:
    return {
        **_key(nog),
        "buyer_id": ENTITY,
        "buyer_name": "MUNICIPALIDAD",
        "tender_procuringEntity_id": UNIT,
        "tender_procuringEntity_name": "COMPRAS",
        "tender_datePublished": _at("2026-01-05 10:00:00"),
        "tender_tenderPeriod_startDate": _at("2026-01-05 10:00:00"),
        "tender_tenderPeriod_endDate": _at("2026-01-15 09:00:00"),
        "tender_submissionMethod": "electronicSubmission",
        "publishedDate": _at("2026-03-10 01:00:00"),
        "dataSegmentation_id": "2026-01",
        **values,
    }


def _parties(nog: int, *suppliers: tuple[str, str]) -> list[dict[str, Any]]:
    buyers = (
        {**_key(nog), "id": ENTITY, "name": "MUNICIPALIDAD", "identifier_id": "342"},
        {**_key(nog), "id": UNIT, "name": "COMPRAS", "memberOf_id": ENTITY, "memberOf_name": "MUNICIPALIDAD"},
    )
    return [
        *buyers,
        *({**_key(nog), "id": own, "name": name, "identifier_id": own.rsplit("-", 1)[1]} for own, name in suppliers),
    ]


def _roles(nog: int, **roles: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{**_key(nog), "party_id": party, "role": role} for role, parties in roles.items() for party in parties]


def _clean() -> Rows:
    """NOG 11: a quotation with two offers, an award and a contract. NOG 22: a direct contract that was dropped."""
    key = _key(11)
    bid = {**key, "date": _at("2026-01-14 16:00:00"), "status": "valid"}
    return {
        "records": [
            _record(
                11,
                tender_status="complete",
                tender_statusDetails="Adjudicado",
                tender_procurementMethod="open",
                tender_procurementMethodDetails=QUOTATION,
                tender_numberOfTenderers=2,
                **_money(400_000, "tender_value"),
            ),
            _record(
                22,
                tender_status="cancelled",
                tender_statusDetails="Prescindido",
                tender_procurementMethod="direct",
                tender_procurementMethodDetails="Compra directa",
                tender_numberOfTenderers=0,
            ),
        ],
        "parties": [*_parties(11, (WINNER, WINNER_NAME), (LOSER, LOSER_NAME)), *_parties(22)],
        "party_roles": [
            *_roles(11, buyer=(ENTITY,), procuringEntity=(UNIT,), tenderer=(WINNER, LOSER), supplier=(WINNER,)),
            *_roles(22, buyer=(ENTITY,), procuringEntity=(UNIT,)),
        ],
        "items": [
            {
                **key,
                "id": "1",
                "description": "Puente",
                "quantity": 1,
                "unit_name": "Unidad",
                **_money(300_000, "unit_value"),
            },
            {
                **key,
                "id": "2",
                "description": "Muro",
                "quantity": 40,
                "unit_name": "Metro",
                **_money(2_500, "unit_value"),
            },
        ],
        "item_attributes": [{**key, "item_id": "1", "id": "1", "name": "Color", "value": "Gris"}],
        "documents": [
            {**key, "id": "1", "url": "https://x.example/1.pdf", "datePublished": _at("2026-01-05 10:00:00")},
            {**key, "id": "2", "url": "https://x.example/2.pdf", "datePublished": _at("2025-12-01 10:00:00")},
        ],
        "bids": [
            {**bid, "id": "1", "tenderers_id": WINNER, "tenderers_name": WINNER_NAME, **_money(380_000)},
            {**bid, "id": "2", "tenderers_id": LOSER, "tenderers_name": LOSER_NAME, **_money(390_000)},
        ],
        "awards": [
            {
                **key,
                "id": AWARD,
                "date": _at("2026-02-02 12:00:00"),
                "status": "active",
                "statusDetails": "Habilitado",
                **_money(380_000),
            }
        ],
        "award_suppliers": [{**key, "award_id": AWARD, "id": WINNER, "name": WINNER_NAME}],
        "contracts": [
            {
                **key,
                "id": CONTRACT,
                "awardID": AWARD,
                "status": "active",
                "statusDetails": "Vigente",
                # On the day of its award, at midnight.
                "dateSigned": _at("2026-02-02 00:00:00"),
                "period_startDate": _at("2026-02-10 00:00:00"),
                "period_endDate": _at("2026-08-10 00:00:00"),
                **_money(380_000),
            }
        ],
        "contract_documents": [
            {
                **key,
                "contract_id": CONTRACT,
                "id": "3",
                "url": "https://x.example/3.pdf",
                "datePublished": _at("2026-03-09 08:00:00"),
            }
        ],
        "releases": [
            {
                **key,
                "id": "GT-NOG-11-T1",
                "date": _at("2026-01-05 10:00:01"),
                "publishedDate": _at("2026-01-06 01:00:00"),
            }
        ],
    }


def _set(table: str, row: int, **values: Any) -> Fault:
    return lambda rows: rows[table][row].update(values)


def _add(table: str, row: int, **values: Any) -> Fault:
    return lambda rows: rows[table].append({**rows[table][row], **values})


def _all(*faults: Fault) -> Fault:
    def together(rows: Rows) -> None:
        for one in faults:
            one(rows)

    return together


def _estimate(amount: float | None, **values: Any) -> Fault:
    return _set("records", 0, tender_value_amount=amount, **values)


def _outcome(check: str, folder: Path, fault: Fault | None = None) -> quality.Outcome:
    rows = _clean()
    if fault:
        fault(rows)
    return BY_ID[check].evaluate(_month(folder, rows))


@pytest.mark.parametrize("check", [check.id for check in records.CHECKS])
def test_what_is_coherent_is_judged_and_passes(tmp_path: Path, check: str) -> None:
    outcome = _outcome(check, tmp_path)
    assert (outcome.state, outcome.failures.rows()) == ("pass", [])


_AWARD_2 = "GT-ADJ-11-7894880-2"
_AWARDED_TWICE = _all(_add("awards", 0, id=_AWARD_2), _add("award_suppliers", 0, award_id=_AWARD_2))
_DISABLED = _set("awards", 0, status="cancelled", statusDetails="Inhabilitado")

_FOUND: list[tuple[str, Fault, list[tuple[int, str, str]]]] = [
    # References.
    ("references", _set("parties", 1, memberOf_id="GT-CISP-9"), [(11, "parties/memberOf/id", "GT-CISP-9")]),
    ("references", _set("party_roles", 2, party_id="GT-NIT-19"), [(11, "parties/roles", "GT-NIT-19")]),
    ("references", _set("item_attributes", 0, item_id="9"), [(11, "tender/items/attributes", "9")]),
    ("references", _set("award_suppliers", 0, award_id="A"), [(11, "awards/suppliers", "A")]),
    ("references", _set("contract_documents", 0, contract_id="C"), [(11, "contracts/documents", "C")]),
    # The buyer is a party of the one NOG, but not of the other.
    (
        "references",
        lambda rows: rows["parties"].pop(4),
        [(22, "buyer/id", ENTITY), (22, "parties/memberOf/id", ENTITY), (22, "parties/roles", ENTITY)],
    ),
    ("orphans", _add("parties", 3, id="GT-NIT-19"), [(11, "parties/id", "GT-NIT-19")]),
    ("orphans", _add("awards", 0, id=_AWARD_2), [(11, "awards/suppliers", _AWARD_2)]),
    # Times.
    (
        "period_order",
        _set("records", 1, tender_tenderPeriod_endDate=_at("2026-01-05 09:59:59")),
        [(22, "tender/tenderPeriod/endDate", "2026-01-05T09:59:59-06:00 < 2026-01-05T10:00:00-06:00")],
    ),
    (
        "period_order",
        _set("records", 1, tender_tenderPeriod_startDate=_at("2026-01-05 10:00:01")),
        [(22, "tender/tenderPeriod/startDate", "2026-01-05T10:00:01-06:00 / 2026-01-05T10:00:00-06:00")],
    ),
    ("period_order", _set("records", 1, tender_tenderPeriod_endDate=None), []),
    (
        "bid_dates",
        _set("bids", 0, date=_at("2026-01-05 09:00:00")),
        [(11, "bids/details/date", "2026-01-05T09:00:00-06:00 < 2026-01-05T10:00:00-06:00")],
    ),
    (
        "bid_dates",
        _set("bids", 0, date=_at("2026-01-15 09:00:01")),
        [(11, "bids/details/date", "2026-01-15T09:00:00-06:00 < 2026-01-15T09:00:01-06:00")],
    ),
    # On paper the hour is that of writing it down.
    (
        "bid_dates",
        _all(_set("bids", 0, date=_at("2026-01-15 12:00:00")), _set("records", 0, tender_submissionMethod="written")),
        [],
    ),
    (
        "award_dates",
        _set("awards", 0, date=_at("2026-01-05 09:00:00")),
        [
            (11, "awards/date", "2026-01-05T09:00:00-06:00 < 2026-01-05T10:00:00-06:00"),
            (11, "awards/date", "2026-01-05T09:00:00-06:00 < 2026-01-15T09:00:00-06:00"),
        ],
    ),
    (
        "award_dates",
        _set("awards", 0, date=_at("2026-01-15 08:00:00")),
        [(11, "awards/date", "2026-01-15T08:00:00-06:00 < 2026-01-15T09:00:00-06:00")],
    ),
    # The process was opened again after its award was lost.
    ("award_dates", _all(_set("awards", 0, date=_at("2026-01-15 08:00:00")), _DISABLED), []),
    (
        "award_dates",
        _set("awards", 0, date=_at("2026-03-10 01:00:01")),
        [(11, "awards/date", "2026-03-10T01:00:00-06:00 < 2026-03-10T01:00:01-06:00")],
    ),
    (
        "contract_dates",
        _set("contracts", 0, dateSigned=_at("2026-02-01 23:00:00")),
        [(11, "contracts/dateSigned", "2026-02-01 < 2026-02-02")],
    ),
    (
        "contract_dates",
        _set("contracts", 0, dateSigned=_at("2026-01-04 23:00:00")),
        [
            (11, "contracts/dateSigned", "2026-01-04 < 2026-01-05"),
            (11, "contracts/dateSigned", "2026-01-04 < 2026-02-02"),
        ],
    ),
    (
        "contract_dates",
        _set("contracts", 0, period_endDate=_at("2026-02-09 00:00:00")),
        [(11, "contracts/period/endDate", "2026-02-09 < 2026-02-10")],
    ),
    ("contract_dates", _set("contracts", 0, period_endDate=_at("2026-02-10 00:00:00")), []),
    (
        "document_dates",
        _set("documents", 0, datePublished=_at("2026-03-10 02:00:00")),
        [(11, "tender/documents/datePublished", "2026-03-10T01:00:00-06:00 < 2026-03-10T02:00:00-06:00")],
    ),
    (
        "document_dates",
        _set("contract_documents", 0, datePublished=_at("2026-02-01 00:00:00")),
        [(11, "contracts/documents/datePublished", "2026-02-01 < 2026-02-02")],
    ),
    (
        "document_dates",
        _set("contract_documents", 0, datePublished=_at("2026-03-11 00:00:00")),
        [(11, "contracts/documents/datePublished", "2026-03-10T01:00:00-06:00 < 2026-03-11T00:00:00-06:00")],
    ),
    # Statuses.
    ("status_details", _set("records", 1, tender_status="complete"), [(22, "tender/status", "complete / Prescindido")]),
    ("status_details", _set("awards", 0, status="cancelled"), [(11, "awards/status", "cancelled / Habilitado")]),
    ("status_details", _set("contracts", 0, status=None), [(11, "contracts/status", "- / Vigente")]),
    ("status_details", _set("contracts", 0, statusDetails="Adjudicado"), []),
    ("awarded_without_award", _DISABLED, [(11, "tender/statusDetails", "Adjudicado")]),
    (
        "awarded_without_award",
        _set("records", 1, tender_statusDetails="Finalizado adjudicado cedido"),
        [(22, "tender/statusDetails", "Finalizado adjudicado cedido")],
    ),
    # Complete in OCDS, and never meant to end with an award.
    (
        "awarded_without_award",
        _set("records", 1, tender_status="complete", tender_statusDetails="Terminado Precalificado"),
        [],
    ),
    (
        "awarded_without_award",
        _set("records", 1, tender_status="complete", tender_statusDetails="Finalizado Seleccionado"),
        [],
    ),
    (
        "award_against_status",
        _set("records", 0, tender_statusDetails="Desierto"),
        [(11, "awards/status", f"Desierto / {AWARD}"), (11, "contracts/status", f"Desierto / {CONTRACT}")],
    ),
    (
        "award_against_status",
        _all(_set("records", 0, tender_statusDetails="Vigente"), _set("contracts", 0, status="cancelled")),
        [(11, "awards/status", f"Vigente / {AWARD}")],
    ),
    ("award_against_status", _set("records", 0, tender_statusDetails="Evaluación"), []),
    ("contract_without_award_active", _DISABLED, [(11, "contracts/awardID", f"{AWARD} / cancelled")]),
    ("contract_without_award_active", _all(_DISABLED, _set("contracts", 0, status="cancelled")), []),
    # Who takes part.
    (
        "number_of_tenderers",
        _set("records", 0, tender_numberOfTenderers=3),
        [(11, "tender/numberOfTenderers", "3 / 2")],
    ),
    # Two offers of one tenderer.
    ("number_of_tenderers", _add("bids", 0, id="3"), []),
    (
        "number_of_tenderers",
        _all(_set("records", 0, tender_numberOfTenderers=0), lambda rows: rows["bids"].clear()),
        [(11, "tender/numberOfTenderers", "0 / Adjudicado")],
    ),
    (
        "number_of_tenderers",
        _all(_set("records", 0, tender_numberOfTenderers=5), lambda rows: rows["bids"].clear()),
        [],
    ),
    ("method_tenderers", _set("records", 1, tender_numberOfTenderers=1), []),
    (
        "method_tenderers",
        _set("records", 1, tender_numberOfTenderers=2),
        [(22, "tender/numberOfTenderers", "direct / 2")],
    ),
    ("supplier_is_tenderer", _set("award_suppliers", 0, id="GT-NIT-19"), [(11, "awards/suppliers/id", "GT-NIT-19")]),
    ("party_names", _set("records", 1, buyer_name="ALCALDÍA"), [(22, "buyer/name", "ALCALDÍA / MUNICIPALIDAD")]),
    (
        "party_names",
        _set("records", 1, tender_procuringEntity_name="B"),
        [(22, "tender/procuringEntity/name", "B / COMPRAS")],
    ),
    ("party_names", _set("bids", 1, tenderers_name="B"), [(11, "bids/details/tenderers/name", f"B / {LOSER_NAME}")]),
    ("party_names", _set("award_suppliers", 0, name="B"), [(11, "awards/suppliers/name", f"B / {WINNER_NAME}")]),
    ("party_names", _set("parties", 1, memberOf_name="B"), [(11, "parties/memberOf/name", "B / MUNICIPALIDAD")]),
    ("party_names", _set("award_suppliers", 0, name=None), []),
    # Referred to without the role, and the role without a reference.
    ("party_roles", lambda rows: rows["party_roles"].pop(2), [(11, "parties/roles", f"{WINNER} / tenderer")]),
    ("party_roles", _add("party_roles", 3, role="supplier"), [(11, "parties/roles", f"supplier / {LOSER}")]),
    ("party_roles", _add("party_roles", 3, role="payee"), []),
    # Amounts.
    ("currencies", _set("bids", 1, value_currency="USD"), [(11, "tender/value/currency", "GTQ / USD")]),
    ("item_total", _estimate(500_000), [(11, "tender/value/amount", "400000.0 / 500000.00")]),
    ("item_total", _all(_estimate(500_000), _set("items", 1, unit_value_amount=None)), []),
    ("item_total", _estimate(None), []),
    ("award_value", _estimate(100_000), [(11, "awards/value/amount", "380000.00 / 100000.00")]),
    ("award_value", _estimate(40_000_000), [(11, "awards/value/amount", "380000.00 / 40000000.00")]),
    ("award_value", _estimate(100_000, tender_value_currency="USD"), []),
    ("award_bid", _set("bids", 0, value_amount=370_000), [(11, "awards/value/amount", "380000.00 / 370000.00")]),
    ("award_bid", _AWARDED_TWICE, [(11, "awards/value/amount", "760000.00 / 380000.00")]),
    ("award_bid", _set("awards", 0, value_amount=100_000), []),
    (
        "contract_value",
        _set("contracts", 0, value_amount=500_000),
        [(11, "contracts/value/amount", "500000.00 / 380000.00")],
    ),
    (
        "contract_value",
        _set("contracts", 0, value_amount=3_800),
        [(11, "contracts/value/amount", "3800.00 / 380000.00")],
    ),
    (
        "contract_value",
        _add("contracts", 0, id="NOG-11-CON-2"),
        [(11, "contracts/value/amount", "760000.00 / 380000.00")],
    ),
    ("contract_value", _add("contracts", 0, id="NOG-11-CON-2", status="cancelled"), []),
    ("amount_zero", _set("items", 0, unit_value_amount=0), [(11, "tender/items/unit/value/amount", "0.00")]),
    ("amount_zero", _estimate(0), [(11, "tender/value/amount", "0.00")]),
    ("amount_bounds", _set("contracts", 0, value_amount=-0.01), [(11, "contracts/value/amount", "-0.01")]),
    ("amount_bounds", _set("awards", 0, value_amount=5_000_000_000.01), [(11, "awards/value/amount", "5000000000.01")]),
    ("amount_bounds", _set("awards", 0, value_amount=5_000_000_000), []),
    ("item_quantity", _set("items", 0, quantity=0), [(11, "tender/items/quantity", "0.0000")]),
    ("item_quantity", _set("items", 0, quantity=10**9), [(11, "tender/items/quantity", "1000000000.0000")]),
    # What stands twice.
    ("duplicate_awards", _AWARDED_TWICE, [(11, "awards/id", f"{AWARD} / {_AWARD_2}")]),
    ("duplicate_awards", _all(_AWARDED_TWICE, _set("awards", 1, value_amount=1)), []),
    ("duplicate_items", _add("items", 1, id="3"), [(11, "tender/items/id", "2 × Muro")]),
    ("duplicate_items", _add("items", 1, id="3", quantity=41), []),
    ("duplicate_items", _add("items", 1, nog=22, ocid="ocds-xqjsxa-22"), []),
    ("duplicate_documents", _add("documents", 0, id="9"), [(11, "tender/documents/url", "https://x.example/1.pdf")]),
    (
        "duplicate_documents",
        _add("contract_documents", 0, id="9"),
        [(11, "contracts/documents/url", "https://x.example/3.pdf")],
    ),
    # The law.
    ("legal_threshold", _estimate(900_000), []),
    ("legal_threshold", _estimate(900_000.01), [(11, "tender/value/amount", f"900000.01 > 900000.00: {QUOTATION}")]),
    ("legal_threshold", _estimate(5_000_000, tender_procurementMethodDetails=TENDER), []),
    ("legal_threshold", _estimate(5_000_000, tender_value_currency="USD"), []),
    (
        "legal_threshold",
        _estimate(80_000, tender_procurementMethodDetails=DIRECT),
        [(11, "awards/value/amount", f"380000.00 > 90000.00: {DIRECT}")],
    ),
    ("legal_threshold", _all(_estimate(80_000, tender_procurementMethodDetails=DIRECT), _DISABLED), []),
    # Two awards that are one purchase.
    (
        "legal_threshold",
        _all(_AWARDED_TWICE, _set("awards", 0, value_amount=500_000), _set("awards", 1, value_amount=500_000)),
        [(11, "awards/value/amount", f"1000000.00 > 900000.00: {QUOTATION}")],
    ),
    # From Monday the 5th to Thursday the 15th there are eight weekdays, to the 14th one fewer.
    (
        "offer_period",
        _set("records", 0, tender_tenderPeriod_endDate=_at("2026-01-14 23:00:00")),
        [(11, "tender/tenderPeriod/endDate", f"7 < 8 (hábiles): {QUOTATION}")],
    ),
    (
        "offer_period",
        _set("records", 0, tender_procurementMethodDetails=TENDER),
        [(11, "tender/tenderPeriod/endDate", f"10 < 40 (calendario): {TENDER}")],
    ),
    (
        "offer_period",
        _set(
            "records", 0, tender_procurementMethodDetails=TENDER, tender_tenderPeriod_endDate=_at("2026-02-14 09:00:00")
        ),
        [],
    ),
    (
        "offer_period",
        _set(
            "records", 0, tender_procurementMethodDetails=DIRECT, tender_tenderPeriod_endDate=_at("2026-01-05 18:00:00")
        ),
        [(11, "tender/tenderPeriod/endDate", f"0 < 1 (hábiles): {DIRECT}")],
    ),
    (
        "offer_period",
        _set(
            "records", 0, tender_procurementMethodDetails=DIRECT, tender_tenderPeriod_endDate=_at("2026-01-06 08:00:00")
        ),
        [],
    ),
    ("offer_period", _set("records", 0, tender_tenderPeriod_endDate=None), []),
]


@pytest.mark.parametrize(("check", "fault", "failures"), _FOUND)
def test_a_contradiction_is_found_with_its_nog_and_path(
    tmp_path: Path, check: str, fault: Fault, failures: list[tuple[int, str, str]]
) -> None:
    outcome = _outcome(check, tmp_path, fault)
    assert outcome.failures.rows() == failures
    assert (outcome.failed > 0) == bool(failures)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("Constructora El Álamo, S.A.", True),
        ("CONSTRUCTORA EL ALAMO S. A.", True),
        ("álamo constructora", True),
        ("CONSTRUCTORA DEL ALAMO, SOCIEDAD ANONIMA", True),
        ("CONSTRUCTORA LOS ÁLAMOS, SOCIEDAD ANÓNIMA", False),
        ("EL ÁLAMO, SOCIEDAD ANÓNIMA", False),
        ("SOCIEDAD ANÓNIMA", False),
    ],
)
def test_one_name_in_two_spellings(tmp_path: Path, name: str, same: bool) -> None:
    found = _outcome("duplicate_suppliers", tmp_path, _set("parties", 3, name=name)).failures
    assert found["path"].to_list() == ["parties/name"] * same
    if same:
        assert found["value"][0].startswith(f"{LOSER} / {WINNER}: ")


def test_one_number_in_two_registries(tmp_path: Path) -> None:
    outcome = _outcome("duplicate_suppliers", tmp_path, _set("parties", 3, identifier_id="0789488-0"))
    assert outcome.failures.rows() == [(11, "parties/identifier/id", f"{LOSER} / {WINNER}: 7894880")]
    assert (outcome.failed, outcome.applicable) == (1, 1)


def test_a_buyer_that_supplies_is_no_second_supplier(tmp_path: Path) -> None:
    """Only who offers or supplies is compared: an entity and its unit may have one name."""
    assert _outcome("duplicate_suppliers", tmp_path, _set("parties", 0, name="COMPRAS")).failures.is_empty()


def test_thresholds_follow_the_law_of_the_day() -> None:
    """Of each modality at most one ceiling on any day, and none in the months of a reform."""
    table = catalogs.table("umbrales").with_columns(
        pl.col("desde").str.to_date(),
        pl.col("hasta").str.to_date().fill_null(pl.date(9999, 12, 31)),
        pl.col("maximo").cast(pl.Decimal(18, 2)),
    )
    known = catalogs.codes("modalidades")
    assert set(table["modalidad"]) | set(catalogs.table("plazos")["modalidad"]) <= known
    for _, rows in table.sort("desde").group_by("modalidad", maintain_order=True):
        assert (rows["desde"] <= rows["hasta"]).all()
        assert (rows["hasta"].shift(1) < rows["desde"]).fill_null(True).all()


def test_a_rule_without_its_number_says_so(tmp_path: Path) -> None:
    month = _month(tmp_path, _clean())
    with pytest.raises(GuatecomprasError, match="rule of item_quantity: parameter max_quantity must be a number"):
        BY_ID["item_quantity"].evaluate(
            replace(month, rules={"item_quantity": Rule("note", parameters={"max_quantity": "many"})})
        )


def test_a_month_without_a_table_s_rows_is_not_judged(tmp_path: Path) -> None:
    """A source without offers, items, documents and contracts (as the older ones) fails nothing for that."""
    rows = {
        **_clean(),
        "items": [],
        "item_attributes": [],
        "documents": [],
        "bids": [],
        "contracts": [],
        "contract_documents": [],
    }
    rows["party_roles"] = [row for row in rows["party_roles"] if row["role"] != "tenderer"]
    rows["parties"] = [row for row in rows["parties"] if row["id"] != LOSER]
    month = _month(tmp_path, rows)
    states = {check.id: check.evaluate(month).state for check in records.CHECKS}
    assert "fail" not in states.values()
    assert {check for check, state in states.items() if state == "not_applicable"} == {
        "bid_dates",
        "contract_dates",
        "document_dates",
        "contract_without_award_active",
        "supplier_is_tenderer",
        "item_total",
        "award_bid",
        "contract_value",
        "duplicate_suppliers",
        "duplicate_items",
        "duplicate_documents",
        "item_quantity",
    }
