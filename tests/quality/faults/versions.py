"""Faults of a month against its version that is public."""

import polars as pl

from tests.quality.faults.workshop import Fault, Workshop, before, edit, fault, with_more, with_values

_PLACE = pl.int_range(pl.len())
_ALL = pl.lit(True)


def _concursos_gone(bench: Workshop) -> None:
    bench.succeed()
    bench.keep(_PLACE >= 3)


def _field_gone(bench: Workshop) -> None:
    bench.succeed()
    edit("parties", _ALL, additionalContactPoints=None)(bench)


def _contracts_gone(bench: Workshop) -> None:
    """Some awards had a contract that is not there any more."""
    awards = bench.table("awards")
    rest = awards.join(bench.table("contracts").select("nog"), on="nog", how="anti").head(4)
    bench.put_before(
        "contracts",
        lambda frame: pl.concat(
            [frame, rest.select("ocid", "nog", id=pl.format("NOG-{}-CON-1", "nog"), awardID="id")], how="diagonal"
        ),
    )


FAULTS: tuple[Fault, ...] = (
    fault("three concursos are gone", "concursos_lost", _concursos_gone),
    fault("releases are gone from their concursos", "releases_lost", before("releases", with_more(4))),
    fault(
        "a tenth of the releases says something else under its id",
        "releases_changed",
        before("releases", with_values(_PLACE % 10 == 0, sha256="0" * 64)),
    ),
    fault("a field is empty now", "fields_lost", _field_gone),
    fault(
        "a field is filled half as often",
        "fields_lost",
        before("parties", with_values(_ALL, contactPoint_faxNumber="22900000")),
    ),
    fault("items are gone", "items_lost", before("items", with_more(4))),
    fault("documents are gone", "documents_lost", before("documents", with_more(4))),
    fault("bids are gone", "bids_lost", before("bids", with_more(4))),
    fault("awards are gone", "awards_lost", before("awards", with_more(4))),
    fault("contracts are gone from awards that have others", "contracts_lost", before("contracts", with_more(4))),
    fault("contracts are gone from awards that have no other", "contracts_lost status_backwards", _contracts_gone),
    fault(
        "an estimate is a hundred times what it was",
        "amounts_moved",
        before(
            "records",
            with_values(pl.col("tender_value_amount") > 1000, tender_value_amount=pl.col("tender_value_amount") / 100),
        ),
    ),
    fault(
        "one award lost its last figure",
        "amounts_moved",
        before("awards", with_values(_PLACE == 0, value_amount=pl.col("value_amount") * 10)),
    ),
    fault(
        "a bid is a thousandth of what it was",
        "amounts_moved",
        before("bids", with_values(_PLACE == 5, value_amount=pl.col("value_amount") * 1000)),
    ),
    fault(
        "contracts are ten times what they were",
        "amounts_moved",
        before("contracts", with_values(_ALL, value_amount=pl.col("value_amount") / 10)),
    ),
    fault(
        "closed calls are open again",
        "status_backwards",
        before("records", with_values(pl.col("tender_status") == "active", tender_status="complete")),
    ),
)
