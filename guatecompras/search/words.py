"""Words as they are searched: without accents, case and the endings of plurals. The same for what is written and what is asked."""

import polars as pl

# Singular and plural give one form: papel, papeles; llave, llaves; luz, luces. It need not be a word.
_ENDING = r"^(.{3,}?)(?:es|e|s)$"
_WORD = r"[0-9a-z]+"


def words(texts: pl.Expr) -> pl.Expr:
    """The words of texts, in the order in which they are said: list of strings, each as it is kept in the index."""
    plain = texts.str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return plain.str.extract_all(_WORD).list.eval(folded(pl.element()))


def folded(word: pl.Expr) -> pl.Expr:
    """A word of plain letters as it is kept: without the ending of a plural."""
    return word.str.replace(_ENDING, "$1").str.replace(r"z$", "c")


def of(text: str) -> list[str]:
    """The words of one text."""
    return [str(word) for word in pl.select(words(pl.lit(text))).item()]
