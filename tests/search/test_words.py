"""Words: what is asked finds what is written."""

import pytest

from guatecompras.search import words


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Papeles", "papel"),
        ("COMPUTADORAS", "computadora"),
        ("torre", "torres"),
        ("luz", "luz"),
        ("lápices", "LAPIZ"),
        ("Medicamentos", "medicamento"),
        ("niñez", "NINEZ"),
        ("llave", "llaves"),
        ("Cómputo", "computo"),
        ("2026", "2026"),
    ],
)
def test_accents_case_and_plurals_make_no_difference(written: str, asked: str) -> None:
    assert words.of(written) == words.of(asked)


def test_a_text_gives_its_words_in_order_without_what_is_between() -> None:
    assert words.of("Tóner (HP-85A), 12 unidades") == ["toner", "hp", "85a", "12", "unidad"]
    assert words.of("¡…! — ") == []


@pytest.mark.parametrize(("one", "other"), [("papel", "papaya"), ("casa", "caso"), ("mesa", "mes")])
def test_other_words_stay_others(one: str, other: str) -> None:
    assert words.of(one) != words.of(other)
