"""Words as they are searched: without accents, case and the endings of plurals. The same for what is written and what is asked."""

import polars as pl

# Singular and plural give one form: papel, papeles; llave, llaves; luz, luces. It need not be a word.
_ENDING = r"^(.{3,}?)(?:es|e|s)$"
_WORD = r"[0-9a-z]+"


def words(texts: pl.Expr) -> pl.Expr:
    """The words of texts, in the order in which they are said: list of strings, each as it is kept in the index."""
    return plain(texts).str.extract_all(_WORD).list.eval(folded(pl.element()))


def plain(texts: pl.Expr) -> pl.Expr:
    """Texts without accents and case."""
    return texts.str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}", "")


def line(texts: pl.Expr) -> pl.Expr:
    """Texts as `all_in` looks at them: their words, each after a space."""
    return pl.lit(" ") + words(texts).list.join(" ")


def all_in(lines: str, text: str) -> pl.Expr:
    """Whether a column of lines (`line`) has all the words of a text, or words that begin with them; a text without words asks
    nothing."""
    return pl.all_horizontal(
        pl.lit(value=True), *(pl.col(lines).str.contains(f" {word}", literal=True) for word in of(text))
    )


def folded(word: pl.Expr) -> pl.Expr:
    """A word of plain letters as it is kept: without the ending of a plural."""
    return word.str.replace(_ENDING, "$1").str.replace(r"z$", "c")


def of(text: str) -> list[str]:
    """The words of one text."""
    return [str(word) for word in pl.select(words(pl.lit(text))).item()]
