"""Texts from outside (file names, labels, titles) on the page exactly as they are: never Markdown, LaTeX or HTML."""

from __future__ import annotations

import re

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_LOOKED_FOR = re.compile(r":[\w+-]+:|www\.|[a-z]://|\w@", re.IGNORECASE)
_JOINER = "\u2060"  # zero width, no break


def plain_text(text: object) -> str:
    """Markdown that shows `text` as it is, on one line.

    A backslash takes the meaning from every mark. Emoji names and bare addresses are looked for after Markdown has been
    read, so an invisible character is put into those.

    >>> plain_text("**a**")
    '\\\\*\\\\*a\\\\*\\\\*'
    """
    one_line = "".join(c if c.isprintable() else "\ufffd" for c in str(text))
    return _PUNCTUATION.sub(r"\\\1", _LOOKED_FOR.sub(lambda found: found[0][0] + _JOINER + found[0][1:], one_line))
