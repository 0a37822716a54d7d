"""WordPiece tokenization, as in the uncased BERT models.

A text is lower-cased, stripped of accents and split at spaces and punctuation; each word is then split greedily into
the longest pieces of the vocabulary, all but the first prefixed with "##".

Source: Wu et al., "Google's neural machine translation system", 2016; Devlin et al., "BERT", 2019.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

UNKNOWN, BEGIN, END, NOTHING = "[UNK]", "[CLS]", "[SEP]", "[PAD]"
_LONGEST = 100  # letters; a longer word is unknown as a whole
# each CJK character is a separate word: there are no spaces between them
_IDEOGRAPHS = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))


class WordPieces:
    """A tokenizer for a vocabulary: the id of a piece is its line number, from 0."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.pieces = list(vocabulary)
        self.numbers = {piece: number for number, piece in enumerate(self.pieces)}
        self.nothing = self.numbers[NOTHING]

    def numbered(self, text: str, most: int) -> list[int]:
        """The ids of a text's pieces between [CLS] and [SEP], at most `most` in all."""
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
        """The longest known pieces of a word, from left to right; [UNK] if any part is unknown."""
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
    """Remove control characters and replace every kind of whitespace by a plain space."""
    kept = (letter for letter in text if letter not in "\0\ufffd" and not _controls(letter))
    return "".join(" " if letter.isspace() else letter for letter in kept)


def _controls(letter: str) -> bool:
    return letter not in "\t\n\r" and unicodedata.category(letter).startswith("C")


def _stands_alone(letter: str) -> bool:
    code = ord(letter)
    ascii_mark = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_mark or unicodedata.category(letter).startswith("P") or any(a <= code <= b for a, b in _IDEOGRAPHS)
