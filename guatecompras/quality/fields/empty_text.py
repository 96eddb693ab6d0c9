"""Check: no text is blank or stands for nothing, as "-", "N/A" or "sin dato"."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields import contacts
from guatecompras.quality.fields.cells import Column, judged, texts

# What is no telephone number and no e-mail address has checks of its own.
_COLUMNS = tuple(column for column in texts() if column not in contacts.COLUMNS)
# A characteristic may be the number 0, a name or a description may not.
_MAY_BE_ZERO = ("tender/items/attributes/value",)
_AROUND = r"[\s\p{P}\p{S}]*"


def _find(month: Month) -> Finding:
    words = month.parameters("empty_text")["placeholders"]
    assert isinstance(words, list)
    nothing = "|".join(map(pl.escape_regex, words))

    def fails(column: Column) -> pl.Expr:
        standing_for_nothing = nothing if column.path in _MAY_BE_ZERO else f"0+|{nothing}"
        return pl.col(column.name).str.contains(f"(?i)^{_AROUND}(?:{standing_for_nothing})?{_AROUND}$")

    return judged(month, ((column, fails(column)) for column in _COLUMNS))


CHECK = Check(
    id="empty_text",
    version="1",
    level="field",
    dimension="completitud",
    asset="tables/records",
    paths=tuple(column.path for column in _COLUMNS),
    meaning="Ningún texto está en blanco ni contiene un relleno que no dice nada, como «-», «N/A» o «sin dato».",
    description="No text is blank or a placeholder.",
    find=_find,
)
