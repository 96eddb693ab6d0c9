"""Text as people should read it, and as it stands in JSON."""

import json
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guatecompras.texts import escaped, put, readable

# What Guatecompras' forms leave in text, in any order, among ordinary words.
pieces = st.sampled_from(
    ["compra", "de", "ñandú", " ", "  ", "\t", "\r\n", "\u00a0", "\u200b", "\ufeff", "\x00", "\x85", "<br/>", "<P class=x>", "</p>",
     "&nbsp;", "&aacute;", "&amp;", "&lt;", "<", ">", "&", '"', "\\", "a<b", "\ufffd", "𝄞"]
)  # fmt: skip
messy = st.one_of(st.none(), st.lists(pieces, max_size=8).map("".join), st.text(max_size=12))
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028\u2029\ufeff]")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Compra de papel", "Compra de papel"),
        ("  Compra\t de\r\n papel ", "Compra de papel"),
        ("Compra<br/>de <b>papel</b>", "Compra de papel"),
        ("<p style='x'>Uno</p><p>Dos</p>", "Uno Dos"),
        ("Adquisici&oacute;n &amp; traslado&nbsp;", "Adquisición & traslado"),
        ("&amp;lt;", "&lt;"),  # read once: whoever wrote it meant the sign's name
        ("menor a < 5 y > 3", "menor a < 5 y > 3"),
        ("si a<b", "si a<b"),
        ("nulo\x00medio", "nulo medio"),
        ("a\u200bb\u00a0c", "a b c"),
        ("mal\ufffdo", "mal\ufffdo"),
        ("A & B", "A & B"),
        ("<br/>", None),
        (" \t\u00a0\x00", None),
        ("", None),
        (None, None),
    ],
)
def test_readable(raw: str | None, expected: str | None) -> None:
    alone = readable(pl.Series("x", [raw], dtype=pl.String))
    among = readable(pl.Series("x", ["limpio", raw, None, "<i>sucio</i>"], dtype=pl.String))
    assert alone.to_list() == [expected]
    assert among.to_list() == ["limpio", expected, None, "sucio"]
    assert alone.name == among.name == "x"


@given(st.lists(messy, max_size=6))
def test_readable_leaves_nothing_invisible_and_does_not_depend_on_the_neighbours(texts: list[str | None]) -> None:
    column = readable(pl.Series("x", texts, dtype=pl.String))
    alone = [readable(pl.Series("x", [text], dtype=pl.String))[0] for text in texts]
    assert column.to_list() == alone
    for text in column.drop_nulls():
        assert text == text.strip()
        assert text
        assert "  " not in text
        assert not INVISIBLE.search(text)


@given(st.lists(messy, max_size=6))
def test_escaped_text_stands_between_the_quotes_of_a_json_string(texts: list[str | None]) -> None:
    clean = readable(pl.Series("x", texts, dtype=pl.String))
    written = escaped(clean)
    assert [None if text is None else json.loads(f'"{text}"') for text in written] == clean.to_list()
    assert written.name == "x"


@given(st.lists(st.tuples(st.integers(), st.booleans()), max_size=8))
def test_put_replaces_the_marked_rows_in_order(rows: list[tuple[int, bool]]) -> None:
    column = pl.Series("x", [str(number) for number, _ in rows], dtype=pl.String)
    mask = pl.Series([marked for _, marked in rows], dtype=pl.Boolean)
    if not mask.any():
        return
    result = put(column, mask, column.filter(mask) + "!")
    assert result.to_list() == [f"{number}!" if marked else str(number) for number, marked in rows]
    assert result.name == "x"
