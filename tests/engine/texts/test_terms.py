"""Terms: words where there are spaces, characters and their pairs where there are none, and no text without terms."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.texts.terms import terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red, red SHIRT x_1", ["red", "red", "shirt", "x_1"]),
        ("红色猫", ["红", "红色", "色", "色猫", "猫"]),
        ("猫", ["猫"]),
        ("ネコ", ["ネ", "ネコ", "コ"]),
        ("コーヒー", ["コ", "コー", "ー", "ーヒ", "ヒ", "ヒー", "ー"]),
        ("ﾈｺ", ["ネ", "ネコ", "コ"]),
        ("T恤衫3件", ["t", "恤", "恤衫", "衫", "3", "件"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("고양이가 잔다", ["고양이가", "잔다"]),
        ("ที่นี่", ["ที่", "ที่นี่", "นี่"]),
        ("Ha\u0308ngematte", ["hängematte"]),
        ("q\u0323x", ["q\u0323x"]),
        ("… ! © → ", []),
        ("🐱 asleep❤️", ["🐱", "asleep", "❤"]),
        ("👩‍👩‍👧 👍🏽", ["👩", "👩", "👧", "👍"]),
        ("🇹🇷🇩🇪", ["🇹🇷", "🇩🇪"]),
    ],
)
def test_known_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize("text", ["แมวสีแดง", "ແມວສີແດງ", "ឆ្មាក្រហម", "ကြောင်နီ", "赤い猫", "红色的猫"])
def test_a_text_without_spaces_shares_terms_with_its_parts(text: str) -> None:
    found = terms(text)
    assert len(found) > 2
    assert set(terms(text[: len(text) // 2])) & set(found)
    assert all(not unicodedata.combining(term[0]) for term in found)


@given(st.text(alphabet=st.characters(max_codepoint=0x7F)))
def test_ascii_texts_have_the_words_that_a_plain_pattern_finds(text: str) -> None:
    assert terms(text) == re.findall(r"\w+", text.lower(), re.ASCII)


@given(st.text())
def test_no_form_makes_a_difference_and_no_term_is_empty(text: str) -> None:
    found = terms(text)
    assert terms(unicodedata.normalize("NFD", text)) == found == terms(unicodedata.normalize("NFC", text))
    assert all(term and term.strip() for term in found)


def test_a_zero_width_space_separates_words() -> None:
    assert terms("red\u200bshoe") == ["red", "shoe"]
