"""Check: the statuses of the month have the shares that they had in the months before, once it had time to be decided."""

from guatecompras.quality.deviation import SHARES, against_history

CHECK = against_history(
    id="distribution_statuses",
    distribution="statuses",
    scale=SHARES,
    asset="tables/records",
    paths=("tender/statusDetails", "tender/status"),
    meaning="Cada estatus tiene una proporción como la de los meses anteriores que ya tuvieron tiempo de resolverse.",
    description="The share of each estatus is within what the trailing months leave room for; judged once settled.",
)
