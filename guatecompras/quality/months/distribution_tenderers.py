"""Check: as many concursos had one bidder, two, and so on, as in the months before."""

from guatecompras.quality.deviation import SHARES, against_history

CHECK = against_history(
    id="distribution_tenderers",
    distribution="tenderers",
    scale=SHARES,
    asset="tables/records",
    paths=("tender/numberOfTenderers",),
    meaning="La proporción de concursos con un solo oferente (y con dos, tres o más) es como la de los meses anteriores.",
    description="The share of single bids, and of two, three and more, is within what the trailing months leave room for.",
)
