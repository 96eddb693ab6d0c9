"""Check: as many concursos, items and documents as in the months before."""

from guatecompras.quality.deviation import LOGARITHMS, against_history

CHECK = against_history(
    id="distribution_counts",
    distribution="rows",
    scale=LOGARITHMS,
    asset="tables/records",
    paths=("ocid", "tender/items/id", "tender/documents/id"),
    meaning="El número de concursos, renglones y documentos del mes es como el de los meses anteriores.",
    description="The numbers of concursos, items and documents are within what the trailing months leave room for.",
    categories=("records", "items", "documents"),
)
