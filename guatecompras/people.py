"""Natural persons among suppliers: how one is known, and what is said in their place where they are not ranked by name.

Whether they are is a setting of who publishes (`settings.py`) and of who runs the portal (`portal/settings.py`).
"""

import polars as pl

# What a published party says of a natural person: of the column details_legalEntityTypeDetail_description.
_INDIVIDUAL = "INDIVIDUAL"
UNNAMED = "Persona individual"
# How a ranking's rows say of what kind they are.
PERSON, ORGANISATION = "persona", "organización"


def is_person(legal_kind: pl.Expr) -> pl.Expr:
    """Whether a party of that kind is a natural person; of one whose kind nobody tells that is not said."""
    return (legal_kind.str.strip_chars().str.to_uppercase() == _INDIVIDUAL).fill_null(value=False)


# Companies write a space after a comma, and say what kind of company they are.
COMPANY = r"(?i), |\b(sociedad|s\.\s?a\b|limitada|ltda|compa[nñ][ií]a|c[ií]a|corporation|inc|llc|ltd)\b"


def is_natural(scheme: pl.Expr, legal_kind: pl.Expr, kind: pl.Expr, name: pl.Expr) -> pl.Expr:
    """Whether a party is to be protected as a natural person: a supplier of an individual kind, and, where nobody tells a kind of
    it (`kind`: what entities have), every one that is not called like a company."""
    supplier = scheme.is_in(["GT-NIT", "GT-GCID"])
    unknown = legal_kind.is_null() & kind.is_null()
    # Names are looked at only where they decide: that takes most of the time.
    called = pl.when(unknown & supplier).then(name).str.contains(COMPANY).fill_null(value=False)
    untold = unknown & ~called
    individual = legal_kind.str.to_uppercase().str.contains(_INDIVIDUAL, literal=True)
    return (supplier & (individual.fill_null(value=False) | untold)).fill_null(value=False)


def kind(person: pl.Expr) -> pl.Expr:
    return pl.when(person).then(pl.lit(PERSON)).otherwise(pl.lit(ORGANISATION))


def unnamed(kind: str, id: str, name: str) -> list[pl.Expr]:
    """The columns `id` and `name` of a ranking without those of natural persons; `kind`: the column that tells which they are."""
    person = (pl.col(kind) == PERSON).fill_null(value=False)
    return [
        pl.when(~person).then(pl.col(id)).alias(id),
        pl.when(person).then(pl.lit(UNNAMED)).otherwise(pl.col(name)).alias(name),
    ]
