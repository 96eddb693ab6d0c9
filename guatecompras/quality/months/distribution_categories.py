"""Check: goods, services and works have the shares that they had in the months before."""

from guatecompras.quality.deviation import SHARES, against_history

CHECK = against_history(
    id="distribution_categories",
    distribution="categories",
    scale=SHARES,
    asset="tables/records",
    paths=("tender/mainProcurementCategory",),
    meaning="Bienes, servicios y obras tienen en el mes proporciones como las de los meses anteriores.",
    description="The share of each main procurement category is within what the trailing months leave room for.",
)
