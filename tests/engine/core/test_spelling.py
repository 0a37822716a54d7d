"""One spelling for texts that read the same: Unicode's own examples, every form of any text, and folding twice."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.spelling import folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hängematte", "Ha\u0308ngematte"),
        ("STRASSE", "straße"),
        ("ﬁsh", "FISH"),
        ("Ｃａｔ", "cat"),
        ("ｶﾞ", "ガ"),
        ("각", "\u1100\u1161\u11a8"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("hammock", "ham\u00admock"),
        ("cat", "cat\u200b"),
        ("قِطّ", "قط"),
        ("قـــط", "قط"),
        ("חָתוּל", "חתול"),
        ("İstanbul", "istanbul"),
        ("q\u0323\u0307", "q\u0307\u0323"),
    ],
)
def test_texts_that_read_the_same(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"), [("cafe", "café"), ("أب", "اب"), ("がく", "かく"), ("cat", "cats"), ("é", "è")]
)
def test_other_letters_stay_other_letters(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text())
def test_no_form_makes_a_difference(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert folded(unicodedata.normalize(form, text)) == folded(text)
    assert folded(folded(text)) == folded(text)
