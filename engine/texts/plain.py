"""Texts as they are read: without the marks of HTML, on one line, of bounded length."""

from __future__ import annotations

import html
import re

from engine.core.storage import digest_of

LONGEST = 200_000  # characters: more than 10,000 words; what follows is not read
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_MARK = re.compile(r"<(?:/?[a-zA-Z][^<>]*|!--.*?--|![^<>]*)>", re.DOTALL)


def plain(text: str) -> str:
    """The words of a text, with its HTML taken away and every space a single one.

    >>> plain("<p>Blue &amp; <b>white</b><br>shirt, size &lt; 40</p>")
    'Blue & white shirt, size < 40'
    """
    text = text[:LONGEST].encode("utf-8", "replace").decode()
    if "<" in text:
        text = _MARK.sub(" ", _HIDDEN.sub(" ", text))
    return " ".join(html.unescape(text).split())


def text_hash(text: str) -> str:
    """What tells texts apart that give different vectors."""
    return digest_of(plain(text))
