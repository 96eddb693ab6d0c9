"""Check: estimated values are as large as in the months before."""

from guatecompras.quality.deviation import LOGARITHMS, against_history

CHECK = against_history(
    id="distribution_estimated_values",
    distribution="estimatedValues",
    scale=LOGARITHMS,
    asset="tables/records",
    paths=("tender/value/amount",),
    meaning="Los montos estimados (su mediana y demás cuantiles) son como los de los meses anteriores.",
    description="The quantiles of estimated values are within what the trailing months leave room for.",
    categories=("p10", "p25", "p50", "p75", "p90"),
)
