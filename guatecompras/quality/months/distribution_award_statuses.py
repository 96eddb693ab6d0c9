"""Check: the statuses of awards have the shares that they had in the months before."""

from guatecompras.quality.deviation import SHARES, against_history

CHECK = against_history(
    id="distribution_award_statuses",
    distribution="awardStatuses",
    scale=SHARES,
    asset="tables/awards",
    paths=("awards/statusDetails", "awards/status"),
    meaning="Cada estado de adjudicación tiene una proporción como la de los meses anteriores.",
    description="The share of each award status is within what the trailing months leave room for; judged once settled.",
)
