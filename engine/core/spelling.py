"""One spelling for texts that read the same: case, Unicode forms, invisible and optional characters are folded."""

from __future__ import annotations

import unicodedata

import regex

_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
# Signs that Arabic and Hebrew may be written with or without: vowels, and the line that stretches a word.
_OPTIONAL = regex.compile(r"[\u0640\u064B-\u0652\u0670\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7]+")


def folded(text: str) -> str:
    """The text as it is compared with others: NFKC, case-folded, without invisible and optional characters.

    The dot of a capital İ goes as well, as Turkish and other languages fold it differently.

    Source: The Unicode Standard, definition D146 (compatibility caseless matching).

    >>> folded("Ha\\u0308ngematte"), folded("ＨÄNGEMATTE"), folded("Hänge\\u00admatte")
    ('hängematte', 'hängematte', 'hängematte')
    """
    text = _OPTIONAL.sub("", unicodedata.normalize("NFKD", text)).replace("I\u0307", "i")
    for _ in range(2):  # what is folded may decompose further, and what is decomposed may fold
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKD", text)).casefold()
    return unicodedata.normalize("NFKC", text)
