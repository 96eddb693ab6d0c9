"""Check: the types of documents have the shares that they had in the months before."""

from guatecompras.quality.deviation import SHARES, against_history

CHECK = against_history(
    id="distribution_document_types",
    distribution="documentTypes",
    scale=SHARES,
    asset="tables/documents",
    paths=("tender/documents/documentTypeDetails", "tender/documents/documentType"),
    meaning="Cada tipo de documento tiene una proporción como la de los meses anteriores.",
    description="The share of each document type is within what the trailing months leave room for.",
)
