"""Check: every e-mail address is one: a name, an at sign and a host."""

import polars as pl

from guatecompras.quality.check import Check, Finding, Month, joined
from guatecompras.quality.fields.cells import judged
from guatecompras.quality.fields.contacts import EMAILS, OTHERS

_LETTER = "A-Za-z0-9ñÑ"
_NAME = rf"[{_LETTER}_](?:[{_LETTER}!#$%&'*+/=?^_`{{|}}~.-]*[{_LETTER}_-])?"
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
# Two dots in a row, which the form of a name lets pass.
_DOTS = r"\.\."
# In the joined contacts: what has an at sign, up to the separator of contacts.
_TOKENS = r"[^\s;]*@[^\s;]*"


def _is_address(value: pl.Expr) -> pl.Expr:
    return value.str.contains(f"^{_NAME}@{_HOST}$") & ~value.str.contains(_DOTS)


def _find(month: Month) -> Finding:
    main = judged(month, ((column, ~_is_address(pl.col(column.name))) for column in EMAILS))
    tokens = pl.col(OTHERS.name).str.extract_all(_TOKENS)
    others = judged(month, [(OTHERS, ~tokens.list.eval(_is_address(pl.element())).list.all())])
    return joined((main, others))


CHECK = Check(
    id="email_format",
    version="1",
    level="field",
    dimension="validez",
    asset="tables/parties",
    paths=(*(column.path for column in EMAILS), OTHERS.path),
    meaning="Los correos electrónicos de contacto están bien escritos.",
    description="E-mail addresses of contacts are well formed.",
    find=_find,
)
