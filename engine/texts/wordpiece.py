"""Cutting a text into word pieces, as the uncased BERT models do.

A text is brought to lower case without accents and parted at spaces and punctuation; every word is then made of the
longest pieces that the vocabulary knows, those after the first led by "##".

Source: Wu et al., "Google's neural machine translation system", 2016; Devlin et al., "BERT", 2019.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

UNKNOWN, BEGIN, END, NOTHING = "[UNK]", "[CLS]", "[SEP]", "[PAD]"
_LONGEST = 100  # letters of a word; a longer one is unknown as a whole
# CJK characters are words of their own: there are no spaces between them
_IDEOGRAPHS = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))


class WordPieces:
    """A vocabulary at work: the number of a piece is its line, from 0."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.pieces = list(vocabulary)
        self.numbers = {piece: number for number, piece in enumerate(self.pieces)}
        self.nothing = self.numbers[NOTHING]

    def numbered(self, text: str, most: int) -> list[int]:
        """The numbers of a text's pieces between [CLS] and [SEP], at most `most` in all."""
        return [self.numbers[piece] for piece in [BEGIN, *self.cut(text, most - 2), END]]

    def cut(self, text: str, most: int) -> list[str]:
        """The first `most` pieces of a text."""
        pieces: list[str] = []
        for word in words(text):
            pieces += self._parted(word)
            if len(pieces) >= most:
                break
        return pieces[:most]

    def _parted(self, word: str) -> list[str]:
        """The longest known pieces of a word, from left to right; unknown where one letter of it is."""
        pieces, start = [], 0
        while start < len(word) <= _LONGEST:
            lead = "##" if start else ""
            end = next((end for end in range(len(word), start, -1) if lead + word[start:end] in self.numbers), 0)
            if not end:
                return [UNKNOWN]
            pieces.append(lead + word[start:end])
            start = end
        return pieces or [UNKNOWN]


def words(text: str) -> Iterator[str]:
    """Words, single punctuation marks and single ideographs, in lower case and without accents."""
    word = ""
    for letter in unicodedata.normalize("NFD", _cleaned(text).lower()):
        if unicodedata.category(letter) == "Mn":
            continue
        alone = _stands_alone(letter)
        if alone or letter.isspace():
            if word:
                yield word
            word = ""
            if alone:
                yield letter
        else:
            word += letter
    if word:
        yield word


def _cleaned(text: str) -> str:
    """Without control characters, and every kind of space as a plain one."""
    kept = (letter for letter in text if letter not in "\0\ufffd" and not _controls(letter))
    return "".join(" " if letter.isspace() else letter for letter in kept)


def _controls(letter: str) -> bool:
    return letter not in "\t\n\r" and unicodedata.category(letter).startswith("C")


def _stands_alone(letter: str) -> bool:
    code = ord(letter)
    ascii_mark = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_mark or unicodedata.category(letter).startswith("P") or any(a <= code <= b for a, b in _IDEOGRAPHS)
