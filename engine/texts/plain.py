"""Plain text: HTML stripped, on one line, of bounded length."""

from __future__ import annotations

import html
import re
import unicodedata

from engine.core.storage import digest_of

LONGEST = 200_000  # characters: more than 10,000 words; the rest is ignored
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_MARK = re.compile(r"<(?:/?[a-zA-Z][^<>]*|!--.*?--|![^<>]*)>", re.DOTALL)


def plain(text: str) -> str:
    """The text with HTML stripped, letters composed and whitespace collapsed.

    >>> plain("<p>Blue &amp; <b>white</b><br>shirt, size &lt; 40</p>")
    'Blue & white shirt, size < 40'
    """
    text = text[:LONGEST].encode("utf-8", "replace").decode()
    if "<" in text:
        text = _MARK.sub(" ", _HIDDEN.sub(" ", text))
    return " ".join(unicodedata.normalize("NFC", html.unescape(text)).split())


def text_hash(text: str) -> str:
    """A hash of the text: texts with different vectors have different hashes."""
    return digest_of(plain(text))
