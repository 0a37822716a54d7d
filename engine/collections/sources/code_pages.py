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
_RARE = frozenset("þðýÞÐÝƒªºЂ")  # what other Latin letters look like in the wrong code page
_EAST_ASIAN = ("cp932", "gbk", "cp949")
# The first bytes of the characters in daily use: JIS X 0208 level 1, GB 2312 level 1, KS X 1001.
_COMMON = {"cp932": range(0x88, 0x98), "gbk": range(0xB0, 0xD8), "cp949": range(0xB0, 0xC9)}
_SECOND = 0xA1  # from which the second bytes of GB 2312 and KS X 1001 go; their extensions are hardly used
_LOOKED_AT = 1 << 16  # bytes
_MARK = b"\xef\xbb\xbf"  # of UTF-8


def likeliest(data: bytes, pages: Sequence[str]) -> str:
    """The code page of `pages` that reads these bytes best; the first one where several do.

    >>> likeliest("кот и пёс".encode("cp866"), DOS), likeliest("Größe".encode("cp1252"), WINDOWS)
    ('cp866', 'cp1252')
    """
    pieces = [piece for piece in data[:_LOOKED_AT].splitlines() if not piece.isascii()] or [data[:_LOOKED_AT]]
    return max(pages, key=lambda page: sum(_score(piece, page) for piece in pieces))


def page_of(text: bytes, page: str) -> str:
    """UTF-8 where a name or line is, else the given code page."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return page
    return "utf-8"


def decoded_text(data: bytes) -> tuple[str, str]:
    """Text and its encoding: by its mark, UTF-16 by its zero bytes, UTF-8, or the likeliest Windows code page.

    Where most lines are UTF-8, the others alone are read by that code page; the encoding is then "utf-8+" and its name.

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
        return _by_lines(data)


def _by_lines(data: bytes) -> tuple[str, str]:
    """Text that is not wholly UTF-8: bytes of a code page hardly ever make letters of UTF-8 by chance."""
    lines = data.removeprefix(_MARK).splitlines(keepends=True)
    others = {line for line in lines if not page_of(line, "")}
    page = likeliest(b"".join(line.rstrip(b"\r\n") + b"\n" for line in others), WINDOWS)
    if sum(not line.isascii() for line in lines) < 2 * sum(line in others for line in lines):
        return data.decode(page, "replace"), page
    return "".join(line.decode(page if line in others else "utf-8", "replace") for line in lines), f"utf-8+{page}"


def _unmarked_utf16(data: bytes) -> str | None:
    """Some ASCII in two bytes each: zeros are every other byte, and none of the others; no other text has any."""
    if len(data) < 4 or data[: len(data) // 2 * 2].count(0) * 20 < len(data):
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
    if character == "€":
        return 0.0  # the only sign of these code pages that stands where another one has a letter
    return 1.0 if unicodedata.category(character) in ("Ll", "Lu", "Lo") else -2.0


def _east_asian_worth(character: str, page: str) -> float:
    data = character.encode(page)
    if len(data) == 1:
        return -1.0  # half-width katakana, what single bytes look like
    if _script(character) in ("HIRAGANA", "KATAKANA"):
        return 2.2 if page == "cp932" else 0.0
    # Hangul takes fewer first bytes than hanzi: where all of them are there, it is the likelier.
    is_common = data[0] in _COMMON[page] and (page == "cp932" or data[1] >= _SECOND)
    return (2.1 if page == "cp949" else 2.0) if is_common else -1.0


def _misfit(one: str, other: str) -> float:
    """Two letters that are seldom adjacent: of different scripts, a capital after a small one, two accented."""
    if not (one.isalpha() and other.isalpha()) or (one.isascii() and other.isascii()):
        return 0.0
    scripts = {_script(one), _script(other)}
    mixed = len(scripts) > 1 and bool(scripts & {"LATIN", "CYRILLIC", "GREEK"})
    accented = scripts == {"LATIN"} and not (one.isascii() or other.isascii())
    return 2.0 * mixed + 1.0 * (one.islower() and other.isupper()) + 0.3 * accented


def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ", 1)[0]
