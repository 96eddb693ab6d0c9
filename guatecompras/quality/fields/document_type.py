"""Check: few documents lack an OCDS document type, because Guatecompras' own type has none that corresponds."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined, judge
from guatecompras.quality.fields.documents import of_documents

_COLUMNS = of_documents("documentType")


def _find(month: Month) -> Finding:
    missing = pl.col("documentType").is_null()
    shown = pl.coalesce("documentTypeDetails", "title", "id")
    return joined(judge(month.scan(column.table), missing, column.path, shown) for column in _COLUMNS)


CHECK = Check(
    id="document_type",
    version="1",
    level="field",
    dimension="completitud",
    asset="tables/documents",
    paths=tuple(column.path for column in _COLUMNS),
    meaning="Casi todos los documentos dicen qué son con un tipo de documento del estándar.",
    description="Nearly all documents have a document type of the standard.",
    find=_find,
)
