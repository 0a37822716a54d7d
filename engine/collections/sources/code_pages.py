"""Text and names in bytes without a mark of their encoding: UTF-8 where it fits, else the likeliest code page.

A code page is likely where it turns the bytes into letters of one script that stand together in words; symbols, letters
that are hardly used, and words of mixed scripts speak against it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

WINDOWS = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "gbk", "cp949")
DOS = ("cp437", "cp850", "cp852", "cp866", "cp932", "gbk", "cp949", "cp1252", "cp1251")
_RARE = frozenset("þðýÞÐÝƒªº")  # what other Latin letters look like in the wrong code page
_EAST_ASIAN = ("cp932", "gbk", "cp949")
# The first bytes of the characters in daily use: JIS X 0208 level 1, GB 2312 level 1, KS X 1001.
_COMMON = {"cp932": range(0x88, 0x98), "gbk": range(0xB0, 0xD8), "cp949": range(0xB0, 0xC9)}
_LOOKED_AT = 1 << 16  # bytes


def likeliest(data: bytes, pages: Sequence[str]) -> str:
    """The code page of `pages` that reads these bytes best; the first one where several do.

    >>> likeliest("кот и пёс".encode("cp866"), DOS), likeliest("Größe".encode("cp1252"), WINDOWS)
    ('cp866', 'cp1252')
    """
    pieces = [piece for piece in data[:_LOOKED_AT].splitlines() if not piece.isascii()] or [data[:_LOOKED_AT]]
    return max(pages, key=lambda page: sum(_score(piece, page) for piece in pieces))


def decoded_text(data: bytes) -> tuple[str, str]:
    """Text and its encoding: by its mark, UTF-16 by its zero bytes, UTF-8, or the likeliest Windows code page.

    >>> decoded_text("é".encode()), decoded_text("é".encode("cp1252")), decoded_text("é".encode("utf-16"))
    (('é', 'utf-8'), ('é', 'cp1252'), ('é', 'utf-16'))
    """
    if data[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return data.decode("utf-32", "replace"), "utf-32"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), "utf-16"
    if (page := _unmarked_utf16(data[:4096])) is not None:
        return data.decode(page, "replace"), page
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        page = likeliest(data, WINDOWS)
        return data.decode(page, "replace"), page


def _unmarked_utf16(data: bytes) -> str | None:
    """Mostly ASCII in two bytes each: every other byte is zero, and none of the others."""
    if len(data) < 4 or data[: len(data) // 2 * 2].count(0) * 3 < len(data):
        return None
    even, odd = data[::2].count(0), data[1::2].count(0)
    return {(True, False): "utf-16-be", (False, True): "utf-16-le"}.get((even > 0, odd > 0))


def _score(piece: bytes, page: str) -> float:
    try:
        text = piece.decode(page)
    except UnicodeDecodeError:
        return -4.0 * len(piece)
    score = sum(_worth(character, page) for character in text if not character.isascii())
    return score - sum(_misfit(one, other) for one, other in pairwise(text))


def _worth(character: str, page: str) -> float:
    if page in _EAST_ASIAN:
        return _east_asian_worth(character, page)
    if character in _RARE:
        return -0.5
    return 1.0 if unicodedata.category(character) in ("Ll", "Lu", "Lo") else -2.0


def _east_asian_worth(character: str, page: str) -> float:
    data = character.encode(page)
    if len(data) == 1:
        return -1.0  # half-width katakana, what single bytes look like
    if _script(character) in ("HIRAGANA", "KATAKANA"):
        return 2.2 if page == "cp932" else 0.0
    # Hangul takes fewer first bytes than hanzi: where all of them are there, it is the likelier.
    return (2.1 if page == "cp949" else 2.0) if data[0] in _COMMON[page] else -1.0


def _misfit(one: str, other: str) -> float:
    """Two letters that are hardly ever adjacent in a word: of different scripts, or a capital after a small one."""
    if not (one.isalpha() and other.isalpha()) or (one.isascii() and other.isascii()):
        return 0.0
    scripts = {_script(one), _script(other)}
    mixed = len(scripts) > 1 and bool(scripts & {"LATIN", "CYRILLIC", "GREEK"})
    return 2.0 * mixed + 1.0 * (one.islower() and other.isupper())


def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ", 1)[0]
