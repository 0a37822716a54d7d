"""One spelling for texts that read the same: capitals, Unicode forms and invisible characters make no difference."""

from __future__ import annotations

import unicodedata

import regex

_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")


def folded(text: str) -> str:
    """The text as it is compared with others: NFKC, case-folded, without characters that are not shown.

    Source: The Unicode Standard, definition D146 (compatibility caseless matching).

    >>> folded("Ha\\u0308ngematte"), folded("ＨÄNGEMATTE"), folded("Hänge\\u00admatte")
    ('hängematte', 'hängematte', 'hängematte')
    """
    for _ in range(2):  # what is folded may decompose further, and what is decomposed may fold
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKD", text)).casefold()
    return unicodedata.normalize("NFKC", text)
