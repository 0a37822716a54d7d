"""External texts (file names, labels, titles) shown on the page verbatim: never as Markdown, LaTeX or HTML."""

from __future__ import annotations

import re

from engine.core.humanize import on_one_line

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_LOOKED_FOR = re.compile(r":[\w+-]+:|www\.|[a-z]://|\w@", re.IGNORECASE)
_JOINER = "\u2060"  # zero width, no break


def plain_text(text: object) -> str:
    """Markdown that shows `text` as it is, on one line.

    A backslash escapes every special character. Emoji names and bare URLs are recognised after Markdown is parsed, so
    an invisible character is inserted into those.

    >>> plain_text("**a**")
    '\\\\*\\\\*a\\\\*\\\\*'
    """
    unlinked = _LOOKED_FOR.sub(lambda found: found[0][0] + _JOINER + found[0][1:], on_one_line(text))
    return _PUNCTUATION.sub(r"\\\1", unlinked)
