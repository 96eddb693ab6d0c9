"""Check: the format of every document is a media type in IANA's form, and one that this publication knows."""

import polars as pl

from guatecompras.ocds import profile
from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields.cells import judged
from guatecompras.quality.fields.documents import of_documents

_COLUMNS = of_documents("format")
_MEDIA_TYPE = r"^(application|audio|font|image|message|model|multipart|text|video)/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*$"


def _find(month: Month) -> Finding:
    known = pl.Series(sorted(profile.open_codes()["mediaType"])).implode()

    def fails(name: str) -> pl.Expr:
        return ~pl.col(name).str.contains(_MEDIA_TYPE) | ~pl.col(name).is_in(known)

    return judged(month, ((column, fails(column.name)) for column in _COLUMNS))


CHECK = Check(
    id="document_format",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/documents",
    paths=tuple(column.path for column in _COLUMNS),
    meaning="El formato de cada documento es un tipo de archivo (IANA) conocido, por ejemplo application/pdf.",
    description="The format of each document is a known IANA media type.",
    find=_find,
)
