"""Check: awarded values are as large as in the months before."""

from guatecompras.quality.deviation import LOGARITHMS, against_history

CHECK = against_history(
    id="distribution_award_values",
    distribution="awardValues",
    scale=LOGARITHMS,
    asset="tables/awards",
    paths=("awards/value/amount",),
    meaning="Los montos adjudicados (su mediana y demás cuantiles) son como los de los meses anteriores.",
    description="The quantiles of awarded values are within what the trailing months leave room for.",
    categories=("p10", "p25", "p50", "p75", "p90"),
)
