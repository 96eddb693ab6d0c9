"""Check: the modalidades of the month have the shares that they had in the months before."""

from guatecompras.quality.deviation import SHARES, against_history

CHECK = against_history(
    id="distribution_methods",
    distribution="methods",
    scale=SHARES,
    asset="tables/records",
    paths=("tender/procurementMethodDetails", "tender/procurementMethod"),
    meaning="Cada modalidad de compra tiene en el mes una proporción de concursos como la de los meses anteriores.",
    description="The share of each modalidad is within what the trailing months leave room for.",
)
