"""Faults of a process: fields that do not agree with each other, or with the law."""

from collections.abc import Callable

import polars as pl

from tests.quality.faults.workshop import Fault, Workshop, drop, edit, fault, nth, repeat

_AWARDED = pl.col("tender_statusDetails") == "Adjudicado"
_ACTIVE = pl.col("status") == "active"
_NO_OFFERS = pl.col("tender_numberOfTenderers") == 0
_DIRECT = pl.col("tender_procurementMethodDetails").str.starts_with("Compra Directa")
_QUOTATION = pl.col("tender_procurementMethodDetails").str.starts_with("Cotización")
_ESTIMATED = pl.col("tender_value_amount").is_not_null()
_CALL, _CLOSE = pl.col("tender_datePublished"), "tender_tenderPeriod_endDate"


def first(where: pl.Expr, rows: int = 1) -> pl.Expr:
    """The first rows of a table where something holds."""
    return where & (where.cum_sum() <= rows)


def later(column: str, days: int) -> pl.Expr:
    return pl.col(column) + pl.duration(days=days)


def add(table: str, where: pl.Expr, rows: int, **values: pl.Expr) -> Callable[[Workshop], None]:
    """Some rows a second time, with other values."""

    def inject(bench: Workshop) -> None:
        frame = bench.table(table)
        more = frame.filter(where).head(rows)
        assert more.height == rows, "not enough rows to repeat"
        bench.put(table, pl.concat([frame, more.with_columns(**values)]))

    return inject


def _lose_the_award_of_a_contract(bench: Workshop) -> None:
    award = pl.col("id") == bench.table("contracts")["awardID"][0]
    bench.set("awards", award, status="cancelled", statusDetails="Inhabilitado")


def _lose_the_offer_of_a_winner(bench: Workshop) -> None:
    rivals = bench.table("bids").filter(pl.len().over("nog") > 1).select("nog", tenderers_id="tenderers_id")
    won = (
        bench.table("award_suppliers")
        .join(rivals, left_on=["nog", "id"], right_on=["nog", "tenderers_id"])
        .row(0, named=True)
    )
    drop("bids", (pl.col("nog") == won["nog"]) & (pl.col("tenderers_id") == won["id"]))(bench)


def _rivals(bench: Workshop) -> tuple[int, str, str]:
    """A NOG and two of its tenderers, the second one without an award."""
    won = bench.table("award_suppliers").select("nog", tenderers_id="id")
    bids = bench.table("bids").filter(pl.col("tenderers_id").str.starts_with("GT-NIT"))
    losers = bids.join(won, on=["nog", "tenderers_id"], how="anti").select("nog", loser="tenderers_id")
    pairs = bids.join(losers, on="nog").filter(pl.col("tenderers_id") != pl.col("loser"))
    return pairs.select("nog", "tenderers_id", "loser").row(0)


def _party(nog: int, party: str) -> pl.Expr:
    return (pl.col("nog") == nog) & (pl.col("id") == party)


def _spell_a_rival_otherwise(bench: Workshop) -> None:
    nog, one, other = _rivals(bench)
    name = bench.table("parties").filter(_party(nog, one))["name"][0]
    spelled = " ".join(reversed(name.replace(",", "").lower().split()))
    bench.set("parties", _party(nog, other), name=f"{spelled}, S.A.")
    bench.set("bids", (pl.col("nog") == nog) & (pl.col("tenderers_id") == other), tenderers_name=f"{spelled}, S.A.")


def _number_a_rival_alike(bench: Workshop) -> None:
    nog, one, other = _rivals(bench)
    number = f"0{one.removeprefix('GT-NIT-')}"
    again = f"GT-NIT-{number}"
    bench.set("parties", _party(nog, other), id=again, identifier_id=number)
    for table, column in (("party_roles", "party_id"), ("bids", "tenderers_id")):
        bench.set(table, (pl.col("nog") == nog) & (pl.col(column) == other), **{column: again})


def _award_twice(bench: Workshop) -> None:
    """The smallest award again, so that the process stays below its ceiling."""
    least = bench.table("awards").filter(_ACTIVE).sort("value_amount")["id"][0]
    add("awards", pl.col("id") == least, 1, id=pl.col("id") + "-2")(bench)
    add("award_suppliers", pl.col("award_id") == least, 1, award_id=pl.col("award_id") + "-2")(bench)


