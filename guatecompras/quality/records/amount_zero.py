"""Check: no amount is zero: what is not known is left out, not written as nothing."""

from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.records.process import AMOUNT_PATHS, judged_amounts


def _find(month: Month) -> Finding:
    return judged_amounts(month, lambda amount: amount == 0)


CHECK = Check(
    id="amount_zero",
    version="1",
    level="record",
    dimension="plausibilidad",
    asset="tables/records",
    paths=AMOUNT_PATHS,
    meaning="Ningún monto es cero: lo que no se conoce se omite.",
    description="No amount is zero.",
    find=_find,
)
