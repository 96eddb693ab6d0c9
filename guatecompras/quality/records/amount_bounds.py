"""Check: no amount is negative or beyond what any purchase of the State has been."""

from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.records.process import AMOUNT_PATHS, judged_amounts, number


def _find(month: Month) -> Finding:
    most = number(month, "amount_bounds", "max_amount")
    return judged_amounts(month, lambda amount: (amount < 0) | (amount > most))


CHECK = Check(
    id="amount_bounds",
    version="1",
    level="record",
    dimension="plausibilidad",
    asset="tables/records",
    paths=AMOUNT_PATHS,
    meaning="Ningún monto es negativo ni mayor que cualquier compra posible del Estado.",
    description="No amount is negative or above the bound of the rule.",
    find=_find,
)
