"""Check: telephone and fax numbers are such: eight digits in Guatemala, seven to fifteen elsewhere."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month
from guatecompras.quality.fields.cells import judged
from guatecompras.quality.fields.contacts import TELEPHONES

_HOME = "GUATEMALA"
_PREFIX = r"(?:(?:pbx|tel(?:[ée]fonos?)?|fax)[.:]?\s*)?(?:\(?\+?\(?502\)?[\s.-]*)?"
# After a number: the last digits of a range, or one or more extensions.
_RANGE = r"(?:\s*(?:-|al?)\s*[0-9]{1,4})?"
_EXTENSION = r"(?:[\s,]*(?:extensi[oó]n(?:es)?|exts?|x)[.:]?\s*[0-9]{1,5}(?:(?:\s*[-,/y]\s*|\s+)[0-9]{1,5})*)?"
_NUMBER = rf"{_PREFIX}[2-7][0-9]{{3}}[\s.-]?[0-9]{{4}}{_RANGE}{_EXTENSION}"
_SEVERAL = rf"(?i)^{_NUMBER}(?:\s*(?:[/;,-]|\by\b|\s)\s*{_NUMBER})*$"
_ABROAD = r"^\+?[\s()./-]*[0-9](?:[\s()./-]*[0-9]){6,14}(?:\s*(?i:ext|x)[.:]?\s*[0-9]{1,5})?$"


def _find(month: Month) -> Finding:
    at_home = pl.col("address_countryName").fill_null(_HOME).str.to_uppercase() == _HOME

    def fails(name: str) -> pl.Expr:
        number = pl.col(name)
        return ~number.str.contains(_SEVERAL) & (at_home | ~number.str.contains(_ABROAD))

    return judged(month, ((column, fails(column.name)) for column in TELEPHONES))


CHECK = Check(
    id="telephone_format",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/parties",
    paths=tuple(column.path for column in TELEPHONES),
    meaning="Los números de teléfono y fax de contacto tienen ocho cifras, o la forma de un número extranjero.",
    description="Telephone and fax numbers of contacts have Guatemala's eight digits, or the form of a foreign number.",
    find=_find,
)
