"""How identifiers that are made of a NOG are judged: shared by the checks of identifiers."""

import polars as pl


def is_not_of_nog(column: str, form: str, rest: str) -> pl.Expr:
    """True where a value does not begin with `form` (its {} is the row's NOG), or what follows does not match `rest`."""
    value, beginning = pl.col(column), pl.format(form, "nog")
    return ~value.str.starts_with(beginning) | ~value.str.strip_prefix(beginning).str.contains(rest)
