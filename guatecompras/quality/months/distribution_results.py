"""Check: as many releases, bids, awards and contracts as in the months before, once the month had time for them."""

from guatecompras.quality.deviation import LOGARITHMS, against_history

CHECK = against_history(
    id="distribution_results",
    distribution="rows",
    scale=LOGARITHMS,
    asset="tables/awards",
    paths=("awards/id", "bids/details/id", "contracts/id", "id"),
    meaning="Hay tantas publicaciones, ofertas, adjudicaciones y contratos como en meses anteriores ya resueltos.",
    description="Releases, bids, awards and contracts are as many as the trailing months leave room for; judged once settled.",
    categories=("releases", "bids", "awards", "contracts"),
)
