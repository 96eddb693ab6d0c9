"""Text as people should read it: what Guatecompras' forms leave in it (markup, tabs, double spaces) taken out.

Fast where there is nothing to take out, which is nearly always: one look at a column, and work only on the rows that need it.
"""

import polars as pl

# Line breaks, tabs, control characters and invisible marks, and runs of spaces.
BLANKS = r"[\s\x00-\x1f\x7f-\x9f\u00a0\u200b-\u200f\u2028\u2029\ufeff]+"
UNTIDY = r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff]|[^\S ]|  |^ | $"
_UNREADABLE = r"[<&]|" + UNTIDY
_TAGS = r"(?i)</?(br|p|div|span|b|i|u|strong|em|font|table|tbody|tr|td|th|ul|ol|li|a|h[1-6])\b[^<>]*/?>"
_ENTITIES = {
    "&nbsp;": " ", "&quot;": '"', "&#39;": "'", "&#34;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">",
    "&aacute;": "á", "&eacute;": "é", "&iacute;": "í", "&oacute;": "ó", "&uacute;": "ú", "&ntilde;": "ñ", "&uuml;": "ü",
    "&Aacute;": "Á", "&Eacute;": "É", "&Iacute;": "Í", "&Oacute;": "Ó", "&Uacute;": "Ú", "&Ntilde;": "Ñ", "&Uuml;": "Ü",
    "&deg;": "°", "&ordm;": "º", "&ordf;": "ª", "&ndash;": "–", "&mdash;": "—", "&bull;": "•", "&amp;": "&",
}  # fmt: skip


def readable(text: pl.Series) -> pl.Series:
    """The text without markup, entities read, white space single and none at the ends; null where nothing is left."""
    faulty = text.str.contains(_UNREADABLE).fill_null(False)
    if not faulty.any():
        return text.set(text == "", None) if (text == "").any() else text
    mended = text.filter(faulty).str.replace_all(_TAGS, " ").str.replace_many(list(_ENTITIES), list(_ENTITIES.values()))
    mended = mended.str.replace_all(BLANKS, " ").str.strip_chars(" ")
    whole = put(text, faulty, mended)
    return whole.set((whole == "").fill_null(False), None)


def escaped(text: pl.Series) -> pl.Series:
    """The text as it stands between the quotes of a JSON string; it must have no control characters."""
    odd = text.str.contains(r'["\\]').fill_null(False)
    if not odd.any():
        return text
    safe = text.filter(odd).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return put(text, odd, safe)


def put(column: pl.Series, mask: pl.Series, values: pl.Series) -> pl.Series:
    """The column with the rows of `mask` replaced, in order, by `values`."""
    places = (mask.cum_sum().cast(pl.Int64) - 1).clip(0)
    return values.gather(places).zip_with(mask, column).rename(column.name)
