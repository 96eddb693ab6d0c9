"""Faults of a month as a whole, alone and against the months before."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from tests.quality.faults.workshop import Fault, Workshop, after_months, edit, fault, nth

_FIRST = pl.int_range(pl.len())
_DIRECT = "Compra Directa con Oferta Electrónica (Art. 43 LCE Inciso b)"


def _also_in(month: str, table: str) -> Callable[[Workshop], None]:
    """Another month has this one's rows of a table too."""

    def inject(bench: Workshop) -> None:
        bench.month = replace(bench.month, elsewhere={month: {table: bench.month.tables[table]}})

    return inject


def _one_file(bench: Workshop) -> None:
    """The same in many concursos, in none of them twice."""
    bench.set("documents", pl.col("nog").is_first_distinct() & (_FIRST < 200), url=pl.col("url").first())


def _most_of_one_buyer(bench: Workshop) -> None:
    """All concursos of the largest buyer, and a few of others."""
    largest = bench.table("records")["buyer_id"].mode()[0]
    bench.keep((pl.col("buyer_id") == largest) | (_FIRST % 8 == 0))


def _a_third_of_the_month(bench: Workshop) -> None:
    bench.follow()
    bench.keep(_FIRST % 3 == 0)


def _unfilled(bench: Workshop) -> None:
    """In every month before, estimates were there as a rule."""
    bench.follow()
    covered = {"records.tender_value_amount": 0.9}
    history = {
        name: {**before, "coverage": {**before["coverage"], **covered}} for name, before in bench.month.history.items()
    }
    bench.month = replace(bench.month, history=history)


FAULTS: tuple[Fault, ...] = (
    # Against the months before.
    fault("a third of the concursos came", "volume distribution_counts", _a_third_of_the_month),
    fault(
        "the months before had a multiple of concursos", "volume distribution_counts", after_months("rows", records=3)
    ),
    fault("concursos came twice", "distribution_counts", after_months("rows", records=0.5)),
    fault("items of other months are among them", "distribution_counts", after_months("rows", items=0.4)),
    fault("most documents are missing", "distribution_counts", after_months("rows", documents=5)),
    fault("most bids are missing", "distribution_results", after_months("rows", bids=4)),
    fault("awards came three times", "distribution_results", after_months("rows", awards=0.33)),
    fault("contracts are no longer read", "distribution_results", after_months("rows", contracts=30)),
    fault("direct purchases fill the month", "distribution_methods", after_months("methods", **{_DIRECT: 0.5})),
    fault("deserted calls are no longer told", "distribution_statuses", after_months("statuses", Desierto=4)),
    fault("works are taken for goods", "distribution_categories", after_months("categories", works=20)),
    fault(
        "few concursos had a single bidder before", "distribution_tenderers", after_months("tenderers", **{"1": 0.4})
    ),
    fault(
        "disabled awards are no longer told",
        "distribution_award_statuses",
        after_months("awardStatuses", Inhabilitado=40),
    ),
    fault(
        "supporting documents are no longer told apart",
        "distribution_document_types",
        after_months("documentTypes", **{"Documentos de respaldo": 6}),
    ),
    fault(
        "estimates in thousands",
        "distribution_estimated_values",
        after_months("estimatedValues", p10=1000, p25=1000, p50=1000, p75=1000, p90=1000),
    ),
    fault("awards in cents", "distribution_award_values", after_months("awardValues", p25=0.01, p50=0.01, p75=0.01)),
    fault("estimates are no longer read in most rows", "coverage_fallen", _unfilled),
    fault("the concursos are in another month too", "identifiers_across_months", _also_in("2025-12", "records")),
    fault("the releases are in another month too", "identifiers_across_months", _also_in("2025-11", "releases")),
    fault("the contracts are in another month too", "identifiers_across_months", _also_in("2025-10", "contracts")),
    # By itself.
    fault(
        "one file stands for many documents",
        "repeated_values",
        _one_file,
    ),
    fault(
        "one title stands for many concursos", "repeated_values", edit("records", _FIRST < 60, tender_title="Compra")
    ),
    fault("one buyer has nearly all concursos", "concentration", _most_of_one_buyer),
    fault("no award has a contract", "contract_coverage", edit("contracts", nth(0) | ~nth(0), awardID=None)),
)