FAULTS: tuple[Fault, ...] = (
    # Identifiers and references.
    fault("an item stands twice under its id", "identifiers", repeat("items")),
    fault("an offer stands twice under its id", "identifiers", repeat("bids")),
    fault("a contract stands twice under its id", "identifiers contract_value", repeat("contracts")),
    fault("a contract names an award that is not there", "references", edit("contracts", nth(0), awardID="GT-ADJ-0-0")),
    fault("a buyer is no party", "references party_roles", edit("records", nth(0), buyer_id="GT-CISP-1")),
    fault(
        "a unit belongs to nobody",
        "references",
        edit("parties", first(pl.col("memberOf_id").is_not_null()), memberOf_id="GT-CISP-1"),
    ),
    fault("a characteristic has no item", "references", edit("item_attributes", nth(0), item_id="0" * 32)),
    fault(
        "a contract's document has no contract", "references", edit("contract_documents", nth(0), contract_id="CON-0")
    ),
    fault(
        "a role is nobody's",
        "references party_roles",
        edit("party_roles", first(pl.col("role") == "tenderer"), party_id="GT-NIT-19"),
    ),
    fault("a supplier has no award", "references orphans", edit("award_suppliers", nth(0), award_id="GT-ADJ-0-0")),
    fault(
        "a party does nothing",
        "orphans",
        add(
            "parties",
            pl.lit(True),
            1,
            id=pl.lit("GT-NIT-19"),
            identifier_scheme=pl.lit("GT-NIT"),
            identifier_id=pl.lit("19"),
        ),
    ),
    fault("an award has no supplier", "orphans party_roles", drop("award_suppliers", nth(0))),
    # Times.
    fault("a release is older than its call", "release_dates", edit("releases", nth(0), date=later("date", -1))),
    fault(
        "a release is public before it happens",
        "release_dates",
        edit("releases", nth(0), publishedDate=later("date", -1)),
    ),
    fault(
        "offers close before the call",
        "period_order",
        edit("records", first(_NO_OFFERS), **{_CLOSE: later("tender_datePublished", -1)}),
    ),
    fault(
        "the period for offers starts after the call",
        "period_order",
        edit("records", nth(0), tender_tenderPeriod_startDate=_CALL + pl.duration(hours=1)),
    ),
    fault("an offer is older than the call", "bid_dates", edit("bids", nth(0), date=later("date", -200))),
    fault("an electronic offer comes after the close", "bid_dates", edit("bids", nth(0), date=later("date", 200))),
    fault("an award is older than its call", "award_dates", edit("awards", first(_ACTIVE), date=later("date", -200))),
    fault(
        "an award is older than the close of offers",
        "award_dates",
        edit("records", first(_AWARDED), **{_CLOSE: later(_CLOSE, 300)}),
    ),
    fault(
        "an award is younger than its publication",
        "award_dates",
        edit("awards", first(_ACTIVE), date=later("date", 300)),
    ),
    fault(
        "contracts are older than their awards",
        "contract_dates",
        edit("contracts", pl.lit(True), dateSigned=later("dateSigned", -60)),
    ),
    fault(
        "contracts end before they start",
        "contract_dates",
        edit("contracts", pl.lit(True), period_endDate=later("period_startDate", -1)),
    ),
    fault(
        "a document is younger than its publication",
        "document_dates",
        edit("documents", nth(0), datePublished=later("datePublished", 300)),
    ),
    fault(
        "a contract's document is older than the award",
        "document_dates",
        edit("contract_documents", nth(0), datePublished=later("datePublished", -90)),
    ),
    # Statuses.
    fault(
        "a deserted process is complete",
        "status_details",
        edit("records", first(pl.col("tender_statusDetails") == "Desierto"), tender_status="complete"),
    ),
    fault(
        "a disabled award is called enabled",
        "status_details",
        edit("awards", first(pl.col("status") == "cancelled"), statusDetails="Habilitado"),
    ),
    fault(
        "a contract in force is called annulled", "status_details", edit("contracts", nth(0), statusDetails="Anulado")
    ),
    fault(
        "a process without award is called awarded",
        "awarded_without_award",
        edit(
            "records",
            first(pl.col("tender_statusDetails") == "No adjudicado"),
            tender_status="complete",
            tender_statusDetails="Adjudicado",
        ),
    ),
    fault(
        "the only award is disabled",
        "awarded_without_award",
        edit("awards", first(_ACTIVE), status="cancelled", statusDetails="Inhabilitado"),
    ),
    fault(
        "awarded processes are called deserted",
        "award_against_status",
        edit("records", first(_AWARDED, 40), tender_status="unsuccessful", tender_statusDetails="Desierto"),
    ),
    fault(
        "awarded processes are still open",
        "award_against_status",
        edit("records", first(_AWARDED, 40), tender_status="active", tender_statusDetails="Vigente"),
    ),
    fault(
        "a contract stays when its award is disabled",
        "contract_without_award_active awarded_without_award",
        _lose_the_award_of_a_contract,
    ),
    # Who takes part.
    fault(
        "a tenderer more is counted than there are",
        "number_of_tenderers",
        edit("records", first(_AWARDED), tender_numberOfTenderers=pl.col("tender_numberOfTenderers") + 1),
    ),
    fault(
        "an awarded process has no tenderers",
        "number_of_tenderers",
        edit("records", first(_AWARDED), tender_numberOfTenderers=0),
    ),
    fault(
        "many compete for a direct contract",
        "method_tenderers",
        edit("records", first(pl.col("tender_numberOfTenderers") > 3), tender_procurementMethod="direct"),
    ),
    fault(
        "a winner has made no offer",
        "supplier_is_tenderer number_of_tenderers party_roles",
        _lose_the_offer_of_a_winner,
    ),
    fault(
        "a supplier has another name in its award", "party_names", edit("award_suppliers", nth(0), name="OTRO NOMBRE")
    ),
    fault("a buyer has another name in its call", "party_names", edit("records", nth(0), buyer_name="OTRO NOMBRE")),
    fault("a supplier has no role", "party_roles", drop("party_roles", first(pl.col("role") == "supplier"))),
    fault(
        "a buyer is called supplier",
        "party_roles",
        add("party_roles", pl.col("role") == "buyer", 1, role=pl.lit("supplier")),
    ),
    fault("a rival is a tenderer in another spelling", "duplicate_suppliers", _spell_a_rival_otherwise),
    fault("a rival has a tenderer's number, with a zero before it", "duplicate_suppliers", _number_a_rival_alike),
    # Amounts.
    fault(
        "offers are in dollars",
        "currencies",
        edit("bids", first(pl.col("value_currency") == "GTQ", 40), value_currency="USD"),
    ),
    fault(
        "unit prices are twice the estimate",
        "item_total",
        edit("items", pl.col("unit_value_amount").is_not_null(), unit_value_amount=pl.col("unit_value_amount") * 2),
    ),
    fault(
        "estimates have lost a digit",
        "award_value item_total",
        edit("records", first(_AWARDED & _ESTIMATED, 40), tender_value_amount=pl.col("tender_value_amount") / 10),
    ),
    fault(
        "awards are above the offers",
        "award_bid",
        edit("bids", first(pl.col("value_amount") > 2, 100), value_amount=pl.col("value_amount") / 2),
    ),
    fault(
        "a contract is three times its award",
        "contract_value",
        edit("contracts", nth(0), value_amount=pl.col("value_amount") * 3),
    ),
    fault(
        "a contract has lost two digits",
        "contract_value",
        edit("contracts", nth(0), value_amount=pl.col("value_amount") / 100),
    ),
    fault(
        "offers are for nothing",
        "amount_zero",
        edit("bids", first(pl.col("value_amount") > 0, 5), value_amount=0),
    ),
    fault("an offer is negative", "amount_bounds", edit("bids", nth(0), value_amount=-1)),
    fault("an offer is for six thousand million", "amount_bounds", edit("bids", nth(0), value_amount=6_000_000_000)),
    fault(
        "nothing of an item is wanted",
        "item_quantity",
        edit("items", first(pl.col("unit_value_amount").is_null()), quantity=0),
    ),
    fault(
        "more of an item is wanted than anybody can use",
        "item_quantity",
        edit("items", first(pl.col("unit_value_amount").is_null()), quantity=2_000_000_000),
    ),
    # What stands twice.
    fault("an award stands twice under two ids", "duplicate_awards", _award_twice),
    fault(
        "items stand twice under other ids",
        "duplicate_items",
        add("items", pl.col("unit_value_amount").is_null(), 60, id=pl.col("id").str.reverse()),
    ),
    fault(
        "documents stand twice under other ids",
        "duplicate_documents",
        add("documents", pl.lit(True), 60, id=pl.col("id").str.reverse()),
    ),
    # The law.
    fault(
        "a direct purchase is estimated above its ceiling",
        "legal_threshold",
        edit("records", first(_DIRECT & _ESTIMATED & _NO_OFFERS), tender_value_amount=90_000.01),
    ),
    fault(
        "a quotation is estimated above its ceiling",
        "legal_threshold",
        edit("records", first(_QUOTATION & _ESTIMATED), tender_value_amount=900_000.01),
    ),
    fault(
        "a direct purchase is awarded above its ceiling",
        "legal_threshold",
        edit(
            "awards",
            first(_ACTIVE & (pl.col("value_amount") > 80_000) & (pl.col("value_amount") < 90_000)),
            value_amount=95_000,
        ),
    ),
    fault(
        "offers to a direct purchase close on the day of the call",
        "offer_period",
        edit("records", first(_DIRECT & _NO_OFFERS), **{_CLOSE: _CALL + pl.duration(minutes=1)}),
    ),
    fault(
        "offers to a quotation close within a week",
        "offer_period",
        edit("records", first(_QUOTATION & _NO_OFFERS), **{_CLOSE: later("tender_datePublished", 5)}),
    ),
)
