"""The terms of a text: its words, and characters and their pairs in scripts that put no spaces between words.

Pairs of neighbouring characters find about as much in Chinese and Japanese as words from a dictionary do. A character
is one as people see it, with its combining signs.

Source: Nie, Gao, Zhang and Zhou, "On the use of words and n-grams for Chinese information retrieval", 2000; Unicode
Standard Annex #29, "Unicode text segmentation".
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

from engine.core.spelling import folded

# Line_Break=SA are the scripts of South East Asia whose words only a dictionary tells apart: Thai, Lao, Khmer, Burmese.
_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Line_Break=SA}"
# A picture among letters: a flag is two letters of its own kind; the colour of a skin after it makes no difference.
_SIGN = r"\p{Regional_Indicator}{2}|[\p{Extended_Pictographic}--[©®‼⁉]]"
_RUN = regex.compile(rf"(?V1)(?P<spaceless>[[{_SPACELESS}]&&\w]+)|[\w--[{_SPACELESS}]]+|{_SIGN}")
_CHARACTER = regex.compile(r"\X")


def terms(text: str) -> list[str]:
    """The terms of a text in order, each in one spelling (`engine.core.spelling.folded`).

    A character is a term of its own besides its pairs, as it may be a whole word, and so is each emoji.

    >>> terms("Rote KATZE 🐱"), terms("紅い猫")
    (['rote', 'katze', '🐱'], ['紅', '紅い', 'い', 'い猫', '猫'])
    """
    apart = text.replace("\u200b", " ")  # the space of no width stands between words
    return [term for run in _RUN.finditer(folded(apart)) for term in _terms_of(run)]


def _terms_of(run: regex.Match[str]) -> Iterator[str]:
    if run["spaceless"] is None:
        yield run[0]
        return
    characters = _CHARACTER.findall(run[0])
    for place, character in enumerate(characters):
        yield character
        if place + 1 < len(characters):
            yield character + characters[place + 1]
