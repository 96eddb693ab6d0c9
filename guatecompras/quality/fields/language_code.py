"""Check: the language of every document is a known code of ISO 639."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields.cells import judged
from guatecompras.quality.fields.documents import of_documents

_COLUMNS = of_documents("language")


def _find(month: Month) -> Finding:
    languages = month.parameters("language_code")["known"]
    assert isinstance(languages, list)
    known = pl.Series(languages, dtype=pl.String).implode()
    return judged(month, ((column, ~pl.col(column.name).is_in(known)) for column in _COLUMNS))


CHECK = Check(
    id="language_code",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/documents",
    paths=tuple(column.path for column in _COLUMNS),
    meaning="El idioma de cada documento es un código ISO 639 de los que se usan en Guatemala.",
    description="The language of each document is one of the ISO 639 codes in use in Guatemala.",
    find=_find,
)
