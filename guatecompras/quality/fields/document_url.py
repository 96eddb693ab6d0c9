"""Check: the address of every document is a well-formed web address of a public host. Whether it answers is not asked."""

import polars as pl

from guatecompras.ocds.profile import URL_PATTERN
from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields.cells import judged
from guatecompras.quality.fields.documents import of_documents

_COLUMNS = of_documents("url")
# A name with a dot whose last part has letters: neither a machine's own name nor a number.
_PUBLIC_HOST = r"^https?://(?:[A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*(?:[:/?#]|$)"


def _find(month: Month) -> Finding:
    def fails(name: str) -> pl.Expr:
        return ~pl.col(name).str.contains(URL_PATTERN) | ~pl.col(name).str.contains(_PUBLIC_HOST)

    return judged(month, ((column, fails(column.name)) for column in _COLUMNS))


CHECK = Check(
    id="document_url",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/documents",
    paths=tuple(column.path for column in _COLUMNS),
    meaning="El enlace de cada documento es una dirección de internet bien formada.",
    description="The URL of each document is well formed (http or https) with a public host.",
    find=_find,
)
