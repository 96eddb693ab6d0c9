"""The policy's prose is read into blocks, and nothing of it is lost."""

import pytest

from guatecompras.policy.prose import Block, Span, blocks, read, spans


def test_spans_are_told_apart_and_none_is_lost() -> None:
    assert spans("Una **fecha** en `date`, vea [aquí](https://example.gt/a).") == (
        Span("text", "Una "),
        Span("strong", "fecha"),
        Span("text", " en "),
        Span("code", "date"),
        Span("text", ", vea "),
        Span("link", "aquí", "https://example.gt/a"),
        Span("text", "."),
    )


def test_paragraphs_lists_and_headings() -> None:
    assert blocks("### Título\n\nUn párrafo\nen dos líneas.\n\n- uno\n- dos, que\n  sigue") == (
        Block("h", ((Span("text", "Título"),),)),
        Block("p", ((Span("text", "Un párrafo en dos líneas."),),)),
        Block("ul", ((Span("text", "uno"),), (Span("text", "dos, que sigue"),))),
    )


def test_words_are_filled_in_and_markup_is_plain_text() -> None:
    assert read("Publica {who}: <b>no</b>", {"who": "MINFIN"}) == (
        Block("p", ((Span("text", "Publica MINFIN: <b>no</b>"),),)),
    )


def test_a_name_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(KeyError):
        read("{nadie}", {})


def test_an_empty_text_has_no_blocks() -> None:
    assert blocks("") == ()
